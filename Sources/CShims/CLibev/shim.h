#ifndef HEADGATE_CLIBEV_H
#define HEADGATE_CLIBEV_H
/* libev's initialisers are macros, which Swift cannot import: each is a function here. */
#include <ev.h>

typedef void (*headgate_ev_io_callback)(struct ev_loop *, ev_io *, int);
typedef void (*headgate_ev_timer_callback)(struct ev_loop *, ev_timer *, int);
typedef void (*headgate_ev_async_callback)(struct ev_loop *, ev_async *, int);
typedef void (*headgate_ev_prepare_callback)(struct ev_loop *, ev_prepare *, int);
typedef void (*headgate_ev_check_callback)(struct ev_loop *, ev_check *, int);

/* The flags as plain integers: the header spells them as enumerators and unsigned macros mixed. */
static inline struct ev_loop *headgate_ev_loop_new(void) { return ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV); }
static inline void headgate_ev_run(struct ev_loop *loop) { ev_run(loop, 0); }
static inline void headgate_ev_turn(struct ev_loop *loop, int blocking) {
    ev_run(loop, blocking ? EVRUN_ONCE : EVRUN_NOWAIT);
}
static inline void headgate_ev_break(struct ev_loop *loop) { ev_break(loop, EVBREAK_ALL); }

static inline void headgate_ev_io_init(ev_io *w, headgate_ev_io_callback cb, int fd, int events) {
    ev_io_init(w, cb, fd, events);
}
static inline void headgate_ev_io_set(ev_io *w, int fd, int events) { ev_io_set(w, fd, events); }
static inline int headgate_ev_io_is_active(const ev_io *w) { return ev_is_active(w); }
/* What the watcher waits for now: EV_READ | EV_WRITE, or 0 when stopped. */
static inline int headgate_ev_io_interest(const ev_io *w) {
    return ev_is_active(w) ? w->events & (EV_READ | EV_WRITE) : 0;
}
/* Changes what a watcher with a descriptor waits for. ev_io_modify (not _set) keeps the descriptor's registration, so
   off and on again between two polls costs no epoll_ctl. */
static inline void headgate_ev_io_set_interest(struct ev_loop *loop, ev_io *w, int events) {
    if (headgate_ev_io_interest(w) == events) return;
    if (ev_is_active(w)) ev_io_stop(loop, w);
    if (!events) return;
    ev_io_modify(w, events);
    ev_io_start(loop, w);
}
static inline void headgate_ev_timer_init(ev_timer *w, headgate_ev_timer_callback cb, double after, double repeat) {
    ev_timer_init(w, cb, after, repeat);
}
static inline void headgate_ev_timer_set(ev_timer *w, double after, double repeat) { ev_timer_set(w, after, repeat); }
static inline int headgate_ev_timer_is_active(const ev_timer *w) { return ev_is_active(w); }
static inline void headgate_ev_async_init(ev_async *w, headgate_ev_async_callback cb) { ev_async_init(w, cb); }
static inline void headgate_ev_prepare_init(ev_prepare *w, headgate_ev_prepare_callback cb) { ev_prepare_init(w, cb); }
static inline void headgate_ev_check_init(ev_check *w, headgate_ev_check_callback cb) { ev_check_init(w, cb); }
#endif
