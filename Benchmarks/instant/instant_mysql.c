/*
 * The instant backend for MySQL's protocol: a server that speaks enough of it to be pooled and answers from memory, so
 * that a benchmark run against it measures the proxy in front of it and nothing else.
 *
 *     instant_mysql PORT        listens on 127.0.0.1:PORT, prints "ready", serves until killed
 *
 * One thread, one epoll. One receive takes what is there, every whole packet in it is answered into the connection's
 * output buffer, one send follows. It greets as MariaDB 10.11 with mysql_native_password and takes every password.
 * Understood: COM_QUERY (one statement each), INIT_DB, PING, STATISTICS, CHANGE_USER, RESET_CONNECTION, SET_OPTION, and
 * prepared statements with id -1 for the last one; all else is error 1047. A SELECT is answered with one row of one
 * column, sysbench's `c`; what begins or ends a transaction changes the status flags.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FDS = 65536, MAX_PACKET = 1 << 20 };
enum { CLIENT_DEPRECATE_EOF = 1 << 24 };
enum { IN_TRANSACTION = 1, AUTOCOMMIT = 2 };
enum { CAPABILITIES = 0x01BFF7DE }; /* MariaDB 10.11's without TLS, compression and expired passwords */

typedef enum { FORGOTTEN, DONE, ROW, BEGIN, END } Kind;

typedef struct {
    char *bytes;
    size_t start, end, room;
} Buffer;

typedef struct {
    int fd;
    char logged_in, closing, want_write;
    uint8_t sequence; /* of the next packet sent */
    uint32_t capabilities;
    uint16_t status;
    Buffer in, out;
    struct {
        uint8_t *kinds; /* by id - 1 */
        uint32_t count, room;
    } statements;
} Connection;

static Connection *connections[MAX_FDS];
static int loop;

/* ---- output ---- */

static char *reserve(Buffer *b, size_t more) {
    if (b->start == b->end) b->start = b->end = 0;
    if (b->end + more > b->room) {
        if (b->start) {
            memmove(b->bytes, b->bytes + b->start, b->end - b->start);
            b->end -= b->start;
            b->start = 0;
        }
        while (b->end + more > b->room) b->room = b->room ? b->room * 2 : 4096;
        b->bytes = realloc(b->bytes, b->room);
        if (!b->bytes) abort();
    }
    return b->bytes + b->end;
}

static void packet(Connection *c, const void *payload, size_t count) {
    char *to = reserve(&c->out, count + 4);
    to[0] = (char)count;
    to[1] = (char)(count >> 8);
    to[2] = (char)(count >> 16);
    to[3] = (char)c->sequence++;
    memcpy(to + 4, payload, count);
    c->out.end += count + 4;
}

static void ok(Connection *c, unsigned affected) {
    char body[7] = {0, (char)affected, 0, (char)c->status, (char)(c->status >> 8), 0, 0};
    packet(c, body, sizeof body);
}

/* What ends rows. */
static void rows_end(Connection *c) {
    char as_ok[7] = {(char)0xFE, 0, 0, (char)c->status, (char)(c->status >> 8), 0, 0};
    char as_eof[5] = {(char)0xFE, 0, 0, (char)c->status, (char)(c->status >> 8)};
    if (c->capabilities & CLIENT_DEPRECATE_EOF)
        packet(c, as_ok, sizeof as_ok);
    else
        packet(c, as_eof, sizeof as_eof);
}

/* What ends column definitions: nothing for clients that want no EOF. */
static void definitions_end(Connection *c) {
    if (!(c->capabilities & CLIENT_DEPRECATE_EOF)) rows_end(c);
}

static void complain(Connection *c, unsigned number, const char *text) {
    char body[128];
    int n = snprintf(body, sizeof body, "%c%c%c#HY000%s", 0xFF, (char)number, (char)(number >> 8), text);
    packet(c, body, (size_t)n);
}

static const char column[] =
    "\3def\5bench\7sbtest1\7sbtest1\1c\1c\x0c\x2d\0\xe0\1\0\0\xfe\1\0\0\0\0";
static const char parameter[] = "\3def\0\0\0\1?\0\x0c\x3f\0\0\0\0\0\xfd\x80\0\0\0\0";
static const char value[] =
    "83868641912-28773972837-60736120486-75162659906-27563526494-20381887404-41576422241-93426793964-56405065102-33518432330";

static void row(Connection *c, int binary) {
    packet(c, "\1", 1);
    packet(c, column, sizeof column - 1);
    definitions_end(c);
    char body[sizeof value + 8];
    size_t n = 0;
    if (binary) body[n++] = 0, body[n++] = 0; /* header, no NULLs */
    body[n++] = (char)(sizeof value - 1);
    memcpy(body + n, value, sizeof value - 1);
    packet(c, body, n + sizeof value - 1);
    rows_end(c);
}

