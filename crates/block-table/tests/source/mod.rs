//! Sources of small tables for tests.
#![allow(dead_code, reason = "each test uses its part")]

use block_table::encode::{
    BlockSource, Field, FieldRecord, Instruction, Shape, Source, field_record, on_field,
};
use block_table::format::{op, operand};
use block_table::{Access, Companion, Image, Kind, Reset, ShortRead, WhenFull};

/// `0xFF` in the bytes of `range`.
pub(crate) fn bytes(range: std::ops::Range<usize>) -> Image {
    let mut image = [0; 128];
    image[range].fill(0xFF);
    image
}

/// A block of `length` bytes that both sides write.
pub(crate) fn opaque(id: u32, length: u8) -> BlockSource {
    let end = usize::from(length);
    BlockSource {
        id,
        name: format!("block-{id}"),
        kind: Kind::Register,
        vf_access: Access::ReadWrite,
        min_length: length,
        max_length: length,
        notify: false,
        short_read: ShortRead::Refuse,
        depth: 0,
        when_full: WhenFull::Refuse,
        companion: Companion::None,
        uses: Vec::new(),
        checksum: None,
        shape: Shape {
            default: [0; 128],
            vf: bytes(0..end),
            pf: bytes(0..end),
            reserved: bytes(end..128),
            kept: [0; 128],
        },
        common: bytes(0..end),
        rules: Vec::new(),
        layouts: Vec::new(),
        last_rules: Vec::new(),
    }
}

/// A stream of `length` bytes.
pub(crate) fn stream(id: u32, length: u8) -> BlockSource {
    BlockSource {
        kind: Kind::Stream,
        vf_access: Access::WriteOnly,
        depth: 4,
        ..opaque(id, length)
    }
}

/// A table of `blocks`.
pub(crate) fn table(blocks: Vec<BlockSource>) -> Source {
    Source {
        name: "test".into(),
        vendor_id: 0x1414,
        device_ids: vec![1, 0xB001],
        max_vfs: 4,
        limits: None,
        reset: Reset::Immediate,
        blocks,
        manifest: Vec::new(),
    }
}

/// A field of one integer.
pub(crate) fn field(offset: u8, shape: u8) -> Field {
    Field {
        offset,
        operand: shape,
        elements: 1,
        counted: false,
    }
}

/// `u8`, `u16`, `u32` and `u64`.
pub(crate) const U8: u8 = 0;
pub(crate) const U16: u8 = 1;
pub(crate) const U32: u8 = 2;
pub(crate) const U64: u8 = 3;
pub(crate) const BE: u8 = operand::BIG_ENDIAN;

/// A whole integer.
pub(crate) fn whole(offset: u8, shape: u8) -> FieldRecord {
    field_record(offset, shape, 0, 8 * operand::width(shape))
}

/// A push of a whole integer.
pub(crate) fn load(offset: u8, shape: u8) -> Instruction {
    on_field(op::PUSH, whole(offset, shape))
}
