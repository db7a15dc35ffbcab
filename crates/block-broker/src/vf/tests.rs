//! Tests the states inside a reset, which no caller can observe, and the memory of a VF.

use block_table::{Image, Reset, Table};
use pf_broker_abi::{Operation, Refusal};

use super::{BlockSlot, MemoryTooSmall, Vf};
use crate::Ticks;
use crate::request::{Request, ResetBy, Target};

/// The command of host software must not be below the acknowledgement of the VF.
const MANIFEST: &str = r#"
[device]
name = "halves"
vendor-id = 1
device-id = 1
max-vfs = 1

[[block]]
id = 0
name = "control"
vf-access = "read-write"
length = 2
notify = true
require = ["acknowledged <= command"]

[[block.field]]
name = "command"
type = "u8"
owner = "pf"
default = 5

[[block.field]]
name = "acknowledged"
type = "u8"
"#;

fn image(bytes: [u8; 2]) -> Image {
    let mut image = [0; 128];
    image[..2].copy_from_slice(&bytes);
    image
}

fn request(operation: Operation) -> Request {
    Request::on_block(operation, 0, 2, Ticks(7))
}

#[test]
fn nothing_is_served_until_every_block_is_wiped() {
    let compiled = compile();
    let table = Table::verify(&compiled).unwrap();
    let target = Target {
        index: 0,
        block: table.block(0).unwrap(),
    };
    let mut slots = vec![BlockSlot::UNUSED; Vf::slots_needed(&table)];
    let mut bytes = vec![0; Vf::bytes_needed(&table)];
    let mut vf = Vf::new(&table, &mut slots, &mut bytes).unwrap();
    let write =
        |vf: &mut Vf<'_>, bytes| vf.write(None, target, &request(Operation::Write), &image(bytes));
    let read = |vf: &mut Vf<'_>| {
        let mut reply = [0; 128];
        vf.read(target, &request(Operation::Read), &mut reply)
            .map(|()| [reply[0], reply[1]])
    };
    let open = |vf: &mut Vf<'_>| vf.end_reset(&request(Operation::Reset), Reset::Immediate);

    write(&mut vf, [0, 4]).unwrap();
    vf.hold(&request(Operation::BeginReset), ResetBy::Host)
        .unwrap();
    assert_eq!(open(&mut vf), Err(Refusal::State));
    assert_eq!(read(&mut vf), Err(Refusal::State));
    assert_eq!(
        vf.publish_with_all(target, &request(Operation::Publish), &image([9, 0])),
        Ok(true),
        "as if it had come right before the reset"
    );
    vf.wipe(target);
    vf.end_wiping();
    vf.end_wiping();
    assert_eq!(open(&mut vf), Ok(true), "the publish waits to be read");
    assert_eq!(read(&mut vf), Ok([5, 0]));
    assert_eq!(vf.revision(0), 3);

    write(&mut vf, [0, 4]).unwrap();
    vf.wipe(target);
    assert_eq!(
        read(&mut vf),
        Ok([5, 4]),
        "a VF that is served is not wiped"
    );
    assert_eq!(vf.revision(0), 4);
}

fn compile() -> Vec<u8> {
    block_manifest::Manifest::parse("test.toml", MANIFEST)
        .unwrap()
        .compile()
}

#[test]
fn memory_that_is_too_small_is_named_with_its_sizes() {
    let compiled = compile();
    let table = Table::verify(&compiled).unwrap();
    let (slots, bytes) = (Vf::slots_needed(&table), Vf::bytes_needed(&table));
    // A register of 16 bytes with its padding, the space after the last block, whole cache lines.
    assert_eq!((slots, bytes), (1, 192));
    for (slots_given, bytes_given) in [(slots - 1, bytes), (slots, bytes - 1)] {
        let mut slot_memory = vec![BlockSlot::UNUSED; slots_given];
        let mut byte_memory = vec![0; bytes_given];
        let refused = Vf::new(&table, &mut slot_memory, &mut byte_memory).unwrap_err();
        let expected = MemoryTooSmall {
            slots_needed: slots,
            slots_given,
            bytes_needed: bytes,
            bytes_given,
        };
        assert_eq!(refused, expected);
        let sentence = refused.to_string();
        assert!(
            sentence.contains(&format!(
                "given {slots_given} slots and {bytes_given} bytes"
            )),
            "{sentence}"
        );
    }
}
