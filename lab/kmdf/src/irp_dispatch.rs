//! Where every packet for a framework device arrives.
//!
//! Rules (`fxdevicekm.cpp`, `fxpkgio.cpp`, `fxdefaultirphandler.cpp`): a preprocess callback comes
//! first; Plug and Play, power, file and I/O packets go to their packages; other packets are passed
//! down by filters and refused by function drivers.

use kmdf_rules::level::Level;
use wdk_sys::{
    IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_CREATE, IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_MAXIMUM_FUNCTION, IRP_MJ_PNP, IRP_MJ_POWER, IRP_MJ_READ,
    IRP_MJ_SYSTEM_CONTROL, IRP_MJ_WRITE, NTSTATUS, PDEVICE_OBJECT, PIRP, PWDF_DRIVER_GLOBALS,
    WDFDEVICE, WDFQUEUE, WDFREQUEST,
};

use crate::{
    alias,
    call::{Call, callback, pointer},
    device::{self, Device},
    file,
    irp::Irp,
    pnp, power,
    queue::{self, Queue},
    request::{self, Place, Request},
    status,
    world::{self, Reference},
};

/// Entries of a driver object's dispatch table.
pub(crate) const MAJOR_FUNCTIONS: usize = IRP_MJ_MAXIMUM_FUNCTION as usize + 1;

/// The dispatch routine of every framework driver.
pub(crate) unsafe extern "C" fn dispatch(object: PDEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    // SAFETY: the system passes a packet that this driver owns until it completes it.
    let Some(irp) = (unsafe { Irp::new(irp) }) else {
        return status::INVALID_PARAMETER;
    };
    if let Some(status) = alias::pass_on(object, irp) {
        return status;
    }
    let Some(device) = device::of_wdm(object) else {
        return irp.finish(status::INVALID_DEVICE_STATE);
    };
    let location = irp.parameters();
    let preprocess = device.settings.preprocess.iter().find(|preprocess| {
        preprocess.major == location.MajorFunction
            && (preprocess.minors.is_empty() || preprocess.minors.contains(&location.MinorFunction))
    });
    if let Some(event) = preprocess.and_then(|preprocess| preprocess.callback) {
        return callback("EvtDeviceWdmIrpPreprocess", Level::Passive, || {
            // SAFETY: the driver's callback with its device and the packet.
            unsafe { event(pointer(device.handle()), irp.raw()) }
        });
    }
    route(&device, irp)
}

/// Hands a packet to its package.
fn route(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    match u32::from(irp.parameters().MajorFunction) {
        IRP_MJ_PNP => pnp::dispatch(device, irp),
        IRP_MJ_POWER => power::dispatch(device, irp),
        IRP_MJ_CREATE => file::counted(device, irp, file::create),
        IRP_MJ_CLEANUP => file::counted(device, irp, file::cleanup),
        IRP_MJ_CLOSE => file::counted(device, irp, file::close),
        IRP_MJ_READ | IRP_MJ_WRITE | IRP_MJ_DEVICE_CONTROL | IRP_MJ_INTERNAL_DEVICE_CONTROL => {
            io(device, irp)
        }
        IRP_MJ_SYSTEM_CONTROL if !device.lower.is_null() => irp.pass_down(device.lower),
        _ => refuse_or_pass(device, irp),
    }
}

/// Packets that nobody handles: a filter passes them down.
pub(crate) fn refuse_or_pass(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    if device.settings.filter {
        irp.pass_down(device.lower)
    } else {
        irp.finish(status::INVALID_DEVICE_REQUEST)
    }
}

