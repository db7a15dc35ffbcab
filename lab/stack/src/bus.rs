//! The bus: a function device whose children, the PF and the VFs, come and go through
//! `IoInvalidateDeviceRelations`.

pub(crate) mod children;
pub(crate) mod device_object;
pub(crate) mod dispatch;
mod identifier;
pub(crate) mod interface_query;
pub(crate) mod pnp_observer;
pub(crate) mod pnp_request;
pub(crate) mod stack_builder;

pub(crate) use children::{physical_function, virtual_function};
