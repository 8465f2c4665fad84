#ifndef HEADGATE_CSYSTEMD_H
#define HEADGATE_CSYSTEMD_H
#include <systemd/sd-daemon.h>
#endif
