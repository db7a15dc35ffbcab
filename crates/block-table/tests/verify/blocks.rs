//! Blocks, layouts, images, and the owner of each element.

use block_table::Flaw;
use block_table::encode::{BlockSource, EncodeError};
use block_table::format::{self, BlockRecord, KeyRecord};

use crate::changed::{block, changed, everything, layout, record};
use crate::source::{BE, opaque, table};

#[test]
fn blocks_are_what_the_broker_can_hold() {
    assert_eq!(block(0, |block| block.kind = 2), Some(Flaw::Kind));
    assert_eq!(block(0, |block| block.access = 4), Some(Flaw::Access));
    for access in 0..4 {
        assert_eq!(block(0, |block| block.access = access), None);
    }
    assert_eq!(
        block(1, |block| block.access = format::access::READ_WRITE),
        Some(Flaw::StreamAccess)
    );
    for depth in [0, 4097] {
        assert_eq!(
            block(1, |block| block.depth = depth.into()),
            Some(Flaw::Depth)
        );
    }
    assert_eq!(block(1, |block| block.depth = 4096.into()), None);
    assert_eq!(block(0, |block| block.depth = 1.into()), Some(Flaw::Depth));
    assert_eq!(
        block(0, |block| block.flags |= format::block_flag::DROP_OLDEST),
        Some(Flaw::Flags)
    );
    for flag in [format::block_flag::NOTIFY, format::block_flag::SHORT_READ] {
        assert_eq!(block(1, |block| block.flags |= flag), Some(Flaw::Flags));
        assert_eq!(block(0, |block| block.flags |= flag), None);
    }
    let keep = format::block_flag::KEEP;
    assert_eq!(block(1, |block| block.flags |= keep), Some(Flaw::Flags));
    assert_eq!(block(0, |block| block.flags |= keep), Some(Flaw::Kept));
    assert_eq!(
        block(0, |block| block.flags &= !format::block_flag::VF_WRITES_ALL),
        Some(Flaw::WritesAll)
    );
    assert_eq!(
        block(0, |block| block.flags &= !format::block_flag::PF_WRITES_ALL),
        Some(Flaw::WritesAll)
    );
    assert_eq!(
        block(0, |block| block.min_length = 0),
        Some(Flaw::BlockLength)
    );
    assert_eq!(
        block(0, |block| block.max_length = 15),
        Some(Flaw::BlockLength)
    );
    assert_eq!(
        block(1, |block| block.max_length = 129),
        Some(Flaw::BlockLength)
    );
    assert_eq!(
        block(0, |block| block.name.length = 64.into()),
        Some(Flaw::Name)
    );
    let notifying = |id| {
        table(vec![BlockSource {
            notify: true,
            ..opaque(id, 8)
        }])
        .encode()
    };
    assert!(notifying(63).is_ok());
    assert!(
        notifying(64)
            .unwrap_err()
            .to_string()
            .contains("has no bit in the invalidation mask")
    );
}

#[test]
fn a_companion_handles_what_the_vf_may_do() {
    let (read, write) = (
        format::block_flag::COMPANION_READ,
        format::block_flag::COMPANION_WRITE,
    );
    for flags in [read, write, read | write] {
        assert_eq!(block(0, |block| block.flags |= flags), None);
    }
    for (access, forbidden) in [
        (format::access::READ_ONLY, write),
        (format::access::WRITE_ONLY, read),
    ] {
        let with = |flags| {
            block(0, |block| {
                block.access = access;
                block.flags |= flags;
            })
        };
        assert_eq!(with(forbidden), Some(Flaw::Companion));
        assert_eq!(with(read | write), Some(Flaw::Companion));
        assert_eq!(with((read | write) & !forbidden), None);
    }
    assert_eq!(block(1, |block| block.flags |= write), None);
    assert_eq!(
        block(1, |block| block.flags |= read),
        Some(Flaw::Companion),
        "no VF reads a stream"
    );
}

#[test]
fn a_checksum_lies_in_every_write() {
    assert_eq!(
        block(0, |block| block.checksum_offset = 13),
        Some(Flaw::Checksum)
    );
    assert_eq!(
        block(0, |block| block.min_length = 15),
        Some(Flaw::Checksum)
    );
    assert_eq!(
        block(0, |block| block.checksum_operand = 3),
        Some(Flaw::Checksum)
    );
    assert_eq!(block(0, |block| block.checksum_operand = 2 | BE), None);
    // Both sides own its bytes, and no side may own another checksum than the bytes.
    for owner in [0, 1, 2, 4, 7] {
        assert_eq!(
            block(0, |block| block.checksum_owner = owner),
            Some(Flaw::Checksum)
        );
    }
    assert_eq!(block(0, |block| block.checksum_owner = 3), None);
    assert_eq!(
        block(1, |block| block.checksum_owner = 1),
        Some(Flaw::Checksum)
    );
    assert_eq!(
        block(1, |block| block.checksum_operand = 2),
        Some(Flaw::Checksum)
    );
    for unknown in [2, 0xFF] {
        assert_eq!(
            block(0, |block| block.checksum_covered = unknown),
            Some(Flaw::Checksum)
        );
    }
    assert_eq!(
        block(1, |block| block.checksum_covered = 1),
        Some(Flaw::Checksum)
    );
}

