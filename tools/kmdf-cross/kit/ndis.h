/*
 * ndis.h of the kit tree: what the miniport drivers of this project use of NDIS 6.30. The ndis.h of
 * mingw-w64 10 ends with NDIS 6.20 and does not compile together with the ntddndis.h of that
 * version, which has the OIDs and structures of 6.30. Names, values and layouts are from the public
 * documentation of each function, structure and status.
 */
#ifndef PF_BROKER_KIT_NDIS_H
#define PF_BROKER_KIT_NDIS_H

#include <ntddk.h>

/* Of the kernel, what mingw-w64 lacks and only these drivers use. ReadAcquire is a function of the
 * wdm.h of the WDK: it reads a LONG that other processors write. */
#define ReadAcquire(Source) __atomic_load_n((Source), __ATOMIC_ACQUIRE)
#if defined(__aarch64__)
KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock);
VOID KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql);
#define KeAcquireSpinLock(SpinLock, OldIrql) (*(OldIrql) = KeAcquireSpinLockRaiseToDpc(SpinLock))
#define InterlockedExchange _InterlockedExchange
#define InterlockedExchangePointer _InterlockedExchangePointer
#endif

/* ntddndis.h includes both for a structure of sockets, and both need the headers of user mode. Only
 * its size matters, in structures that no driver of this project has. */
#define _WS2DEF_
#define _WS2IPDEF_
typedef struct _SOCKADDR_INET {
  UCHAR Bytes[28];
} SOCKADDR_INET;

#define NDIS_SUPPORT_NDIS6 1
#define NDIS_SUPPORT_NDIS61 1
#define NDIS_SUPPORT_NDIS620 1
#define NDIS_SUPPORT_NDIS630 1
#include <ntddndis.h>

typedef PVOID NDIS_HANDLE;
typedef unsigned int UINT;

/* Values that every version of NDIS has. */
#define NDIS_STATUS_SUCCESS ((NDIS_STATUS)STATUS_SUCCESS)
#define NDIS_STATUS_PENDING ((NDIS_STATUS)STATUS_PENDING)
#define NDIS_STATUS_NOT_ACCEPTED ((NDIS_STATUS)0x00010003L)
#define NDIS_STATUS_FAILURE ((NDIS_STATUS)STATUS_UNSUCCESSFUL)
#define NDIS_STATUS_NOT_SUPPORTED ((NDIS_STATUS)STATUS_NOT_SUPPORTED)
#define NDIS_STATUS_INVALID_PARAMETER ((NDIS_STATUS)STATUS_INVALID_PARAMETER)
#define NDIS_STATUS_RESOURCES ((NDIS_STATUS)STATUS_INSUFFICIENT_RESOURCES)
#define NDIS_STATUS_INVALID_LENGTH ((NDIS_STATUS)0xC0010014L)
#define NDIS_STATUS_INVALID_OID ((NDIS_STATUS)0xC0010017L)
#define NDIS_STATUS_FILE_NOT_FOUND ((NDIS_STATUS)0xC001001BL)

/* ntddndis.h names the structure. */
struct _NDIS_OID_REQUEST {
  NDIS_OBJECT_HEADER Header;
  NDIS_REQUEST_TYPE RequestType;
  NDIS_PORT_NUMBER PortNumber;
  UINT Timeout;
  PVOID RequestId;
  NDIS_HANDLE RequestHandle;
  union _REQUEST_DATA {
    struct _QUERY {
      NDIS_OID Oid;
      PVOID InformationBuffer;
      UINT InformationBufferLength;
      UINT BytesWritten;
      UINT BytesNeeded;
    } QUERY_INFORMATION;
    struct _SET {
      NDIS_OID Oid;
      PVOID InformationBuffer;
      UINT InformationBufferLength;
      UINT BytesRead;
      UINT BytesNeeded;
    } SET_INFORMATION;
    struct _METHOD {
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
};

typedef enum _NDIS_DEVICE_PNP_EVENT {
  NdisDevicePnPEventQueryRemoved,
  NdisDevicePnPEventRemoved,
  NdisDevicePnPEventSurpriseRemoved
} NDIS_DEVICE_PNP_EVENT;

NTSYSAPI VOID NTAPI NdisMInvalidateConfigBlock(NDIS_HANDLE NdisMiniportHandle,
                                               NDIS_SRIOV_FUNCTION_ID VFId, ULONGLONG BlockMask);
NTSYSAPI VOID NTAPI NdisMOidRequestComplete(NDIS_HANDLE MiniportAdapterHandle,
                                            PNDIS_OID_REQUEST OidRequest, NDIS_STATUS Status);
NTSYSAPI PVOID NTAPI NdisAllocateMemoryWithTagPriority(NDIS_HANDLE NdisHandle, UINT Length,
                                                       ULONG Tag, EX_POOL_PRIORITY Priority);
NTSYSAPI VOID NTAPI NdisFreeMemoryWithTagPriority(NDIS_HANDLE NdisHandle, PVOID VirtualAddress,
                                                  ULONG Tag);

#endif
