#ifndef HEADGATE_CLINUX_ADDRESS_H
#define HEADGATE_CLINUX_ADDRESS_H
#include <stdint.h>

/* An internet address in one shape for both families; bytes in network order, IPv4 in the first four. */
struct headgate_address {
    uint8_t bytes[16];
    uint32_t scope;
    uint16_t port;
    uint8_t family; /* 4, 6, or 1 for a unix socket */
};
#endif
