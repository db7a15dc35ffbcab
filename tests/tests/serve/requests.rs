//! Requests with wrong lengths, reserved bytes and codes get the statuses that pf-broker-abi
//! documents, as from the driver (`lab/runner/src/checks/management.rs`).

use pf_broker_abi as abi;
use pf_broker_client::{Access, Connection, Control as _};

use super::accelerator;

const INVALID_PARAMETER: u32 = 0xC000_000D;
const BUFFER_TOO_SMALL: u32 = 0xC000_0023;

/// A request: its code, an input that is valid, the reserved bytes in it, and the bytes of the
/// smallest output.
struct Shape {
    code: u32,
    input: Vec<u8>,
    reserved: Vec<usize>,
    output: usize,
}

fn shape(code: u32, length: usize, reserved: impl Iterator<Item = usize>, output: usize) -> Shape {
    Shape {
        code,
        input: vec![0; length],
        reserved: reserved.collect(),
        output,
    }
}

fn shapes() -> Vec<Shape> {
    let mut shapes = vec![
        shape(abi::IOCTL_QUERY, 0, 0..0, 88),
        shape(abi::IOCTL_BLOCKS, 4, 0..0, 80),
        shape(abi::IOCTL_STATS, 4, 2..4, size_of::<abi::StatsReply>()),
        shape(abi::IOCTL_BLOCK_STATS, 8, 2..4, 56),
        // One byte of block 0, after the revision.
        shape(abi::IOCTL_READ, 8, 2..4, 8 + 1),
        shape(abi::IOCTL_INVALIDATE, 16, 4..8, 0),
        shape(abi::IOCTL_DRAIN, 8, 2..4, 132),
        shape(abi::IOCTL_RESET, 4, 2..4, 0),
        shape(abi::IOCTL_POWER, 4, 0..0, 0),
        shape(abi::IOCTL_JOURNAL, 16, 2..8, size_of::<abi::JournalEntry>()),
        shape(
            abi::IOCTL_HOST_REFUSALS,
            0,
            0..0,
            size_of::<abi::HostRefusalsReply>(),
        ),
        shape(abi::IOCTL_TABLE, 4, 0..0, 1),
        shape(abi::IOCTL_CLOCK, 0, 0..0, 8),
        shape(abi::IOCTL_LOCATION, 4, 2..4, 4),
        shape(abi::IOCTL_CHANGES, 48, (4..8).chain(42..44), 48 + 16),
    ];
    for shape in &mut shapes {
        match shape.code {
            abi::IOCTL_DRAIN => shape.input[4] = 70,
            // Every kind, and no wait.
            abi::IOCTL_CHANGES => shape.input[..3].copy_from_slice(&[0xFF, 1, 1]),
            _ => {}
        }
    }
    shapes
}

/// The status of a request, 0 for success.
fn status(device: &Connection, code: u32, input: &[u8], room: usize) -> u32 {
    device
        .control(code, input, &mut vec![0; room])
        .err()
        .unwrap_or(0)
}

#[test]
fn lengths_and_reserved_bytes_are_checked() {
    let served = accelerator();
    let device = Connection::open(&served.device, Access::Change).expect("open");
    for Shape {
        code,
        input,
        reserved,
        output,
    } in shapes()
    {
        assert_eq!(status(&device, code, &input, output), 0, "{code:#x}");
        assert_eq!(status(&device, code, &input, output + 1), 0, "{code:#x}");
        let longer = [&input[..], &[0]].concat();
        assert_eq!(
            status(&device, code, &longer, output),
            INVALID_PARAMETER,
            "{code:#x}"
        );
        if let Some((_, shorter)) = input.split_last() {
            assert_eq!(
                status(&device, code, shorter, output),
                INVALID_PARAMETER,
                "{code:#x}"
            );
        }
        for byte in reserved {
            let mut input = input.clone();
            input[byte] = 1;
            let refused = status(&device, code, &input, output);
            assert_eq!(refused, INVALID_PARAMETER, "{code:#x}, byte {byte}");
        }
        if let Some(less) = output.checked_sub(1) {
            // A read of no bytes is a refusal of the broker.
            let small = if code == abi::IOCTL_READ {
                abi::Refusal::Length.status()
            } else {
                BUFFER_TOO_SMALL
            };
            for (room, small) in [(less, small), (0, BUFFER_TOO_SMALL)] {
                let refused = status(&device, code, &input, room);
                assert_eq!(refused, small, "{code:#x}, room for {room}");
            }
        }
    }
}

