/* ndis.h for a host without Windows: what examples/ndis-pf uses of the kernel and of NDIS, from the
 * public documentation of each type and function. kernel.c has the functions. The example asserts
 * the layouts, here and with the header that the kernel build uses. */
#ifndef NDIS_H
#define NDIS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VOID void
typedef void *PVOID;
typedef uint8_t UCHAR, BOOLEAN, KIRQL;
typedef uint16_t USHORT, WCHAR;
typedef uint32_t ULONG;
typedef unsigned int UINT;
typedef int32_t LONG, NTSTATUS;
typedef uint64_t ULONG64, ULONGLONG;
typedef size_t SIZE_T;

#define TRUE 1
#define FALSE 0
#define MAXULONG UINT32_MAX
#define UNREFERENCED_PARAMETER(parameter) ((void)(parameter))
#define C_ASSERT(condition) static_assert(condition, #condition)
#define FIELD_OFFSET(type, field) offsetof(type, field)
#define RTL_SIZEOF_THROUGH_FIELD(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))
#define RtlZeroMemory(to, length) memset((to), 0, (length))
#define RtlCopyMemory(to, from, length) memcpy((to), (from), (length))

#define NT_SUCCESS(status) ((status) >= 0)
#define STATUS_SUCCESS ((NTSTATUS)0x00000000)
#define STATUS_PENDING ((NTSTATUS)0x00000103)
#define STATUS_UNSUCCESSFUL ((NTSTATUS)0xC0000001)
#define STATUS_INVALID_PARAMETER ((NTSTATUS)0xC000000D)
#define STATUS_INSUFFICIENT_RESOURCES ((NTSTATUS)0xC000009A)
#define STATUS_NOT_SUPPORTED ((NTSTATUS)0xC00000BB)

/* The kernel. */

typedef uintptr_t KSPIN_LOCK, *PKSPIN_LOCK;
typedef struct _EX_RUNDOWN_REF {
  uint64_t count;
} EX_RUNDOWN_REF, *PEX_RUNDOWN_REF;
typedef enum _EX_POOL_PRIORITY { NormalPoolPriority = 16 } EX_POOL_PRIORITY;

KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK lock);
void KeReleaseSpinLock(PKSPIN_LOCK lock, KIRQL irql);
#define KeAcquireSpinLock(lock, irql) (*(irql) = KeAcquireSpinLockRaiseToDpc(lock))
ULONGLONG KeQueryInterruptTime(void);
void ExInitializeRundownProtection(PEX_RUNDOWN_REF rundown);
BOOLEAN ExAcquireRundownProtection(PEX_RUNDOWN_REF rundown);
void ExReleaseRundownProtection(PEX_RUNDOWN_REF rundown);
void ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF rundown);
LONG InterlockedExchange(LONG volatile *target, LONG value);
PVOID InterlockedExchangePointer(PVOID volatile *target, PVOID value);
LONG ReadAcquire(LONG const volatile *source);

/* NDIS: statuses. */

typedef int NDIS_STATUS;
#define NDIS_STATUS_SUCCESS ((NDIS_STATUS)STATUS_SUCCESS)
#define NDIS_STATUS_PENDING ((NDIS_STATUS)STATUS_PENDING)
#define NDIS_STATUS_NOT_ACCEPTED ((NDIS_STATUS)0x00010003)
#define NDIS_STATUS_FAILURE ((NDIS_STATUS)STATUS_UNSUCCESSFUL)
#define NDIS_STATUS_NOT_SUPPORTED ((NDIS_STATUS)STATUS_NOT_SUPPORTED)
#define NDIS_STATUS_INVALID_PARAMETER ((NDIS_STATUS)STATUS_INVALID_PARAMETER)
#define NDIS_STATUS_RESOURCES ((NDIS_STATUS)STATUS_INSUFFICIENT_RESOURCES)
#define NDIS_STATUS_INVALID_LENGTH ((NDIS_STATUS)0xC0010014)
#define NDIS_STATUS_INVALID_OID ((NDIS_STATUS)0xC0010017)
#define NDIS_STATUS_FILE_NOT_FOUND ((NDIS_STATUS)0xC001001B)

