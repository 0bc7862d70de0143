#include "base/check.h"

#include <stdlib.h>

#include "base/log.h"

void check_failed(const char *condition, const char *file, int line, const char *function) {
    log_line(LOG_ERROR, "%s:%d: %s(): not true: %s; this is a defect of flowsensor, please report it", file,
             line, function, condition);
    abort();
}
