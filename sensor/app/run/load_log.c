#include "app/run/load_log.h"

#include "base/log.h"

static void log_taken(unsigned meter, const struct meter_load *load) {
    log_line(
        LOG_WARNING,
        "meter %u is overloaded: the kernel's ring is %u %% full, the flow table %u %%; step %u of %u, %s: %s%s",
        meter, load->pressure.ring, load->pressure.table, load->level, load->levels,
        overload_step_name(load->step), overload_step_does(load->step),
        load->level > 1
            ? ""
            : "; if this comes again, give it more of a processor, raise meter.n_meters, capture.socket_buffer_size or "
              "meter.flow_table_size, or filter traffic out (deploy/overload.md)");
}

void load_log(unsigned meter, const struct meter_load *load) {
    if (load->is_taken)
        log_taken(meter, load);
    else if (load->level > 0)
        log_line(LOG_INFO, "meter %u leaves the overload step %s; %u of %u are left", meter,
                 overload_step_name(load->step), load->level, load->levels);
    else
        log_line(LOG_INFO, "meter %u is not overloaded any more: it leaves the step %s, the last one", meter,
                 overload_step_name(load->step));
}
