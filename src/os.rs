//! The framework's and the kernel's objects: nothing here imports from the rest of the driver.

pub(crate) mod interface;
pub(crate) mod kernel;
pub(crate) mod lock;
pub(crate) mod memory;
pub(crate) mod object;
pub(crate) mod once;
pub(crate) mod packet;
pub(crate) mod request;
pub(crate) mod timer;
pub(crate) mod unicode;
pub(crate) mod wait;
pub(crate) mod wdf;
pub(crate) mod work_item;
