//! WDFLDR.SYS of the lab: a double of the Kernel-Mode Driver Framework 1.33.
//!
//! It is a kernel library that drivers import in place of Microsoft's, and it runs on Wine's
//! ntoskrnl. It behaves as the framework's public source does, for the functions that the lab's
//! drivers use, and stops the run with one sentence where a driver breaks a rule. README.md beside
//! this crate lists what it does and against which public file each rule was held.
#![no_std]

extern crate alloc;

mod alias;
mod argument;
pub mod bind;
mod body;
mod call;
mod collection;
mod context;
mod coverage;
mod device;
mod driver;
mod file;
mod function_names;
mod function_table;
mod init;
pub mod inspect;
mod interface;
mod irp;
mod irp_dispatch;
mod lock;
mod memory;
mod object_functions;
mod pnp;
mod power;
mod queue;
mod queue_functions;
mod queue_power;
mod registry;
mod report;
mod request;
mod request_functions;
mod resources;
mod shortage;
mod status;
mod string;
mod surprise;
mod target;
mod target_functions;
mod timer;
mod turn;
mod wait;
mod work_item;
mod world;

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    report::line(format_args!("{info}"));
    report::stop(&kmdf_rules::violation::Violation::Panic)
}
