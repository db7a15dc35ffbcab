//! The position of the driver in a device's stack, from the service that drives the device.

use pf_state::{
    failure::StartFailure,
    position::Position,
    status::{self, NtStatus},
};
use wdk_sys::{
    DEVPROPKEY, DEVPROPTYPE, GUID, PWDFDEVICE_INIT, WDF_DEVICE_PROPERTY_DATA, WDFDRIVER,
};

use crate::os::wdf;

/// `DEVPKEY_Device_Service` of `devpkey.h`: the service of the function driver, a string.
static SERVICE: DEVPROPKEY = DEVPROPKEY {
    fmtid: GUID {
        Data1: 0xA45C_254E,
        Data2: 0xDF1C,
        Data3: 0x4EFD,
        Data4: [0x80, 0x20, 0x67, 0xD1, 0x46, 0xA8, 0x50, 0xE0],
    },
    pid: 6,
};
/// `DEVPROP_TYPE_STRING` of `devpropdef.h`.
const STRING: DEVPROPTYPE = 0x12;
/// Units of the longest service name, 256 ("`CreateService`"), and its zero.
const MAX_SERVICE: u32 = 257;
/// More units than the path of a service's registry key has.
const MAX_PATH: usize = 512;

/// The position of the driver in the stack of a device that is about to be created.
pub(crate) fn find(driver: WDFDRIVER, init: PWDFDEVICE_INIT) -> Result<Position, StartFailure> {
    let mut buffer = [0; MAX_SERVICE as usize];
    let service = match service(init, &mut buffer) {
        Ok(service) => service,
        Err(status::OBJECT_NAME_NOT_FOUND) => return Err(StartFailure::NoFunctionDriver),
        Err(status) => return Err(StartFailure::Framework(status)),
    };
    // SAFETY: the driver is live.
    let path = unsafe { wdf::call!(WdfDriverGetRegistryPath, driver) };
    // SAFETY: the framework keeps the path, which ends with a zero, as long as the driver.
    let path = unsafe { until_zero(path.cast_const()) };
    Ok(Position::of(path, service))
}

/// The name of the service that drives the device, in `buffer`.
fn service(
    init: PWDFDEVICE_INIT,
    buffer: &mut [u16; MAX_SERVICE as usize],
) -> Result<&[u16], NtStatus> {
    let mut property = WDF_DEVICE_PROPERTY_DATA {
        Size: wdf::size_of_config::<WDF_DEVICE_PROPERTY_DATA>(),
        PropertyKey: &raw const SERVICE,
        ..WDF_DEVICE_PROPERTY_DATA::default()
    };
    let (mut length, mut found): (u32, DEVPROPTYPE) = (0, 0);
    // SAFETY: the framework gave `init` for the callback that this runs in, the buffer has the
    // length given, and the rest lives through the call.
    wdf::check(unsafe {
        wdf::call!(
            WdfFdoInitQueryPropertyEx,
            init,
            &raw mut property,
            2 * MAX_SERVICE,
            buffer.as_mut_ptr().cast(),
            &raw mut length,
            &raw mut found,
        )
    })?;
    if found != STRING {
        return Err(status::OBJECT_TYPE_MISMATCH);
    }
    let units = buffer.get(..length as usize / 2).unwrap_or_default();
    Ok(units.split(|&unit| unit == 0).next().unwrap_or_default())
}

/// The units of a string up to its zero.
///
/// # Safety
/// The string ends with a zero and stays as it is for `'s`.
unsafe fn until_zero<'s>(string: *const u16) -> &'s [u16] {
    let mut length = 0;
    while length < MAX_PATH {
        // SAFETY: no unit before this one is the zero.
        let place = unsafe { string.add(length) };
        // SAFETY: as above.
        if unsafe { place.read() } == 0 {
            break;
        }
        length += 1;
    }
    // SAFETY: these units were just read.
    unsafe { core::slice::from_raw_parts(string, length) }
}
