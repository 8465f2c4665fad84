#ifndef HEADGATE_CLINUX_FILES_H
#define HEADGATE_CLINUX_FILES_H
/* Files that are written for good, and a bell between threads. Unless said otherwise: 0 or more is success, a negative
   number is -errno. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A bell one thread waits for and any may ring. */
int headgate_event_open(void);
void headgate_event_signal(int fd);
/* 1 if it was rung; waits at most so long (-1: for ever). */
int headgate_event_wait(int fd, int milliseconds);

enum {
    HEADGATE_FILE_READ,
    HEADGATE_FILE_APPEND,     /* one that exists */
    HEADGATE_FILE_APPEND_NEW, /* made if need be */
    HEADGATE_FILE_NEW,        /* one that must not exist yet */
    HEADGATE_FILE_LOCK
};
/* The descriptor. Never follows a symbolic link. */
int headgate_file_open(const char *path, int how, unsigned int mode);
/* Writes all of it, or fails. */
ssize_t headgate_file_write(int fd, const void *bytes, size_t count);
ssize_t headgate_file_read(int fd, void *bytes, size_t count, int64_t offset);
/* fdatasync. */
int headgate_file_sync(int fd);
int headgate_directory_sync(const char *path);
int headgate_file_truncate(int fd, int64_t size);
/* Blocks for so many bytes from the start, without changing the size. */
int headgate_file_reserve(int fd, int64_t size);
/* -EWOULDBLOCK if somebody else has it. */
int headgate_file_lock(int fd);
int headgate_file_rename(const char *from, const char *to);
int headgate_file_remove(const char *path);
int headgate_directory_make(const char *path, unsigned int mode);
/* Modified in seconds since 1970. */
int headgate_file_facts(const char *path, int64_t *size, int64_t *modified, int64_t *allocated, uint64_t *inode);
/* Bytes of the file system that we may still write, and all of them. */
int headgate_space(const char *path, int64_t *available, int64_t *total);
int headgate_directory_list(const char *path, void *context, void (*each)(void *context, const char *name));
int headgate_host_name(char *out, size_t size);

/* A connected unix datagram socket, or -errno. */
int headgate_connect_datagram(const char *path);
/* Bytes sent that the other side does not have yet. */
int headgate_unsent(int fd);
/* 1 if it can be written to (or read from), 0 if not in time. */
int headgate_wait(int fd, int writable, int milliseconds);
#endif