/* NDIS: requests. */

typedef PVOID NDIS_HANDLE;
typedef ULONG NDIS_OID, NDIS_PORT_NUMBER;
typedef USHORT NDIS_SRIOV_FUNCTION_ID;
typedef ULONG NDIS_VF_RID, NDIS_NIC_SWITCH_ID;

#define OID_NIC_SWITCH_ALLOCATE_VF 0x00010245
#define OID_NIC_SWITCH_FREE_VF 0x00010246
#define OID_SRIOV_READ_VF_CONFIG_SPACE 0x00010251
#define OID_SRIOV_READ_VF_CONFIG_BLOCK 0x00010253
#define OID_SRIOV_WRITE_VF_CONFIG_BLOCK 0x00010254
#define OID_SRIOV_RESET_VF 0x00010255
#define OID_SRIOV_SET_VF_POWER_STATE 0x00010256

typedef enum _NDIS_REQUEST_TYPE {
  NdisRequestQueryInformation = 0,
  NdisRequestSetInformation = 1,
  NdisRequestMethod = 12
} NDIS_REQUEST_TYPE;

typedef struct _NDIS_OBJECT_HEADER {
  UCHAR Type;
  UCHAR Revision;
  USHORT Size;
} NDIS_OBJECT_HEADER;
#define NDIS_OBJECT_TYPE_DEFAULT 0x80
#define NDIS_OBJECT_TYPE_OID_REQUEST 0x96

typedef struct _NDIS_OID_REQUEST {
  NDIS_OBJECT_HEADER Header;
  NDIS_REQUEST_TYPE RequestType;
  NDIS_PORT_NUMBER PortNumber;
  UINT Timeout;
  PVOID RequestId;
  NDIS_HANDLE RequestHandle;
  union {
    struct {
      NDIS_OID Oid;
      PVOID InformationBuffer;
      UINT InformationBufferLength;
      UINT BytesRead;
      UINT BytesNeeded;
    } SET_INFORMATION;
    struct {
      NDIS_OID Oid;
      PVOID InformationBuffer;
      ULONG InputBufferLength;
      ULONG OutputBufferLength;
      ULONG MethodId;
      UINT BytesWritten;
      UINT BytesRead;
      UINT BytesNeeded;
    } METHOD_INFORMATION;
  } DATA;
  UCHAR NdisReserved[16 * sizeof(PVOID)];
  UCHAR MiniportReserved[2 * sizeof(PVOID)];
  UCHAR SourceReserved[2 * sizeof(PVOID)];
  UCHAR SupportedRevision;
  UCHAR Reserved1;
  USHORT Reserved2;
} NDIS_OID_REQUEST, *PNDIS_OID_REQUEST;

/* NDIS: structures of the OIDs. */

typedef struct _NDIS_IF_COUNTED_STRING {
  USHORT Length;
  WCHAR String[257];
} NDIS_IF_COUNTED_STRING;

#define NDIS_DEFAULT_SWITCH_ID 0

typedef struct _NDIS_NIC_SWITCH_VF_PARAMETERS {
  NDIS_OBJECT_HEADER Header;
  ULONG Flags;
  NDIS_NIC_SWITCH_ID SwitchId;
  NDIS_IF_COUNTED_STRING VMName;
  NDIS_IF_COUNTED_STRING VMFriendlyName;
  NDIS_IF_COUNTED_STRING NicName;
  USHORT MacAddressLength;
  UCHAR PermanentMacAddress[32];
  UCHAR CurrentMacAddress[32];
  NDIS_SRIOV_FUNCTION_ID VFId;
  NDIS_VF_RID RequestorId;
} NDIS_NIC_SWITCH_VF_PARAMETERS;
#define NDIS_NIC_SWITCH_VF_PARAMETERS_REVISION_1 1
#define NDIS_SIZEOF_NIC_SWITCH_VF_PARAMETERS_REVISION_1 \
  RTL_SIZEOF_THROUGH_FIELD(NDIS_NIC_SWITCH_VF_PARAMETERS, RequestorId)