#[test]
fn images_exist_and_are_masks_where_masks_belong() {
    let missing: [fn(&mut BlockRecord); 4] = [
        |block| block.shape.default = 99.into(),
        |block| block.shape.vf = 99.into(),
        |block| block.shape.pf = 99.into(),
        |block| block.shape.kept = 99.into(),
    ];
    for change in missing {
        assert_eq!(block(0, change), Some(Flaw::ImageIndex));
    }
    assert_eq!(
        block(0, |block| block.shape.reserved = 99.into()),
        Some(Flaw::ImageIndex)
    );
    assert_eq!(
        block(0, |block| block.common = 99.into()),
        Some(Flaw::ImageIndex)
    );
    assert_eq!(
        layout(1, |layout| layout.shape.vf = 99.into()),
        Some(Flaw::ImageIndex)
    );
    let image = |change: fn(&mut BlockSource)| {
        let mut source = everything();
        change(&mut source.blocks[0]);
        match source.encode().unwrap_err() {
            EncodeError::Refused(error) => error.flaw,
            other @ EncodeError::TooMany(_) => panic!("{other}"),
        }
    };
    assert_eq!(image(|block| block.shape.vf[3] = 0x0F), Flaw::Mask);
    assert_eq!(image(|block| block.common[3] = 0x0F), Flaw::Mask);
    assert_eq!(image(|block| block.shape.kept[3] = 0x0F), Flaw::Mask);
    assert_eq!(image(|block| block.shape.kept[3] = 0xFF), Flaw::Kept);
    assert_eq!(
        image(|block| (block.shape.vf[3], block.shape.pf[3]) = (0, 0)),
        Flaw::Mask
    );
    assert_eq!(
        image(|block| block.shape.reserved[16] = 0),
        Flaw::ReservedMask
    );
    assert_eq!(
        image(|block| block.shape.default[16] = 1),
        Flaw::DefaultImage
    );
    assert_eq!(
        image(|block| (block.shape.default[0], block.shape.reserved[0]) = (1, 1)),
        Flaw::DefaultImage
    );
}

#[test]
fn every_element_has_one_owner() {
    assert_eq!(
        block(0, |block| block.rules.start = 1.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        block(0, |block| block.last_rules.start = 0.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        block(0, |block| block.last_rules.count = 99.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        block(0, |block| block.layouts.start = 1.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        block(0, |block| block.layouts.count = 3.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        layout(1, |layout| layout.when.start = 0.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        layout(0, |layout| layout.when.start = 1.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        layout(0, |layout| layout.rules.start = 0.into()),
        Some(Flaw::Span)
    );
    assert_eq!(
        block(1, |block| block.rules.count = 1025.into()),
        Some(Flaw::TooManyRules)
    );
    assert_eq!(
        block(1, |block| block.layouts.count = 257.into()),
        Some(Flaw::TooManyLayouts)
    );
    // The last rule has no owner.
    let fewer = changed(|bytes, offsets| {
        let block: &mut BlockRecord = record(bytes, offsets.blocks);
        block.last_rules.count = 2.into();
        block.work = (block.work.get() - 1).into();
        let stream: &mut BlockRecord = record(bytes, offsets.blocks + size_of::<BlockRecord>());
        stream.rules.start = (stream.rules.start.get() - 1).into();
        stream.last_rules.start = stream.rules.start;
    });
    assert_eq!(fewer.unwrap_err().0, Flaw::Sections);
}

/// A key compares only bits inside its block, and its value has no bit outside its mask.
#[test]
fn a_key_lies_inside_of_its_block() {
    let key = |start: u8, mask: u128, value: u128| {
        layout(1, |layout| {
            layout.key = KeyRecord {
                start,
                mask: mask.into(),
                value: value.into(),
            };
        })
    };
    // The block has 16 bytes.
    assert_eq!(key(0, u128::MAX, 1), None);
    assert_eq!(key(0, 0xFF, 0x100), Some(Flaw::Key));
    assert_eq!(key(1, u128::MAX >> 8, 0), None);
    assert_eq!(key(1, 1 << 120, 0), Some(Flaw::Key));
    assert_eq!(key(15, 0xFF, 0), None);
    assert_eq!(key(15, 0x100, 0), Some(Flaw::Key));
    assert_eq!(key(16, 1, 0), Some(Flaw::Key));
    assert_eq!(key(112, 0, 0), None);
    assert_eq!(key(112, 1, 0), Some(Flaw::Key));
    assert_eq!(key(113, 0, 0), Some(Flaw::Key));
    assert_eq!(key(255, 0, 0), Some(Flaw::Key));
}
