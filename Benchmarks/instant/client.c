/*
 * The two clients pgbench is not:
 *
 *     client idle PORT N      logs N clients in one after the other, prints "login"; at the next line on standard
 *                             input runs one query on each, prints "query"; at the next line closes them all
 *     client bulk PORT TEXT   runs TEXT, reads and discards the result, prints "BYTES SECONDS"
 *
 * User and database are "bench", authentication is trust. Anything unexpected ends the program with a message.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void send_all(int fd, const void *bytes, size_t count) {
    if (send(fd, bytes, count, MSG_NOSIGNAL) != (ssize_t)count) die("client: send");
}

/* Follows message boundaries over receives of any size; stops at ReadyForQuery. */
typedef struct {
    uint64_t skip;  /* bytes of the current message still to come */
    unsigned char head[5];
    unsigned have;
} Follower;

/* 1 when ReadyForQuery has gone by whole. */
static int follow(Follower *f, const unsigned char *bytes, size_t count) {
    while (count || (f->have == 5 && f->skip == 0)) {
        if (f->have < 5) {
            f->head[f->have++] = *bytes++;
            count--;
            if (f->have == 5) {
                uint32_t length;
                memcpy(&length, f->head + 1, 4);
                f->skip = ntohl(length) - 4;
                if (f->head[0] == 'E') {
                    fprintf(stderr, "client: the server answered with an error: ");
                    for (size_t i = 0; i < count && i < f->skip; i++) fputc(bytes[i] ? bytes[i] : ' ', stderr);
                    fprintf(stderr, "\n");
                    exit(1);
                }
            }
            continue;
        }
        uint64_t n = f->skip < count ? f->skip : count;
        f->skip -= n;
        bytes += n;
        count -= n;
        if (f->skip == 0) {
            f->have = 0;
            if (f->head[0] == 'Z') return 1;
        }
    }
    return 0;
}

static uint64_t until_ready(int fd) {
    static unsigned char buffer[1 << 18];
    Follower f = {0};
    uint64_t total = 0;
    for (;;) {
        ssize_t got = recv(fd, buffer, sizeof buffer, 0);
        if (got < 0) die("client: no answer");
        if (got == 0) {
            fprintf(stderr, "client: the server hung up\n");
            exit(1);
        }
        total += (uint64_t)got;
        if (follow(&f, buffer, (size_t)got)) return total;
    }
}

static int login(int port) {
    static const char body[] = "\0\3\0\0user\0bench\0database\0bench\0";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) die("client: connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct timeval patience = {.tv_sec = 20}; /* then receives fail, instead of waiting for what never comes */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char packet[4 + sizeof body];
    uint32_t length = htonl(sizeof packet);
    memcpy(packet, &length, 4);
    memcpy(packet + 4, body, sizeof body);
    send_all(fd, packet, sizeof packet);
    until_ready(fd);
    return fd;
}

static uint64_t query(int fd, const char *text) {
    size_t count = strlen(text) + 1;
    char *packet = malloc(count + 5);
    uint32_t length = htonl((uint32_t)count + 4);
    packet[0] = 'Q';
    memcpy(packet + 1, &length, 4);
    memcpy(packet + 5, text, count);
    send_all(fd, packet, count + 5);
    free(packet);
    return until_ready(fd);
}

static void say(const char *word) {
    puts(word);
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: client idle PORT N | client bulk PORT TEXT\n");
        return 2;
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    int port = atoi(argv[2]);
    if (!strcmp(argv[1], "bulk")) {
        int fd = login(port);
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        uint64_t bytes = query(fd, argv[3]);
        clock_gettime(CLOCK_MONOTONIC, &b);
        printf("%llu %.6f\n", (unsigned long long)bytes,
               (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
        return 0;
    }
    int count = atoi(argv[3]);
    int *fds = calloc((size_t)count, sizeof *fds);
    for (int i = 0; i < count; i++) fds[i] = login(port);
    say("login");
    if (getchar() == EOF) return 0;
    for (int i = 0; i < count; i++) query(fds[i], "SELECT 1");
    say("query");
    getchar();
    static const char goodbye[5] = {'X', 0, 0, 0, 4};
    for (int i = 0; i < count; i++) {
        send_all(fds[i], goodbye, sizeof goodbye);
        close(fds[i]);
    }
    return 0;
}
