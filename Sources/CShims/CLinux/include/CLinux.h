#ifndef HEADGATE_CLINUX_H
#define HEADGATE_CLINUX_H
int headgate_placeholder(void);
#endif
