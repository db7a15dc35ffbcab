//! The kernel's functions as this driver calls them: requests, threads, time, memory, strings.

pub(crate) mod access_check;
pub(crate) mod clock;
pub(crate) mod irp;
pub(crate) mod level;
pub(crate) mod lock;
pub(crate) mod pool;
pub(crate) mod thread;
pub(crate) mod unicode;
pub(crate) mod unload;
