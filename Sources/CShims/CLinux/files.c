#define _GNU_SOURCE
#include "CLinuxFiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

int headgate_event_open(void) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd >= 0 ? fd : -errno;
}

void headgate_event_signal(int fd) {
    uint64_t one = 1;
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR) {}
}

int headgate_event_wait(int fd, int milliseconds) {
    struct pollfd item = {.fd = fd, .events = POLLIN};
    int n = poll(&item, 1, milliseconds);
    if (n <= 0) return 0;
    uint64_t count;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR) {}
    return 1;
}

int headgate_file_open(const char *path, int how, unsigned int mode) {
    int flags = O_CLOEXEC | O_NOFOLLOW;
    switch (how) {
    case HEADGATE_FILE_READ: flags |= O_RDONLY; break;
    case HEADGATE_FILE_APPEND: flags |= O_WRONLY | O_APPEND; break;
    case HEADGATE_FILE_APPEND_NEW: flags |= O_WRONLY | O_APPEND | O_CREAT; break;
    case HEADGATE_FILE_NEW: flags |= O_WRONLY | O_APPEND | O_CREAT | O_EXCL; break;
    case HEADGATE_FILE_LOCK: flags |= O_RDWR | O_CREAT; break;
    default: return -EINVAL;
    }
    for (;;) {
        int fd = open(path, flags, mode);
        if (fd >= 0) return fd;
        if (errno != EINTR) return -errno;
    }
}

ssize_t headgate_file_write(int fd, const void *bytes, size_t count) {
    size_t done = 0;
    while (done < count) {
        ssize_t n = write(fd, (const char *)bytes + done, count - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0) {
            return -EIO;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return (ssize_t)done;
}

ssize_t headgate_file_read(int fd, void *bytes, size_t count, int64_t offset) {
    for (;;) {
        ssize_t n = pread(fd, bytes, count, offset);
        if (n >= 0) return n;
        if (errno != EINTR) return -errno;
    }
}

int headgate_file_sync(int fd) {
    for (;;) {
        if (fdatasync(fd) == 0) return 0;
        if (errno != EINTR) return -errno;
    }
}

int headgate_directory_sync(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int result = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return result;
}

int headgate_file_truncate(int fd, int64_t size) { return ftruncate(fd, size) == 0 ? 0 : -errno; }

int headgate_file_reserve(int fd, int64_t size) {
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size) == 0 ? 0 : -errno;
}

int headgate_file_lock(int fd) { return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno; }

int headgate_file_rename(const char *from, const char *to) { return rename(from, to) == 0 ? 0 : -errno; }

int headgate_file_remove(const char *path) { return unlink(path) == 0 ? 0 : -errno; }

int headgate_directory_make(const char *path, unsigned int mode) { return mkdir(path, mode) == 0 ? 0 : -errno; }

int headgate_file_facts(const char *path, int64_t *size, int64_t *modified, int64_t *allocated, uint64_t *inode) {
    struct stat facts;
    if (stat(path, &facts) != 0) return -errno;
    *size = facts.st_size;
    *modified = facts.st_mtim.tv_sec;
    *allocated = (int64_t)facts.st_blocks * 512;
    *inode = facts.st_ino;
    return 0;
}

int headgate_space(const char *path, int64_t *available, int64_t *total) {
    struct statvfs facts;
    if (statvfs(path, &facts) != 0) return -errno;
    *available = (int64_t)facts.f_bavail * (int64_t)facts.f_frsize;
    *total = (int64_t)facts.f_blocks * (int64_t)facts.f_frsize;
    return 0;
}

int headgate_directory_list(
    const char *path, void *context, void (*each)(void *context, const char *name)) {
    DIR *directory = opendir(path);
    if (!directory) return -errno;
    struct dirent *entry;
    while ((entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) each(context, entry->d_name);
    }
    closedir(directory);
    return 0;
}

int headgate_host_name(char *out, size_t size) {
    if (gethostname(out, size) != 0) return -errno;
    out[size - 1] = 0;
    return 0;
}

int headgate_connect_datagram(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    int result = -errno;
    close(fd);
    return result;
}

int headgate_unsent(int fd) {
    int count = 0;
    return ioctl(fd, SIOCOUTQ, &count) == 0 ? count : -errno;
}

int headgate_wait(int fd, int writable, int milliseconds) {
    struct pollfd item = {.fd = fd, .events = writable ? POLLOUT : POLLIN};
    for (;;) {
        int n = poll(&item, 1, milliseconds);
        if (n >= 0) return n;
        if (errno != EINTR) return -errno;
    }
}
