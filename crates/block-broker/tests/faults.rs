//! The journal says where in its block the fault of a refused write or publish is.

mod shell;

use pf_broker_abi::{Operation, Refusal};
use shell::{Calls as _, entries, events, with_device};

const MANIFEST: &str = r#"
    [device]
    name = "faults"
    vendor-id = 0x1414
    device-id = 0xB004
    max-vfs = 2
    [[block]]
    id = 0
    name = "settings"
    vf-access = "read-write"
    length = 16
    require = ["speed <= 5 || count == 0"]
    [[block.field]]
    name = "speed"
    type = "u8"
    valid = { max = 9 }
    [[block.field]]
    name = "count"
    type = "u8"
    [[block.field]]
    name = "values"
    offset = 4
    type = "u16[4]"
    count = "count"
    valid = { max = 100 }
    [[block.field]]
    name = "link"
    offset = 14
    type = "u8"
    owner = "pf"
    valid = { max = 1 }
"#;

/// A message with these bytes, and zeros elsewhere.
fn with(bytes: &[(usize, u8)]) -> [u8; 16] {
    let mut message = [0; 16];
    for (at, byte) in bytes {
        message[*at] = *byte;
    }
    message
}

#[test]
fn a_fault_at_one_place_is_journaled_with_its_offset() {
    with_device(MANIFEST, 1, |device| {
        for (bytes, refusal, fault) in [
            (&[(0, 10)][..], Refusal::Value, Some(0)),
            (&[(1, 5)], Refusal::Count, Some(1)),
            (&[(1, 3), (8, 101)], Refusal::Value, Some(8)),
            (&[(1, 1), (9, 1)], Refusal::Count, Some(4)),
            (&[(3, 1)], Refusal::Reserved, Some(3)),
            (&[(0, 6), (1, 1)], Refusal::Require, None),
        ] {
            assert_eq!(device.vf_write(0, 0, &with(bytes)), Err(refusal));
            let last = *events(device, 0).last().unwrap();
            assert_eq!(
                (last.operation, last.refusal, last.fault),
                (Operation::Write, Some(refusal), fault),
                "{bytes:?}"
            );
        }
        // What is wrong before the bytes are judged has no place in them.
        assert_eq!(device.vf_write(0, 0, &[0; 15]), Err(Refusal::Length));
        assert_eq!(events(device, 0).last().unwrap().fault, None);
        assert_eq!(device.vf_write(0, 0, &with(&[])), Ok(()));
        assert_eq!(events(device, 0).last().unwrap().fault, None);
        let published = device.host_publish(0, 0, &with(&[(14, 2)]));
        assert_eq!(published, Err(Refusal::Value));
        let last = *events(device, 0).last().unwrap();
        assert_eq!((last.operation, last.fault), (Operation::Publish, Some(14)));
    });
}

/// Otherwise a guest could displace the entries before with two faults that alternate.
#[test]
fn refusals_that_differ_in_the_place_alone_are_one_entry_with_the_first_place() {
    with_device(MANIFEST, 1, |device| {
        for at in [4, 6, 8] {
            let message = with(&[(1, 4), (at, 101)]);
            assert_eq!(device.vf_write(0, 0, &message), Err(Refusal::Value));
        }
        let entries = entries(device, 0);
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].repeated, entries[0].event.fault), (2, Some(4)));
        let reply = entries[0].reply();
        assert_eq!((reply.fault, reply.reserved), (5, [0; 2]));
    });
}
