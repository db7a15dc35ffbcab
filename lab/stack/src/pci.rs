//! The PCI bus driver's view of one PF with its VFs.
//!
//! Registers are those of the PCI Express Base Specification; `PCI_VIRTUALIZATION_INTERFACE` and
//! `BUS_INTERFACE_STANDARD` behave as `wdm.h` and its documentation say. The runner switches faults
//! on.

pub(crate) mod device;
pub(crate) mod fault;
mod function;
pub(crate) mod interface;
pub(crate) mod io_space;
pub(crate) mod pf_registers;
mod registers;
mod resource_list;
pub(crate) mod vf_enable;

pub(crate) use device::Pci;
pub(crate) use resource_list::ResourceList;
