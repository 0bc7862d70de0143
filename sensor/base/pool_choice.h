/* Which of the two pools is compiled: slabs (pool.c), or one allocation an object (pool_sanitize.c). */
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_SANITIZED 1
#endif
#endif
#if !defined(POOL_SANITIZED) && defined(__SANITIZE_ADDRESS__)
#define POOL_SANITIZED 1
#endif
#ifndef POOL_SANITIZED
#define POOL_SANITIZED 0
#endif
