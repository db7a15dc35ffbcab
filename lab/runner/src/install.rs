//! Installs drivers: the calls to `SetupDi` and `newdev`. Only this and `messages` are unsafe.

use std::ffi::OsStr;
use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;

use windows_sys::Win32::Devices::DeviceAndDriverInstallation::{
    DIF_REGISTERDEVICE, HDEVINFO, INSTALLFLAG_FORCE, SP_DEVINFO_DATA, SPDRP_HARDWAREID,
    SetupCopyOEMInfW, SetupDiCallClassInstaller, SetupDiCreateDeviceInfoList,
    SetupDiCreateDeviceInfoW, SetupDiDestroyDeviceInfoList, SetupDiSetDeviceRegistryPropertyW,
    UpdateDriverForPlugAndPlayDevicesW,
};
use windows_sys::core::GUID;

/// The device setup class "System devices", which the lab's INF files name.
static SYSTEM_CLASS: GUID = GUID::from_u128(0x4D36_E97D_E325_11CE_BFC1_0800_2BE1_0318);

fn wide(text: &OsStr) -> Vec<u16> {
    text.encode_wide().chain([0]).collect()
}

fn succeeded(result: i32) -> io::Result<()> {
    if result == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Makes an INF known, so that devices which appear later find their driver.
pub(crate) fn add_inf(inf: &Path) -> io::Result<()> {
    let inf = wide(inf.as_os_str());
    // SAFETY: the path ends with a zero; everything else is optional.
    succeeded(unsafe {
        SetupCopyOEMInfW(
            inf.as_ptr(),
            ptr::null(),
            0,
            0,
            ptr::null_mut(),
            0,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    })
}

struct InformationSet(HDEVINFO);

impl Drop for InformationSet {
    fn drop(&mut self) {
        // SAFETY: the set is ours and destroyed once.
        unsafe { SetupDiDestroyDeviceInfoList(self.0) };
    }
}

/// Creates a root-enumerated device and starts its driver.
pub(crate) fn add_root_device(hardware_id: &str, inf: &Path) -> io::Result<()> {
    // SAFETY: the class is valid for the call; a window is optional.
    let set = unsafe { SetupDiCreateDeviceInfoList(&raw const SYSTEM_CLASS, ptr::null_mut()) };
    let set = InformationSet(set);
    let mut device = SP_DEVINFO_DATA {
        cbSize: u32::try_from(size_of::<SP_DEVINFO_DATA>()).unwrap_or(0),
        ..SP_DEVINFO_DATA::default()
    };
    let instance = wide(OsStr::new(&format!("{hardware_id}\\0000")));
    // SAFETY: the strings end with zeros, and the device structure says its size.
    succeeded(unsafe {
        SetupDiCreateDeviceInfoW(
            set.0,
            instance.as_ptr(),
            &raw const SYSTEM_CLASS,
            ptr::null(),
            ptr::null_mut(),
            0,
            &raw mut device,
        )
    })?;
    let mut identifiers = wide(OsStr::new(hardware_id));
    identifiers.push(0);
    // SAFETY: the property is a list of strings with its length in bytes.
    succeeded(unsafe {
        SetupDiSetDeviceRegistryPropertyW(
            set.0,
            &raw mut device,
            SPDRP_HARDWAREID,
            identifiers.as_ptr().cast(),
            u32::try_from(identifiers.len() * 2).unwrap_or(0),
        )
    })?;
    // SAFETY: the device belongs to the set.
    succeeded(unsafe { SetupDiCallClassInstaller(DIF_REGISTERDEVICE, set.0, &raw const device) })?;
    let (hardware_id, inf) = (wide(OsStr::new(hardware_id)), wide(inf.as_os_str()));
    // SAFETY: the strings end with zeros; window and result are optional.
    succeeded(unsafe {
        UpdateDriverForPlugAndPlayDevicesW(
            ptr::null_mut(),
            hardware_id.as_ptr(),
            inf.as_ptr(),
            INSTALLFLAG_FORCE,
            ptr::null_mut(),
        )
    })
}
