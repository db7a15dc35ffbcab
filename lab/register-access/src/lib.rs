//! Instructions that access memory-mapped registers: what each one reads or writes, and how long it
//! is.
//!
//! The PCI double maps a base address register as pages that no instruction can access. Each access
//! of a driver ends in an exception, whose handler carries the instruction out on the register that
//! the double keeps. So the double sees every access, with its width, its thread and its order.
//!
//! Decoded are the instructions that compilers emit for volatile accesses: `mov`, `movzx`, `cmp` and
//! `test` with one operand in memory. The encodings are those of the Intel 64 and IA-32
//! Architectures Software Developer's Manual, volume 2.
#![no_std]
#![forbid(unsafe_code)]

mod decode;
mod flags;

pub use decode::{Action, Instruction, Operand, decode};
pub use flags::{FLAGS, after_compare, after_test};
