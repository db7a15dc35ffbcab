//! Plug and Play packets.
//!
//! `kmdf_rules::pnp` has the order of callbacks. A start is handled on its way up and every other
//! packet on its way down, cancelled queries among them (`PnpFinishProcessingIrp` in
//! `pnpstatemachine.cpp`). Packets are handled on the calling thread: Wine does not wait for a Plug
//! and Play packet that stays pending.
//!
//! The framework has one state machine for Plug and Play and another one for power. So a query and
//! `EvtDeviceSurpriseRemoval` do not wait for a power packet that another thread handles;
//! everything else is a [power transition](crate::model::power_transition). The documentation
//! promises no order between `EvtDeviceSurpriseRemoval` and a query, so the double, stricter than
//! the framework, does not make it wait for one.

use kmdf_rules::pnp::Event;
use wdk_sys::{
    _WDF_POWER_DEVICE_STATE::WdfPowerDeviceD3Final, IRP_MN_CANCEL_REMOVE_DEVICE,
    IRP_MN_CANCEL_STOP_DEVICE, IRP_MN_QUERY_INTERFACE, IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_QUERY_STOP_DEVICE, IRP_MN_REMOVE_DEVICE, IRP_MN_START_DEVICE, IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL, NTSTATUS,
};

use crate::{
    kernel::{irp::Irp, status, wait},
    model::{
        device::{self, Device},
        driver::Driver,
        file,
        objects::{self, Reference},
        pnp_steps::{announce_surprise, run},
        power_transition::PowerTransition,
        query_interface, resources,
    },
};

/// How long a removal waits for device power packets that are under way, milliseconds.
const TIMEOUT: u32 = 10_000;

/// `IRP_MJ_PNP`.
pub(crate) fn dispatch(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    match u32::from(irp.parameters().MinorFunction) {
        IRP_MN_START_DEVICE => start(device, irp),
        IRP_MN_QUERY_STOP_DEVICE => query(device, irp, Event::QueryStop),
        IRP_MN_QUERY_REMOVE_DEVICE => query(device, irp, Event::QueryRemove),
        IRP_MN_CANCEL_STOP_DEVICE => down(device, irp, Event::CancelStop),
        IRP_MN_CANCEL_REMOVE_DEVICE => down(device, irp, Event::CancelRemove),
        IRP_MN_STOP_DEVICE => down(device, irp, Event::Stop),
        IRP_MN_SURPRISE_REMOVAL => {
            announce_surprise(device);
            down(device, irp, Event::SurpriseRemoval)
        }
        IRP_MN_REMOVE_DEVICE => remove(device, irp),
        IRP_MN_QUERY_INTERFACE => {
            let registered = device
                .query_interfaces
                .with(|interfaces| interfaces.clone());
            query_interface::handle(&registered, device.handle(), device.lower, irp)
        }
        _ => irp.pass_down(device.lower),
    }
}

fn start(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    let lower = irp.pass_down_synchronously(device.lower);
    if !status::is_success(lower) {
        irp.complete();
        return lower;
    }
    resources::assign(device, irp);
    let _transition = PowerTransition::begin(device);
    let status = run(device, Event::Start, WdfPowerDeviceD3Final);
    irp.finish(status)
}

/// A query goes down only when the driver agrees.
fn query(device: &Reference<Device>, irp: Irp, event: Event) -> NTSTATUS {
    let status = run(device, event, WdfPowerDeviceD3Final);
    if !status::is_success(status) {
        return irp.finish(status);
    }
    irp.set_status(status::SUCCESS);
    irp.pass_down(device.lower)
}

fn down(device: &Reference<Device>, irp: Irp, event: Event) -> NTSTATUS {
    let _transition = PowerTransition::begin(device);
    run(device, event, WdfPowerDeviceD3Final);
    irp.set_status(status::SUCCESS);
    irp.pass_down(device.lower)
}

fn remove(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    wait::until(TIMEOUT, || device.power_requests.with(|count| *count == 0));
    let driver = objects::get::<Driver>(device.driver);
    let count = |change: fn(&mut u32)| {
        if let Some(driver) = &driver {
            driver.removals.with(change);
        }
    };
    count(|removals| *removals += 1);
    file::close_all(device);
    let transition = PowerTransition::begin(device);
    run(device, Event::Remove, WdfPowerDeviceD3Final);
    drop(transition);
    irp.set_status(status::SUCCESS);
    let mut status = status::SUCCESS;
    device::delete(device, "IRP_MN_REMOVE_DEVICE", || {
        status = irp.pass_down(device.lower);
    });
    count(|removals| *removals -= 1);
    status
}
