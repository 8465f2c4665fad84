#ifndef HEADGATE_TOML_H
#define HEADGATE_TOML_H
#endif
