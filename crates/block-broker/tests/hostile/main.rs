//! Hostile and faulty guests: each class of known PF driver vulnerabilities is a module, each case
//! a test. The CVEs named are public records of those drivers.
//!
//! One case of the class "content" has no test here: a buffer that changes while it is checked. The
//! broker borrows an `&Image`, which no caller can write meanwhile. The driver's shell excludes
//! this case: it copies the guest's bytes once before it checks them (`write_block` in
//! `src/virtualization.rs`).

#[path = "../shell/mod.rs"]
mod shell;

mod arithmetic;
mod changes;
mod concurrency;
mod content;
mod ids;
mod length;
mod load;
mod replies;
mod state;
mod turnover;

use block_broker::{Kinds, Ticks};
use pf_broker_abi::{ChangesCookie, PowerState, Refusal, Service};
use shell::{CONTOSO, Calls, Device, NOW, entries, image, list, with_device};

/// A valid write to the block `control` of `contoso.toml`.
fn control(acknowledged: u16, version: u16, sequence: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[2..4].copy_from_slice(&acknowledged.to_le_bytes());
    bytes[4..6].copy_from_slice(&version.to_le_bytes());
    bytes[8..12].copy_from_slice(&sequence.to_le_bytes());
    bytes
}

fn refused(device: &Device<'_>, vf: u16, refusal: Refusal) -> u64 {
    device.status(vf).unwrap().counters.refused(refusal)
}

/// A refused operation was counted under its reason at the VF, and nowhere else.
fn assert_only_refusal(device: &Device<'_>, vf: u16, refusal: Refusal, times: u64) {
    let counters = device.status(vf).unwrap().counters;
    assert_eq!(counters.refused(refusal), times);
    assert_eq!(counters.refused_in_all(), times);
}

/// A valid write to the block `signed` of `contoso.toml`, filled with `byte`.
fn signed(byte: u8) -> [u8; 128] {
    let mut bytes = [byte; 128];
    let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&bytes[..124]);
    bytes[124..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// A block with an offset and a length of its own, and a count.
const RANGES: &str = r#"
[device]
name = "ranges"
vendor-id = 0x1414
device-id = 0xB002
max-vfs = 2

[[block]]
id = 0
name = "range"
kind = "register"
vf-access = "read-write"
length = 32
require = ["offset + size <= 0x1_0000_0000", "count * size <= 0xFFFF_FFFF_FFFF_FFFF"]

[[block.field]]
name = "offset"
type = "u64"

[[block.field]]
name = "size"
type = "u64"

[[block.field]]
name = "count"
type = "u32"

[[block.field]]
name = "pages"
type = "u8[4]"
count = "count"

[[block.field]]
name = "opcode"
type = "u8"
valid = { one-of = [0, 1, 2] }

[[block.field]]
name = "label"
type = "ascii[3]"
"#;

fn range(offset: u64, size: u64, count: u32) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0..8].copy_from_slice(&offset.to_le_bytes());
    bytes[8..16].copy_from_slice(&size.to_le_bytes());
    bytes[16..20].copy_from_slice(&count.to_le_bytes());
    bytes
}
