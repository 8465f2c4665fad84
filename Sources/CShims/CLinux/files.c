#define _GNU_SOURCE
#include "CLinuxFiles.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
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
