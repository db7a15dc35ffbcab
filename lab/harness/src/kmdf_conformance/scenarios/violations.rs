//! Scenarios that break one rule each, and the sentence that ends them.

use kmdf_rules::violation::Rule;

use super::scenario::{Scenario, stops};

pub(super) const VIOLATIONS: &[Scenario] = &[
    stops(
        Rule::LevelTooHigh,
        "level-too-high",
        "WdfStringCreate: called at DISPATCH_LEVEL, allowed up to PASSIVE_LEVEL; the thread holds WDFSPINLOCK #",
    ),
    stops(
        Rule::LockRecursion,
        "spin-lock-recursion",
        "WdfSpinLockAcquire: this thread holds lock # already",
    ),
    stops(
        Rule::LockNotHeld,
        "spin-lock-not-held",
        "WdfSpinLockRelease: this thread does not hold lock #",
    ),
    stops(
        Rule::LockOrder,
        "lock-order",
        "WdfSpinLockRelease: # was released before #, which was acquired later; the level would be restored wrongly",
    ),
    stops(
        Rule::LockDeletedWhileHeld,
        "lock-deleted-while-held",
        "WdfObjectDelete: lock # was deleted while a thread holds it",
    ),
    stops(
        Rule::UseAfterDelete,
        "use-after-delete",
        "WdfMemoryGetBuffer: WDFMEMORY # was deleted before this call",
    ),
    stops(
        Rule::WrongType,
        "wrong-type",
        "WdfSpinLockAcquire: # is a WDFDRIVER; a WDFSPINLOCK was expected",
    ),
    stops(
        Rule::UnknownHandle,
        "unknown-handle",
        "WdfSpinLockAcquire: 0x1230 is no framework handle; a WDFSPINLOCK was expected",
    ),
    stops(
        Rule::NotDeletable,
        "not-deletable",
        "WdfObjectDelete: WDFDRIVER # belongs to the framework and cannot be deleted by a driver",
    ),
    stops(
        Rule::Unimplemented,
        "function-missing",
        "WdfDeviceSetBusInformationForChildren: the KMDF double does not implement it",
    ),
    stops(
        Rule::Unimplemented,
        "callback-missing",
        "EvtIoStop: the KMDF double does not implement it",
    ),
    stops(
        Rule::BadParameter,
        "context-missing",
        "WdfObjectGetTypedContextWorker: WDFMEMORY has no context of this type (#)",
    ),
    stops(
        Rule::DoubleCompletion,
        "double-completion",
        "WdfRequestCompleteWithInformation: WDFREQUEST # was completed before",
    ),
    stops(
        Rule::CompletedPending,
        "completed-pending",
        "WdfRequestCompleteWithInformation: WDFREQUEST # was completed with STATUS_PENDING",
    ),
    stops(
        Rule::InformationTooLarge,
        "information-too-large",
        "WdfRequestComplete: WDFREQUEST # reports 9 bytes, its output buffer has 8",
    ),
    stops(
        Rule::RequestNotOwned,
        "request-not-owned",
        "WdfRequestCompleteWithInformation: the driver does not own WDFREQUEST #, which waits on a queue",
    ),
    stops(
        Rule::UseAfterDelete,
        "request-after-completion",
        "WdfRequestGetRequestorMode: WDFREQUEST # was deleted before this call",
    ),
    stops(
        Rule::LockHeldAtReturn,
        "spin-lock-held-at-return",
        "EvtIoDeviceControl: the callback returned while it holds lock #",
    ),
    stops(
        Rule::RequestKept,
        "left-at-removal",
        "device removal: the driver still owns WDFREQUEST # of WDFQUEUE # after 10 s",
    ),
    stops(
        Rule::RequestKept,
        "kept-in-dx",
        "leaving D0: the driver still owns WDFREQUEST # of WDFQUEUE # after 10 s",
    ),
    stops(
        Rule::UnrequestedPower,
        "power-not-requested",
        "IRP_MN_SET_POWER: WDFDEVICE # got a device power packet that its driver, the power policy owner, did not request",
    ),
    stops(
        Rule::WrongState,
        "file-unknown",
        "IRP_MJ_CLEANUP: # got a packet whose file object it never saw opened, and its class is not WdfFileObjectCanBeOptional",
    ),
    stops(
        Rule::WrongState,
        "unloaded-before-removal",
        "DriverUnload: # is unloaded while a device of it is not removed",
    ),
    stops(
        Rule::WrongState,
        "file-missing",
        "IRP_MJ_CREATE: # got a create without a file object, and its class needs one",
    ),
    stops(
        Rule::WrongState,
        "file-closed-unseen",
        "IRP_MJ_CLOSE: # got the close of a file object that it never saw opened",
    ),
    stops(
        Rule::WrongState,
        "file-asked-for",
        "WdfRequestGetFileObject: # got a packet whose file object it never saw opened, and its class is not WdfFileObjectCanBeOptional",
    ),
    stops(
        Rule::UnknownHandle,
        "file-null-handle",
        "WdfFileObjectGetDevice: 0x0 is no framework handle; a WDFFILEOBJECT was expected",
    ),
    stops(
        Rule::WrongState,
        "second-default-queue",
        "WdfIoQueueCreate: # has a default queue already",
    ),
    stops(
        Rule::BadParameter,
        "output-missing",
        "WdfSpinLockCreate: Lock is NULL (0x0)",
    ),
    stops(
        Rule::BadParameter,
        "stale-init",
        "WdfDeviceInitSetPnpPowerEventCallbacks: DeviceInit is no live WDFDEVICE_INIT (0x1230)",
    ),
    stops(
        Rule::BadParameter,
        "serialised-callbacks",
        "WdfMemoryCreate: SynchronizationScope asks for serialised callbacks, which the KMDF double does not have (0x2)",
    ),
    stops(
        Rule::BadParameter,
        "wrong-size",
        "WdfDeviceInitSetPnpPowerEventCallbacks: PnpPowerEventCallbacks has the wrong Size (0x1)",
    ),
    stops(
        Rule::WrongState,
        "sent-unformatted",
        "WdfRequestSend: # was not formatted since it came back last",
    ),
    stops(
        Rule::StatusNotAccepted,
        "prepare-hardware-not-supported",
        "EvtDevicePrepareHardware: returned STATUS_NOT_SUPPORTED, which the framework does not accept from it",
    ),
    stops(
        Rule::StatusNotAccepted,
        "release-hardware-not-supported",
        "EvtDeviceReleaseHardware: returned STATUS_NOT_SUPPORTED, which the framework does not accept from it",
    ),
    stops(
        Rule::StatusNotAccepted,
        "query-stop-not-supported",
        "EvtDeviceQueryStop: returned STATUS_NOT_SUPPORTED, which the framework does not accept from it",
    ),
    stops(
        Rule::StatusNotAccepted,
        "query-remove-not-supported",
        "EvtDeviceQueryRemove: returned STATUS_NOT_SUPPORTED, which the framework does not accept from it",
    ),
    stops(
        Rule::CalledInSurpriseRemoval,
        "completed-in-surprise-removal",
        "WdfRequestComplete: called for # from EvtDeviceSurpriseRemoval, which may run beside the callbacks of a power-down; EvtDeviceSelfManagedIoFlush is the place for it",
    ),
    stops(
        Rule::WrongState,
        "forgets-with-completion",
        "WdfRequestSend: # has a completion routine, which a request that is forgotten never reaches",
    ),
    stops(
        Rule::WrongState,
        "forwards-close-alone",
        "AutoForwardCleanupClose: # passes on the end of a file whose create the device below never got",
    ),
];
