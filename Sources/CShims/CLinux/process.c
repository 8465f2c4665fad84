#define _GNU_SOURCE
#include "CLinuxProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Between fork and exec: only what is safe after a fork of a process with threads, so no setuid() of glibc. */
static void become(const struct headgate_program *program, pid_t parent, int report) {
    sigset_t none;
    int failure = 0;
    sigemptyset(&none);
    setpgid(0, 0);
    for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(program->output, 1) < 0 || dup2(program->output, 2) < 0) failure = errno;
    if (!failure && program->uid >= 0) {
        gid_t group = (gid_t)program->gid;
        if (syscall(SYS_setgroups, (size_t)1, &group) != 0 || syscall(SYS_setgid, group) != 0 ||
            syscall(SYS_setuid, (uid_t)program->uid) != 0)
            failure = errno;
    }
    if (!failure && chdir("/") != 0) failure = errno;
    /* After the change of user, which forgets it; and the parent may have gone before it was set. */
    if (!failure && program->death_signal && prctl(PR_SET_PDEATHSIG, program->death_signal) != 0) failure = errno;
    if (!failure && program->death_signal && getppid() != parent) _exit(127);
    if (!failure) {
        execve(program->path, program->arguments, program->environment);
        failure = errno;
    }
    ssize_t written = write(report, &failure, sizeof failure);
    _exit(written == sizeof failure ? 127 : 126);
}

int64_t headgate_program_start(const struct headgate_program *program) {
    int report[2], failure = 0;
    pid_t parent = getpid();
    if (pipe2(report, O_CLOEXEC) != 0) return -errno;
    pid_t child = fork();
    if (child == 0) become(program, parent, report[1]);
    if (child < 0) failure = errno;
    close(report[1]);
    ssize_t count = 0;
    while (child > 0 && (count = read(report[0], &failure, sizeof failure)) < 0 && errno == EINTR) continue;
    close(report[0]);
    if (child < 0) return -failure;
    if (count != sizeof failure) return child;
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
    return -failure;
}

int headgate_program_ended(int64_t pid, int *status) {
    pid_t ended;
    do ended = waitpid((pid_t)pid, status, WNOHANG);
    while (ended < 0 && errno == EINTR);
    return ended < 0 ? -errno : ended > 0;
}

int headgate_find_user(const char *name, int64_t *uid, int64_t *gid) {
    struct passwd entry, *found = NULL;
    char text[16 << 10];
    int failure = getpwnam_r(name, &entry, text, sizeof text, &found);
    if (failure) return -failure;
    if (!found) return -ENOENT;
    *uid = entry.pw_uid;
    *gid = entry.pw_gid;
    return 0;
}

static int remove_entry(const char *path, const struct stat *what, int kind, struct FTW *where) {
    (void)what, (void)kind, (void)where;
    return remove(path) == 0 || errno == ENOENT ? 0 : errno;
}

int headgate_remove_tree(const char *path) {
    int result = nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    if (result > 0) return -result;
    if (result < 0 && errno != ENOENT) return -errno;
    /* Something may have gone, or come, while we looked. */
    return access(path, F_OK) == 0 ? -ENOTEMPTY : 0;
}

int headgate_remove_tree_after_us(const char *path) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
    pid_t child = fork();
    if (child < 0) {
        int failure = -errno;
        close(ends[0]);
        close(ends[1]);
        return failure;
    }
    if (child > 0) {
        /* The writing end stays open, and written nowhere, as long as this process lives. */
        close(ends[0]);
        return 0;
    }
    /* Nothing sent to our group may end it, and nobody may wait for the end of an output it holds. */
    setsid();
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3 && null >= 0; fd++) dup2(null, fd);
    if (ends[0] != 3 && dup2(ends[0], 3) < 0) _exit(1);
    close_range(4, ~0u, 0);
    char byte;
    while (read(3, &byte, 1) < 0 && errno == EINTR) continue;
    /* Servers that die with us may still be writing. */
    for (int attempt = 0; attempt < 40 && headgate_remove_tree(path) != 0; attempt++) usleep(250 * 1000);
    _exit(0);
}
