#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* recv and send as bare system calls. In a process with threads glibc's own ones are cancellation points, which costs
   two atomic operations a call; no thread of ours is ever cancelled. */
ssize_t headgate_peek(int fd) {
    char byte;
    for (;;) {
        ssize_t n = syscall(SYS_recvfrom, fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK, NULL, NULL);
        if (n >= 0) return n;
        if (errno != EINTR) return -errno;
    }
}

ssize_t headgate_recv(int fd, void *buffer, size_t count) {
    for (;;) {
        ssize_t n = syscall(SYS_recvfrom, fd, buffer, count, MSG_DONTWAIT, NULL, NULL);
        if (n >= 0) return n;
        if (errno != EINTR) return -errno;
    }
}

ssize_t headgate_send(int fd, const void *buffer, size_t count) {
    for (;;) {
        ssize_t n = syscall(SYS_sendto, fd, buffer, count, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
        if (n >= 0) return n;
        if (errno != EINTR) return -errno;
    }
}

_Static_assert(sizeof(struct headgate_piece) == sizeof(struct iovec), "a piece is an iovec");
_Static_assert(offsetof(struct headgate_piece, base) == offsetof(struct iovec, iov_base), "a piece is an iovec");
_Static_assert(offsetof(struct headgate_piece, count) == offsetof(struct iovec, iov_len), "a piece is an iovec");

ssize_t headgate_sendv(int fd, const struct headgate_piece *pieces, size_t count) {
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = count > 1024 ? 1024 : count};
    for (;;) {
        ssize_t n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0) return n;
        if (errno != EINTR) return -errno;
    }
}

int headgate_close(int fd) {
    /* On Linux the descriptor is gone even after EINTR; closing again could close someone else's. */
    return close(fd) == 0 || errno == EINTR ? 0 : -errno;
}

int headgate_shutdown_write(int fd) { return shutdown(fd, SHUT_WR) == 0 ? 0 : -errno; }

int headgate_open_null(void) {
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

int headgate_duplicate(int fd) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return copy >= 0 ? copy : -errno;
}

static void from_sockaddr(const struct sockaddr *in, struct headgate_address *out) {
    memset(out, 0, sizeof *out);
    if (in->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)in;
        memcpy(out->bytes, &v4->sin_addr, 4);
        out->port = ntohs(v4->sin_port);
        out->family = 4;
    } else if (in->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)in;
        out->port = ntohs(v6->sin6_port);
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            memcpy(out->bytes, v6->sin6_addr.s6_addr + 12, 4);
            out->family = 4;
        } else {
            memcpy(out->bytes, &v6->sin6_addr, 16);
            out->scope = v6->sin6_scope_id;
            out->family = 6;
        }
    } else {
        out->family = 1;
    }
}

static socklen_t to_sockaddr(const struct headgate_address *in, struct sockaddr_storage *out) {
    memset(out, 0, sizeof *out);
    if (in->family == 4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)out;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(in->port);
        memcpy(&v4->sin_addr, in->bytes, 4);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(in->port);
    v6->sin6_scope_id = in->scope;
    memcpy(&v6->sin6_addr, in->bytes, 16);
    return sizeof *v6;
}

static int to_unix(const char *path, struct sockaddr_un *out) {
    size_t length = strlen(path);
    if (length >= sizeof out->sun_path) return -ENAMETOOLONG;
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    memcpy(out->sun_path, path, length);
    return 0;
}

int headgate_accept(int fd, struct headgate_address *peer) {
    struct sockaddr_storage address;
    for (;;) {
        socklen_t size = sizeof address;
        memset(&address, 0, sizeof(struct sockaddr));
        int accepted = accept4(fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            from_sockaddr((struct sockaddr *)&address, peer);
            return accepted;
        }
        if (errno != EINTR) return -errno;
    }
}

static int start_connect(int s, const struct sockaddr *address, socklen_t size, int *fd) {
    for (;;) {
        if (connect(s, address, size) == 0) {
            *fd = s;
            return 0;
        }
        if (errno == EINTR) continue;
        if (errno == EINPROGRESS || errno == EALREADY) {
            *fd = s;
            return -EINPROGRESS;
        }
        int failure = -errno;
        close(s);
        return failure;
    }
}

