//! The virtualization stack's connection to the PF driver: an open handle, the top of the PF's
//! device stack, and `SRIOV_DEVICE_INTERFACE_STANDARD`.

pub(crate) mod attachment;
pub(crate) mod invalidation_log;
mod management;
mod opening;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use lab_control::stack::{Answer, Connect, Connected, MAX_OUTPUT, PATTERN, Request, file};
use pcivirt_abi::sriov::{
    DeviceInterface, DeviceInterface2, GUID_SRIOV_DEVICE_INTERFACE_STANDARD, IOCTL_PROXY_QUERY_LUID,
};
use wdk_sys::ntddk::{IoGetAttachedDeviceReference, ObfDereferenceObject};
use wdk_sys::{
    DEVICE_OBJECT, FILE_OBJECT, HANDLE, IO_STACK_LOCATION, IRP_MJ_CLEANUP, IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_PNP, IRP_MN_QUERY_INTERFACE, NTSTATUS,
    STATUS_DEVICE_NOT_CONNECTED, STATUS_DEVICE_REMOVED, STATUS_INVALID_PARAMETER, STATUS_SUCCESS,
};

use crate::kernel::clock;
use crate::kernel::irp::{self, Sent};
use crate::kernel::level;
use crate::kernel::lock::Lock;
use crate::kernel::unicode::Text;

pub(crate) use management::{close as close_management, open as open_management};

/// How long requests may take to enter the driver while its device goes, milliseconds.
const PATIENCE: u32 = 10_000;
/// What is connected. Dropping it gives everything back.
pub(crate) struct PfConnection {
    handle: HANDLE,
    file: *mut FILE_OBJECT,
    top: *mut DEVICE_OBJECT,
    interface: DeviceInterface,
    /// Requests that are on their way into the driver.
    entering: AtomicU32,
    /// The handle is closed, as far as the driver can tell.
    closed: AtomicBool,
}

/// Where a request seems to come from.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    /// As `IRP_MJ_INTERNAL_DEVICE_CONTROL`.
    pub(crate) internal: bool,
    pub(crate) user_mode: bool,
    /// One of [`file`]: what it comes through.
    pub(crate) file: u8,
}

// SAFETY: kernel objects belong to no thread, and the interface may be called from any.
unsafe impl Send for PfConnection {}
// SAFETY: as before.
unsafe impl Sync for PfConnection {}

static PARTNER: Lock<Option<Arc<PfConnection>>> = Lock::new(None);
static CALLS: AtomicU32 = AtomicU32::new(0);
static MOST_CALLS: AtomicU32 = AtomicU32::new(0);

/// The partner, for the time of one operation.
pub(crate) fn get() -> Result<Arc<PfConnection>, NTSTATUS> {
    PARTNER.lock().clone().ok_or(STATUS_DEVICE_NOT_CONNECTED)
}

pub(crate) fn connect(request: &Connect) -> Result<Connected, NTSTATUS> {
    disconnect();
    let partner = PfConnection::open(request)?;
    let connected = Connected {
        size: partner.interface.size,
        version: partner.interface.version,
        pointers: pointers(&partner.interface),
    };
    *PARTNER.lock() = Some(Arc::new(partner));
    Ok(connected)
}

pub(crate) fn disconnect() {
    let partner = PARTNER.lock().take();
    drop(partner);
}

/// The device is gone: whoever had it open closes the handle. Afterwards no request is on its way
/// to the driver, and none is sent.
pub(crate) fn leave() {
    close_management();
    if let Ok(partner) = get() {
        partner.close();
    }
}

/// The most calls that ran at one time since this was last asked.
pub(crate) fn take_most_calls() -> u32 {
    MOST_CALLS.swap(0, Ordering::SeqCst)
}

/// Counts a call of the interface while it runs.
struct Running;

impl Running {
    fn start() -> Self {
        let running = CALLS.fetch_add(1, Ordering::SeqCst) + 1;
        MOST_CALLS.fetch_max(running, Ordering::SeqCst);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        CALLS.fetch_sub(1, Ordering::SeqCst);
    }
}

impl PfConnection {
    fn open(request: &Connect) -> Result<Self, NTSTATUS> {
        let length = usize::try_from(request.link_length).unwrap_or(usize::MAX);
        let link = request.link.get(..length).ok_or(STATUS_INVALID_PARAMETER)?;
        let (handle, file, device) = opening::open_device(&mut Text::from_units(link))?;
        // SAFETY: the open file keeps its device.
        let top = unsafe { IoGetAttachedDeviceReference(device) };
        let mut partner = Self {
            handle,
            file,
            top,
            interface: empty_interface().first,
            entering: AtomicU32::new(0),
            closed: AtomicBool::new(false),
        };
        // The provider takes a reference for us, which the destructor gives back.
        partner.interface = query_interface(top, request.size, request.version)?;
        Ok(partner)
    }

    pub(crate) fn top(&self) -> *mut DEVICE_OBJECT {
        self.top
    }

    pub(crate) fn interface(&self) -> &DeviceInterface {
        &self.interface
    }

