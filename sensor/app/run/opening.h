/* The line that a live run begins with. */
#pragma once

struct pipeline;

/* Says what is captured and where it goes, as the configuration or the sensor itself chose it. To be called when
 * everything is open, before the first packet is read.
 * @thread main, before the threads that read packets are started */
void opening_log(const struct pipeline *pipeline);