/// Reads, writes and device controls.
fn io(device: &Reference<Device>, irp: Irp) -> NTSTATUS {
    let location = irp.parameters();
    let major = u32::from(location.MajorFunction);
    let file = file::of(device, &location);
    let Some(queue) = target_queue(device, major) else {
        if device.settings.in_caller_context.is_none() {
            return refuse_or_pass(device, irp);
        }
        return irp.finish(status::INVALID_DEVICE_REQUEST);
    };
    let transfer = matches!(major, IRP_MJ_READ | IRP_MJ_WRITE);
    if transfer
        && queue.config.AllowZeroLengthRequests == 0
        && request::transfer_length(&location) == 0
    {
        irp.set_information(0);
        return irp.finish(status::SUCCESS);
    }
    let request = match request::create(device, irp, file) {
        Ok(request) => request,
        Err(status) => return irp.finish(status),
    };
    irp.mark_pending();
    if let Some(event) = device.settings.in_caller_context {
        request.set_place(Place::Loose);
        callback("EvtIoInCallerContext", Level::Passive, || {
            // SAFETY: the driver's callback with its device and a request that it owns now.
            unsafe { event(pointer(device.handle()), pointer(request.handle())) }
        });
    } else {
        queue::arrive(&queue, &request);
    }
    status::PENDING
}

fn target_queue(device: &Reference<Device>, major: u32) -> Option<Reference<Queue>> {
    let handle = device.queues.with(|queues| {
        let by_type = queues.by_type.get(&request::request_type(major)).copied();
        by_type.or(queues.default)
    });
    handle.and_then(world::typed)
}

/// `WdfDeviceWdmDispatchPreprocessedIrp`.
///
/// Rule (public page of the function): the driver calls `IoSkipCurrentIrpStackLocation` or
/// `IoCopyCurrentIrpStackLocationToNext` first.
pub(crate) unsafe extern "C" fn dispatch_preprocessed(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    irp: PIRP,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceWdmDispatchPreprocessedIrp", Level::Dispatch);
    let device = call.object::<Device, _>(device);
    // SAFETY: the driver passes the packet that its preprocess callback received.
    let Some(irp) = (unsafe { Irp::new(irp) }) else {
        call.bad_parameter("Irp", "is NULL", 0)
    };
    irp.set_next();
    if irp.device() != device.fdo {
        call.wrong_state(
            device.handle(),
            "got a packet whose stack location is not its own; IoSkipCurrentIrpStackLocation comes first",
        );
    }
    route(&device, irp)
}

/// `WdfDeviceEnqueueRequest`: from `EvtIoInCallerContext` to the queue of the request's type.
pub(crate) unsafe extern "C" fn enqueue_request(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    request: WDFREQUEST,
) -> NTSTATUS {
    let call = Call::enter("WdfDeviceEnqueueRequest", Level::Dispatch);
    let device = call.object::<Device, _>(device);
    let request = call.object::<Request, _>(request);
    request.owned_by_driver(&call);
    let major = u32::from(request.irp.parameters().MajorFunction);
    match target_queue(&device, major) {
        Some(queue) if queue::enqueue(&queue, &request) => {
            queue::present(&queue);
            status::SUCCESS
        }
        _ => status::INVALID_DEVICE_STATE,
    }
}

/// `WdfDeviceWdmDispatchIrpToIoQueue`.
pub(crate) unsafe extern "C" fn dispatch_to_queue(
    _globals: PWDF_DRIVER_GLOBALS,
    device: WDFDEVICE,
    irp: PIRP,
    queue: WDFQUEUE,
    flags: u32,
) -> NTSTATUS {
    /// `WDF_DISPATCH_IRP_TO_IO_QUEUE_PREPROCESSED_IRP`.
    const PREPROCESSED: u32 = 2;
    let call = Call::enter("WdfDeviceWdmDispatchIrpToIoQueue", Level::Dispatch);
    let device = call.object::<Device, _>(device);
    let queue = call.object::<Queue, _>(queue);
    // SAFETY: the driver passes a packet that it owns.
    let Some(irp) = (unsafe { Irp::new(irp) }) else {
        call.bad_parameter("Irp", "is NULL", 0)
    };
    if flags & PREPROCESSED != 0 {
        irp.set_next();
    }
    let file = file::of(&device, &irp.parameters());
    match request::create(&device, irp, file) {
        Ok(request) => {
            irp.mark_pending();
            queue::arrive(&queue, &request);
            status::PENDING
        }
        Err(status) => irp.finish(status),
    }
}
