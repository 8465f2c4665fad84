/* getaddrinfo whose answers a test can change: names stand in the file HEADGATE_TEST_HOSTS as `NAME ADDRESS`. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    real = (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(RTLD_NEXT, "getaddrinfo");
    const char *path = getenv("HEADGATE_TEST_HOSTS");
    FILE *file = path && node ? fopen(path, "r") : NULL;
    if (!file) return real(node, service, hints, found);
    char name[256], address[64];
    int result = -1;
    while (fscanf(file, "%255s %63s", name, address) == 2) {
        if (strcmp(name, node) != 0) continue;
        result = strcmp(address, "-") == 0 ? EAI_NONAME : real(address, service, hints, found);
        break;
    }
    fclose(file);
    return result == -1 ? real(node, service, hints, found) : result;
}
