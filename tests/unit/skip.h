/* How a unit test skips itself: it says why, and tests/common/skips.py counts it. */
#pragma once

#define skip_because(reason) (print_message("skipped: %s\n", reason), skip())
