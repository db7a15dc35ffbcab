//! Fuzzes the frames of a simulated device: whatever a client sends is refused, or is requests that
//! are sent as the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pf_broker_client::frame::{receive_request, send_request};

fuzz_target!(|bytes: &[u8]| {
    let mut left = bytes;
    let mut sent = Vec::new();
    while let Ok(request) = receive_request(&mut left) {
        send_request(&mut sent, &request).expect("what was received can be sent");
        assert_eq!(sent, bytes[..bytes.len() - left.len()]);
    }
});
