use std::io::{self, Read};

use pf_broker_abi::{SIMULATED_CANCEL, SIMULATED_GREETING, SIMULATED_MAX_INPUT};
use proptest::prelude::*;

use super::{
    FrameError, Request, receive_greeting, receive_reply, receive_request, send_reply, send_request,
};

/// Bytes that arrive in pieces of these lengths, over and over.
struct Pieces<'b> {
    bytes: &'b [u8],
    lengths: Vec<usize>,
    next: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.lengths[self.next % self.lengths.len()];
        self.next += 1;
        let length = length.min(buffer.len()).min(self.bytes.len());
        let (piece, rest) = self.bytes.split_at(length);
        buffer[..length].copy_from_slice(piece);
        self.bytes = rest;
        Ok(length)
    }
}

fn head(length: u32, code: u32, output_length: u32, reserved: u32) -> Vec<u8> {
    [length, code, output_length, reserved]
        .map(u32::to_le_bytes)
        .concat()
}

proptest! {
    /// Whatever arrives is refused, or is a request that is sent as the same bytes.
    #[test]
    fn bytes_are_a_request_or_are_refused(
        length in prop_oneof![0..64_u32, Just(SIMULATED_MAX_INPUT), any::<u32>()],
        code in prop_oneof![Just(SIMULATED_CANCEL), any::<u32>()],
        output_length in prop_oneof![Just(0), any::<u32>()],
        reserved in prop_oneof![9 => Just(0_u32), 1 => any::<u32>()],
        data in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = [head(length, code, output_length, reserved), data.clone()].concat();
        let mut left = &bytes[..];
        match receive_request(&mut left) {
            Ok(request) => {
                let mut sent = Vec::new();
                send_request(&mut sent, &request).expect("what was received can be sent");
                prop_assert_eq!(&bytes[..sent.len()], &sent[..]);
                prop_assert_eq!(left.len(), bytes.len() - sent.len());
                prop_assert!(request.input.len() <= SIMULATED_MAX_INPUT as usize);
            }
            Err(FrameError::TooLong { length: refused, .. }) => {
                prop_assert!(refused == length && length > SIMULATED_MAX_INPUT);
            }
            Err(FrameError::Reserved(refused)) => {
                prop_assert!(refused == reserved && reserved != 0);
            }
            Err(FrameError::Cancellation { .. }) => {
                prop_assert!(code == SIMULATED_CANCEL && (length, output_length) != (0, 0));
            }
            Err(FrameError::Connection(_)) => prop_assert!((length as usize) > data.len()),
            Err(FrameError::Greeting(_)) => prop_assert!(false, "no greeting is received here"),
        }
    }

    #[test]
    fn requests_arrive_in_pieces_as_they_were_sent(
        code in 1_u32..,
        output_length in any::<u32>(),
        input in prop::collection::vec(any::<u8>(), 0..200),
        lengths in prop::collection::vec(1_usize..20, 1..8),
    ) {
        let request = Request { code, input, output_length };
        let mut bytes = Vec::new();
        send_request(&mut bytes, &request).expect("sent");
        let mut pieces = Pieces { bytes: &bytes, lengths, next: 0 };
        prop_assert_eq!(receive_request(&mut pieces).expect("received"), request);
    }

    #[test]
    fn replies_arrive_as_they_were_sent_or_do_not_fit(
        output in prop::collection::vec(any::<u8>(), 0..100),
        room in 0_usize..100,
    ) {
        let mut bytes = Vec::new();
        send_reply(&mut bytes, &Ok(output.clone())).expect("sent");
        let mut received = vec![0; room];
        match receive_reply(&bytes[..], &mut received) {
            Ok(Ok(length)) => prop_assert_eq!(&received[..length], &output[..]),
            Err(FrameError::TooLong { .. }) => prop_assert!(output.len() > room),
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

#[test]
fn a_failure_is_a_status_without_output() {
    let mut bytes = Vec::new();
    send_reply(&mut bytes, &Err(0xC000_000D)).expect("sent");
    assert_eq!(bytes, [0, 0, 0, 0, 0x0D, 0, 0, 0xC0]);
    let reply = receive_reply(&bytes[..], &mut [0; 4]);
    assert!(matches!(reply, Ok(Err(0xC000_000D))), "{reply:?}");
}

#[test]
fn a_frame_that_ends_early_is_an_error() {
    let mut bytes = Vec::new();
    let request = Request {
        code: 1,
        input: vec![1, 2, 3],
        output_length: 0,
    };
    send_request(&mut bytes, &request).expect("sent");
    for length in 0..bytes.len() {
        let cut = receive_request(&bytes[..length]);
        assert!(matches!(cut, Err(FrameError::Connection(_))), "{length}");
    }
}

#[test]
fn another_greeting_is_refused() {
    assert!(receive_greeting(&SIMULATED_GREETING[..]).is_ok());
    let refused = receive_greeting(&b"GET / HTTP/1.1\r\n"[..]);
    assert!(
        matches!(refused, Err(FrameError::Greeting(_))),
        "{refused:?}"
    );
    let cut = receive_greeting(&SIMULATED_GREETING[..7]);
    assert!(matches!(cut, Err(FrameError::Connection(_))), "{cut:?}");
}

#[test]
fn an_input_that_is_too_long_is_not_sent() {
    let request = Request {
        code: 1,
        input: vec![0; SIMULATED_MAX_INPUT as usize + 1],
        output_length: 0,
    };
    let mut sent = Vec::new();
    let refused = send_request(&mut sent, &request);
    assert!(
        matches!(refused, Err(FrameError::TooLong { .. })),
        "{refused:?}"
    );
    assert!(sent.is_empty());
}
