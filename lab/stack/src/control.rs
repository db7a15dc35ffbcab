//! The control device, through which the runner drives the doubles.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use kernel_runtime::thread;
use kernel_runtime::unicode::Text;
use lab_control::contention::IOCTL_CONTEND;
use lab_control::latency::IOCTL_MEASURE_LATENCY;
use lab_control::stack as abi;
use wdk_sys::ntddk::{IoCreateSymbolicLink, IoDeleteSymbolicLink};
use wdk_sys::{
    DEVICE_OBJECT, DRIVER_OBJECT, NTSTATUS, PIRP, STATUS_BUFFER_TOO_SMALL,
    STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_PARAMETER, STATUS_NO_SUCH_DEVICE, STATUS_PENDING,
    STATUS_SUCCESS,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::bus::device_object::{self, Kind, Role};
use crate::bus::{self, children, pnp_observer, pnp_request, stack_builder};
use crate::contention;
use crate::kernel::{access_check, irp, unload};
use crate::latency;
use crate::pci::{self, Pci, fault};
use crate::pf_connection::{
    attachment, attachment_log, call, connection, invalidation_log, management,
};
use crate::transfer;
use crate::vpci::virtual_function::{self, VirtualFunction};

static DEVICE: AtomicPtr<DEVICE_OBJECT> = AtomicPtr::new(ptr::null_mut());

/// Creates the control device and its link.
pub(crate) fn create(driver: *mut DRIVER_OBJECT) -> NTSTATUS {
    let (mut name, mut link) = (Text::new(abi::DEVICE_NAME), Text::new(abi::LINK_NAME));
    let (mut name, mut link) = (name.as_kernel(), link.as_kernel());
    match device_object::create(driver, Some(&mut name), Role::Control) {
        Ok(device) => {
            device_object::ready(device);
            DEVICE.store(device, Ordering::SeqCst);
            // SAFETY: both strings live until the call returns.
            unsafe { IoCreateSymbolicLink(&raw mut link, &raw mut name) }
        }
        Err(status) => status,
    }
}

/// Disconnects from the PF and deletes the control device.
pub(crate) fn delete() {
    let _ = attachment::detach(true);
    connection::disconnect();
    management::close();
    let mut link = Text::new(abi::LINK_NAME);
    let mut link = link.as_kernel();
    // SAFETY: the string lives until the call returns.
    let _ = unsafe { IoDeleteSymbolicLink(&raw mut link) };
    let device = DEVICE.swap(ptr::null_mut(), Ordering::SeqCst);
    if !device.is_null() {
        device_object::delete(device);
    }
}

/// `IRP_MJ_CREATE`, `IRP_MJ_CLEANUP` and `IRP_MJ_CLOSE` of every device: succeed.
pub(crate) unsafe extern "C" fn dispatch_file(_: *mut DEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    // SAFETY: the kernel hands the request over.
    unsafe { irp::complete(irp, STATUS_SUCCESS, 0) }
}

/// A request that a thread finishes.
struct Pended(PIRP);

// SAFETY: requests belong to no thread.
unsafe impl Send for Pended {}

impl Pended {
    fn finish(self, reply: Result<Vec<u8>, NTSTATUS>) {
        finish(self.0, reply);
    }
}

/// `IRP_MJ_DEVICE_CONTROL`
pub(crate) unsafe extern "C" fn dispatch(device: *mut DEVICE_OBJECT, irp: PIRP) -> NTSTATUS {
    // SAFETY: the kernel hands the request over.
    let (request, location) = unsafe { irp::parts(irp) };
    if !matches!(device_object::role(device), Role::Control) {
        // SAFETY: the kernel has handed the request over.
        return unsafe { irp::complete(irp, STATUS_INVALID_DEVICE_REQUEST, 0) };
    }
    // SAFETY: device control requests use this member.
    let parameters = unsafe { &location.Parameters.DeviceIoControl };
    let code = parameters.IoControlCode;
    let length = usize::try_from(parameters.InputBufferLength).unwrap_or(0);
    // SAFETY: these requests are buffered.
    let buffer = unsafe { request.AssociatedIrp.SystemBuffer };
    let input = if buffer.is_null() || length == 0 {
        Vec::new()
    } else {
        // SAFETY: the system buffer holds the input.
        unsafe { core::slice::from_raw_parts(buffer.cast::<u8>(), length) }.to_vec()
    };
    if code == abi::IOCTL_TRANSFER {
        return finish(irp, transfer_one(&input));
    }
    irp::mark_pending(location);
    let pended = Pended(irp);
    if let Err(status) = thread::spawn(move || {
        let reply = serve(code, &input);
        pended.finish(reply);
    }) {
        // SAFETY: no thread took the request over.
        unsafe { irp::complete(irp, status, 0) };
    }
    STATUS_PENDING
}

/// Copies the reply out and completes the request.
fn finish(irp: PIRP, reply: Result<Vec<u8>, NTSTATUS>) -> NTSTATUS {
    // SAFETY: the caller owns the request.
    let (request, location) = unsafe { irp::parts(irp) };
    // SAFETY: device control requests use this member.
    let parameters = unsafe { &location.Parameters.DeviceIoControl };
    let room = usize::try_from(parameters.OutputBufferLength).unwrap_or(0);
    let (status, information) = match reply {
        Ok(bytes) if bytes.len() > room => (STATUS_BUFFER_TOO_SMALL, 0),
        Ok(bytes) => {
            // SAFETY: these requests are buffered.
            let buffer = unsafe { request.AssociatedIrp.SystemBuffer };
            if !bytes.is_empty() {
                // SAFETY: the system buffer has room for the output, and the reply is elsewhere.
                unsafe {
                    buffer
                        .cast::<u8>()
                        .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
                };
            }
            (STATUS_SUCCESS, bytes.len() as u64)
        }
        Err(status) => (status, 0),
    };
    // SAFETY: the caller owns the request.
    unsafe { irp::complete(irp, status, information) }
}

fn parse<T: FromBytes>(input: &[u8]) -> Result<T, NTSTATUS> {
    T::read_from_bytes(input).map_err(|_| STATUS_INVALID_PARAMETER)
}

fn reply<T: IntoBytes + Immutable>(value: &T) -> Vec<u8> {
    value.as_bytes().to_vec()
}

fn transfer_one(input: &[u8]) -> Result<Vec<u8>, NTSTATUS> {
    let transfer: abi::Transfer = parse(input)?;
    Ok(reply(&transfer::perform(&transfer)))
}

fn serve(code: u32, input: &[u8]) -> Result<Vec<u8>, NTSTATUS> {
    match code {
        abi::IOCTL_PLUG_PF => plug_pf(parse(input)?),
        abi::IOCTL_PULL_PF => {
            let wait: abi::Wait = parse(input)?;
            children::pull(wait.milliseconds, |child| {
                matches!(child.kind, Kind::PhysicalFunction(_))
            })
            .map(|()| Vec::new())
        }
        abi::IOCTL_PLUG_VF => plug_vf(parse(input)?),
        abi::IOCTL_PULL_VF => {
            let vf: abi::Vf = parse(input)?;
            children::pull(vf.milliseconds, |child| match &child.kind {
                Kind::VirtualFunction(function) => function.index == vf.vf,
                Kind::PhysicalFunction(_) => false,
            })
            .map(|()| Vec::new())
        }
        abi::IOCTL_CONNECT => {
            connection::connect(&parse(input)?).map(|connected| reply(&connected))
        }
        abi::IOCTL_DISCONNECT => {
            // A driver whose device is gone gets no DETACH. Closing the handle is enough.
            let detached = attachment::detach(bus::physical_function().is_some());
            connection::disconnect();
            detached.map(|()| Vec::new())
        }
        abi::IOCTL_BATCH => batch(input),
        abi::IOCTL_CALL => call::call(&parse(input)?).map(|called| reply(&called)),
        abi::IOCTL_REQUEST => {
            let request = parse(input)?;
            connection::get()?
                .request(&request)
                .map(|answer| reply(&answer))
        }
        abi::IOCTL_PNP => {
            let request = parse(input)?;
            let pci = bus::physical_function();
            pnp_request::send(connection::get()?.top(), pci.as_deref(), &request)
                .map(|answer| reply(&answer))
        }
        abi::IOCTL_ATTACH => attachment::attach(&parse(input)?).map(|()| Vec::new()),
        abi::IOCTL_DETACH => attachment::detach(true).map(|()| Vec::new()),
        abi::IOCTL_POLICY => {
            let attach: abi::Attach = parse(input)?;
            attachment::set_policy(attach.policy);
            Ok(Vec::new())
        }
        abi::IOCTL_TAKE => take(parse(input)?),
        abi::IOCTL_TAKE_ACCESSES => {
            let pci = bus::physical_function().ok_or(STATUS_NO_SUCH_DEVICE)?;
            Ok(reply(&pci.registers().take()))
        }
        abi::IOCTL_FAULT => switch_fault(parse(input)?),
        abi::IOCTL_STARTED => {
            let wait: abi::Wait = parse(input)?;
            pnp_observer::started(wait.milliseconds).map(|status| {
                reply(&abi::Started {
                    status: status.cast_unsigned(),
                })
            })
        }
        abi::IOCTL_VF_STARTED => {
            let wait: abi::Wait = parse(input)?;
            pnp_observer::vf_started(wait.milliseconds).map(|status| {
                reply(&abi::Started {
                    status: status.cast_unsigned(),
                })
            })
        }
        abi::IOCTL_OPEN_MANAGEMENT => management::open(&parse(input)?).map(|()| Vec::new()),
        abi::IOCTL_OPENER => {
            let opener: abi::Opener = parse(input)?;
            access_check::set_administrator(opener.administrator != 0);
            Ok(Vec::new())
        }
        IOCTL_CONTEND => contention::contend(parse(input)?).map(|contended| reply(&contended)),
        IOCTL_MEASURE_LATENCY => latency::measure(&parse(input)?).map(|measured| reply(&measured)),
        abi::IOCTL_UNLOAD => unload::unload(&parse(input)?).map(|()| Vec::new()),
        abi::IOCTL_REPORT => Ok(reply(&report())),
        abi::IOCTL_MEASURE => transfer::measure(&parse(input)?).map(|measured| reply(&measured)),
        _ => Err(STATUS_INVALID_DEVICE_REQUEST),
    }
}

/// Switches a fault on or off. Off also brings back functions that a reset has lost.
fn switch_fault(fault: abi::Fault) -> Result<Vec<u8>, NTSTATUS> {
    fault::set(fault)?;
    if let (0, Some(pci)) = (fault.target, bus::physical_function()) {
        pci.recover();
    }
    Ok(Vec::new())
}

fn plug_pf(plug: abi::PlugPf) -> Result<Vec<u8>, NTSTATUS> {
    pnp_observer::clear();
    stack_builder::prepare(&plug)?;
    let pci = Pci::new(
        plug.vendor_id,
        plug.device_id,
        plug.vf_device_id,
        plug.total_vfs,
    );
    let kind = Kind::PhysicalFunction(Arc::new(pci));
    children::plug(kind, plug.vendor_id, plug.device_id).map(|()| Vec::new())
}

/// Plugs in a VF's device with the IDs that the PF driver gives it.
fn plug_vf(vf: abi::Vf) -> Result<Vec<u8>, NTSTATUS> {
    let identify = abi::Call {
        function: abi::function::GET_VENDOR_AND_DEVICE,
        vf: vf.vf,
        null: abi::null::NOTHING,
        offset: 0,
        length: 0,
        data: [0; 64],
    };
    let [a, b, c, d, ..] = call::call(&identify)?.data;
    let (vendor, device) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    pnp_observer::clear_vf();
    let kind = Kind::VirtualFunction(Arc::new(VirtualFunction::new(vf.vf)));
    children::plug(kind, vendor, device).map(|()| Vec::new())
}

fn batch(input: &[u8]) -> Result<Vec<u8>, NTSTATUS> {
    let size = size_of::<abi::Transfer>();
    if !input.len().is_multiple_of(size) {
        return Err(STATUS_INVALID_PARAMETER);
    }
    let mut replies = Vec::with_capacity(input.len());
    for operation in input.chunks_exact(size) {
        let transfer: abi::Transfer = parse(operation)?;
        replies.extend_from_slice(transfer::perform(&transfer).as_bytes());
    }
    Ok(replies)
}

fn take(vf: abi::Vf) -> Result<Vec<u8>, NTSTATUS> {
    attachment::wait_until_idle(vf.milliseconds)?;
    let invalidated = invalidation_log::take(vf.vf);
    let mask = if vf.raw == 0 { 0 } else { invalidated };
    Ok(reply(&abi::Taken { mask }))
}

fn report() -> abi::Report {
    let pci = bus::physical_function();
    let pci = pci.as_deref();
    let ended = attachment_log::ended_requests();
    abi::Report {
        calls_at_once: call::take_most_calls(),
        bus_references: pci::interface::references(),
        enabled_vfs: pci.map_or(0, Pci::enabled_vfs),
        resets: pci.map_or(0, Pci::resets),
        query_stop_events: attachment_log::query_stop_events(),
        restart_events: attachment_log::restart_events(),
        attached: attachment::is_attached().into(),
        power: pci.map_or(0, Pci::power),
        pf_devices: pci::device::living(),
        vf_devices: virtual_function::living(),
        open_requests: irp::open(),
        removed_requests: ended.removed,
        refused_requests: ended.refused,
        refused_status: ended.status,
        early_accesses: pci::device::early_accesses(),
        vfs_left_on: pci::device::vfs_left_on(),
        late_switches: pci::device::late_switches(),
        early_after_enable: pci::vf_enable::early_after_enable(),
        early_after_disable: pci::vf_enable::early_after_disable(),
        late_query_status: pnp_observer::late_query().cast_unsigned(),
        late_request_status: pnp_observer::late_request().cast_unsigned(),
        restarts_before_cancel_stop: pnp_observer::restarts_before_cancel_stop(),
        mappings: pci::io_space::mappings(),
        bad_mappings: pci::io_space::bad_mappings(),
        bad_accesses: pci::pf_registers::bad_accesses(),
    }
}
