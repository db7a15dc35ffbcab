/*
 * The start and the end of an adapter's blocks, and the functions for host software. See
 * vf_blocks.h; vf_block_oids.c handles the OID requests.
 *
 * Locks: each VF has a spin lock, which the library takes for one operation at a time. OID requests
 * come at PASSIVE_LEVEL and one at a time, so what only they use needs no lock. Host software
 * publishes on other threads meanwhile. No function of NDIS or of the hardware is called with a
 * lock.
 */
#include "vf_blocks.h"

#define VF_BLOCKS_TAG 0x6B6C4256 /* "VBlk" */

/* The memory of a lock is zero at the start, which is a spin lock that is not held. */
C_ASSERT(sizeof(KSPIN_LOCK) <= sizeof(bb_lock));

static size_t Acquire(void *Context, uint16_t VfId, bb_lock *Lock)
{
    KIRQL irql;

    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(VfId);
    KeAcquireSpinLock((PKSPIN_LOCK)Lock, &irql);
    return irql;
}

static void Release(void *Context, uint16_t VfId, bb_lock *Lock, size_t State)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(VfId);
    KeReleaseSpinLock((PKSPIN_LOCK)Lock, (KIRQL)State);
}

/*
 * Follow-ups.
 */

/* Between taking the mask and passing it on the VF may be freed and allocated again. Its next owner
   then reads a block without need. */
static VOID DeliverTo(VF_BLOCKS *Blocks, NDIS_SRIOV_FUNCTION_ID VfId)
{
    ULONG64 mask = bb_hand_over_invalidation(Blocks->Broker, VfId, NULL, NULL);

    if (mask != 0) {
        NdisMInvalidateConfigBlock(Blocks->Config.MiniportAdapterHandle, VfId, mask);
    }
}

VOID VfBlocksFollowUp(VF_BLOCKS *Blocks, const bb_follow_up *FollowUp)
{
    USHORT vf;

    if (FollowUp->deliver == BB_DELIVER_TO_VF) {
        DeliverTo(Blocks, FollowUp->vf);
    } else if (FollowUp->deliver == BB_DELIVER_TO_ALL_VFS) {
        for (vf = 0; vf < Blocks->Config.Vfs; vf++) {
            DeliverTo(Blocks, vf);
        }
    }
    if (FollowUp->wake != 0 && Blocks->Config.Hardware->WakeListeners != NULL) {
        Blocks->Config.Hardware->WakeListeners(Blocks->Config.Context);
    }
}

/*
 * Start and end.
 */

static VOID FreeMemory(VF_BLOCKS *Blocks, const VF_BLOCKS_CONFIG *Config)
{
    NdisFreeMemoryWithTagPriority(Config->MiniportAdapterHandle, Blocks->Memory, VF_BLOCKS_TAG);
    Blocks->Memory = NULL;
    Blocks->Broker = NULL;
}

NTSTATUS VfBlocksStart(VF_BLOCKS *Blocks, const VF_BLOCKS_CONFIG *Config)
{
    bb_options options;
    size_t needed = 0;
    NTSTATUS status;

    RtlZeroMemory(Blocks, sizeof(*Blocks));
    status = bb_memory_needed(Config->Table, Config->TableLength, Config->Vfs, &needed);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    if (needed > MAXULONG) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Blocks->Memory = NdisAllocateMemoryWithTagPriority(Config->MiniportAdapterHandle, (UINT)needed,
                                                       VF_BLOCKS_TAG, NormalPoolPriority);
    if (Blocks->Memory == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlZeroMemory(&options, sizeof(options));
    options.size = sizeof(options);
    options.table = Config->Table;
    options.table_length = Config->TableLength;
    options.vfs = Config->Vfs;
    options.acquire = Acquire;
    options.release = Release;
    status = bb_initialize(&options, Blocks->Memory, needed, KeQueryInterruptTime(),
                           &Blocks->Broker);
    if (!NT_SUCCESS(status)) {
        FreeMemory(Blocks, Config);
        return status;
    }
    Blocks->Config = *Config;
    ExInitializeRundownProtection(&Blocks->Users);
    return STATUS_SUCCESS;
}

VOID VfBlocksSetReady(VF_BLOCKS *Blocks, BOOLEAN IsReady)
{
    InterlockedExchange(&Blocks->IsReady, IsReady ? 1 : 0);
}

VOID VfBlocksSurpriseRemoved(VF_BLOCKS *Blocks)
{
    bb_follow_up followUp;

    InterlockedExchange(&Blocks->IsRemoved, 1);
    (VOID)bb_remove(Blocks->Broker, KeQueryInterruptTime(), &followUp);
    VfBlocksFollowUp(Blocks, &followUp);
}

VOID VfBlocksStop(VF_BLOCKS *Blocks)
{
    VfBlocksSurpriseRemoved(Blocks);
    ExWaitForRundownProtectionRelease(&Blocks->Users);
    FreeMemory(Blocks, &Blocks->Config);
}

/*
 * Host software.
 */

const bb_broker *VfBlocksEnter(VF_BLOCKS *Blocks)
{
    if (!ExAcquireRundownProtection(&Blocks->Users)) {
        return NULL;
    }
    if (Blocks->Broker == NULL) {
        ExReleaseRundownProtection(&Blocks->Users);
        return NULL;
    }
    return Blocks->Broker;
}

VOID VfBlocksLeave(VF_BLOCKS *Blocks)
{
    ExReleaseRundownProtection(&Blocks->Users);
}

NTSTATUS VfBlocksPublish(VF_BLOCKS *Blocks, NDIS_SRIOV_FUNCTION_ID VfId, ULONG BlockId,
                         const VOID *Data, ULONG Length, const ULONG64 *Expected)
{
    const bb_broker *broker = VfBlocksEnter(Blocks);
    bb_follow_up followUp;
    bb_status status;

    if (broker == NULL) {
        return BB_REFUSED_REMOVED;
    }
    if (Expected == NULL) {
        status = bb_publish(broker, VfId, BlockId, Data, Length, KeQueryInterruptTime(), &followUp);
    } else {
        status = bb_publish_expecting(broker, VfId, BlockId, Data, Length, *Expected,
                                      KeQueryInterruptTime(), &followUp);
    }
    VfBlocksFollowUp(Blocks, &followUp);
    VfBlocksLeave(Blocks);
    return status;
}

NTSTATUS VfBlocksPublishAll(VF_BLOCKS *Blocks, ULONG BlockId, const VOID *Data, ULONG Length)
{
    const bb_broker *broker = VfBlocksEnter(Blocks);
    bb_follow_up followUp;
    bb_status status;

    if (broker == NULL) {
        return BB_REFUSED_REMOVED;
    }
    status = bb_publish_all(broker, BlockId, Data, Length, KeQueryInterruptTime(), &followUp);
    VfBlocksFollowUp(Blocks, &followUp);
    VfBlocksLeave(Blocks);
    return status;
}
