//! The next message of a stream is validated against the last accepted one, drained or not.

mod shell;

use pf_broker_abi::Refusal;
use shell::{CONTOSO, Calls, with_device};

#[test]
fn a_sequence_goes_on_behind_messages_that_were_drained() {
    with_device(CONTOSO, 1, |device| {
        // Each slot in turn holds the newest message, in a full stream and in an empty one.
        for number in 1..=10 {
            device.vf_write(0, 3, &[1, number]).unwrap();
            if number % 3 == 0 {
                let last = device.host_drain(0, 3).unwrap();
                assert_eq!(last.last().unwrap()[1], number);
            }
            let back = device.vf_write(0, 3, &[1, number - 1]);
            assert_eq!(back, Err(Refusal::Sequence), "behind {number}");
        }
    });
}
