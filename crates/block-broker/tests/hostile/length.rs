//! CVE-2025-22117: a length taken from a guest unchecked.

use super::*;

/// Tries a length on a block of 16 and on one of 128 bytes, in both directions.
fn lengths(length: u32, fits_16: bool, fits_128: bool) {
    with_device(CONTOSO, 1, |device| {
        for (block, fits, value) in [
            (0, fits_16, image(&control(0, 1, 1))),
            (63, fits_128, signed(3)),
        ] {
            let mut reply = [0xAA; 128];
            let outcome = if fits { Ok(()) } else { Err(Refusal::Length) };
            assert_eq!(
                device
                    .write(0, block, length, &value, NOW)
                    .without_waiters(),
                outcome
            );
            assert_eq!(
                device
                    .publish(0, block, length, &value, None, NOW)
                    .without_waiters()
                    .map(drop),
                outcome
            );
            let readable = fits || (block == 0 && (17..=128).contains(&length));
            let outcome = if readable {
                Ok(())
            } else {
                Err(Refusal::Length)
            };
            assert_eq!(
                device
                    .read(0, block, length, &mut reply, NOW)
                    .without_waiters(),
                outcome
            );
            assert_eq!(reply == [0xAA; 128], !readable);
        }
    });
}

#[test]
fn zero() {
    lengths(0, false, false);
}

#[test]
fn one() {
    lengths(1, false, false);
}

#[test]
fn one_less_than_the_block() {
    lengths(15, false, false);
}

#[test]
fn exactly_the_block() {
    lengths(16, true, false);
}

#[test]
fn one_more_than_the_block() {
    lengths(17, false, false);
}

#[test]
fn of_127() {
    lengths(127, false, false);
}

#[test]
fn of_128() {
    lengths(128, false, true);
}

#[test]
fn of_129() {
    lengths(129, false, false);
}

#[test]
fn u32_max() {
    lengths(u32::MAX, false, false);
}

#[test]
fn longer_reads_are_filled_with_zeros() {
    with_device(CONTOSO, 1, |device| {
        let reply = device.vf_read(0, 0, 128).unwrap();
        assert_eq!(reply[..2], [5, 0]);
        assert_eq!(reply[2..], [0; 126]);
    });
}

#[test]
fn shorter_reads_get_a_prefix_only_where_the_manifest_says_so() {
    with_device(CONTOSO, 1, |device| {
        device
            .host_publish(0, 1, &[1, 2, 3, 4, 5, 6, 7, 8])
            .unwrap();
        assert_eq!(device.vf_read(0, 1, 3), Ok(vec![1, 2, 3]));
        assert_eq!(device.vf_read(0, 1, 1), Ok(vec![1]));
        assert_eq!(device.vf_read(0, 1, 0), Err(Refusal::Length));
        assert_eq!(device.vf_read(0, 0, 15), Err(Refusal::Length));
    });
}

#[test]
fn shorter_writes_are_filled_with_zeros_and_shorter_messages_are_drained_as_sent() {
    with_device(CONTOSO, 1, |device| {
        device.vf_write(0, 2, &[1, 2, 3, 4]).unwrap();
        device.vf_write(0, 2, &[9]).unwrap();
        assert_eq!(device.host_sees(0, 2, 4), Ok(vec![9, 0, 0, 0]));
        device.vf_write(0, 3, &[1, 1, 7]).unwrap();
        assert_eq!(device.host_drain(0, 3), Ok(vec![vec![1, 1, 7]]));
    });
}

/// The array that a shell passes may hold more bytes than the length: those are not the caller's.
#[test]
fn declared_less_than_actual_takes_only_what_was_declared() {
    with_device(CONTOSO, 1, |device| {
        device
            .write(0, 2, 2, &[0xFF; 128], NOW)
            .without_waiters()
            .unwrap();
        assert_eq!(device.host_sees(0, 2, 4), Ok(vec![0xFF, 0xFF, 0, 0]));
    });
}

/// A length field inside the block that exceeds the data.
#[test]
fn declared_more_than_actual() {
    with_device(RANGES, 1, |device| {
        assert_eq!(device.vf_write(0, 0, &range(0, 0, 5)), Err(Refusal::Count));
        assert_eq!(
            device.vf_write(0, 0, &range(0, 0, u32::MAX)),
            Err(Refusal::Count)
        );
        assert_eq!(device.vf_write(0, 0, &range(0, 0, 4)), Ok(()));
    });
}
