#ifndef HEADGATE_CZLIB_H
#define HEADGATE_CZLIB_H
/* zlib's initialisers are macros, which Swift cannot import: each is a function here. */
#include <zlib.h>

static inline int headgate_inflate_init(z_stream *stream) { return inflateInit(stream); }
static inline int headgate_deflate_init(z_stream *stream, int level) { return deflateInit(stream, level); }

#endif
