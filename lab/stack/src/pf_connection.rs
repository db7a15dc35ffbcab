//! The virtualization stack's connection to the PF driver: it opens the PF, calls
//! `SRIOV_DEVICE_INTERFACE_STANDARD`, attaches, and keeps requests pending.

pub(crate) mod attachment;
pub(crate) mod attachment_log;
pub(crate) mod call;
pub(crate) mod connection;
pub(crate) mod interface;
pub(crate) mod invalidation_log;
pub(crate) mod management;
mod opening;
