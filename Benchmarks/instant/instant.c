/*
 * The instant backend: a server that speaks enough of the PostgreSQL protocol to be pooled and answers from memory,
 * so that a benchmark run against it measures the proxy in front of it and nothing else.
 *
 *     instant PORT        listens on 127.0.0.1:PORT, prints "ready", serves until killed
 *
 * One thread, one epoll. One receive takes what is there, every whole message in it is answered into the connection's
 * output buffer, one send follows. Understood: SSLRequest and GSSENCRequest (refused), startup, CancelRequest
 * (closed), Query with several statements, Parse/Bind/Describe/Execute/Close/Flush/Sync in any pipelining, named
 * statements and portals with the errors a mistake in a pooler would earn, transaction status, and ParameterStatus
 * when a reported setting is SET (poolers replay settings again and again when they are not told).
 *
 * "BULK n" answers with n MiB of DataRows of exactly 1 KiB; "BULKCOPY n" with as much in CopyData.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
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

enum { MAX_FDS = 65536, BLOCK = 1 << 20, ROW = 1024, MAX_NAMES = 4096 };

typedef enum { EMPTY, ROWS, TAGGED, BULK, BULKCOPY } Kind;

typedef struct {
    Kind kind;
    int parameters;   /* how many $n the text has */
    unsigned amount;  /* MiB of a BULK */
    char status;      /* transaction status afterwards; 0 = as before */
    char value[16];   /* the one value of the one row */
    char tag[24];     /* command tag */
    char name[64];    /* setting to report afterwards, "" = none */
    char setting[128];
} Answer;

typedef struct {
    uint64_t hash;
    Answer answer;
} Named;

typedef struct {
    Named *items;
    unsigned count, room;
} Names;

typedef struct {
    char *bytes;
    size_t start, end, room;
} Buffer;

typedef struct {
    int fd;
    char status;       /* I, T or E */
    char started;      /* startup packet seen */
    char skipping;     /* after an error, until Sync */
    char closing;      /* close when everything is sent */
    char want_write;
    char bulk_simple;  /* ReadyForQuery follows the bulk result */
    Kind bulk_kind;
    uint64_t bulk_left;  /* bytes still to stream */
    unsigned bulk_amount;
    Buffer in, out;
    Names statements, portals;
    char application[64];
} Connection;

static Connection *connections[MAX_FDS];
static int loop;
static char *row_block, *copy_block;

/* ---- output ---- */

static char *reserve(Buffer *b, size_t more) {
    if (b->start == b->end) b->start = b->end = 0;
    if (b->end + more > b->room) {
        if (b->start) {
            memmove(b->bytes, b->bytes + b->start, b->end - b->start);
            b->end -= b->start;
            b->start = 0;
        }
        while (b->end + more > b->room) b->room = b->room ? b->room * 2 : 8192;
        b->bytes = realloc(b->bytes, b->room);
        if (!b->bytes) abort();
    }
    return b->bytes + b->end;
}

static void put(Connection *c, const void *bytes, size_t count) {
    memcpy(reserve(&c->out, count), bytes, count);
    c->out.end += count;
}

static void put32(Connection *c, uint32_t value) {
    value = htonl(value);
    put(c, &value, 4);
}

static void put16(Connection *c, uint16_t value) {
    value = htons(value);
    put(c, &value, 2);
}

static void message(Connection *c, char type, const void *body, size_t count) {
    put(c, &type, 1);
    put32(c, (uint32_t)count + 4);
    put(c, body, count);
}

static void ready(Connection *c) { message(c, 'Z', &c->status, 1); }

static void complain(Connection *c, const char *sqlstate, const char *text) {
    char body[256];
    int n = snprintf(body, sizeof body, "SERROR%cVERROR%cC%s%cM%s%c%c", 0, 0, sqlstate, 0, text, 0, 0);
    message(c, 'E', body, (size_t)n);
    if (c->status == 'T') c->status = 'E';
}

