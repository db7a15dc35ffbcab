//! Layouts: what is judged before the choice does not change after it.

use block_table::Flaw;
use block_table::encode::{
    BlockSource, EncodeError, Field, FieldRecord, Instruction, Layout, Rule, Shape,
    compare_constant, field_record, on_constant, on_field,
};
use block_table::format::op;

use crate::source::{BE, U8, U16, U32, bytes, field, load, opaque, table};

/// Bytes 0 to 7 are common and the VF's. Byte 0 chooses the layout, in which bytes 8 to 11 are the
/// VF's and the others the PF's.
fn with_layout() -> BlockSource {
    let shape = |vf, pf| Shape {
        default: [0; 128],
        vf: bytes(vf),
        pf: bytes(pf),
        reserved: bytes(16..128),
        kept: [0; 128],
    };
    BlockSource {
        shape: shape(0..16, 8..16),
        common: bytes(0..8),
        layouts: vec![Layout {
            when: vec![load(0, U8), on_constant(op::EQUAL, 1)],
            shape: shape(0..12, 12..16),
            rules: Vec::new(),
        }],
        ..opaque(0, 16)
    }
}

fn flaw(change: impl FnOnce(&mut BlockSource)) -> Option<Flaw> {
    let mut block = with_layout();
    change(&mut block);
    match table(vec![block]).encode() {
        Ok(_) => None,
        Err(EncodeError::Refused(error)) => Some(error.flaw),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_layout_has_the_masks_of_its_block_in_the_common_bytes() {
    assert_eq!(flaw(|_| ()), None);
    let layout = |change: fn(&mut Shape)| flaw(|block| change(&mut block.layouts[0].shape));
    assert_eq!(layout(|shape| shape.pf[3] = 0xFF), Some(Flaw::LayoutMasks));
    assert_eq!(
        layout(|shape| (shape.vf[3], shape.pf[3]) = (0, 0xFF)),
        Some(Flaw::LayoutMasks)
    );
    assert_eq!(
        layout(|shape| shape.reserved[3] = 0x80),
        Some(Flaw::LayoutMasks)
    );
    assert_eq!(layout(|shape| shape.kept[3] = 0xFF), Some(Flaw::Kept));
    let published = |block: &mut BlockSource| {
        for shape in [&mut block.shape, &mut block.layouts[0].shape] {
            (shape.vf[3], shape.pf[3]) = (0, 0xFF);
        }
    };
    assert_eq!(
        flaw(|block| {
            published(block);
            block.layouts[0].shape.kept[3] = 0xFF;
        }),
        Some(Flaw::LayoutMasks)
    );
    assert_eq!(
        flaw(|block| {
            published(block);
            block.layouts[0].shape.kept[3] = 0xFF;
            block.shape.kept[3] = 0xFF;
        }),
        None
    );
    // The other bytes are the layout's own.
    assert_eq!(layout(|shape| shape.kept[12] = 0xFF), None);
    assert_eq!(layout(|shape| shape.kept[11] = 0xFF), Some(Flaw::Kept));
    assert_eq!(layout(|shape| shape.kept[16] = 0xFF), Some(Flaw::Kept));
    assert_eq!(layout(|shape| shape.pf[8] = 0xFF), None);
    assert_eq!(layout(|shape| shape.reserved[8] = 0x80), None);
    assert_eq!(
        flaw(|block| block.shape.reserved[3] = 0x80),
        Some(Flaw::LayoutMasks)
    );
    // A write of either side brings them, so that none of them keeps the meaning that it has in
    // another layout.
    assert_eq!(
        flaw(|block| block.shape.vf[15] = 0),
        Some(Flaw::LayoutMasks)
    );
    assert_eq!(flaw(|block| block.shape.pf[8] = 0), Some(Flaw::LayoutMasks));
}

#[test]
fn a_block_has_256_layouts_at_most() {
    let repeated = |count| flaw(|block| block.layouts = vec![block.layouts[0].clone(); count]);
    assert_eq!(repeated(256), None);
    assert_eq!(repeated(257), Some(Flaw::TooManyLayouts));
}

#[test]
fn what_precedes_the_choice_of_a_layout_reads_common_bytes() {
    let early = |rule: Rule| flaw(|block| block.rules = vec![rule]);
    assert_eq!(early(Rule::Range(field(7, U8), 0, 1)), None);
    for rule in [
        Rule::Range(field(8, U8), 0, 1),
        Rule::Range(field(7, U16), 0, 1),
        Rule::Text(Field {
            elements: 3,
            ..field(6, U8)
        }),
        Rule::Count {
            field: field(7, U8),
            offset: 8,
            operand: U8,
        },
        Rule::Require(vec![load(8, U8)]),
    ] {
        assert_eq!(early(rule.clone()), Some(Flaw::BeforeLayout));
        // After the choice the same rule may read any byte.
        assert_eq!(
            flaw(|block| block.layouts[0].rules = vec![rule.clone()]),
            None
        );
        assert_eq!(flaw(|block| block.last_rules = vec![rule.clone()]), None);
        // Without layouts nothing changes after the first rules.
        let alone = |block: &mut BlockSource| {
            block.layouts.clear();
            block.common = [0; 128];
            block.rules = vec![rule];
        };
        assert_eq!(flaw(alone), None);
    }
}

#[test]
fn a_layout_is_chosen_by_common_bytes() {
    let when = |code: Vec<Instruction>| flaw(|block| block.layouts[0].when = code);
    let key = |field: FieldRecord| {
        vec![compare_constant(
            op::EQUAL,
            field,
            FieldRecord::default(),
            1,
        )]
    };
    assert_eq!(when(key(field_record(7, U8, 0, 8))), None);
    assert_eq!(
        when(key(field_record(8, U8, 0, 8))),
        Some(Flaw::BeforeLayout)
    );
    assert_eq!(
        when(key(field_record(7, U16, 0, 16))),
        Some(Flaw::BeforeLayout)
    );
    let push = |field| vec![on_field(op::PUSH, field)];
    assert_eq!(when(push(field_record(7, U8, 0, 8))), None);
    assert_eq!(
        when(push(field_record(8, U8, 0, 8))),
        Some(Flaw::BeforeLayout)
    );
    // Of a field that extends beyond the common bytes some bits may lie in them.
    for (shape, shift, readable) in [
        (U32, 8, true),
        (U32, 16, false),
        (U32 | BE, 16, true),
        (U32 | BE, 8, false),
    ] {
        let record = field_record(6, shape, shift, 8);
        let expected = (!readable).then_some(Flaw::BeforeLayout);
        assert_eq!(when(push(record)), expected, "{shape} {shift}");
        assert_eq!(when(key(record)), expected, "{shape} {shift}");
    }
}
