/*
 * The companion interface between pf_broker (an upper filter) and the vendor's function driver
 * below it, the companion. The Rust crate pf-companion-abi declares the same; a test compares both.
 *
 * Include <ntddk.h> before this header. pf_broker makes every call at PASSIVE_LEVEL without a lock,
 * about one VF one call at a time and about different VFs at the same time. All layouts are those of
 * a 64-bit Windows target.
 */
#ifndef PF_COMPANION_H
#define PF_COMPANION_H

#ifdef __cplusplus
extern "C" {
#endif

/* The version of both structures. */
#define PF_COMPANION_VERSION 1

/* {9C4CD177-76D2-438D-A4A5-15F3C8A29BE9}: PF_COMPANION_INTERFACE of PF_COMPANION_VERSION. */
static const GUID GUID_PF_BROKER_COMPANION = {
    0x9C4CD177, 0x76D2, 0x438D, {0xA4, 0xA5, 0x15, 0xF3, 0xC8, 0xA2, 0x9B, 0xE9}};

/* Which VFs a publish or an invalidation is for. */
#define PF_BROKER_SCOPE_VF 0
#define PF_BROKER_SCOPE_ALL 1

/* Of the management interface; pf_broker.h, which can be included before or after, has them. */
struct PF_BROKER_MESSAGE;
struct PF_BROKER_STATS_REPLY;

/*
 * What pf_broker offers. A function that refuses returns the NTSTATUS of the refusal, as the
 * management interface does; STATUS_INVALID_PARAMETER for a NULL pointer that is not optional or a
 * scope that does not exist, STATUS_INVALID_DEVICE_STATE above PASSIVE_LEVEL where that is required.
 * After PF_COMPANION_DETACH every function but Release fails with STATUS_DEVICE_REMOVED.
 */

/* Gives the functions back; none may be used afterwards. Up to DISPATCH_LEVEL. */
typedef void PF_BROKER_RELEASE(PVOID Broker);
/* Says whether the companion is ready, any number of times. Up to DISPATCH_LEVEL. */
typedef NTSTATUS PF_BROKER_SET_READY(PVOID Broker, BOOLEAN Ready);
/* Copies the first Length bytes of a block, and its revision unless Revision is NULL. Up to
   DISPATCH_LEVEL. */
typedef NTSTATUS PF_BROKER_READ(PVOID Broker, USHORT Vf, ULONG Block, PVOID Buffer, ULONG Length,
                                ULONG64 *Revision);
/* Publishes to a block of one VF (up to DISPATCH_LEVEL) or of all (Vf 0, at PASSIVE_LEVEL).
   Expected is NULL or the revision that the block must have. */
typedef NTSTATUS PF_BROKER_PUBLISH(PVOID Broker, USHORT Vf, USHORT Scope, ULONG Block,
                                   const void *Data, ULONG Length, const ULONG64 *Expected);
/* Invalidates the blocks of Mask (bit n stands for block n). IRQL as for a publish. */
typedef NTSTATUS PF_BROKER_INVALIDATE(PVOID Broker, USHORT Vf, USHORT Scope, ULONG64 Mask);
/* Takes the oldest messages of a stream, at most Capacity. Up to DISPATCH_LEVEL. */
typedef NTSTATUS PF_BROKER_DRAIN(PVOID Broker, USHORT Vf, ULONG Block,
                                 struct PF_BROKER_MESSAGE *Messages, ULONG Capacity, ULONG *Count);
/* Resets a VF and waits for it. At PASSIVE_LEVEL. */
typedef NTSTATUS PF_BROKER_RESET(PVOID Broker, USHORT Vf);
/* Reads the counters of a VF. Up to DISPATCH_LEVEL. */
typedef NTSTATUS PF_BROKER_GET_STATISTICS(PVOID Broker, USHORT Vf,
                                          struct PF_BROKER_STATS_REPLY *Statistics);

typedef struct _PF_BROKER_FUNCTIONS {
    USHORT Size;    /* bytes of the structure */
    USHORT Version; /* PF_COMPANION_VERSION */
    PVOID Broker;   /* the first argument of every function below */
    PF_BROKER_RELEASE *Release;
    PF_BROKER_SET_READY *SetReady;
    PF_BROKER_READ *Read;
    PF_BROKER_PUBLISH *Publish;
    PF_BROKER_INVALIDATE *Invalidate;
    PF_BROKER_DRAIN *Drain;
    PF_BROKER_RESET *Reset;
    PF_BROKER_GET_STATISTICS *Statistics;
} PF_BROKER_FUNCTIONS;

/*
 * What the companion offers.
 */

/* pf_broker attaches. The companion copies the structure, which is valid during the call; its
   functions may be called until Release, once for each Attach. With a failure the companion declines:
   pf_broker makes no other call, and the companion must not call the functions. */
typedef NTSTATUS PF_COMPANION_ATTACH(PVOID Context, const PF_BROKER_FUNCTIONS *Functions);
/* pf_broker detaches: no call is in progress, and none follows. */
typedef void PF_COMPANION_DETACH(PVOID Context);
/* A VF's write has passed every rule and is not committed yet. Data holds the whole block.
   STATUS_SUCCESS accepts it; every other status declines it. */
typedef NTSTATUS PF_COMPANION_VF_WRITE(PVOID Context, USHORT Vf, ULONG Block, const UCHAR *Data,
                                       ULONG Length);
/* A VF reads: the companion changes the PF's bytes of the block. */
typedef NTSTATUS PF_COMPANION_VF_READ(PVOID Context, USHORT Vf, ULONG Block, UCHAR *Data,
                                      ULONG Length);
/* A write that was accepted was committed. */
typedef void PF_COMPANION_VF_COMMITTED(PVOID Context, USHORT Vf, ULONG Block);
/* The power state of a VF has changed. */
typedef void PF_COMPANION_VF_POWER(PVOID Context, USHORT Vf, ULONG State);
/* A VF was reset. It is served again when this call has returned. */
typedef void PF_COMPANION_VF_RESET(PVOID Context, USHORT Vf);
/* InterfaceReference and InterfaceDereference. */
typedef void PF_COMPANION_REFERENCE(PVOID Context);

typedef struct _PF_COMPANION_INTERFACE {
    USHORT Size;    /* bytes of the structure */
    USHORT Version; /* PF_COMPANION_VERSION */
    PVOID Context;  /* the first argument of every function below */
    PF_COMPANION_REFERENCE *InterfaceReference;
    PF_COMPANION_REFERENCE *InterfaceDereference;
    PF_COMPANION_ATTACH *Attach;
    PF_COMPANION_DETACH *Detach;
    PF_COMPANION_VF_WRITE *VfWrite;         /* if the manifest hands writes over, else NULL */
    PF_COMPANION_VF_READ *VfRead;           /* the same for reads */
    PF_COMPANION_VF_COMMITTED *VfCommitted; /* or NULL, as those below */
    PF_COMPANION_VF_POWER *VfPower;
    PF_COMPANION_VF_RESET *VfReset;
} PF_COMPANION_INTERFACE;

#ifdef __cplusplus
}
#endif

#endif /* PF_COMPANION_H */
