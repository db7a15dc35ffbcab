//! Groups of calls that several scenarios share.

/// Calls, in order.
pub(super) type Calls = &'static [&'static str];

/// The device is added.
pub(super) const ADD: Calls = &["EvtDriverDeviceAdd"];
/// The device starts for the first time.
pub(super) const START: Calls = &[
    "bus gets START_DEVICE",
    "EvtDevicePrepareHardware",
    "EvtDeviceD0Entry from D3Final",
    "EvtDeviceD0EntryPostInterruptsEnabled from D3Final",
    "EvtDeviceSelfManagedIoInit",
    "START_DEVICE ends with 0x00000000",
];
pub(super) const SUSPEND: Calls = &["EvtDeviceSelfManagedIoSuspend"];
/// The device leaves D0 and releases its hardware.
pub(super) const EXIT: Calls = &[
    "EvtDeviceD0ExitPreInterruptsDisabled to D3Final",
    "EvtDeviceD0Exit to D3Final",
    "EvtDeviceReleaseHardware",
];
pub(super) const FLUSH: Calls = &["EvtDeviceSelfManagedIoFlush"];
pub(super) const CLEANUP: Calls = &["EvtDeviceSelfManagedIoCleanup"];
/// The last callbacks of a device, and the end of its removal.
pub(super) const GONE: Calls = &[
    "EvtCleanupCallback",
    "bus gets REMOVE_DEVICE",
    "EvtDestroyCallback",
    "REMOVE_DEVICE ends with 0x00000000",
];
/// A device that works is removed.
pub(super) const END: Calls = &[
    "EvtDeviceSelfManagedIoSuspend",
    "EvtDeviceD0ExitPreInterruptsDisabled to D3Final",
    "EvtDeviceD0Exit to D3Final",
    "EvtDeviceReleaseHardware",
    "EvtDeviceSelfManagedIoFlush",
    "EvtDeviceSelfManagedIoCleanup",
    "EvtCleanupCallback",
    "bus gets REMOVE_DEVICE",
    "EvtDestroyCallback",
    "REMOVE_DEVICE ends with 0x00000000",
];
/// The system goes to S3: the owner of the power policy requests D3 when the lower drivers are
/// done.
pub(super) const SLEEP: Calls = &["bus gets SET_POWER to S3", "EvtDeviceSelfManagedIoSuspend"];
/// The device goes to D3.
pub(super) const DOZE: Calls = &[
    "EvtDeviceD0ExitPreInterruptsDisabled to D3",
    "EvtDeviceD0Exit to D3",
    "bus gets SET_POWER to D3",
    "SET_POWER ends with 0x00000000",
];
/// The system is in S0 again: its packet ends first, then D0 is requested.
pub(super) const WAKE: Calls = &[
    "bus gets SET_POWER to S0",
    "SET_POWER ends with 0x00000000",
    "bus gets SET_POWER to D0",
    "EvtDeviceD0Entry from D3",
    "EvtDeviceD0EntryPostInterruptsEnabled from D3",
];
pub(super) const AWAKE: Calls = &["EvtDeviceSelfManagedIoRestart"];
/// The first request reaches the driver.
pub(super) const PRESENTED: Calls = &["EvtIoDeviceControl 0"];
/// The first request is completed.
pub(super) const COMPLETED: Calls = &["control 0 ends with 0x00000000"];
/// The first request is cancelled (`STATUS_CANCELLED`).
pub(super) const CANCELLED: Calls = &["control 0 ends with 0xc0000120"];