    /// Sends a buffered device control request with this connection's file object.
    ///
    /// `buffer` is the system buffer: the input, with room for the output.
    pub(crate) fn send(
        &self,
        code: u32,
        internal: bool,
        user_mode: bool,
        buffer: &mut [u8],
        lengths: (u32, u32),
    ) -> Result<Sent, NTSTATUS> {
        let origin = Origin {
            internal,
            user_mode,
            file: file::STACK,
        };
        self.send_from(origin, code, buffer, lengths)
    }

    /// The same, as if it came from somewhere else.
    fn send_from(
        &self,
        origin: Origin,
        code: u32,
        buffer: &mut [u8],
        lengths: (u32, u32),
    ) -> Result<Sent, NTSTATUS> {
        let management;
        let (top, file) = match origin.file {
            file::STACK => (self.top, self.file),
            file::MANAGEMENT => {
                management = management::get()?;
                (management.top, management.file)
            }
            _ => (self.top, ptr::null_mut()),
        };
        let _entering = Entering::start(&self.entering);
        if self.closed.load(Ordering::SeqCst) {
            return Err(STATUS_DEVICE_REMOVED);
        }
        irp::send(top, |request, location| {
            location.MajorFunction = byte(if origin.internal {
                IRP_MJ_INTERNAL_DEVICE_CONTROL
            } else {
                IRP_MJ_DEVICE_CONTROL
            });
            location.FileObject = file;
            request.Tail.Overlay.OriginalFileObject = file;
            request.RequestorMode = origin.user_mode.into();
            request.AssociatedIrp.SystemBuffer = buffer.as_mut_ptr().cast();
            request.UserBuffer = buffer.as_mut_ptr().cast();
            // SAFETY: the parameters of a new request are zero, valid for each of their members.
            let parameters = unsafe { &mut location.Parameters.DeviceIoControl };
            parameters.IoControlCode = code;
            parameters.InputBufferLength = lengths.0;
            parameters.OutputBufferLength = lengths.1;
        })
    }

    /// Sends a request of the runner and waits. What still pends then is cancelled, or ended by the
    /// end of the handle.
    pub(crate) fn request(&self, request: &Request) -> Result<Answer, NTSTATUS> {
        let input = usize::try_from(request.input_length)
            .ok()
            .and_then(|length| request.input.get(..length))
            .ok_or(STATUS_INVALID_PARAMETER)?;
        if usize::try_from(request.output_length).is_ok_and(|length| length > MAX_OUTPUT) {
            return Err(STATUS_INVALID_PARAMETER);
        }
        let mut sent_bytes = [PATTERN; MAX_OUTPUT];
        sent_bytes[..input.len()].copy_from_slice(input);
        let mut buffer = sent_bytes;
        let origin = Origin {
            internal: request.internal != 0,
            user_mode: request.user_mode != 0,
            file: request.file,
        };
        let lengths = (request.input_length, request.output_length);
        let mut sent = Err(STATUS_INVALID_PARAMETER);
        let mut operation = || sent = self.send_from(origin, request.code, &mut buffer, lengths);
        if request.raised == 0 {
            operation();
        } else {
            level::at_dispatch(&mut operation);
        }
        let sent = sent?;
        let in_time = sent.wait(Some(request.milliseconds));
        if in_time.is_none() {
            if request.close == 0 {
                sent.cancel();
            } else {
                self.close_handle();
            }
        }
        let completion = match in_time {
            Some(completion) => completion,
            None => sent.wait(None).ok_or(STATUS_INVALID_PARAMETER)?,
        };
        drop(sent);
        let written = usize::try_from(completion.information).unwrap_or(usize::MAX);
        Ok(Answer {
            status: completion.status.cast_unsigned(),
            pended: in_time.is_none().into(),
            spoiled: (buffer.get(written..) != sent_bytes.get(written..)).into(),
            raised: completion.raised.into(),
            information: completion.information,
            output: buffer,
        })
    }

    /// Tells the driver that the last handle is closed, which Wine does not.
    pub(crate) fn close_handle(&self) {
        let file = self.file;
        let sent = irp::send(self.top, |request, location| {
            location.MajorFunction = byte(IRP_MJ_CLEANUP);
            location.FileObject = file;
            request.Tail.Overlay.OriginalFileObject = file;
        });
        if let Ok(sent) = sent {
            sent.wait(None);
        }
    }
}

/// Counts a request on its way into the driver.
struct Entering<'c>(&'c AtomicU32);