#[test]
fn a_publish_has_a_scope_and_flags_that_go_together() {
    let served = accelerator();
    let device = Connection::open(&served.device, Access::Change).expect("open");
    let publish = |vf: u16, scope: u16, flags: u32, reserved: u32, expected: u64| {
        let mut input = Vec::new();
        input.extend(vf.to_le_bytes());
        input.extend(scope.to_le_bytes());
        input.extend(0_u32.to_le_bytes());
        input.extend(flags.to_le_bytes());
        input.extend(reserved.to_le_bytes());
        input.extend(expected.to_le_bytes());
        input.extend([1, 0].into_iter().chain([0; 30]));
        status(&device, abi::IOCTL_PUBLISH, &input, 0)
    };
    assert_eq!(publish(1, 0, 0, 0, 0), 0);
    assert_eq!(publish(0, 1, 0, 0, 0), 0);
    assert_eq!(publish(1, 0, 1, 0, 2), 0);
    assert_eq!(publish(1, 0, 1, 0, 2), abi::Refusal::Changed.status());
    for (vf, scope, flags, reserved, expected) in [
        (1, 1, 0, 0, 0),
        (0, 2, 0, 0, 0),
        (0, 1, 1, 0, 0),
        (0, 0, 2, 0, 0),
        (0, 0, 0, 1, 0),
        (0, 0, 0, 0, 1),
    ] {
        let refused = publish(vf, scope, flags, reserved, expected);
        assert_eq!(refused, INVALID_PARAMETER, "{vf} {scope} {flags}");
    }
    let short = status(&device, abi::IOCTL_PUBLISH, &[0; 23], 0);
    assert_eq!(short, INVALID_PARAMETER);
}

#[test]
fn unknown_codes_kinds_cookies_and_states_are_refused() {
    let served = accelerator();
    let device = Connection::open(&served.device, Access::Change).expect("open");
    for code in [1, abi::IOCTL_QUERY | 3, 0x0022_67FC, u32::MAX] {
        assert_eq!(status(&device, code, &[], 88), 0xC000_0010, "{code:#x}");
    }
    let mut changes = [0; 48];
    changes[2] = 1;
    assert_eq!(
        status(&device, abi::IOCTL_CHANGES, &changes, 64),
        0xC000_00EF
    );
    // The cookie of this device, with the place of a list that was not begun.
    changes[0] = 1;
    let mut reply = [0; 64];
    changes[2] = 1;
    device
        .control(abi::IOCTL_CHANGES, &changes, &mut reply)
        .expect("a cookie");
    changes[8..].copy_from_slice(&reply[..40]);
    changes[40] = 1;
    assert_eq!(
        status(&device, abi::IOCTL_CHANGES, &changes, 64),
        0xC000_00F0
    );
    assert_eq!(
        status(&device, abi::IOCTL_POWER, &[0, 0, 4, 0], 0),
        INVALID_PARAMETER
    );
    assert_eq!(status(&device, abi::IOCTL_POWER, &[0, 0, 3, 0], 0), 0);
    let long = vec![0; (1 << 16) + 1];
    assert_eq!(
        status(&device, abi::IOCTL_PUBLISH, &long, 0),
        INVALID_PARAMETER
    );
}

#[test]
fn a_device_that_is_open_for_reading_is_not_changed() {
    let served = accelerator();
    let device = Connection::open(&served.device, Access::Look).expect("open");
    assert_eq!(status(&device, abi::IOCTL_RESET, &[0; 4], 0), 0xC000_0022);
    assert_eq!(status(&device, abi::IOCTL_QUERY, &[], 88), 0);
}
