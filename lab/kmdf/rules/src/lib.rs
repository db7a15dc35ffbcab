//! The rules of the Kernel-Mode Driver Framework that the lab's double enforces, as plain state
//! machines: no operating system, no `unsafe`, tested on any host.
//!
//! Each rule names the public file of `microsoft/Windows-Driver-Frameworks` (MIT) or the public
//! documentation page it was read from. Where a module is stricter than the framework, it says so.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod interface;
pub mod level;
pub mod object;
pub mod pnp;
pub mod power_policy;
pub mod queue;
pub mod tree;
pub mod version;
pub mod violation;
