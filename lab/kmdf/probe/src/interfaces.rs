//! Scenarios of interfaces that drivers query from each other.

use core::ptr;

use wdk_sys::{
    GUID, INTERFACE, NTSTATUS, PINTERFACE, PVOID, STATUS_SUCCESS, WDF_QUERY_INTERFACE_CONFIG,
    WDFDEVICE, call_unsafe_wdf_function_binding,
};

use crate::{
    device::{PLAIN, Plan, add, handle, object, remove, start},
    framework::{Framework, wdf},
    kernel_types::size,
    packet,
    record::record,
};

static CLASS: GUID = class(1);

const fn class(number: u32) -> GUID {
    GUID {
        Data1: number,
        Data2: 2,
        Data3: 3,
        Data4: [4; 8],
    }
}

/// The interface that the device offers: version 2 of 40 bytes.
#[repr(C)]
struct Offer {
    header: INTERFACE,
    answer: u64,
}

const SIZE: u16 = 40;
const VERSION: u16 = 2;

/// Plays the scenario; `false` when it is none of these.
pub(crate) fn play(framework: &Framework, scenario: &[u8]) -> bool {
    let (furnish, play): (fn(WDFDEVICE), fn()) = match scenario {
        b"query-interface" => (offer, ask),
        b"query-interface-refused" => (offer_wrongly, || ()),
        b"query-interface-of-target" => (PLAIN.furnish, query_target),
        _ => return false,
    };
    add(framework, Plan { furnish, ..PLAIN });
    start();
    play();
    remove();
    true
}

unsafe extern "C" fn process(_: WDFDEVICE, _: *mut GUID, _: PINTERFACE, _: PVOID) -> NTSTATUS {
    record!("EvtDeviceProcessQueryInterfaceRequest");
    STATUS_SUCCESS
}

unsafe extern "C" fn reference(_: PVOID) {
    record!("InterfaceReference");
}

unsafe extern "C" fn dereference(_: PVOID) {}

fn offered(size: u16) -> Offer {
    Offer {
        header: INTERFACE {
            Size: size,
            Version: VERSION,
            Context: ptr::null_mut(),
            InterfaceReference: Some(reference),
            InterfaceDereference: Some(dereference),
        },
        answer: 7,
    }
}

fn register(
    device: WDFDEVICE,
    what: &str,
    interface: PINTERFACE,
    change: impl FnOnce(&mut WDF_QUERY_INTERFACE_CONFIG),
) {
    let mut config = WDF_QUERY_INTERFACE_CONFIG {
        Size: size::<WDF_QUERY_INTERFACE_CONFIG>(),
        Interface: interface,
        InterfaceType: &raw const CLASS,
        EvtDeviceProcessQueryInterfaceRequest: Some(process),
        ..Default::default()
    };
    change(&mut config);
    let status = wdf!(WdfDeviceAddQueryInterface, device, &raw mut config);
    record!("offering {what} ends with {status:#010x}");
}

fn offer(device: WDFDEVICE) {
    let mut offered = offered(SIZE);
    register(device, "an interface", (&raw mut offered).cast(), |_| ());
}

fn offer_wrongly(device: WDFDEVICE) {
    let mut complete = offered(SIZE);
    let mut short = offered(8);
    register(device, "nothing", ptr::null_mut(), |_| ());
    register(
        device,
        "less than a header",
        (&raw mut short).cast(),
        |_| (),
    );
    register(
        device,
        "an import without a callback",
        ptr::null_mut(),
        |config| {
            config.ImportInterface = 1;
            config.EvtDeviceProcessQueryInterfaceRequest = None;
        },
    );
    register(
        device,
        "the parent's stack",
        (&raw mut complete).cast(),
        |config| config.SendQueryToParentStack = 1,
    );
    register(device, "an import", ptr::null_mut(), |config| {
        config.ImportInterface = 1;
    });
}

fn query(what: &str, class: &GUID, size: u16, version: u16) {
    let mut room = [0_u64; 8];
    let (status, information) =
        packet::query_interface(object(), class, room.as_mut_ptr().cast(), size, version);
    record!(
        "{what} ends with {status:#010x}, information {information}, answer {}",
        room[4]
    );
}

fn ask() {
    query("the same", &CLASS, SIZE, VERSION);
    query("more and newer", &CLASS, 64, VERSION + 1);
    query("less", &CLASS, SIZE - 8, VERSION);
    query("older", &CLASS, SIZE, VERSION - 1);
    query("another", &class(9), SIZE, VERSION);
}

/// Queries an interface that the bus does not have.
fn query_target() {
    let target = wdf!(WdfDeviceGetIoTarget, handle());
    let mut room = [0_u64; 8];
    let status = wdf!(
        WdfIoTargetQueryForInterface,
        target,
        &raw const CLASS,
        room.as_mut_ptr().cast(),
        SIZE,
        VERSION,
        ptr::null_mut()
    );
    record!("the target ends with {status:#010x}");
}
