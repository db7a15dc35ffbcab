//! The virtualization stack's connection to the PF driver: an open handle, the top of the PF's
//! device stack, and `SRIOV_DEVICE_INTERFACE_STANDARD`.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use lab_control::stack::{Answer, Connect, Connected, Request};
use pcivirt_abi::sriov::{DeviceInterface, DeviceInterface2, GUID_SRIOV_DEVICE_INTERFACE_STANDARD};
use wdk_sys::ntddk::{
    IoGetAttachedDeviceReference, ObReferenceObjectByHandle, ObfDereferenceObject, ZwClose,
    ZwOpenFile,
};
use wdk_sys::{
    DEVICE_OBJECT, FILE_OBJECT, HANDLE, IO_STACK_LOCATION, IO_STATUS_BLOCK, IRP_MJ_CLEANUP,
    IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_PNP, IRP_MN_QUERY_INTERFACE,
    NTSTATUS, OBJECT_ATTRIBUTES, POBJECT_TYPE, STATUS_DEVICE_NOT_CONNECTED,
    STATUS_INVALID_PARAMETER, STATUS_SUCCESS,
};

use crate::clock;
use crate::irp::{self, Sent};
use crate::lock::Lock;
use crate::unicode::Text;

/// `OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE`
const ATTRIBUTES: u32 = 0x0240;
/// `FILE_SHARE_READ | FILE_SHARE_WRITE`
const SHARE_ALL: u32 = 3;
/// `FILE_READ_DATA`
const READ_DATA: u32 = 1;

unsafe extern "C" {
    // In the headers this is a variable of the kernel, which an image imports by its address.
    #[link_name = "__imp_IoFileObjectType"]
    static FILE_OBJECT_TYPE: *const POBJECT_TYPE;
}

/// What is connected. Dropping it gives everything back.
pub(crate) struct Partner {
    handle: HANDLE,
    file: *mut FILE_OBJECT,
    top: *mut DEVICE_OBJECT,
    interface: DeviceInterface,
    pub(crate) connected: Connected,
}

// SAFETY: kernel objects belong to no thread, and the interface may be called from any.
unsafe impl Send for Partner {}
// SAFETY: as before.
unsafe impl Sync for Partner {}

static PARTNER: Lock<Option<Arc<Partner>>> = Lock::new(None);
static CALLS: AtomicU32 = AtomicU32::new(0);
static MOST_CALLS: AtomicU32 = AtomicU32::new(0);

/// The partner, for the time of one operation.
pub(crate) fn get() -> Result<Arc<Partner>, NTSTATUS> {
    PARTNER.lock().clone().ok_or(STATUS_DEVICE_NOT_CONNECTED)
}

pub(crate) fn connect(request: &Connect) -> Result<Connected, NTSTATUS> {
    disconnect();
    let partner = Partner::open(request)?;
    let connected = partner.connected;
    *PARTNER.lock() = Some(Arc::new(partner));
    Ok(connected)
}

