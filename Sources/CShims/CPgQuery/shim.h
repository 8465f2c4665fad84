#include <pg_query.h>
#include <stdbool.h>

// The scanner of libpg_query reads these thread-local settings of the server it was made from; its header does not
// declare them.
extern __thread bool standard_conforming_strings;
extern __thread bool escape_string_warning;

// How '…' is read by the next parse on this thread. The warning would only be written to standard error.
static inline void headgate_pg_query_strings(bool conforming) {
    standard_conforming_strings = conforming;
    escape_string_warning = false;
}