static void report(Connection *c, const char *name, const char *value) {
    char body[256];
    int n = snprintf(body, sizeof body, "%s%c%s%c", name, 0, value, 0);
    message(c, 'S', body, (size_t)n);
}

static void describe_row(Connection *c, const Answer *a) {
    if (a->kind == TAGGED || a->kind == EMPTY || a->kind == BULKCOPY) {
        message(c, 'n', "", 0);
        return;
    }
    static const char column[] = "abalance";
    put(c, "T", 1);
    put32(c, 4 + 2 + sizeof column + 18);
    put16(c, 1);
    put(c, column, sizeof column);
    put32(c, 16384);
    put16(c, 3);
    put32(c, a->kind == BULK ? 25 : 23);
    put16(c, a->kind == BULK ? (uint16_t)-1 : 4);
    put32(c, (uint32_t)-1);
    put16(c, 0);
}

/* ---- statements ---- */

static uint64_t hash_of(const char *text) {
    uint64_t h = 1469598103934665603u;
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

static Named *find(Names *names, uint64_t hash) {
    for (unsigned i = 0; i < names->count; i++)
        if (names->items[i].hash == hash) return &names->items[i];
    return NULL;
}

static void forget(Names *names, uint64_t hash) {
    Named *n = find(names, hash);
    if (n) *n = names->items[--names->count];
}

static void remember(Names *names, uint64_t hash, const Answer *answer) {
    Named *n = find(names, hash);
    if (!n) {
        if (names->count == names->room) {
            names->room = names->room ? names->room * 2 : 4;
            names->items = realloc(names->items, names->room * sizeof(Named));
            if (!names->items) abort();
        }
        n = &names->items[names->count++];
        n->hash = hash;
    }
    n->answer = *answer;
}

static int begins(const char *text, const char *word) { return strncasecmp(text, word, strlen(word)) == 0; }

/* Settings a server reports, as PostgreSQL 15 spells them. */
static const char *reported[] = {
    "application_name", "client_encoding", "DateStyle", "default_transaction_read_only", "IntervalStyle",
    "standard_conforming_strings", "TimeZone", "search_path_not_in_15", NULL,
};

static void note_setting(Answer *a, const char *name, size_t name_length, const char *value) {
    for (const char **r = reported; *r; r++) {
        if (strlen(*r) != name_length || strncasecmp(*r, name, name_length)) continue;
        size_t n = 0;
        int quoted = *value == '\'';
        for (value += quoted; *value && n + 1 < sizeof a->setting; value++) {
            if (quoted ? *value == '\'' : (*value == ';' || isspace((unsigned char)*value))) break;
            a->setting[n++] = *value;
        }
        a->setting[n] = 0;
        snprintf(a->name, sizeof a->name, "%s", *r);
        return;
    }
}

/* What one statement will be answered with. `text` ends with NUL. */
static Answer understand(const char *text) {
    Answer a = {.kind = TAGGED};
    while (isspace((unsigned char)*text) || *text == ';') text++;
    if (!*text) {
        a.kind = EMPTY;
        return a;
    }
    for (const char *p = strchr(text, '$'); p; p = strchr(p + 1, '$'))
        if (isdigit((unsigned char)p[1]) && atoi(p + 1) > a.parameters) a.parameters = atoi(p + 1);
    if (begins(text, "BULK")) {
        int copy = begins(text, "BULKCOPY");
        a.kind = copy ? BULKCOPY : BULK;
        a.amount = (unsigned)strtoul(text + (copy ? 8 : 4), NULL, 10);
        return a;
    }
    if (begins(text, "SELECT") || begins(text, "VALUES") || begins(text, "WITH") || begins(text, "SHOW")) {
        a.kind = ROWS;
        strcpy(a.tag, begins(text, "SHOW") ? "SHOW" : "SELECT 1");
        strcpy(a.value, "1");
        if (strcasestr(text, "pg_is_in_recovery")) strcpy(a.value, "f");
        if (strcasestr(text, "transaction_read_only")) strcpy(a.value, "off");
        const char *call = strcasestr(text, "set_config('");
        if (call) {
            const char *name = call + 12, *end = strchr(name, '\'');
            const char *value = end ? strchr(end + 1, '\'') : NULL;
            if (value) note_setting(&a, name, (size_t)(end - name), value);
        }
        return a;
    }
    if (begins(text, "BEGIN") || begins(text, "START")) {
        strcpy(a.tag, "BEGIN");
        a.status = 'T';
    } else if (begins(text, "COMMIT") || begins(text, "END")) {
        strcpy(a.tag, "COMMIT");
        a.status = 'I';
    } else if ((begins(text, "ROLLBACK") && !strcasestr(text, " TO ")) || begins(text, "ABORT")) {
        strcpy(a.tag, "ROLLBACK");
        a.status = 'I';
    } else if (begins(text, "SET ")) {
        strcpy(a.tag, "SET");
        const char *name = text + 4;
        while (isspace((unsigned char)*name)) name++;
        if (begins(name, "SESSION ")) name += 8;
        const char *end = name;
        while (isalnum((unsigned char)*end) || *end == '_') end++;
        const char *value = end;
        while (isspace((unsigned char)*value) || *value == '=') value++;
        if (begins(value, "TO ")) value += 3;
        while (isspace((unsigned char)*value)) value++;
        note_setting(&a, name, (size_t)(end - name), value);
    } else if (begins(text, "DISCARD ALL") || begins(text, "RESET ALL")) {
        strcpy(a.tag, begins(text, "RESET") ? "RESET" : "DISCARD ALL");
        strcpy(a.name, "application_name");
    } else if (begins(text, "INSERT")) {
        strcpy(a.tag, "INSERT 0 1");
    } else if (begins(text, "UPDATE") || begins(text, "DELETE")) {
        strcpy(a.tag, begins(text, "UPDATE") ? "UPDATE 1" : "DELETE 1");
    } else {
        size_t n = 0; /* the first word is a good enough tag for the rest */
        for (; isalpha((unsigned char)text[n]) && n + 1 < sizeof a.tag; n++)
            a.tag[n] = (char)toupper((unsigned char)text[n]);
        a.tag[n] = 0;
    }
    return a;
}

static void run(Connection *c, const Answer *a, int simple) {
    if (c->status == 'E' && a->status != 'I') {
        complain(c, "25P02", "current transaction is aborted");
        c->skipping = !simple;
        return;
    }
    switch (a->kind) {
    case EMPTY:
        message(c, 'I', "", 0);
        return;
    case ROWS: {
        size_t n = strlen(a->value);
        if (simple) describe_row(c, a);
        put(c, "D", 1);
        put32(c, (uint32_t)(4 + 2 + 4 + n));
        put16(c, 1);
        put32(c, (uint32_t)n);
        put(c, a->value, n);
        break;
    }
    case TAGGED:
        break;
    case BULK:
    case BULKCOPY:
        if (simple && a->kind == BULK) describe_row(c, a);
        if (a->kind == BULKCOPY) message(c, 'H', "\0\0\1\0\0", 5);
        c->bulk_kind = a->kind;
        c->bulk_amount = a->amount;
        c->bulk_left = (uint64_t)a->amount * BLOCK;
        c->bulk_simple = (char)simple;
        return;
    }
    message(c, 'C', a->tag, strlen(a->tag) + 1);
    if (a->name[0]) {
        int whole = a->kind == TAGGED && a->tag[0] != 'S' && !a->setting[0];
        report(c, a->name, whole ? c->application : a->setting);
    }
    if (a->status) c->status = a->status;
    if (!strncmp(a->tag, "DISCARD", 7) || !strncmp(a->tag, "DEALLOCATE", 10)) c->statements.count = 0;
}

static void query(Connection *c, char *text) {
    char *piece = text;
    int any = 0, quoted = 0;
    for (char *p = text;; p++) {
        if (*p == '\'') quoted = !quoted;
        if (*p && (quoted || *p != ';')) continue;
        char last = *p;
        *p = 0;
        Answer a = understand(piece);
        if (a.kind != EMPTY || (!any && !last)) {
            run(c, &a, 1);
            any = 1;
        }
        if (!last || c->bulk_left) break;
        piece = p + 1;
    }
    if (!c->bulk_left) ready(c);
}

/* ---- messages ---- */

static void startup(Connection *c, char *body, size_t count) {
    uint32_t code = ntohl(*(uint32_t *)(void *)body);
    if (code == 80877103 || code == 80877104) { /* SSLRequest, GSSENCRequest */
        put(c, "N", 1);
        return;
    }
    if (code == 80877102) { /* CancelRequest */
        c->closing = 1;
        return;
    }
    for (char *p = body + 4; p < body + count && *p;) {
        char *value = p + strlen(p) + 1;
        if (!strcmp(p, "application_name")) snprintf(c->application, sizeof c->application, "%s", value);
        p = value + strlen(value) + 1;
    }
    c->started = 1;
    message(c, 'R', "\0\0\0\0", 4);
    report(c, "application_name", c->application);
    report(c, "client_encoding", "UTF8");
    report(c, "DateStyle", "ISO, MDY");
    report(c, "default_transaction_read_only", "off");
    report(c, "in_hot_standby", "off");
    report(c, "integer_datetimes", "on");
    report(c, "IntervalStyle", "postgres");
    report(c, "is_superuser", "on");
    report(c, "server_encoding", "UTF8");
    report(c, "server_version", "15.0 (instant)");
    report(c, "session_authorization", "bench");
    report(c, "standard_conforming_strings", "on");
    report(c, "TimeZone", "Etc/UTC");
    uint32_t key[2] = {htonl((uint32_t)c->fd), htonl(0x5eed0000u | (uint32_t)c->fd)};
    message(c, 'K', key, 8);
    ready(c);
}

static void fail(Connection *c, const char *sqlstate, const char *text) {
    complain(c, sqlstate, text);
    c->skipping = 1;
}

static void handle(Connection *c, char type, char *body, size_t count) {
    if (c->skipping && type != 'S' && type != 'X') return;
    if (count && type != 'S' && memchr(body, 0, count) == NULL && type != 'd') {
        c->closing = 1;
        return;
    }
    switch (type) {
    case 'Q':
        query(c, body);
        return;
    case 'P': {
        Answer a = understand(body + strlen(body) + 1);
        if (*body && find(&c->statements, hash_of(body))) {
            fail(c, "42P05", "prepared statement already exists");
            return;
        }
        if (c->statements.count >= MAX_NAMES) {
            fail(c, "53400", "too many prepared statements");
            return;
        }
        remember(&c->statements, hash_of(body), &a);
        message(c, '1', "", 0);
        return;
    }
    case 'B': {
        Named *s = find(&c->statements, hash_of(body + strlen(body) + 1));
        if (!s) {
            fail(c, "26000", "prepared statement does not exist");
            return;
        }
        remember(&c->portals, hash_of(body), &s->answer);
        message(c, '2', "", 0);
        return;
    }
    case 'D': {
        Named *n = find(*body == 'S' ? &c->statements : &c->portals, hash_of(body + 1));
        if (!n) {
            fail(c, *body == 'S' ? "26000" : "34000", "nothing of that name to describe");
            return;
        }
        if (*body == 'S') {
            put(c, "t", 1);
            put32(c, (uint32_t)(4 + 2 + 4 * n->answer.parameters));
            put16(c, (uint16_t)n->answer.parameters);
            for (int i = 0; i < n->answer.parameters; i++) put32(c, 23);
        }
        describe_row(c, &n->answer);
        return;
    }
    case 'E': {
        Named *p = find(&c->portals, hash_of(body));
        if (!p) {
            fail(c, "34000", "portal does not exist");
            return;
        }
        run(c, &p->answer, 0);
        return;
    }
    case 'C':
        forget(*body == 'S' ? &c->statements : &c->portals, hash_of(body + 1));
        message(c, '3', "", 0);
        return;
    case 'S':
        c->skipping = 0;
        if (c->status == 'I') c->portals.count = 0;
        ready(c);
        return;
    case 'H': /* everything is sent at the end of each batch anyway */
    case 'd':
    case 'c':
    case 'f':
        return;
    case 'X':
        c->closing = 1;
        return;
    default:
        complain(c, "08P01", "unknown message");
        c->closing = 1;
    }
}

static void digest(Connection *c) {
    while (!c->bulk_left && !c->closing) {
        size_t have = c->in.end - c->in.start;
        size_t head = c->started ? 5 : 4;
        if (have < head) return;
        char *at = c->in.bytes + c->in.start;
        uint32_t length;
        memcpy(&length, at + head - 4, 4);
        length = ntohl(length);
        if (length < (c->started ? 4u : 8u) || length > (64u << 20)) {
            c->closing = 1;
            return;
        }
        size_t whole = length + head - 4;
        if (have < whole) return;
        c->in.start += whole;
        if (c->started)
            handle(c, at[0], at + 5, length - 4);
        else
            startup(c, at + 4, length - 4);
    }
}

/* ---- sockets ---- */

static void hang_up(Connection *c) {
    connections[c->fd] = NULL;
    close(c->fd);
    free(c->in.bytes);
    free(c->out.bytes);
    free(c->statements.items);
    free(c->portals.items);
    free(c);
}

/* Sends what is there; 0 = would block, 1 = all sent, -1 = broken. */
static int push(Connection *c) {
    for (;;) {
        const char *bytes = c->out.bytes + c->out.start;
        size_t count = c->out.end - c->out.start;
        int bulk = count == 0 && c->bulk_left;
        if (bulk) {
            size_t offset = BLOCK - (size_t)(c->bulk_left % BLOCK);
            if (offset == BLOCK) offset = 0;
            bytes = (c->bulk_kind == BULK ? row_block : copy_block) + offset;
            count = BLOCK - offset;
        }
        if (!count) return 1;
        ssize_t sent = send(c->fd, bytes, count, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
        if (!bulk) {
            c->out.start += (size_t)sent;
            continue;
        }
        c->bulk_left -= (uint64_t)sent;
        if (!c->bulk_left) {
            char tag[32];
            int n = snprintf(tag, sizeof tag, "%s %u", c->bulk_kind == BULK ? "SELECT" : "COPY",
                             c->bulk_amount * (BLOCK / ROW));
            if (c->bulk_kind == BULKCOPY) message(c, 'c', "", 0);
            message(c, 'C', tag, (size_t)n + 1);
            if (c->bulk_simple) ready(c);
            digest(c);
        }
    }
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
        c->status = 'I';
        connections[fd] = c;
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e);
    }
}

static void make_blocks(void) {
    row_block = malloc(BLOCK);
    copy_block = malloc(BLOCK);
    if (!row_block || !copy_block) abort();
    for (int i = 0; i < BLOCK / ROW; i++) {
        char *row = row_block + i * ROW, *copy = copy_block + i * ROW;
        uint32_t length = htonl(ROW - 1), column = htonl(ROW - 11);
        uint16_t columns = htons(1);
        memset(row, 'x', ROW);
        memset(copy, 'x', ROW);
        row[0] = 'D';
        copy[0] = 'd';
        memcpy(row + 1, &length, 4);
        memcpy(copy + 1, &length, 4);
        memcpy(row + 5, &columns, 2);
        memcpy(row + 7, &column, 4);
        copy[ROW - 1] = '\n';
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: instant PORT\n");
        return 2;
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    signal(SIGPIPE, SIG_IGN);
    make_blocks();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("instant: cannot listen");
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
