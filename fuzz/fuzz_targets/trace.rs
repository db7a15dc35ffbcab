//! Fuzzes the trace parser: any line is an operation of a trace, or is refused.
#![no_main]

use block_trace::Operation;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    if let Err(error) = Operation::parse(line) {
        assert!(!error.to_string().is_empty());
    }
});