/* What a pooler asks for when it gets to know a server: the collations, and below id 0 the sql_mode. */
static void collations(Connection *c) {
    static const char *const rows[] = {
        "\0018\6latin1\x11latin1_swedish_ci", "\00233\7utf8mb3\x12utf8mb3_general_ci", "\00245\7utf8mb4\x12utf8mb4_general_ci",
        "\00263\6binary\6binary",
    };
    packet(c, "\3", 1);
    for (int i = 0; i < 3; i++) packet(c, column, sizeof column - 1);
    definitions_end(c);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) packet(c, rows[i], strlen(rows[i]));
    packet(c, "\0010\0\0", 4);
    rows_end(c);
}

/* ---- statements ---- */

static Kind understand(const char *text, size_t count) {
    while (count && (isspace((unsigned char)*text) || *text == '(')) text++, count--;
    struct {
        const char *word;
        Kind kind;
    } known[] = {{"SELECT", ROW}, {"SHOW", ROW}, {"BEGIN", BEGIN}, {"START TRANSACTION", BEGIN},
                 {"COMMIT", END}, {"ROLLBACK", END}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i].word);
        if (count >= n && !strncasecmp(text, known[i].word, n)) return known[i].kind;
    }
    return DONE;
}

static void run(Connection *c, Kind kind, int binary) {
    switch (kind) {
    case ROW: row(c, binary); return;
    case BEGIN: c->status |= IN_TRANSACTION; break;
    case END: c->status &= (uint16_t)~IN_TRANSACTION; break;
    case DONE: ok(c, 1); return;
    case FORGOTTEN: complain(c, 1243, "Unknown prepared statement handler"); return;
    }
    ok(c, 0);
}

static void prepare(Connection *c, const char *text, size_t count) {
    unsigned parameters = 0;
    char quote = 0;
    for (size_t i = 0; i < count; i++) {
        if (quote) {
            if (text[i] == quote) quote = 0;
        } else if (text[i] == '\'' || text[i] == '"' || text[i] == '`') {
            quote = text[i];
        } else if (text[i] == '?') {
            parameters++;
        }
    }
    Kind kind = understand(text, count);
    if (c->statements.count == c->statements.room) {
        c->statements.room = c->statements.room ? c->statements.room * 2 : 8;
        c->statements.kinds = realloc(c->statements.kinds, c->statements.room);
        if (!c->statements.kinds) abort();
    }
    c->statements.kinds[c->statements.count++] = (uint8_t)kind;
    uint32_t id = c->statements.count;
    unsigned columns = kind == ROW;
    char body[12] = {0, (char)id, (char)(id >> 8), (char)(id >> 16), (char)(id >> 24), (char)columns, 0,
                     (char)parameters, (char)(parameters >> 8)};
    packet(c, body, sizeof body);
    for (unsigned i = 0; i < parameters; i++) packet(c, parameter, sizeof parameter - 1);
    if (parameters) definitions_end(c);
    if (columns) {
        packet(c, column, sizeof column - 1);
        definitions_end(c);
    }
}

static uint8_t *statement(Connection *c, const uint8_t *payload, size_t count) {
    uint32_t id;
    if (count < 5) return NULL;
    memcpy(&id, payload + 1, 4);
    if (id == UINT32_MAX) id = c->statements.count;
    return id && id <= c->statements.count ? &c->statements.kinds[id - 1] : NULL;
}

static void forget_session(Connection *c) {
    c->statements.count = 0;
    c->status = AUTOCOMMIT;
}

static void command(Connection *c, const uint8_t *payload, size_t count) {
    const char *text = (const char *)payload + 1;
    uint8_t *prepared;
    switch (count ? payload[0] : 0xFF) {
    case 0x01: c->closing = 1; return;                                /* QUIT */
    case 0x02: case 0x0E: ok(c, 0); return;                           /* INIT_DB, PING */
    case 0x03:                                                        /* QUERY */
        if (memmem(text, count - 1, "information_schema.COLLATIONS", 29))
            collations(c);
        else
            run(c, understand(text, count - 1), 0);
        return;
    case 0x09: packet(c, "Uptime: 1", 9); return;                     /* STATISTICS */
    case 0x11: case 0x1F: forget_session(c); ok(c, 0); return;        /* CHANGE_USER, RESET_CONNECTION */
    case 0x16: prepare(c, text, count - 1); return;                   /* STMT_PREPARE */
    case 0x17: case 0x1A:                                             /* STMT_EXECUTE, STMT_RESET */
        prepared = statement(c, payload, count);
        run(c, !prepared ? FORGOTTEN : payload[0] == 0x17 ? (Kind)*prepared : DONE, 1);
        return;
    case 0x18: return;                                                /* STMT_SEND_LONG_DATA */
    case 0x19:                                                        /* STMT_CLOSE */
        if ((prepared = statement(c, payload, count))) *prepared = FORGOTTEN;
        return;
    case 0x1B: rows_end(c); return;                                   /* SET_OPTION */
    default: complain(c, 1047, "Unknown command");
    }
}

