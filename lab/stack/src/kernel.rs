//! What this driver adds to the kernel's functions: packets, the access check, the System event log, exports,
//! imports, levels, unloading.

pub(crate) mod access_check;
pub(crate) mod error_log;
pub(crate) mod exports;
pub(crate) mod imports;
pub(crate) mod irp;
pub(crate) mod level;
pub(crate) mod status;
pub(crate) mod unload;
