//! The service of a device's function driver: `DEVPKEY_Device_Service`.
//!
//! Wine's kernel has no property of this key. As Windows does, it keeps the name in the value
//! `Service` of the device's key below `Enum`, whose path consists of the IDs that the bus driver
//! gives.

use alloc::vec::Vec;

use wdk_sys::{
    _BUS_QUERY_ID_TYPE::{BusQueryDeviceID, BusQueryInstanceID},
    BUS_QUERY_ID_TYPE, DEVPROPKEY, IO_STACK_LOCATION, IRP_MJ_PNP, IRP_MN_QUERY_ID, KEY_READ,
    NTSTATUS, PDEVICE_OBJECT, REG_SZ,
    ntddk::ExFreePool,
};

use crate::kernel::{
    counted_string::unicode,
    irp::{Irp, byte},
    registry_key::RegistryKey,
    status,
};

/// Whether this is `DEVPKEY_Device_Service` of `devpkey.h`.
pub(crate) fn is_key(key: &DEVPROPKEY) -> bool {
    const LAST: [u8; 8] = [0x80, 0x20, 0x67, 0xD1, 0x46, 0xA8, 0x50, 0xE0];
    let guid = &key.fmtid;
    (guid.Data1, guid.Data2, guid.Data3, guid.Data4) == (0xA45C_254E, 0xDF1C, 0x4EFD, LAST)
        && key.pid == 6
}

/// The bytes of the name, in UTF-16 with a zero at its end.
///
/// # Errors
/// `STATUS_OBJECT_NAME_NOT_FOUND` for a device without a function driver; what the kernel returns.
pub(crate) fn of(pdo: PDEVICE_OBJECT) -> Result<Vec<u8>, NTSTATUS> {
    let device = id(pdo, BusQueryDeviceID)?;
    let instance = id(pdo, BusQueryInstanceID)?;
    let mut path: Vec<u16> = r"\Registry\Machine\System\CurrentControlSet\Enum\"
        .encode_utf16()
        .collect();
    path.extend(device);
    path.push(u16::from(b'\\'));
    path.extend(instance);
    path.push(0);
    let key = RegistryKey::open(&path, KEY_READ)?;
    let name: Vec<u16> = "Service\0".encode_utf16().collect();
    let name = unicode(&name);
    // SAFETY: the name lives through the call.
    match unsafe { key.query(&raw const name) }? {
        (REG_SZ, data) if data.len() > 2 => Ok(data),
        _ => Err(status::OBJECT_NAME_NOT_FOUND),
    }
}

/// An ID of a device, without a zero.
fn id(pdo: PDEVICE_OBJECT, kind: BUS_QUERY_ID_TYPE) -> Result<Vec<u16>, NTSTATUS> {
    let irp = Irp::allocate(pdo).ok_or(status::INSUFFICIENT_RESOURCES)?;
    irp.set_status(status::NOT_SUPPORTED);
    let mut location = IO_STACK_LOCATION {
        MajorFunction: byte(IRP_MJ_PNP),
        MinorFunction: byte(IRP_MN_QUERY_ID),
        ..Default::default()
    };
    location.Parameters.QueryId.IdType = kind;
    irp.set_next_location(location);
    let status = irp.send_synchronously(pdo);
    let address = usize::try_from(irp.information()).unwrap_or(0);
    irp.free();
    if !status::is_success(status) || address == 0 {
        return Err(status);
    }
    let text = core::ptr::with_exposed_provenance_mut::<u16>(address);
    let mut units = Vec::new();
    loop {
        // SAFETY: the bus driver returned a string with a zero at its end, and none was read yet.
        let place = unsafe { text.add(units.len()) };
        // SAFETY: as above.
        match unsafe { place.read() } {
            0 => break,
            unit => units.push(unit),
        }
    }
    // SAFETY: the bus driver left the string to the sender, which no longer uses it.
    unsafe { ExFreePool(text.cast()) };
    Ok(units)
}
