#ifndef HEADGATE_CLIBEV_H
#define HEADGATE_CLIBEV_H
/* libev's initialisers are macros, which Swift cannot import: each is a function here. */
#include <ev.h>

typedef void (*headgate_ev_io_callback)(struct ev_loop *, ev_io *, int);
typedef void (*headgate_ev_timer_callback)(struct ev_loop *, ev_timer *, int);
typedef void (*headgate_ev_async_callback)(struct ev_loop *, ev_async *, int);
typedef void (*headgate_ev_prepare_callback)(struct ev_loop *, ev_prepare *, int);

static inline void headgate_ev_io_init(ev_io *w, headgate_ev_io_callback cb, int fd, int events) {
    ev_io_init(w, cb, fd, events);
}
static inline void headgate_ev_io_modify(ev_io *w, int events) { ev_io_modify(w, events); }
static inline void headgate_ev_io_set(ev_io *w, int fd, int events) { ev_io_set(w, fd, events); }
static inline int headgate_ev_io_is_active(const ev_io *w) { return ev_is_active(w); }
static inline void headgate_ev_timer_init(ev_timer *w, headgate_ev_timer_callback cb, double after, double repeat) {
    ev_timer_init(w, cb, after, repeat);
}
static inline void headgate_ev_async_init(ev_async *w, headgate_ev_async_callback cb) { ev_async_init(w, cb); }
static inline void headgate_ev_prepare_init(ev_prepare *w, headgate_ev_prepare_callback cb) { ev_prepare_init(w, cb); }
#endif
