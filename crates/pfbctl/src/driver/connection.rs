//! Finds and opens devices.

use crate::cli::Selection;
use crate::failure::Failure;
use pf_broker_client::Device;
pub(super) use pf_broker_client::{Access, Connection};

/// The paths of the devices that are present.
#[cfg(windows)]
fn devices() -> Result<Vec<String>, Failure> {
    pf_broker_client::interfaces(pf_broker_abi::INTERFACE_CLASS).map_err(Failure::Devices)
}

#[cfg(not(windows))]
fn devices() -> Result<Vec<String>, Failure> {
    Err(Failure::NeedsWindows)
}

/// The environment variable with the device of commands without `--device`.
const VARIABLE: &str = "PFBCTL_DEVICE";

/// The device that the command line or the environment selects.
fn choice(selection: &Selection) -> Option<String> {
    let from_environment = || std::env::var(VARIABLE).ok().filter(|name| !name.is_empty());
    selection.device.clone().or_else(from_environment)
}

/// The paths of the devices that are selected: all without a selection.
pub(super) fn selected(selection: &Selection) -> Result<Vec<String>, Failure> {
    match choice(selection) {
        None => devices(),
        Some(choice) => Ok(vec![path_of(&choice)?]),
    }
}

/// Opens the device of a path, or a simulated one.
pub(super) fn open_path(path: &str, access: Access) -> Result<Device<Connection>, Failure> {
    let connection = Connection::open(path, access).map_err(|source| Failure::Open {
        path: path.to_owned(),
        source,
    })?;
    Ok(Device::new(connection)?)
}

/// Opens the device that is selected, or the only one.
pub(super) fn open(selection: &Selection, access: Access) -> Result<Device<Connection>, Failure> {
    let path = match choice(selection) {
        Some(choice) => path_of(&choice)?,
        None => choose(None, devices()?)?,
    };
    open_path(&path, access)
}

/// The name of the simulated device that is selected.
pub(super) fn simulated(selection: &Selection) -> Result<String, Failure> {
    let name = choice(selection).unwrap_or_default();
    if Connection::simulated_address(&name).is_some() {
        return Ok(name);
    }
    Err(Failure::Argument {
        argument: "--device",
        problem: format!(
            "`{name}` is no simulated device, sim:ADDRESS:PORT, which alone has guests to play"
        ),
    })
}

/// The path of a device that is given as a path, as the address of a simulated one, or as a number.
fn path_of(choice: &str) -> Result<String, Failure> {
    if choice.starts_with('\\') || Connection::simulated_address(choice).is_some() {
        Ok(choice.to_owned())
    } else {
        choose(Some(choice), devices()?)
    }
}

/// The device of a number, or the only one.
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
                    "there is no device {number}: numbers are 0 to {}, a path begins with \\, and \
                     a simulated device is sim:ADDRESS:PORT",
                    count - 1
                ),
            })?,
    };
    Ok(paths.swap_remove(index))
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn a_device_is_chosen_by_its_number_or_because_it_is_the_only_one() {
        let paths = |count| (0..count).map(|index| format!("path {index}")).collect();
        for (number, count, chosen) in [
            (None, 1, Ok("path 0")),
            (Some("1"), 2, Ok("path 1")),
            (None, 0, Err("no pf_broker device is present")),
            (None, 2, Err("2 devices are present; choose one")),
            (
                Some("2"),
                2,
                Err("there is no device 2: numbers are 0 to 1"),
            ),
            (Some("x"), 1, Err("there is no device x")),
        ] {
            match (choose(number, paths(count)), chosen) {
                (Ok(path), Ok(wanted)) => assert_eq!(path, wanted),
                (Err(failure), Err(words)) => {
                    assert!(failure.to_string().contains(words), "{failure}");
                }
                (other, wanted) => panic!("{other:?} instead of {wanted:?}"),
            }
        }
    }
}
