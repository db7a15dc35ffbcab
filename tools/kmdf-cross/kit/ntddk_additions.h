/*
 * ntddk.h of the kit tree: mingw-w64's, and declarations that its version 10 lacks and the wdk
 * crates use.
 */
#ifndef PF_BROKER_KIT_NTDDK_H
#define PF_BROKER_KIT_NTDDK_H

/* mingw-w64 10's kernel headers do not support 64-bit Arm. Their 32-bit branch includes only
 * armddk.h, which the kit provides. */
#if defined(__aarch64__)
#define _M_ARM 7
#define _IA64_
#include_next <ntddk.h>
#undef _IA64_
#undef _M_ARM
#else
#include_next <ntddk.h>
#endif

/* From the public documentation of ExAllocatePool2 and POOL_FLAGS. */
typedef ULONG64 POOL_FLAGS;

PVOID ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag);

/* From the public documentation of MmMapIoSpaceEx. */
PVOID MmMapIoSpaceEx(PHYSICAL_ADDRESS PhysicalAddress, SIZE_T NumberOfBytes, ULONG Protect);

#endif