int headgate_connect(const struct headgate_address *to, int *fd) {
    struct sockaddr_storage address;
    *fd = -1;
    socklen_t size = to_sockaddr(to, &address);
    int s = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0) return -errno;
    return start_connect(s, (struct sockaddr *)&address, size, fd);
}

int headgate_connect_unix(const char *path, int *fd) {
    struct sockaddr_un address;
    *fd = -1;
    int bad = to_unix(path, &address);
    if (bad) return bad;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0) return -errno;
    return start_connect(s, (struct sockaddr *)&address, sizeof address, fd);
}

int headgate_take_error(int fd) {
    int failure = 0;
    socklen_t size = sizeof failure;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0) return -errno;
    return -failure;
}

int headgate_local_address(int fd, struct headgate_address *out) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) return -errno;
    from_sockaddr((struct sockaddr *)&address, out);
    return 0;
}

int headgate_peer_address(int fd, struct headgate_address *out) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &size) != 0) return -errno;
    from_sockaddr((struct sockaddr *)&address, out);
    return 0;
}

int headgate_peer_credentials(int fd, int32_t *pid, uint32_t *uid, uint32_t *gid) {
    struct ucred who;
    socklen_t size = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return -errno;
    *pid = who.pid;
    *uid = who.uid;
    *gid = who.gid;
    return 0;
}

static int set_option(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : -errno;
}

int headgate_set_no_delay(int fd, int on) { return set_option(fd, IPPROTO_TCP, TCP_NODELAY, on); }

int headgate_set_keepalive(int fd, int idle, int interval, int count) {
    int failure = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (failure == 0 && idle > 0) failure = set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
    if (failure == 0 && interval > 0) failure = set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
    if (failure == 0 && count > 0) failure = set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, count);
    return failure;
}

int headgate_set_user_timeout(int fd, unsigned int milliseconds) {
    return setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds) == 0 ? 0 : -errno;
}

int headgate_set_buffers(int fd, int receive, int send) {
    int failure = 0;
    if (receive > 0) failure = set_option(fd, SOL_SOCKET, SO_RCVBUF, receive);
    if (failure == 0 && send > 0) failure = set_option(fd, SOL_SOCKET, SO_SNDBUF, send);
    return failure;
}

int headgate_listen(const struct headgate_address *on, int backlog, int reuse_port, int dual_stack) {
    struct sockaddr_storage address;
    socklen_t size = to_sockaddr(on, &address);
    int s = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0) return -errno;
    int failure = set_option(s, SOL_SOCKET, SO_REUSEADDR, 1);
    if (failure == 0 && reuse_port) failure = set_option(s, SOL_SOCKET, SO_REUSEPORT, 1);
    if (failure == 0 && on->family == 6) failure = set_option(s, IPPROTO_IPV6, IPV6_V6ONLY, dual_stack ? 0 : 1);
    if (failure == 0 && bind(s, (struct sockaddr *)&address, size) != 0) failure = -errno;
    if (failure == 0 && listen(s, backlog) != 0) failure = -errno;
    if (failure == 0) return s;
    close(s);
    return failure;
}

/* Whether the socket file at path belongs to nobody: 0 removed or absent, -EADDRINUSE somebody answers,
   -EEXIST it is not a socket. */
static int remove_stale(const char *path, const struct sockaddr_un *address) {
    struct stat status;
    if (lstat(path, &status) != 0) return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(status.st_mode)) return -EEXIST;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0) return -errno;
    int result = connect(s, (const struct sockaddr *)address, sizeof *address);
    int failure = result == 0 ? 0 : errno;
    close(s);
    if (failure != ECONNREFUSED) return failure == ENOENT ? 0 : failure == EACCES ? -EACCES : -EADDRINUSE;
    return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

