#include "CLinux.h"
int headgate_placeholder(void) { return 0; }
