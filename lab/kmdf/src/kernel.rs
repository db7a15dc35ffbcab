//! The kernel's own interfaces (WDM), without framework objects.

pub(crate) mod argument;
pub(crate) mod counted_string;
pub(crate) mod device_alias;
pub(crate) mod device_service;
pub(crate) mod handle;
pub(crate) mod image_counters;
pub(crate) mod irp;
pub(crate) mod registry_key;
pub(crate) mod report;
pub(crate) mod status;
pub(crate) mod system_thread;
pub(crate) mod wait;
