//! What the lab's doubles of kernel libraries share: memory, a lock, and the log that each leaves in
//! the Wine prefix.
#![no_std]

extern crate alloc;

mod heap;
pub mod lock;
pub mod log;
