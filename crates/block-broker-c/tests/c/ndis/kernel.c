#include "kernel.h"

#include <sched.h>
#include <stdlib.h>

#include "../device.h"

static_assert(sizeof(PVOID) == 8, "the layouts are those of 64-bit Windows");

THREAD_LOCAL KIRQL kernel_irql = PASSIVE_LEVEL;
THREAD_LOCAL int kernel_locks = 0;
THREAD_LOCAL void (*kernel_under_next_lock)(void *context) = NULL;
THREAD_LOCAL void *kernel_under_next_lock_context = NULL;
bool kernel_has_no_memory = false;
int kernel_allocations = 0;

static uint64_t interrupt_time = 0;

void kernel_advance(uint64_t ticks) {
  __atomic_fetch_add(&interrupt_time, ticks, __ATOMIC_RELAXED);
}

ULONGLONG KeQueryInterruptTime(void) { return __atomic_load_n(&interrupt_time, __ATOMIC_RELAXED); }

KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK lock) {
  KIRQL irql = kernel_irql;
  /* The library never holds two locks. */
  REQUIRE(irql <= DISPATCH_LEVEL && kernel_locks == 0);
  while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) != 0) {
    sched_yield();
  }
  kernel_irql = DISPATCH_LEVEL;
  kernel_locks++;
  if (kernel_under_next_lock != NULL) {
    void (*call)(void *) = kernel_under_next_lock;
    kernel_under_next_lock = NULL;
    call(kernel_under_next_lock_context);
  }
  return irql;
}

void KeReleaseSpinLock(PKSPIN_LOCK lock, KIRQL irql) {
  REQUIRE(kernel_irql == DISPATCH_LEVEL && irql <= DISPATCH_LEVEL);
  kernel_locks--;
  REQUIRE(__atomic_exchange_n(lock, 0, __ATOMIC_RELEASE) == 1);
  kernel_irql = irql;
}

/* The lowest bit: nothing acquires it any more. */
void ExInitializeRundownProtection(PEX_RUNDOWN_REF rundown) { rundown->count = 0; }

BOOLEAN ExAcquireRundownProtection(PEX_RUNDOWN_REF rundown) {
  uint64_t count = __atomic_load_n(&rundown->count, __ATOMIC_RELAXED);
  do {
    if ((count & 1) != 0) {
      return FALSE;
    }
  } while (!__atomic_compare_exchange_n(&rundown->count, &count, count + 2, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
  return TRUE;
}

void ExReleaseRundownProtection(PEX_RUNDOWN_REF rundown) {
  REQUIRE(__atomic_fetch_sub(&rundown->count, 2, __ATOMIC_RELEASE) >= 2);
}

void ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF rundown) {
  REQUIRE(kernel_irql == PASSIVE_LEVEL);
  __atomic_fetch_or(&rundown->count, 1, __ATOMIC_ACQ_REL);
  while (__atomic_load_n(&rundown->count, __ATOMIC_ACQUIRE) != 1) {
    sched_yield();
  }
}

LONG InterlockedExchange(LONG volatile *target, LONG value) {
  return __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST);
}

PVOID InterlockedExchangePointer(PVOID volatile *target, PVOID value) {
  return __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST);
}

LONG ReadAcquire(LONG const volatile *source) { return __atomic_load_n(source, __ATOMIC_ACQUIRE); }

/* The previous content of the memory must not matter. */
PVOID NdisAllocateMemoryWithTagPriority(NDIS_HANDLE handle, UINT length, ULONG tag,
                                        EX_POOL_PRIORITY priority) {
  REQUIRE(handle != NULL && tag != 0 && priority == NormalPoolPriority);
  REQUIRE(kernel_irql <= DISPATCH_LEVEL);
  if (kernel_has_no_memory) {
    kernel_has_no_memory = false;
    return NULL;
  }
  kernel_allocations++;
  return memset(allocate(length), 0xEE, length);
}

void NdisFreeMemoryWithTagPriority(NDIS_HANDLE handle, PVOID memory, ULONG tag) {
  REQUIRE(handle != NULL && memory != NULL && tag != 0);
  kernel_allocations--;
  free(memory);
}
