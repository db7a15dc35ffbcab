/* The kernel's functions of a host without Windows, and what a test sees of them. */
#ifndef KERNEL_H
#define KERNEL_H

#include <ndis.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#define THREAD_LOCAL thread_local
#else
#define THREAD_LOCAL _Thread_local
#endif

enum { PASSIVE_LEVEL = 0, DISPATCH_LEVEL = 2 };

/* The IRQL of this thread. A spin lock raises it to DISPATCH_LEVEL. */
extern THREAD_LOCAL KIRQL kernel_irql;

/* How many spin locks this thread holds. */
extern THREAD_LOCAL int kernel_locks;

/* The interrupt time, which only a test advances. */
void kernel_advance(uint64_t ticks);

/* Called once, with the next spin lock of this thread held; NULL for no call. */
extern THREAD_LOCAL void (*kernel_under_next_lock)(void *context);
extern THREAD_LOCAL void *kernel_under_next_lock_context;

/* The next allocation fails. */
extern bool kernel_has_no_memory;

/* Allocations that were not freed. */
extern int kernel_allocations;

#ifdef __cplusplus
}
#endif

#endif
