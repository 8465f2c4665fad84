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
#endif
