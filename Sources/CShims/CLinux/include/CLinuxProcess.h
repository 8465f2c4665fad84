#ifndef HEADGATE_CLINUX_PROCESS_H
#define HEADGATE_CLINUX_PROCESS_H
/* Child processes and the directories they work in. Unless said otherwise: 0 or more is success, a negative number
   is -errno. */
#include <stdint.h>
#include <sys/types.h>

/* A program to start. Owned by the caller throughout. */
struct headgate_program {
    const char *path;
    char *const *arguments;   /* from argv[0] on, ended by NULL */
    char *const *environment; /* ended by NULL */
    int output;               /* becomes its stdout and stderr; its stdin is /dev/null */
    int64_t uid;              /* who it runs as, or -1: who we are */
    int64_t gid;
    int death_signal; /* what it gets when the thread that starts it ends, however that comes about; 0: nothing */
};

/* Starts the program in a process group of its own, with default signals, at "/"; its pid or -errno. */
int64_t headgate_program_start(const struct headgate_program *program);
/* 0 while the child runs; 1 and what waitpid() says in *status once it has ended. */
int headgate_program_ended(int64_t pid, int *status);

/* uid and gid of the user of that name; -ENOENT without one. */
int headgate_find_user(const char *name, int64_t *uid, int64_t *gid);

/* Removes a directory and all in it, never following a symbolic link. */
int headgate_remove_tree(const char *path);
/* Forks a process that does nothing until this process has ended, however that comes about, and then removes the
   directory. To be called while there is one thread. */
int headgate_remove_tree_after_us(const char *path);
#endif
