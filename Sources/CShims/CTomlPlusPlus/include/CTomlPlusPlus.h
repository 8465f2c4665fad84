/// toml++ behind a C face: a buffer is parsed once and its tree is read as a flat list in source order of depth
/// (a table or array entry is followed by all its children). No C++ exception leaves this library.
#ifndef HEADGATE_TOML_H
#define HEADGATE_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What an entry is.
typedef enum headgate_toml_kind {
    HEADGATE_TOML_TABLE = 0,
    HEADGATE_TOML_ARRAY = 1,
    HEADGATE_TOML_STRING = 2,
    HEADGATE_TOML_INTEGER = 3,
    HEADGATE_TOML_FLOAT = 4,
    HEADGATE_TOML_BOOLEAN = 5,
    HEADGATE_TOML_DATE = 6,
} headgate_toml_kind;

/// One node. The pointers belong to the parse and live until `headgate_toml_free`; neither text ends in NUL.
typedef struct headgate_toml_entry {
    headgate_toml_kind kind;
    bool boolean;
    uint32_t key_line, key_column;      // 0 when the node has no key (array elements, the root)
    uint32_t value_line, value_column;
    const char *key;
    size_t key_length;
    const char *text;                   // strings only
    size_t text_length;
    int64_t integer;
    double number;
    size_t children;                    // tables and arrays only
} headgate_toml_entry;

typedef struct headgate_toml headgate_toml;

/// Parses `length` bytes. NULL only when memory is out.
headgate_toml *headgate_toml_parse(const char *text, size_t length);
/// Frees the parse and everything read from it.
void headgate_toml_free(headgate_toml *parse);
/// The error as text ending in NUL with its position, or NULL when the text is TOML.
const char *headgate_toml_error(const headgate_toml *parse, uint32_t *line, uint32_t *column);
/// How many entries there are; the first is the root table.
size_t headgate_toml_count(const headgate_toml *parse);
/// The entry at `index`, which must be below the count.
headgate_toml_entry headgate_toml_at(const headgate_toml *parse, size_t index);

#ifdef __cplusplus
}
#endif
#endif