impl<'c> Entering<'c> {
    fn start(count: &'c AtomicU32) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Entering<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl PfConnection {
    /// Closes the handle once, as far as the driver can tell.
    fn close(&self) {
        if self.closed.swap(true, Ordering::SeqCst) {
            return;
        }
        let entered = || self.entering.load(Ordering::SeqCst) == 0;
        if !clock::wait_until(PATIENCE, entered) {
            crate::log!("lab-stack: the PF driver does not return from a request");
        }
        self.close_handle();
    }
}

impl Drop for PfConnection {
    fn drop(&mut self) {
        if let Some(dereference) = self.interface.interface_dereference {
            // SAFETY: this gives back the reference that the query returned.
            unsafe { dereference(self.interface.context) };
        }
        self.close();
        opening::close(self.handle);
        // SAFETY: this gives back the reference taken when connecting.
        unsafe { ObfDereferenceObject(self.file.cast()) };
        // SAFETY: as before.
        unsafe { ObfDereferenceObject(self.top.cast()) };
    }
}

/// Asks a device stack for the SR-IOV interface, which takes a reference to it.
pub(crate) fn query_interface(
    top: *mut DEVICE_OBJECT,
    size: u16,
    version: u16,
) -> Result<DeviceInterface, NTSTATUS> {
    let mut interface = Box::new(empty_interface());
    let place = ptr::from_mut(&mut *interface);
    let guid = GUID_SRIOV_DEVICE_INTERFACE_STANDARD;
    let sent = irp::send(top, |_, location: &mut IO_STACK_LOCATION| {
        location.MajorFunction = byte(IRP_MJ_PNP);
        location.MinorFunction = byte(IRP_MN_QUERY_INTERFACE);
        // SAFETY: the parameters of a new request are zero, valid for each of their members.
        let query = unsafe { &mut location.Parameters.QueryInterface };
        query.InterfaceType = (&raw const guid).cast();
        query.Size = size;
        query.Version = version;
        query.Interface = place.cast();
    })?;
    let completion = sent.wait(None).ok_or(STATUS_INVALID_PARAMETER)?;
    checked(completion.status)?;
    Ok(interface.first)
}

/// Asks a device stack for its LUID, without a file object; how that ended.
pub(crate) fn query_luid(top: *mut DEVICE_OBJECT) -> NTSTATUS {
    let mut luid = [0_u8; 8];
    let sent = irp::send(top, |request, location: &mut IO_STACK_LOCATION| {
        location.MajorFunction = byte(IRP_MJ_INTERNAL_DEVICE_CONTROL);
        request.AssociatedIrp.SystemBuffer = luid.as_mut_ptr().cast();
        // SAFETY: the parameters of a new request are zero, valid for each of their members.
        let parameters = unsafe { &mut location.Parameters.DeviceIoControl };
        parameters.IoControlCode = IOCTL_PROXY_QUERY_LUID;
        parameters.OutputBufferLength = 8;
    });
    match sent.map(|sent| sent.wait(None)) {
        Ok(Some(completion)) => completion.status,
        Ok(None) => STATUS_INVALID_PARAMETER,
        Err(status) => status,
    }
}

fn byte(code: u32) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}

fn empty_interface() -> DeviceInterface2 {
    // SAFETY: the structure is made of integers, raw pointers and optional functions, for all of
    // which zero is a value.
    unsafe { core::mem::zeroed() }
}

/// Which pointers of the interface are set, the context being bit 0.
fn pointers(interface: &DeviceInterface) -> u32 {
    let set = [
        !interface.context.is_null(),
        interface.interface_reference.is_some(),
        interface.interface_dereference.is_some(),
        interface.read_vf_config.is_some(),
        interface.write_vf_config.is_some(),
        interface.read_vf_config_block.is_some(),
        interface.write_vf_config_block.is_some(),
        interface.query_probed_bars.is_some(),
        interface.get_vendor_and_device.is_some(),
        interface.get_device_location.is_some(),
        interface.reset_vf.is_some(),
        interface.set_vf_power_state.is_some(),
        interface.get_resource_for_bar.is_some(),
        interface.query_luid.is_some(),
    ];
    set.iter()
        .enumerate()
        .fold(0, |bits, (index, &set)| bits | u32::from(set) << index)
}

fn checked(status: NTSTATUS) -> Result<(), NTSTATUS> {
    if status == STATUS_SUCCESS {
        Ok(())
    } else {
        Err(status)
    }
}

/// Calls the PF driver's `ReadVfConfigBlock`, as it is, with whatever the caller passes.
pub(crate) fn read_block(
    vf: u16,
    block: u32,
    buffer: *mut c_void,
    length: u32,
) -> Result<(), NTSTATUS> {
    let partner = get()?;
    let function = partner
        .interface
        .read_vf_config_block
        .ok_or(STATUS_INVALID_PARAMETER)?;
    let _running = Running::start();
    // SAFETY: the interface is referenced; a buffer that is shorter than `length` is what the PF
    // driver has to refuse by the length alone.
    checked(unsafe { function(partner.interface.context, vf, block, buffer, length) })
}

/// Calls the PF driver's `WriteVfConfigBlock`, as it is, with whatever the caller passes.
pub(crate) fn write_block(
    vf: u16,
    block: u32,
    buffer: *mut c_void,
    length: u32,
) -> Result<(), NTSTATUS> {
    let partner = get()?;
    let function = partner
        .interface
        .write_vf_config_block
        .ok_or(STATUS_INVALID_PARAMETER)?;
    let _running = Running::start();
    // SAFETY: as for reads.
    checked(unsafe { function(partner.interface.context, vf, block, buffer, length) })
}