static void greet(Connection *c) {
    static const char version[] = "5.5.5-10.11.0-MariaDB-instant", plugin[] = "mysql_native_password";
    char body[128], *p = body;
    *p++ = 10;
    p = (char *)memcpy(p, version, sizeof version) + sizeof version;
    uint32_t id = (uint32_t)c->fd;
    p = (char *)memcpy(p, &id, 4) + 4;
    p = (char *)memcpy(p, "Scramble", 9) + 9;
    *p++ = (char)(CAPABILITIES & 0xFF), *p++ = (char)(CAPABILITIES >> 8 & 0xFF);
    *p++ = 45; /* utf8mb4_general_ci */
    *p++ = AUTOCOMMIT, *p++ = 0;
    *p++ = (char)(CAPABILITIES >> 16 & 0xFF), *p++ = (char)(CAPABILITIES >> 24);
    *p++ = 21;
    p = (char *)memset(p, 0, 10) + 10; /* no capabilities of MariaDB's own */
    p = (char *)memcpy(p, "OfTwelveByte", 13) + 13;
    p = (char *)memcpy(p, plugin, sizeof plugin) + sizeof plugin;
    packet(c, body, (size_t)(p - body));
}

static void digest(Connection *c) {
    while (!c->closing) {
        size_t have = c->in.end - c->in.start;
        if (have < 4) return;
        const uint8_t *at = (const uint8_t *)c->in.bytes + c->in.start;
        size_t count = at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16;
        if (count > MAX_PACKET) {
            c->closing = 1;
            return;
        }
        if (have < count + 4) return;
        c->in.start += count + 4;
        c->sequence = (uint8_t)(at[3] + 1);
        if (c->logged_in) {
            command(c, at + 4, count);
        } else {
            if (count < 32) {
                c->closing = 1;
                return;
            }
            memcpy(&c->capabilities, at + 4, 4);
            c->logged_in = 1;
            ok(c, 0);
        }
    }
}

/* ---- sockets ---- */

static void hang_up(Connection *c) {
    connections[c->fd] = NULL;
    close(c->fd);
    free(c->in.bytes);
    free(c->out.bytes);
    free(c->statements.kinds);
    free(c);
}

/* Sends what is there; 0 = would block, 1 = all sent, -1 = broken. */
static int push(Connection *c) {
    while (c->out.start < c->out.end) {
        ssize_t sent = send(c->fd, c->out.bytes + c->out.start, c->out.end - c->out.start, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
        c->out.start += (size_t)sent;
    }
    return 1;
}

static void on_event(Connection *c, uint32_t events) {
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !c->want_write) {
        char *room = reserve(&c->in, 4096);
        ssize_t got = recv(c->fd, room, c->in.room - c->in.end, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            hang_up(c);
            return;
        }
        if (got > 0) c->in.end += (size_t)got;
        digest(c);
    } else if (events & (EPOLLHUP | EPOLLERR)) {
        hang_up(c);
        return;
    }
    int sent = push(c);
    if (sent < 0 || (sent == 1 && c->closing)) {
        hang_up(c);
        return;
    }
    if ((sent == 0) != c->want_write) {
        c->want_write = sent == 0;
        struct epoll_event e = {.events = sent == 0 ? EPOLLOUT : EPOLLIN, .data.fd = c->fd};
        epoll_ctl(loop, EPOLL_CTL_MOD, c->fd, &e);
    }
}

static void on_accept(int listener) {
    for (int i = 0; i < 64; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        if (fd >= MAX_FDS) {
            close(fd);
            continue;
        }
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        Connection *c = calloc(1, sizeof *c);
        if (!c) abort();
        c->fd = fd;
        c->status = AUTOCOMMIT;
        connections[fd] = c;
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e);
        greet(c);
        push(c);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: instant_mysql PORT\n");
        return 2;
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("instant_mysql: cannot listen");
        return 1;
    }
    loop = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &e);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(loop, events, 256, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener)
                on_accept(listener);
            else if (connections[fd])
                on_event(connections[fd], events[i].events);
        }
    }
}
