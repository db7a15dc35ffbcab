//! WDFLDR.SYS of the lab: a double of the Kernel-Mode Driver Framework 1.33.
//!
//! It is a kernel library that drivers import in place of Microsoft's, and it runs on Wine's
//! ntoskrnl. It implements the functions that the lab's drivers call, as the framework's public
//! source does, and ends the run with one sentence where a driver breaks a rule. The layers, from
//! the top:
//!
//! - [`bind`] and [`inspect`]: the exports; `bind` hands the table of `function_table` to a driver,
//!   whose slots without an implementation stop the run with the names of `function_names`;
//! - `api`: the implemented functions, a file for each family;
//! - `model`: framework objects, from `objects` (tree and bodies) over `device`, `request`,
//!   `queue`, `file` and `io_target` to `dispatch`, where packets arrive;
//! - `kernel`: packets, registry keys, threads and the log, without framework objects;
//! - the crate `kmdf-rules` below: the framework's rules as state machines that any host tests.
//!
//! Imports point downward only. README.md names the public source of each rule, and says how to add
//! a function.
#![no_std]

extern crate alloc;

mod api;
pub mod bind;
mod function_names;
mod function_table;
pub mod inspect;
mod kernel;
mod model;

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    kernel::report::line(format_args!("{info}"));
    kernel::report::stop(&kmdf_rules::violation::Violation::Panic)
}
