/*
 * VF configuration blocks of an NDIS PF miniport driver: the OIDs that carry them, on
 * block_broker.h.
 *
 * For drivers of NDIS 6.30 and later. Names, layouts and rules are those of Microsoft's public
 * documentation of NDIS: the pages of each OID and structure, "Version Information Requirements for
 * NDIS Drivers", and MINIPORT_OID_REQUEST. README.md lists what it leaves open.
 */
#ifndef VF_BLOCKS_H
#define VF_BLOCKS_H

#include <ndis.h>

#include "block_broker.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What the miniport driver does with its hardware. NDIS sends an adapter one OID request at a time,
 * so one of the first six functions runs at a time, at PASSIVE_LEVEL and without a lock. They
 * return in microseconds: until then no other VF is served. Context is that of the configuration.
 */
typedef struct _VF_BLOCKS_HARDWARE {
    /* Allocates VF VfId, whose blocks have their defaults, and returns its PCI requestor ID
       (NdisMGetVirtualFunctionLocation, NDIS_MAKE_RID). After a failure the VF is not allocated. */
    NDIS_STATUS (*AllocateVf)(PVOID Context, NDIS_SRIOV_FUNCTION_ID VfId,
                              const NDIS_NIC_SWITCH_VF_PARAMETERS *Parameters,
                              NDIS_VF_RID *RequestorId);
    /* Frees an allocated VF. Fails with NDIS_STATUS_FILE_NOT_FOUND while the VF has VPorts; the VF
       stays allocated then. */
    NDIS_STATUS (*FreeVf)(PVOID Context, NDIS_SRIOV_FUNCTION_ID VfId);
    /* Resets an allocated VF, whose blocks are wiped already. A reset that takes longer returns
       NDIS_STATUS_PENDING; VfBlocksResetComplete ends it. */
    NDIS_STATUS (*ResetVf)(PVOID Context, NDIS_SRIOV_FUNCTION_ID VfId);
    /* Sets the power state of an allocated VF: NdisDeviceStateD0 to NdisDeviceStateD3. */
    NDIS_STATUS (*SetVfPowerState)(PVOID Context, NDIS_SRIOV_FUNCTION_ID VfId,
                                   NDIS_DEVICE_POWER_STATE PowerState, BOOLEAN WakeEnable);
    /* Optional: handles a write of a block with `companion` in its manifest, which breaks no rule.
       Data has the Length bytes of the whole block. STATUS_SUCCESS has the write committed, another
       status declines it. */
    NTSTATUS (*WriteBlock)(PVOID Context, NDIS_SRIOV_FUNCTION_ID VfId, ULONG BlockId,
                           const VOID *Data, ULONG Length);
    /* Optional: sets the PF's fields of such a block before a VF reads it. */
    NTSTATUS (*ReadBlock)(PVOID Context, NDIS_SRIOV_FUNCTION_ID VfId, ULONG BlockId, VOID *Data,
                          ULONG Length);
    /* Optional: host software waits for changes (bb_await_changes) and has to be woken. Up to
       DISPATCH_LEVEL, on any thread. */
    VOID (*WakeListeners)(PVOID Context);
} VF_BLOCKS_HARDWARE;

/*
 * What VfBlocksStart needs.
 */
typedef struct _VF_BLOCKS_CONFIG {
    /* The handle that NDIS gave to MiniportInitializeEx. */
    NDIS_HANDLE MiniportAdapterHandle;
    /* The compiled manifest: non-paged, and unchanged until VfBlocksStop. */
    const VOID *Table;
    SIZE_T TableLength;
    /* VFs of the NIC switch, at most the manifest's max-vfs. Their IDs are 0 to Vfs - 1. */
    USHORT Vfs;
    /* Both stay valid until VfBlocksStop. */
    const VF_BLOCKS_HARDWARE *Hardware;
    PVOID Context;
} VF_BLOCKS_CONFIG;

/*
 * The blocks of one adapter, in its non-paged context. Zeros until VfBlocksStart, for an adapter
 * whose SR-IOV is not enabled: requests are completed with NDIS_STATUS_NOT_SUPPORTED. The members
 * are private to the two files.
 */
