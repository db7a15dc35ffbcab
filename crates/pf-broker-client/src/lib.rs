//! The user-mode side of the management interface: finds pf_broker devices and speaks to them.
//!
//! - [`Control`] is one buffered device control call, whatever carries it;
//! - [`Device`] speaks the management interface (`pf-broker-abi`) over a [`Control`];
//! - on Windows, `Handle` carries the calls to a driver and keeps the `NTSTATUS` exactly as the
//!   driver gave it, and `interfaces` finds the devices.
//!
//! A host agent needs nothing else: publish, drain, invalidate, and wait for what VFs write.
#![cfg_attr(not(windows), forbid(unsafe_code))]

mod device;
#[cfg(windows)]
mod windows;

pub use device::{Control, Device, Error, Vfs, name_text};
#[cfg(windows)]
pub use windows::{Access, Handle, interfaces};
