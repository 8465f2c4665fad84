#ifndef HEADGATE_CLINUX_ACCESS_H
#define HEADGATE_CLINUX_ACCESS_H
/* What rules about who may come in need of the system: glibc's regular expressions, the networks this machine is in,
   and the names of its users. */
#include <stddef.h>
#include <stdint.h>

#include "CLinuxAddress.h"

/* A compiled POSIX extended regular expression. */
struct headgate_regex;

/* Compiles `pattern`; NULL if it is none, with the reason in `why`. */
struct headgate_regex *headgate_regex_make(const char *pattern, char *why, size_t size);
void headgate_regex_free(struct headgate_regex *regex);
/* 1 if `text` has a match anywhere, else 0. What its first group matched is [*start, *end), or -1. Any thread. */
int headgate_regex_match(const struct headgate_regex *regex, const char *text, int64_t *start, int64_t *end);
/* How many groups it has. */
size_t headgate_regex_groups(const struct headgate_regex *regex);

/* An address of this machine with the mask of its network. */
struct headgate_interface {
    struct headgate_address address;
    struct headgate_address mask;
};

/* Writes at most `limit` of them; how many there are, or -errno. */
int headgate_interfaces(struct headgate_interface *out, int limit);

/* The name of a user of this machine; 0, or -errno (-ENOENT for nobody). May ask the network: not for a loop. */
int headgate_user_name(uint32_t uid, char *out, size_t size);
#endif