typedef struct _NDIS_NIC_SWITCH_FREE_VF_PARAMETERS {
  NDIS_OBJECT_HEADER Header;
  ULONG Flags;
  NDIS_SRIOV_FUNCTION_ID VFId;
} NDIS_NIC_SWITCH_FREE_VF_PARAMETERS;
#define NDIS_NIC_SWITCH_FREE_VF_PARAMETERS_REVISION_1 1
#define NDIS_SIZEOF_NIC_SWITCH_FREE_VF_PARAMETERS_REVISION_1 \
  RTL_SIZEOF_THROUGH_FIELD(NDIS_NIC_SWITCH_FREE_VF_PARAMETERS, VFId)

typedef struct _NDIS_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS {
  NDIS_OBJECT_HEADER Header;
  NDIS_SRIOV_FUNCTION_ID VFId;
  ULONG BlockId;
  ULONG Length;
  ULONG BufferOffset;
} NDIS_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS;
#define NDIS_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS_REVISION_1 1
#define NDIS_SIZEOF_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS_REVISION_1 \
  RTL_SIZEOF_THROUGH_FIELD(NDIS_SRIOV_READ_VF_CONFIG_BLOCK_PARAMETERS, BufferOffset)

typedef struct _NDIS_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS {
  NDIS_OBJECT_HEADER Header;
  NDIS_SRIOV_FUNCTION_ID VFId;
  ULONG BlockId;
  ULONG Length;
  ULONG BufferOffset;
} NDIS_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS;
#define NDIS_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS_REVISION_1 1
#define NDIS_SIZEOF_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS_REVISION_1 \
  RTL_SIZEOF_THROUGH_FIELD(NDIS_SRIOV_WRITE_VF_CONFIG_BLOCK_PARAMETERS, BufferOffset)

typedef struct _NDIS_SRIOV_RESET_VF_PARAMETERS {
  NDIS_OBJECT_HEADER Header;
  NDIS_SRIOV_FUNCTION_ID VFId;
} NDIS_SRIOV_RESET_VF_PARAMETERS;
#define NDIS_SRIOV_RESET_VF_PARAMETERS_REVISION_1 1
#define NDIS_SIZEOF_SRIOV_RESET_VF_PARAMETERS_REVISION_1 \
  RTL_SIZEOF_THROUGH_FIELD(NDIS_SRIOV_RESET_VF_PARAMETERS, VFId)

typedef enum _NDIS_DEVICE_POWER_STATE {
  NdisDeviceStateUnspecified = 0,
  NdisDeviceStateD0 = 1,
  NdisDeviceStateD1 = 2,
  NdisDeviceStateD2 = 3,
  NdisDeviceStateD3 = 4,
  NdisDeviceStateMaximum = 5
} NDIS_DEVICE_POWER_STATE;

typedef struct _NDIS_SRIOV_SET_VF_POWER_STATE_PARAMETERS {
  NDIS_OBJECT_HEADER Header;
  NDIS_SRIOV_FUNCTION_ID VFId;
  NDIS_DEVICE_POWER_STATE PowerState;
  BOOLEAN WakeEnable;
} NDIS_SRIOV_SET_VF_POWER_STATE_PARAMETERS;
#define NDIS_SRIOV_SET_VF_POWER_STATE_PARAMETERS_REVISION_1 1
#define NDIS_SIZEOF_SRIOV_SET_VF_POWER_STATE_PARAMETERS_REVISION_1 \
  RTL_SIZEOF_THROUGH_FIELD(NDIS_SRIOV_SET_VF_POWER_STATE_PARAMETERS, WakeEnable)

/* NDIS: functions. */

void NdisMInvalidateConfigBlock(NDIS_HANDLE adapter, NDIS_SRIOV_FUNCTION_ID vf, ULONGLONG mask);
void NdisMOidRequestComplete(NDIS_HANDLE adapter, PNDIS_OID_REQUEST request, NDIS_STATUS status);
PVOID NdisAllocateMemoryWithTagPriority(NDIS_HANDLE handle, UINT length, ULONG tag,
                                        EX_POOL_PRIORITY priority);
void NdisFreeMemoryWithTagPriority(NDIS_HANDLE handle, PVOID memory, ULONG tag);

#ifdef __cplusplus
}
#endif

#endif
