/* The line that a live run begins with. */
#pragma once

struct pipeline;

/* Everything is open, and packets are read from here on: says what was chosen, by the configuration or by itself. */
void opening_log(const struct pipeline *pipeline);
