//! A device by its name: one of the driver, or a simulated one.

use std::io;

use crate::access::Access;
use crate::device::Control;
use crate::limit::Limit;
use crate::simulated::Simulated;
#[cfg(windows)]
use crate::windows::Handle;

/// What the name of a simulated device begins with; its address follows.
const SIMULATED: &str = "sim:";

/// An open device of the driver or a simulated one. Any number of threads may call at one time.
#[derive(Debug)]
pub enum Connection {
    /// A device of the driver.
    #[cfg(windows)]
    Driver(Handle),
    /// A simulated device.
    Simulated(Simulated),
}

impl Connection {
    /// The address in the name of a simulated device, `sim:127.0.0.1:9820`.
    #[must_use]
    pub fn simulated_address(name: &str) -> Option<&str> {
        name.strip_prefix(SIMULATED)
    }

    /// Opens a device: a simulated one by its [address](Connection::simulated_address), on Windows
    /// every other one by the path that `interfaces` returns for it.
    ///
    /// # Errors
    ///
    /// That of [`Simulated::connect`] or of Windows. Only simulated devices exist elsewhere.
    pub fn open(name: &str, access: Access) -> io::Result<Self> {
        if let Some(address) = Self::simulated_address(name) {
            return Simulated::connect(address, access).map(Self::Simulated);
        }
        open_driver(name, access)
    }
}

#[cfg(windows)]
fn open_driver(path: &str, access: Access) -> io::Result<Connection> {
    Handle::open(path, access).map(Connection::Driver)
}

#[cfg(not(windows))]
fn open_driver(path: &str, _: Access) -> io::Result<Connection> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        format!(
            "the driver of {path} runs on Windows alone; a simulated device is sim:ADDRESS:PORT"
        ),
    ))
}

impl Control for Connection {
    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, u32> {
        self.control_within(code, input, output, Limit::NONE)
    }

    fn control_within(
        &self,
        code: u32,
        input: &[u8],
        output: &mut [u8],
        limit: Limit<'_>,
    ) -> Result<usize, u32> {
        match self {
            #[cfg(windows)]
            Self::Driver(handle) => handle.control_within(code, input, output, limit),
            Self::Simulated(device) => device.control_within(code, input, output, limit),
        }
    }
}
