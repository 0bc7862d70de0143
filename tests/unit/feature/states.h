/* The states of features, for tests that plant one which no packets lead to. A state is private to the feature's file, so this
 * includes the files; what they define takes the place of the library's. One .c file of a program may include it. */
#pragma once

/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "feature/histograms.c"
#include "feature/ip.c"
#include "feature/process.c"
#include "feature/series.c"
#include "feature/sizes.c"
#include "feature/splt.c"
#include "feature/stats.c"
#include "feature/tcp_gaps.c"
/* NOLINTEND(bugprone-suspicious-include) */
