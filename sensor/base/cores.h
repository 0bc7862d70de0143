/* How many processors this process may use at once. */
#pragma once

/* The least of what its affinity mask (sched_getaffinity(2)) and the quotas of its control groups allow (cpu.max of
 * version 2, cpu.cfs_quota_us of version 1, of every group up to the root); at least 1. A quota of 2.5 processors counts
 * as 2. `root` is where the file system of the host begins: "" but in tests. */
unsigned cores_usable(const char *root);