int headgate_listen_unix(const char *path, int backlog, unsigned int mode) {
    struct sockaddr_un address;
    int failure = to_unix(path, &address);
    if (failure) return failure;
    failure = remove_stale(path, &address);
    if (failure) return failure;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0) return -errno;
    /* Nobody can connect between bind and chmod: until listen every connect is refused. */
    if (bind(s, (struct sockaddr *)&address, sizeof address) != 0) {
        failure = -errno;
        close(s);
        return failure;
    }
    if (chmod(path, mode & 0777) != 0 || listen(s, backlog) != 0) {
        failure = -errno;
        unlink(path);
        close(s);
        return failure;
    }
    return s;
}

int headgate_parse_address(const char *text, uint16_t port, struct headgate_address *out) {
    struct in_addr v4;
    struct in6_addr v6;
    char name[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
    memset(out, 0, sizeof *out);
    out->port = port;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        memcpy(out->bytes, &v4, 4);
        out->family = 4;
        return 1;
    }
    size_t length = strlen(text);
    if (length >= sizeof name) return 0;
    memcpy(name, text, length + 1);
    char *percent = strchr(name, '%');
    if (percent) {
        *percent = 0;
        out->scope = if_nametoindex(percent + 1);
        if (out->scope == 0) return 0;
    }
    if (inet_pton(AF_INET6, name, &v6) != 1) return 0;
    memcpy(out->bytes, &v6, 16);
    out->family = 6;
    return 1;
}

int headgate_format_address(const struct headgate_address *address, char *out, size_t size) {
    if (size == 0) return -ENOSPC;
    out[0] = 0;
    if (!inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->bytes, out, size)) return -errno;
    return (int)strlen(out);
}

int headgate_resolve(const char *host, uint16_t port, struct headgate_address *out, int limit, int *failure) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int code = getaddrinfo(host, NULL, &hints, &list);
    *failure = code;
    if (code != 0) return -1;
    int count = 0;
    for (struct addrinfo *entry = list; entry && count < limit; entry = entry->ai_next) {
        if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
        from_sockaddr(entry->ai_addr, &out[count]);
        out[count++].port = port;
    }
    freeaddrinfo(list);
    return count;
}

int headgate_resolve_is_temporary(int failure) {
    return failure == EAI_AGAIN || failure == EAI_SYSTEM || failure == EAI_MEMORY;
}

int headgate_thread_start(size_t stack, void *(*body)(void *), void *argument, unsigned long *id) {
    pthread_attr_t attributes;
    pthread_t thread;
    int failure = pthread_attr_init(&attributes);
    if (failure) return -failure;
    failure = pthread_attr_setstacksize(&attributes, stack);
    if (failure == 0) failure = pthread_create(&thread, &attributes, body, argument);
    pthread_attr_destroy(&attributes);
    if (failure) return -failure;
    *id = thread;
    return 0;
}

void headgate_thread_name_self(const char *name) {
    char shortened[16];
    strncpy(shortened, name, sizeof shortened - 1);
    shortened[sizeof shortened - 1] = 0;
    pthread_setname_np(pthread_self(), shortened);
}

int headgate_processor_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

void headgate_thread_detach(unsigned long id) { pthread_detach(id); }

int headgate_thread_join(unsigned long id) { return -pthread_join(id, NULL); }

static void handled_signals(sigset_t *set) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};
    sigemptyset(set);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaddset(set, numbers[i]);
}

int headgate_signals_block(void) {
    sigset_t set;
    signal(SIGPIPE, SIG_IGN);
    handled_signals(&set);
    return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int headgate_signals_wait(void) {
    sigset_t set;
    handled_signals(&set);
    for (;;) {
        int number = sigwaitinfo(&set, NULL);
        if (number > 0) return number;
        if (errno != EINTR) return -errno;
    }
}

int64_t headgate_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -errno;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    }
    return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}

int64_t headgate_monotonic_micros(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static uint64_t nanos(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t headgate_monotonic_nanos(void) { return nanos(CLOCK_MONOTONIC); }
uint64_t headgate_realtime_nanos(void) { return nanos(CLOCK_REALTIME); }

/* Both return static strings (glibc 2.32): no buffer, no locale, safe on every thread. */
const char *headgate_errno_name(int number) { return strerrorname_np(number); }
const char *headgate_errno_text(int number) { return strerrordesc_np(number); }