pub(crate) fn disconnect() {
    let partner = PARTNER.lock().take();
    drop(partner);
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

impl Partner {
    fn open(request: &Connect) -> Result<Self, NTSTATUS> {
        let length = usize::try_from(request.link_length).unwrap_or(usize::MAX);
        let link = request.link.get(..length).ok_or(STATUS_INVALID_PARAMETER)?;
        let (handle, file, device) = open_device(&mut Text::from_units(link))?;
        // SAFETY: the open file keeps its device.
        let top = unsafe { IoGetAttachedDeviceReference(device) };
        let mut partner = Self {
            handle,
            file,
            top,
            interface: empty_interface().first,
            connected: Connected {
                size: 0,
                version: 0,
                pointers: 0,
            },
        };
        partner.query_interface(request)?;
        Ok(partner)
    }

    fn query_interface(&mut self, request: &Connect) -> Result<(), NTSTATUS> {
        let mut interface = Box::new(empty_interface());
        let place = ptr::from_mut(&mut *interface);
        let guid = GUID_SRIOV_DEVICE_INTERFACE_STANDARD;
        let sent = irp::send(self.top, |_, location: &mut IO_STACK_LOCATION| {
            location.MajorFunction = byte(IRP_MJ_PNP);
            location.MinorFunction = byte(IRP_MN_QUERY_INTERFACE);
            // SAFETY: the parameters of a new request are zero, valid for each of their members.
            let query = unsafe { &mut location.Parameters.QueryInterface };
            query.InterfaceType = (&raw const guid).cast();
            query.Size = request.size;
            query.Version = request.version;
            query.Interface = place.cast();
        })?;
        let completion = sent.wait(None).ok_or(STATUS_INVALID_PARAMETER)?;
        if completion.status != STATUS_SUCCESS {
            return Err(completion.status);
        }
        // The provider has taken a reference for us, which the destructor gives back.
        self.interface = interface.first;
        self.connected = Connected {
            size: interface.first.size,
            version: interface.first.version,
            pointers: pointers(&interface.first),
        };
        Ok(())
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
        let file = self.file;
        irp::send(self.top, |request, location| {
            location.MajorFunction = byte(if internal {
                IRP_MJ_INTERNAL_DEVICE_CONTROL
            } else {
                IRP_MJ_DEVICE_CONTROL
            });
            location.FileObject = file;
            request.Tail.Overlay.OriginalFileObject = file;
            request.RequestorMode = user_mode.into();
            request.AssociatedIrp.SystemBuffer = buffer.as_mut_ptr().cast();
            request.UserBuffer = buffer.as_mut_ptr().cast();
            // SAFETY: the parameters of a new request are zero, valid for each of their members.
            let parameters = unsafe { &mut location.Parameters.DeviceIoControl };
            parameters.IoControlCode = code;
            parameters.InputBufferLength = lengths.0;
            parameters.OutputBufferLength = lengths.1;
        })
    }

    /// Sends a request of the runner and waits; what still pends then is cancelled.
    pub(crate) fn request(&self, request: &Request) -> Result<Answer, NTSTATUS> {
        let mut buffer = [0_u8; 256];
        buffer[..request.input.len()].copy_from_slice(&request.input);
        if request.output_length > 256 || request.input_length > 64 {
            return Err(STATUS_INVALID_PARAMETER);
        }
        let sent = self.send(
            request.code,
            request.internal != 0,
            request.user_mode != 0,
            &mut buffer,
            (request.input_length, request.output_length),
        )?;
        let in_time = sent.wait(Some(request.milliseconds));
        let pended = in_time.is_none();
        if pended {
            sent.cancel();
        }
        let completion = match in_time {
            Some(completion) => completion,
            None => sent.wait(None).ok_or(STATUS_INVALID_PARAMETER)?,
        };
        drop(sent);
        Ok(Answer {
            status: completion.status.cast_unsigned(),
            pended: pended.into(),
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

impl Drop for Partner {
    fn drop(&mut self) {
        if let Some(dereference) = self.interface.interface_dereference {
            // SAFETY: this gives back the reference that the query returned.
            unsafe { dereference(self.interface.context) };
        }
        self.close_handle();
        close(self.handle);
        // SAFETY: this gives back the reference taken when connecting.
        unsafe { ObfDereferenceObject(self.file.cast()) };
        // SAFETY: as before.
        unsafe { ObfDereferenceObject(self.top.cast()) };
    }
}

/// Opens a link until the file object names its device.
///
/// Under Wine an open may return before the driver has seen the create request. Whoever asks for the
/// file object then gets an empty one, for good; so the handle rests a while, and an empty file
/// object is thrown away with its handle.
fn open_device(
    link: &mut Text,
) -> Result<(HANDLE, *mut FILE_OBJECT, *mut DEVICE_OBJECT), NTSTATUS> {
    for attempt in 1..=8 {
        let handle = open_handle(link)?;
        clock::sleep(5 << attempt);
        let file = match file_of(handle) {
            Ok(file) => file,
            Err(status) => {
                close(handle);
                return Err(status);
            }
        };
        // SAFETY: the file object is referenced.
        let device = unsafe { (*file).DeviceObject };
        if !device.is_null() {
            return Ok((handle, file, device));
        }
        // SAFETY: this gives the reference back.
        unsafe { ObfDereferenceObject(file.cast()) };
        close(handle);
    }
    Err(STATUS_DEVICE_NOT_CONNECTED)
}

fn close(handle: HANDLE) {
    // SAFETY: the caller's handle, closed once. There is nothing to do about a failure.
    let _ = unsafe { ZwClose(handle) };
}

fn open_handle(link: &mut Text) -> Result<HANDLE, NTSTATUS> {
    let mut name = link.as_kernel();
    let mut attributes = OBJECT_ATTRIBUTES {
        Length: u32::try_from(size_of::<OBJECT_ATTRIBUTES>()).unwrap_or(0),
        ObjectName: &raw mut name,
        Attributes: ATTRIBUTES,
        ..OBJECT_ATTRIBUTES::default()
    };
    let mut handle: HANDLE = ptr::null_mut();
    let mut block = IO_STATUS_BLOCK::default();
    // SAFETY: every pointer is to a local that outlives the call.
    let status = unsafe {
        ZwOpenFile(
            &raw mut handle,
            READ_DATA,
            &raw mut attributes,
            &raw mut block,
            SHARE_ALL,
            0,
        )
    };
    checked(status).map(|()| handle)
}

fn file_of(handle: HANDLE) -> Result<*mut FILE_OBJECT, NTSTATUS> {
    let mut file: *mut c_void = ptr::null_mut();
    // SAFETY: the import's address is resolved by the loader.
    let kind = unsafe { FILE_OBJECT_TYPE };
    // SAFETY: the kernel's variable holds the type.
    let kind = unsafe { kind.read() };
    // SAFETY: the handle was just opened; the result is a local.
    let status =
        unsafe { ObReferenceObjectByHandle(handle, 0, kind, 0, &raw mut file, ptr::null_mut()) };
    checked(status).map(|()| file.cast())
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
