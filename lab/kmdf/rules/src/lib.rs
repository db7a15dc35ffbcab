//! The rules of the Kernel-Mode Driver Framework that the lab's double enforces, as plain state
//! machines: no operating system, no `unsafe`, tested on any host.
//!
//! - [`object`], [`level`]: handles, kinds and interrupt request levels;
//! - [`violation`]: the rules that end a run, each with its sentence;
//! - [`tree`]: parents, children, and the order of a deletion;
//! - [`thread`]: the level of a thread and the locks it holds;
//! - [`queue`]: the requests of one I/O queue;
//! - [`pnp`], [`power_policy`]: callbacks of Plug and Play and power in their order;
//! - [`interface`]: which registration answers a query for an interface;
//! - [`version`]: framework versions, and which drivers each binds.
//!
//! Each rule names the public file of `microsoft/Windows-Driver-Frameworks` (MIT) or the public
//! documentation page that it was read from. A module that is stricter than the framework says so.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod interface;
pub mod level;
pub mod object;
pub mod pnp;
pub mod power_policy;
pub mod queue;
pub mod thread;
pub mod tree;
pub mod version;
pub mod violation;
