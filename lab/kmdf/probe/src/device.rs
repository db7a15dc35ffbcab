//! The probe as a Plug and Play driver: a function device above [`crate::bus`] that records every
//! callback, and the steps that a scenario takes with it.

use wdk_sys::{
    _SYSTEM_POWER_STATE::{PowerSystemSleeping3, PowerSystemWorking},
    _WDF_POWER_DEVICE_STATE as state, IRP_MN_REMOVE_DEVICE, IRP_MN_START_DEVICE, NTSTATUS,
    PDEVICE_OBJECT, PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL, PWDFDEVICE_INIT, STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL, WDF_OBJECT_ATTRIBUTES, WDF_PNPPOWER_EVENT_CALLBACKS,
    WDF_POWER_DEVICE_STATE, WDFCMRESLIST, WDFDEVICE, WDFDRIVER, WDFOBJECT, WDFQUEUE,
    call_unsafe_wdf_function_binding,
};

use crate::{
    bus,
    framework::{Framework, attributes, queue, wdf},
    kernel_types::size,
    once::Once,
    packet::{self, Power},
    record::record,
};

/// A scenario's device.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// The callback that fails.
    pub(crate) failing: Option<&'static str>,
    /// The status that it fails with.
    pub(crate) failure: NTSTATUS,
    /// Runs before the device is created.
    pub(crate) prepare: fn(PWDFDEVICE_INIT),
    /// Runs when the device is created.
    pub(crate) furnish: fn(WDFDEVICE),
    /// Runs in `EvtDeviceD0Exit`.
    pub(crate) leave: fn(),
    /// Runs in `EvtDeviceSurpriseRemoval`.
    pub(crate) surprise: fn(),
}

/// A device without queues, whose callbacks succeed.
pub(crate) const PLAIN: Plan = Plan {
    failing: None,
    failure: STATUS_UNSUCCESSFUL,
    prepare: |_| (),
    furnish: |_| (),
    leave: || (),
    surprise: || (),
};

static PLAN: Once<Plan> = Once::new();
static OBJECT: Once<PDEVICE_OBJECT> = Once::new();
static HANDLE: Once<WDFDEVICE> = Once::new();
/// The handler of [`start_with_queue`]'s queue, and the queue.
static HANDLER: Once<PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL> = Once::new();
static QUEUE: Once<WDFQUEUE> = Once::new();

/// The function device's own object; null before there is one.
pub(crate) fn object() -> PDEVICE_OBJECT {
    OBJECT.get().unwrap_or(core::ptr::null_mut())
}

/// The framework's handle of the device; null before there is one.
pub(crate) fn handle() -> WDFDEVICE {
    HANDLE.get().unwrap_or(core::ptr::null_mut())
}

/// Adds and starts a device whose default queue calls `handler`, or waits for the driver to
/// retrieve requests when there is none. Returns the queue.
pub(crate) fn start_with_queue(
    framework: &Framework,
    handler: PFN_WDF_IO_QUEUE_IO_DEVICE_CONTROL,
) -> WDFQUEUE {
    HANDLER.set(handler);
    add(
        framework,
        Plan {
            furnish: |device| QUEUE.set(queue(device, HANDLER.get().flatten(), true)),
            ..PLAIN
        },
    );
    start();
    QUEUE.get().unwrap_or(core::ptr::null_mut())
}

/// Adds a device to the bus.
pub(crate) fn add(framework: &Framework, plan: Plan) {
    PLAN.set(plan);
    let status = bus::plug_in(framework.object);
    if status < 0 {
        record!("AddDevice ends with {status:#010x}");
        bus::pull_out();
    }
}

/// Sends a Plug and Play packet and records its end.
pub(crate) fn pnp(minor: u32) {
    let status = packet::pnp(object(), minor);
    record!("{} ends with {status:#010x}", bus::name(minor));
}

/// Starts the device.
pub(crate) fn start() {
    pnp(IRP_MN_START_DEVICE);
}

/// Removes the device, and its bus.
pub(crate) fn remove() {
    pnp(IRP_MN_REMOVE_DEVICE);
    bus::pull_out();
}

/// Sends the system to S3.
pub(crate) fn sleep() {
    packet::power(object(), Power::System(PowerSystemSleeping3));
}

/// Wakes the system.
pub(crate) fn wake() {
    packet::power(object(), Power::System(PowerSystemWorking));
}

/// Records a callback; its result is the plan's.
fn called(name: &'static str) -> NTSTATUS {
    record!("{name}");
    outcome(name)
}

fn outcome(name: &'static str) -> NTSTATUS {
    match PLAN.get() {
        Some(plan) if plan.failing == Some(name) => plan.failure,
        _ => STATUS_SUCCESS,
    }
}

const fn state_name(power: WDF_POWER_DEVICE_STATE) -> &'static str {
    match power {
        state::WdfPowerDeviceD0 => "D0",
        state::WdfPowerDeviceD1 => "D1",
        state::WdfPowerDeviceD2 => "D2",
        state::WdfPowerDeviceD3 => "D3",
        state::WdfPowerDeviceD3Final => "D3Final",
        _ => "another state",
    }
}

