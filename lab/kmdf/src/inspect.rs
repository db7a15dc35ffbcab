//! What tests of the double may ask it. No other driver calls this, since no other WDFLDR.SYS has it.

use crate::call::thread;

/// The level that the double tracks for the calling thread: 0 to 2, as the kernel numbers them.
#[unsafe(no_mangle)]
pub extern "C" fn WdfDoubleLevel() -> u8 {
    thread(|thread| thread.level()) as u8
}
