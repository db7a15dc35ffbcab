//! The connection itself: an open handle, the top of the PF's device stack, and the interface.

use alloc::sync::Arc;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use kernel_runtime::clock;
use kernel_runtime::lock::Locked;
use kernel_runtime::unicode::Text;
use lab_control::stack::{Answer, Connect, Connected, MAX_OUTPUT, PATTERN, Request, file};
use pcivirt_abi::sriov::DeviceInterface;
use wdk_sys::ntddk::{IoGetAttachedDeviceReference, ObfDereferenceObject};
use wdk_sys::{
    DEVICE_OBJECT, FILE_OBJECT, HANDLE, IRP_MJ_CLEANUP, IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_INTERNAL_DEVICE_CONTROL, NTSTATUS, STATUS_DEVICE_NOT_CONNECTED, STATUS_DEVICE_REMOVED,
    STATUS_INVALID_PARAMETER,
};

use super::interface::{empty, pointers, query_interface};
use super::{management, opening};
use crate::kernel::irp::{self, Sent, byte};
use crate::kernel::level;
use crate::log::log;

/// Limit of the wait for requests that enter the driver while its device is removed, milliseconds.
const ENTER_LIMIT: u32 = 10_000;

/// A connection. Dropping it closes the handle and releases every reference.
pub(crate) struct PfConnection {
    handle: HANDLE,
    file: *mut FILE_OBJECT,
    top: *mut DEVICE_OBJECT,
    interface: DeviceInterface,
    /// Requests that `IofCallDriver` has not returned from yet.
    entering: AtomicU32,
    /// The driver has seen `IRP_MJ_CLEANUP`.
    closed: AtomicBool,
}

/// Where a request appears to come from.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    /// As `IRP_MJ_INTERNAL_DEVICE_CONTROL`.
    pub(crate) internal: bool,
    pub(crate) user_mode: bool,
    /// One of [`file`].
    pub(crate) file: u8,
}

// SAFETY: kernel objects belong to no thread, and the interface may be called from any.
unsafe impl Send for PfConnection {}
// SAFETY: as before.
unsafe impl Sync for PfConnection {}

static CONNECTION: Locked<Option<Arc<PfConnection>>> = Locked::new(None);

/// The connection, for one operation.
pub(crate) fn get() -> Result<Arc<PfConnection>, NTSTATUS> {
    CONNECTION.lock().clone().ok_or(STATUS_DEVICE_NOT_CONNECTED)
}

/// Opens the PF that `request` names, in place of an earlier connection.
pub(crate) fn connect(request: &Connect) -> Result<Connected, NTSTATUS> {
    disconnect();
    let connection = PfConnection::open(request)?;
    let connected = Connected {
        size: connection.interface.size,
        version: connection.interface.version,
        pointers: pointers(&connection.interface),
    };
    *CONNECTION.lock() = Some(Arc::new(connection));
    Ok(connected)
}

/// Ends the connection once no operation uses it.
pub(crate) fn disconnect() {
    let connection = CONNECTION.lock().take();
    drop(connection);
}

/// The device is gone: closes both handles. Afterwards no request enters the driver.
pub(crate) fn close_handles() {
    management::close();
    if let Ok(connection) = get() {
        connection.close();
    }
}

impl PfConnection {
    fn open(request: &Connect) -> Result<Self, NTSTATUS> {
        let length = usize::try_from(request.link_length).unwrap_or(usize::MAX);
        let link = request.link.get(..length).ok_or(STATUS_INVALID_PARAMETER)?;
        let (handle, file, device) = opening::open_device(&mut Text::from_units(link))?;
        // SAFETY: the open file keeps its device.
        let top = unsafe { IoGetAttachedDeviceReference(device) };
        let mut connection = Self {
            handle,
            file,
            top,
            interface: empty().first,
            entering: AtomicU32::new(0),
            closed: AtomicBool::new(false),
        };
        // If this fails, the destructor closes the handle.
        connection.interface = query_interface(top, request.size, request.version)?;
        Ok(connection)
    }

    pub(crate) fn top(&self) -> *mut DEVICE_OBJECT {
        self.top
    }

    pub(crate) fn interface(&self) -> &DeviceInterface {
        &self.interface
    }

    /// Sends a buffered device control request from the kernel, with this connection's file object.
    ///
    /// `buffer` is the system buffer: the input, with room for the output; `lengths` are theirs.
    pub(crate) fn send(
        &self,
        code: u32,
        internal: bool,
        buffer: &mut [u8],
        lengths: (u32, u32),
    ) -> Result<Sent, NTSTATUS> {
        let origin = Origin {
            internal,
            user_mode: false,
            file: file::STACK,
        };
        self.send_from(origin, code, buffer, lengths)
    }

    /// The same from any origin.
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
            irp::set_ioctl(location, code, lengths);
        })
    }

    /// Sends a request of the runner and waits. If it still pends then, cancels it or closes the
    /// handle.
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

    /// Sends `IRP_MJ_CLEANUP`, which Wine does not when the last handle is closed.
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

/// Counts a request while it enters the driver.
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
    /// Sends `IRP_MJ_CLEANUP` once, after every request has entered the driver.
    fn close(&self) {
        if self.closed.swap(true, Ordering::SeqCst) {
            return;
        }
        let entered = || self.entering.load(Ordering::SeqCst) == 0;
        if !clock::wait_until(ENTER_LIMIT, entered) {
            log!("the PF driver does not return from a request");
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