/// `EvtDriverDeviceAdd`.
pub(crate) unsafe extern "C" fn device_add(_driver: WDFDRIVER, init: PWDFDEVICE_INIT) -> NTSTATUS {
    const NAME: &str = "EvtDriverDeviceAdd";
    record!("{NAME}");
    let mut callbacks = callbacks();
    wdf!(
        WdfDeviceInitSetPnpPowerEventCallbacks,
        init,
        &raw mut callbacks
    );
    let plan = PLAN.get().unwrap_or(PLAIN);
    (plan.prepare)(init);
    let mut attributes = WDF_OBJECT_ATTRIBUTES {
        EvtCleanupCallback: Some(cleaned_up),
        EvtDestroyCallback: Some(destroyed),
        ..attributes(core::ptr::null_mut::<()>())
    };
    let mut init = init;
    let mut device: WDFDEVICE = core::ptr::null_mut();
    let status = wdf!(
        WdfDeviceCreate,
        &raw mut init,
        &raw mut attributes,
        &raw mut device
    );
    if status < 0 {
        return status;
    }
    HANDLE.set(device);
    OBJECT.set(bus::attached());
    (plan.furnish)(device);
    outcome(NAME)
}

unsafe extern "C" fn cleaned_up(_device: WDFOBJECT) {
    record!("EvtCleanupCallback");
}

unsafe extern "C" fn destroyed(_device: WDFOBJECT) {
    record!("EvtDestroyCallback");
}

fn callbacks() -> WDF_PNPPOWER_EVENT_CALLBACKS {
    WDF_PNPPOWER_EVENT_CALLBACKS {
        Size: size::<WDF_PNPPOWER_EVENT_CALLBACKS>(),
        EvtDevicePrepareHardware: Some(prepare_hardware),
        EvtDeviceReleaseHardware: Some(release_hardware),
        EvtDeviceD0Entry: Some(d0_entry),
        EvtDeviceD0EntryPostInterruptsEnabled: Some(d0_entry_post_interrupts_enabled),
        EvtDeviceD0ExitPreInterruptsDisabled: Some(d0_exit_pre_interrupts_disabled),
        EvtDeviceD0Exit: Some(d0_exit),
        EvtDeviceSelfManagedIoInit: Some(self_managed_io_init),
        EvtDeviceSelfManagedIoRestart: Some(self_managed_io_restart),
        EvtDeviceSelfManagedIoSuspend: Some(self_managed_io_suspend),
        EvtDeviceSelfManagedIoFlush: Some(self_managed_io_flush),
        EvtDeviceSelfManagedIoCleanup: Some(self_managed_io_cleanup),
        EvtDeviceSurpriseRemoval: Some(surprise_removal),
        EvtDeviceQueryRemove: Some(query_remove),
        EvtDeviceQueryStop: Some(query_stop),
        ..Default::default()
    }
}

unsafe extern "C" fn prepare_hardware(_: WDFDEVICE, _: WDFCMRESLIST, _: WDFCMRESLIST) -> NTSTATUS {
    called("EvtDevicePrepareHardware")
}

unsafe extern "C" fn release_hardware(_: WDFDEVICE, _: WDFCMRESLIST) -> NTSTATUS {
    called("EvtDeviceReleaseHardware")
}

macro_rules! power_callbacks {
    ($($name:ident = $text:literal, $word:literal;)*) => {
        $(unsafe extern "C" fn $name(_: WDFDEVICE, state: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
            record!("{} {} {}", $text, $word, state_name(state));
            outcome($text)
        })*
    };
}

power_callbacks! {
    d0_entry = "EvtDeviceD0Entry", "from";
    d0_entry_post_interrupts_enabled = "EvtDeviceD0EntryPostInterruptsEnabled", "from";
    d0_exit_pre_interrupts_disabled = "EvtDeviceD0ExitPreInterruptsDisabled", "to";
}

unsafe extern "C" fn d0_exit(_: WDFDEVICE, state: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    const NAME: &str = "EvtDeviceD0Exit";
    record!("{NAME} to {}", state_name(state));
    if let Some(plan) = PLAN.get() {
        (plan.leave)();
    }
    outcome(NAME)
}

macro_rules! device_callbacks {
    ($($name:ident = $text:literal;)*) => {
        $(unsafe extern "C" fn $name(_: WDFDEVICE) -> NTSTATUS {
            called($text)
        })*
    };
}

device_callbacks! {
    self_managed_io_init = "EvtDeviceSelfManagedIoInit";
    self_managed_io_restart = "EvtDeviceSelfManagedIoRestart";
    self_managed_io_suspend = "EvtDeviceSelfManagedIoSuspend";
    query_remove = "EvtDeviceQueryRemove";
    query_stop = "EvtDeviceQueryStop";
}

unsafe extern "C" fn self_managed_io_flush(_: WDFDEVICE) {
    called("EvtDeviceSelfManagedIoFlush");
}

unsafe extern "C" fn self_managed_io_cleanup(_: WDFDEVICE) {
    called("EvtDeviceSelfManagedIoCleanup");
}

unsafe extern "C" fn surprise_removal(_: WDFDEVICE) {
    called("EvtDeviceSurpriseRemoval");
    if let Some(plan) = PLAN.get() {
        (plan.surprise)();
    }
}
