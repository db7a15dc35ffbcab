//! The functions of the framework that drivers call, a file for each family.
//!
//! Every function enters with its name and its documented maximum level ([`call::Call`]), turns
//! handles into objects of [`crate::model`], and leaves the work to them.

pub(crate) mod attributes;
pub(crate) mod call;
pub(crate) mod device;
pub(crate) mod device_init;
pub(crate) mod driver;
pub(crate) mod file;
pub(crate) mod interface;
pub(crate) mod io_target;
pub(crate) mod lock;
pub(crate) mod memory;
pub(crate) mod new_object;
pub(crate) mod object;
pub(crate) mod queue;
pub(crate) mod registry;
pub(crate) mod request;
pub(crate) mod resources;
pub(crate) mod string;
pub(crate) mod timer;
pub(crate) mod work_item;