typedef struct _VF_BLOCKS {
    VF_BLOCKS_CONFIG Config;
    bb_broker *Broker;
    PVOID Memory;
    /* Held by each user of Broker that is no OID request. */
    EX_RUNDOWN_REF Users;
    /* 1 after the adapter was removed. */
    volatile LONG IsRemoved;
    /* 1 while WriteBlock and ReadBlock may be called. */
    volatile LONG IsReady;
    /* The reset that pends, and its VF. Whoever takes the pointer completes the request. */
    PVOID volatile PendingReset;
    NDIS_SRIOV_FUNCTION_ID PendingVf;
} VF_BLOCKS;

/*
 * From MiniportInitializeEx, at PASSIVE_LEVEL: allocates all memory. No VF is allocated. After a
 * failure *Blocks is zeros, and there is nothing to stop.
 */
NTSTATUS VfBlocksStart(VF_BLOCKS *Blocks, const VF_BLOCKS_CONFIG *Config);

/*
 * From MiniportOidRequest, at PASSIVE_LEVEL: handles the request and sets *Status, which the
 * miniport driver returns. FALSE if the request has another OID.
 *
 * NDIS_STATUS_PENDING stands for a reset: NdisMOidRequestComplete has the request then.
 */
BOOLEAN VfBlocksOidRequest(VF_BLOCKS *Blocks, PNDIS_OID_REQUEST Request, NDIS_STATUS *Status);

/*
 * Ends the reset for which ResetVf returned NDIS_STATUS_PENDING, and completes its request. On any
 * thread, at PASSIVE_LEVEL, also before ResetVf has returned. A second call has no effect.
 */
VOID VfBlocksResetComplete(VF_BLOCKS *Blocks, NDIS_STATUS Status);

/*
 * Whether WriteBlock and ReadBlock may be called: not while firmware restarts, for example. At the
 * start they may not, and every operation that needs them is refused.
 */
VOID VfBlocksSetReady(VF_BLOCKS *Blocks, BOOLEAN IsReady);

/*
 * From MiniportDevicePnPEventNotify for NdisDevicePnPEventSurpriseRemoved, at PASSIVE_LEVEL: every
 * request is completed with NDIS_STATUS_NOT_ACCEPTED from here on.
 */
VOID VfBlocksSurpriseRemoved(VF_BLOCKS *Blocks);

/*
 * From MiniportHaltEx, at PASSIVE_LEVEL: waits for users of the broker, and frees the memory.
 */
VOID VfBlocksStop(VF_BLOCKS *Blocks);

/*
 * The broker for the functions of block_broker.h, until VfBlocksLeave. NULL before VfBlocksStart
 * and once VfBlocksStop was called: VfBlocksLeave is not called then. Up to DISPATCH_LEVEL, on any
 * thread.
 */
const bb_broker *VfBlocksEnter(VF_BLOCKS *Blocks);
VOID VfBlocksLeave(VF_BLOCKS *Blocks);

/*
 * Carries out the follow-up of such a function, before VfBlocksLeave: delivers invalidations with
 * NdisMInvalidateConfigBlock, and wakes listeners. Up to DISPATCH_LEVEL, without a lock.
 */
VOID VfBlocksFollowUp(VF_BLOCKS *Blocks, const bb_follow_up *FollowUp);

/*
 * Publishes the PF's bytes of a block to one VF, and notifies it. Expected is the revision that the
 * block must still have, from bb_host_read, or NULL. Returns the status of bb_publish;
 * STATUS_DEVICE_REMOVED once VfBlocksStop was called. Up to DISPATCH_LEVEL, on any thread.
 */
NTSTATUS VfBlocksPublish(VF_BLOCKS *Blocks, NDIS_SRIOV_FUNCTION_ID VfId, ULONG BlockId,
                         const VOID *Data, ULONG Length, const ULONG64 *Expected);

/*
 * Publishes to all VFs. Better at PASSIVE_LEVEL: it visits every VF.
 */
NTSTATUS VfBlocksPublishAll(VF_BLOCKS *Blocks, ULONG BlockId, const VOID *Data, ULONG Length);

#ifdef __cplusplus
}
#endif

#endif
