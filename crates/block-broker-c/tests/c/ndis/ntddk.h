/* ntddk.h for a host without Windows: for the code of docs/any-pf-driver.md, which is compiled and
 * not run. */
#ifndef NTDDK_H
#define NTDDK_H

#include <ndis.h>

typedef enum _POOL_TYPE { NonPagedPoolNx = 512 } POOL_TYPE;

PVOID ExAllocatePoolWithTag(POOL_TYPE type, SIZE_T length, ULONG tag);
VOID ExFreePoolWithTag(PVOID memory, ULONG tag);

#endif
