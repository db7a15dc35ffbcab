//! The present devices of a device interface class.

use std::io;
use std::mem;
use std::ptr;

use windows_sys::Win32::Devices::DeviceAndDriverInstallation::{
    DIGCF_DEVICEINTERFACE, DIGCF_PRESENT, HDEVINFO, SP_DEVICE_INTERFACE_DATA,
    SP_DEVICE_INTERFACE_DETAIL_DATA_W, SetupDiDestroyDeviceInfoList, SetupDiEnumDeviceInterfaces,
    SetupDiGetClassDevsW, SetupDiGetDeviceInterfaceDetailW,
};
use windows_sys::Win32::Foundation::{ERROR_NO_MORE_ITEMS, INVALID_HANDLE_VALUE};
use windows_sys::core::GUID;

use super::structure_size::size_of_u32;

/// The device information set that an enumeration walks over.
struct InformationSet(HDEVINFO);

impl Drop for InformationSet {
    fn drop(&mut self) {
        // SAFETY: the set came from SetupDiGetClassDevsW and is destroyed here alone. A failure to
        // destroy it cannot be handled.
        unsafe { SetupDiDestroyDeviceInfoList(self.0) };
    }
}

/// The paths of the present devices that offer a device interface class, given as the digits of the
/// GUID's text form (`pf_broker_abi::INTERFACE_CLASS`).
///
/// # Errors
///
/// The error of Windows if it cannot enumerate them.
pub fn interfaces(class: u128) -> io::Result<Vec<String>> {
    let class = GUID::from_u128(class);
    // SAFETY: the class is a valid GUID for the time of the call; an enumerator and a window are
    // optional.
    let set = unsafe {
        SetupDiGetClassDevsW(
            &raw const class,
            ptr::null(),
            ptr::null_mut(),
            DIGCF_PRESENT | DIGCF_DEVICEINTERFACE,
        )
    };
    if set == INVALID_HANDLE_VALUE as HDEVINFO {
        return Err(io::Error::last_os_error());
    }
    let set = InformationSet(set);
    let mut paths = Vec::new();
    for index in 0.. {
        let mut interface = SP_DEVICE_INTERFACE_DATA {
            cbSize: size_of_u32::<SP_DEVICE_INTERFACE_DATA>(),
            ..SP_DEVICE_INTERFACE_DATA::default()
        };
        // SAFETY: the set is open, the class is valid, and the interface structure contains its
        // size.
        let found = unsafe {
            SetupDiEnumDeviceInterfaces(
                set.0,
                ptr::null(),
                &raw const class,
                index,
                &raw mut interface,
            )
        };
        if found == 0 {
            let error = io::Error::last_os_error();
            if error.raw_os_error() == Some(ERROR_NO_MORE_ITEMS.cast_signed()) {
                break;
            }
            return Err(error);
        }
        paths.push(interface_path(&set, &interface)?);
    }
    Ok(paths)
}

/// The path of one enumerated device interface.
fn interface_path(
    set: &InformationSet,
    interface: &SP_DEVICE_INTERFACE_DATA,
) -> io::Result<String> {
    let mut needed = 0;
    // The first call only gets the size; it fails with ERROR_INSUFFICIENT_BUFFER.
    // SAFETY: the set is open, the interface is one of it, and a buffer of no bytes may be null.
    unsafe {
        SetupDiGetDeviceInterfaceDetailW(
            set.0,
            interface,
            ptr::null_mut(),
            0,
            &raw mut needed,
            ptr::null_mut(),
        )
    };
    let header = mem::offset_of!(SP_DEVICE_INTERFACE_DETAIL_DATA_W, DevicePath);
    let length = needed as usize;
    if length < header {
        return Err(io::Error::last_os_error());
    }
    // `u32` elements, because the structure begins with a `u32`.
    let mut words = vec![0_u32; length.div_ceil(mem::size_of::<u32>())];
    words[0] = size_of_u32::<SP_DEVICE_INTERFACE_DETAIL_DATA_W>();
    // SAFETY: the buffer is aligned for the structure, has the `needed` bytes that are passed to
    // the call, and contains the structure's size.
    let done = unsafe {
        SetupDiGetDeviceInterfaceDetailW(
            set.0,
            interface,
            words.as_mut_ptr().cast(),
            needed,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let path: Vec<u16> = bytes[header..length]
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .take_while(|&unit| unit != 0)
        .collect();
    String::from_utf16(&path).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
