//! Finds and opens devices.

use crate::cli::Selection;
use crate::failure::Failure;
use pf_broker_client::Device;

#[cfg(windows)]
pub(super) use pf_broker_client::{Access, Handle};

/// The access of a handle, on systems without the driver.
#[cfg(not(windows))]
#[derive(Clone, Copy)]
pub(super) enum Access {
    Look,
    Change,
}

/// A handle on systems without the driver: it cannot exist.
#[cfg(not(windows))]
#[derive(Debug)]
pub(super) enum Handle {}

#[cfg(not(windows))]
impl pf_broker_client::Control for Handle {
    fn control(&self, _: u32, _: &[u8], _: &mut [u8]) -> Result<usize, u32> {
        match *self {}
    }
}

/// The paths of the devices that are present.
#[cfg(windows)]
pub(super) fn devices() -> Result<Vec<String>, Failure> {
    pf_broker_client::interfaces(pf_broker_abi::INTERFACE_CLASS).map_err(Failure::Devices)
}

#[cfg(not(windows))]
pub(super) fn devices() -> Result<Vec<String>, Failure> {
    Err(Failure::NeedsWindows)
}

/// Opens the device of a path.
#[cfg(windows)]
pub(super) fn open_path(path: &str, access: Access) -> Result<Device<Handle>, Failure> {
    let handle = Handle::open(path, access).map_err(|source| Failure::Open {
        path: path.to_owned(),
        source,
    })?;
    Ok(Device::new(handle)?)
}

#[cfg(not(windows))]
pub(super) fn open_path(_: &str, access: Access) -> Result<Device<Handle>, Failure> {
    match access {
        Access::Look | Access::Change => Err(Failure::NeedsWindows),
    }
}

/// Opens the device that the command line selects.
#[cfg(windows)]
pub(super) fn open(selection: &Selection, access: Access) -> Result<Device<Handle>, Failure> {
    let path = match &selection.device {
        Some(path) if path.starts_with('\\') => path.clone(),
        choice => choose(choice.as_deref(), devices()?)?,
    };
    open_path(&path, access)
}

#[cfg(not(windows))]
pub(super) fn open(_: &Selection, access: Access) -> Result<Device<Handle>, Failure> {
    open_path("", access)
}

/// The device of a number, or the only one.
#[cfg(windows)]
fn choose(number: Option<&str>, mut paths: Vec<String>) -> Result<String, Failure> {
    let count = paths.len();
    let index = match number {
        _ if count == 0 => return Err(Failure::NoDevice),
        None if count == 1 => 0,
        None => return Err(Failure::WhichDevice { count }),
        Some(number) => number
            .parse()
            .ok()
            .filter(|&index| index < count)
            .ok_or_else(|| Failure::Argument {
                argument: "--device",
                problem: format!(
                    "there is no device {number}: numbers are 0 to {}, and a path begins with \\",
                    count - 1
                ),
            })?,
    };
    Ok(paths.swap_remove(index))
}
