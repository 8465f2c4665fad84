#define _GNU_SOURCE
#include "CLinuxAccess.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <pwd.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct headgate_regex {
    regex_t compiled;
};

struct headgate_regex *headgate_regex_make(const char *pattern, char *why, size_t size) {
    struct headgate_regex *made = calloc(1, sizeof *made);
    if (made == NULL) {
        strncpy(why, "out of memory", size);
        return NULL;
    }
    int failure = regcomp(&made->compiled, pattern, REG_EXTENDED);
    if (failure != 0) {
        regerror(failure, &made->compiled, why, size);
        regfree(&made->compiled);
        free(made);
        return NULL;
    }
    return made;
}

void headgate_regex_free(struct headgate_regex *regex) {
    regfree(&regex->compiled);
    free(regex);
}

int headgate_regex_match(const struct headgate_regex *regex, const char *text, int64_t *start, int64_t *end) {
    regmatch_t groups[2];
    *start = *end = -1;
    if (regexec(&regex->compiled, text, 2, groups, 0) != 0) return 0;
    *start = groups[1].rm_so;
    *end = groups[1].rm_eo;
    return 1;
}

size_t headgate_regex_groups(const struct headgate_regex *regex) { return regex->compiled.re_nsub; }

static int take(const struct sockaddr *from, struct headgate_address *to) {
    memset(to, 0, sizeof *to);
    if (from->sa_family == AF_INET) {
        memcpy(to->bytes, &((const struct sockaddr_in *)from)->sin_addr, 4);
        to->family = 4;
        return 1;
    }
    if (from->sa_family == AF_INET6) {
        memcpy(to->bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
        to->family = 6;
        return 1;
    }
    return 0;
}

int headgate_interfaces(struct headgate_interface *out, int limit) {
    struct ifaddrs *all;
    int count = 0;
    if (getifaddrs(&all) != 0) return -errno;
    for (struct ifaddrs *one = all; one != NULL && count < limit; one = one->ifa_next) {
        if (one->ifa_addr == NULL || one->ifa_netmask == NULL) continue;
        if (take(one->ifa_addr, &out[count].address) && take(one->ifa_netmask, &out[count].mask)) count++;
    }
    freeifaddrs(all);
    return count;
}

int headgate_user_name(uint32_t uid, char *out, size_t size) {
    char buffer[4096];
    struct passwd entry, *found = NULL;
    int failure = getpwuid_r(uid, &entry, buffer, sizeof buffer, &found);
    if (failure != 0) return -failure;
    if (found == NULL) return -ENOENT;
    if (strlen(found->pw_name) >= size) return -ERANGE;
    strcpy(out, found->pw_name);
    return 0;
}
