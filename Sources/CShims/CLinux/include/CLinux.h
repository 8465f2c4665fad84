#ifndef HEADGATE_CLINUX_H
#define HEADGATE_CLINUX_H
/* System calls with the awkward half done in C: sockaddr layouts, EINTR, and errno, which is returned as a negative
   number so that nothing can run between the call and reading it. Unless said otherwise: 0 or more is success, a
   negative number is -errno. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "CLinuxAccess.h"
#include "CLinuxAddress.h"
#include "CLinuxFiles.h"
#include "CLinuxProcess.h"

/* One run of bytes to send: an iovec under a name that no other module declares. */
struct headgate_piece {
    const void *base;
    size_t count;
};

ssize_t headgate_recv(int fd, void *buffer, size_t count);
/* Looks for bytes without taking them: 1 if there are some, 0 at the end, a negated errno for nothing or a failure. */
ssize_t headgate_peek(int fd);
ssize_t headgate_send(int fd, const void *buffer, size_t count);
ssize_t headgate_sendv(int fd, const struct headgate_piece *pieces, size_t count);
int headgate_accept(int fd, struct headgate_address *peer);
int headgate_close(int fd);
int headgate_shutdown_write(int fd);
int headgate_open_null(void);
int headgate_duplicate(int fd);

/* New non-blocking sockets: the descriptor in *fd; 0 connected, -EINPROGRESS under way, else failed (*fd closed). */
int headgate_connect(const struct headgate_address *to, int *fd);
int headgate_connect_unix(const char *path, int *fd);
int headgate_take_error(int fd);
int headgate_local_address(int fd, struct headgate_address *out);
int headgate_peer_address(int fd, struct headgate_address *out);
int headgate_peer_credentials(int fd, int32_t *pid, uint32_t *uid, uint32_t *gid);
int headgate_set_no_delay(int fd, int on);
int headgate_set_keepalive(int fd, int idle, int interval, int count);
int headgate_set_user_timeout(int fd, unsigned int milliseconds);
int headgate_set_buffers(int fd, int receive, int send);

/* Listening sockets; the descriptor or -errno. */
int headgate_listen(const struct headgate_address *on, int backlog, int reuse_port, int dual_stack);
int headgate_listen_unix(const char *path, int backlog, unsigned int mode);

/* 1 and the address if text is a numeric IPv4 or IPv6 (with %scope) address, else 0. */
int headgate_parse_address(const char *text, uint16_t port, struct headgate_address *out);
int headgate_format_address(const struct headgate_address *address, char *out, size_t size);
/* getaddrinfo: the number of addresses written (at most limit), or an EAI_ code negated in *failure and -1. Blocks. */
int headgate_resolve(const char *host, uint16_t port, struct headgate_address *out, int limit, int *failure);
int headgate_resolve_is_temporary(int failure);

int headgate_thread_start(size_t stack, void *(*body)(void *), void *argument, unsigned long *id);
void headgate_thread_name_self(const char *name);
int headgate_thread_join(unsigned long id);
void headgate_thread_detach(unsigned long id);
/* How many processors this process may run on. */
int headgate_processor_count(void);

/* Blocks TERM INT QUIT HUP USR1 USR2 in this thread and those it starts, and ignores PIPE. */
int headgate_signals_block(void);
/* The next blocked signal's number. */
int headgate_signals_wait(void);

/* Raises the soft limit of open files to the hard one; the limit that holds then. */
int64_t headgate_raise_descriptor_limit(void);
int64_t headgate_monotonic_micros(void);

/* Static text, or NULL for an unknown number. */
const char *headgate_errno_name(int number);
const char *headgate_errno_text(int number);
#endif
