/* Signals: the first SIGINT or SIGTERM asks for an orderly end, a second one ends the process at once. */
#pragma once

#include <stdbool.h>

struct capture;

/* Installs the handlers; `capture` is told to stop. Call again with NULL before the capture is closed. */
void control_install(struct capture *capture);

/* Whether a signal asked for the end. */
bool control_stopping(void);
