//! The management interface for host software in user mode: finds pf_broker devices, and sends
//! typed requests to them.
//!
//! Host software publishes blocks, drains streams, invalidates blocks, and waits for changes, all
//! through [`Device`]. `pf-broker-abi` defines the interface; docs/pf-engineers.md describes it.
//!
//! From the requests down:
//!
//! | file | holds |
//! |---|---|
//! | `device.rs` | [`Device`], a method for each request, over a [`Control`] |
//! | `limit.rs` | when a call gives up: [`Limit`] and [`Cancel`] |
//! | `connection.rs` | [`Connection`], a [`Control`]: a device of the driver or a simulated one |
//! | `simulated.rs` | [`Simulated`], a [`Control`]: a device that `pfbctl serve` simulates |
//! | `frame.rs` | the frames of a connection to such a device |
//! | `access.rs` | [`Access`], what a caller may do |
//! | `windows` | on Windows: `Handle`, a [`Control`], and `interfaces`, the devices |
//!
//! Tests and tools implement [`Control`] themselves: it is one buffered device control call.
#![cfg_attr(not(windows), forbid(unsafe_code))]

mod access;
mod connection;
mod device;
pub mod frame;
mod limit;
mod simulated;
#[cfg(windows)]
mod windows;

pub use access::Access;
pub use connection::Connection;
pub use device::{Changes, Control, Device, Error, Vfs, name_text};
pub use limit::{
    Cancel, Limit, STATUS_CANCELLED, STATUS_DELETE_PENDING, STATUS_DEVICE_REMOVED,
    STATUS_IO_TIMEOUT, STATUSES_OF_ABSENCE,
};
pub use simulated::Simulated;
#[cfg(windows)]
pub use windows::{Handle, interfaces};
