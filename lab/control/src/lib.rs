//! Control codes and buffer layouts between the lab's runner and its kernel drivers.
//!
//! | module | between |
//! |---|---|
//! | [`stack`] | runner → the driver with the bus, virtualization stack and VPCI doubles |
//! | [`contention`] | the same, for many threads on the same VFs |
//! | [`latency`] | the same, for the time until host software answers |
//! | [`function_driver`] | runner → the lab's function driver, through whatever is above it |
//! | [`companion`] | runner → the same as the companion of the driver above it |
//! | [`sample`] | runner, as a guest's user-mode software → the sample VF driver |
//!
//! All codes are buffered. Integers are little endian. Nothing here is part of the product.
#![no_std]
#![forbid(unsafe_code)]

pub mod companion;
pub mod contention;
pub mod function_driver;
pub mod latency;
pub mod sample;
pub mod stack;

/// `VPCI_MAX_READ_WRITE_BLOCK_SIZE` of `pcivirt.h`: bytes of the largest block.
pub const MAX_BLOCK_LENGTH: usize = 128;

/// `CTL_CODE` of `wdm.h` for `FILE_DEVICE_UNKNOWN`, `METHOD_BUFFERED` and `FILE_ANY_ACCESS`.
const fn code(function: u32) -> u32 {
    (0x22 << 16) | (function << 2)
}
