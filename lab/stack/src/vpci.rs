//! The guest's VPCI bus driver, after `vpci.h` and its documentation, and another driver of the
//! guest.

pub(crate) mod guest_driver;
pub(crate) mod interface;
pub(crate) mod ioctl;
pub(crate) mod virtual_function;
