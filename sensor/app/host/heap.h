/* How the C library keeps freed memory. */
#pragma once

/* Keeps what is freed in large blocks, up to 16 MiB in each arena: librdkafka allocates and frees some megabytes with each
 * batch, and without this the kernel takes and clears each of their pages every time. The most that the process takes does
 * not change. Does nothing where the C library is not glibc.
 * @thread main, before the others are started */
void heap_keep_freed(void);
