//! Which bytes a side sets, which layout that selects, and which bytes a reset keeps.

use block_table::encode::{BlockSource, Layout, Rule as Check, Shape, on_constant};
use block_table::format::op;
use block_table::{History, Image, OnReset, Rule, Table, Writer};

use crate::attempt::{broken, sent, write};
use crate::source::{U8, bytes, field, load, opaque, table};

/// Bytes 0..4 choose; the VF owns 0..8, the PF 8..16.
fn mixed() -> BlockSource {
    let shape = Shape {
        default: [0; 128],
        vf: bytes(0..8),
        pf: bytes(8..16),
        reserved: bytes(16..128),
        kept: [0; 128],
    };
    BlockSource {
        shape,
        ..opaque(0, 16)
    }
}

#[test]
fn each_side_sets_its_own_bytes_only() {
    let vf = write(mixed(), Writer::Vf, &[1; 16], &[0x55; 128], History::EMPTY);
    assert_eq!(
        vf,
        broken(Rule::Reserved, 16),
        "a committed image with bytes behind the block is not what a broker has"
    );
    let mut committed = [0; 128];
    committed[..16].fill(0x55);
    let vf = write(mixed(), Writer::Vf, &[1; 16], &committed, History::EMPTY).unwrap();
    assert_eq!(
        (&vf[..8], &vf[8..16]),
        ([1; 8].as_slice(), [0x55; 8].as_slice())
    );
    let pf = write(mixed(), Writer::Pf, &[1; 16], &committed, History::EMPTY).unwrap();
    assert_eq!(
        (&pf[..8], &pf[8..16]),
        ([0x55; 8].as_slice(), [1; 8].as_slice())
    );
}

#[test]
fn reserved_bits_are_zero_in_a_write_of_either_side() {
    let mut block = mixed();
    block.shape.reserved[3] = 0xF0;
    block.shape.pf[3] = 0xFF;
    block.shape.reserved[9] = 1;
    assert!(
        write(
            block.clone(),
            Writer::Vf,
            &sent(3, &[0x0F]),
            &[0; 128],
            History::EMPTY
        )
        .is_ok()
    );
    assert_eq!(
        write(
            block.clone(),
            Writer::Vf,
            &sent(3, &[0x10]),
            &[0; 128],
            History::EMPTY
        ),
        broken(Rule::Reserved, 3)
    );
    assert_eq!(
        write(
            block,
            Writer::Pf,
            &sent(9, &[0x01]),
            &[0; 128],
            History::EMPTY
        ),
        broken(Rule::Reserved, 9)
    );
}

/// Byte 0 chooses: with 1 the VF owns 8..12 and the PF 12..16, with 2 it is the other way round,
/// with 3 both are reserved.
fn with_layouts(on_reset: OnReset) -> BlockSource {
    let when = |value| vec![load(0, U8), on_constant(op::EQUAL, value)];
    let common = |mut mask: Image| {
        mask[..8].fill(0xFF);
        mask
    };
    let layout = |value, vf: Image, pf: Image, default_at: Option<usize>, reserved: Image| {
        let mut default = [0; 128];
        if let Some(at) = default_at {
            default[at] = 0xDD;
        }
        Layout {
            when: when(value),
            shape: Shape {
                default,
                vf: common(vf),
                pf,
                reserved,
                kept: [0; 128],
            },
            rules: Vec::new(),
        }
    };
    let low = bytes(8..12);
    let high = bytes(12..16);
    let both = bytes(8..16);
    let layouts = vec![
        layout(1, low, high, Some(12), bytes(16..128)),
        layout(2, high, low, Some(8), bytes(16..128)),
        layout(3, both, both, None, bytes(8..128)),
    ];
    let shape = Shape {
        default: [0; 128],
        vf: bytes(0..16),
        pf: both,
        reserved: bytes(8..128),
        kept: [0; 128],
    };
    let mut block = BlockSource {
        shape,
        common: bytes(0..8),
        layouts,
        ..opaque(0, 16)
    };
    block.shape.default[0] = 3;
    if on_reset == OnReset::Keep {
        keep_all(&mut block);
    }
    block
}

fn shapes(block: &mut BlockSource) -> impl Iterator<Item = &mut Shape> {
    let layouts = block.layouts.iter_mut().map(|layout| &mut layout.shape);
    std::iter::once(&mut block.shape).chain(layouts)
}

/// Keeps every byte that no VF writes.
fn keep_all(block: &mut BlockSource) {
    let length = usize::from(block.max_length);
    for shape in shapes(block) {
        shape.kept = shape.vf.map(|byte| !byte);
        shape.kept[length..].fill(0);
    }
}

fn image(first: u8, low: u8, high: u8) -> Image {
    let mut image = [0; 128];
    image[0] = first;
    image[8..12].fill(low);
    image[12..16].fill(high);
    image
}

#[test]
fn a_layout_is_chosen_by_the_merged_image_and_no_match_refuses() {
    let block = || with_layouts(OnReset::Default);
    let admit = |sent: Image, committed: Image| {
        write(block(), Writer::Vf, &sent[..16], &committed, History::EMPTY)
    };
    assert_eq!(
        admit(image(0, 0, 0), image(3, 0, 0)),
        broken(Rule::Layout, 0)
    );
    assert_eq!(
        admit(image(3, 1, 0), image(3, 0, 0)),
        broken(Rule::Reserved, 8)
    );
    // The same layout as before: the PF's bytes stay.
    assert_eq!(admit(image(1, 7, 7), image(1, 5, 6)), Ok(image(1, 7, 6)));
}

#[test]
fn a_newly_chosen_layout_starts_the_other_sides_fields_at_their_defaults() {
    let block = || with_layouts(OnReset::Default);
    // In layout 1 the VF wrote 8..12. In layout 2 these bytes are the PF's: the VF must not have
    // set them.
    let admitted = write(
        block(),
        Writer::Vf,
        &image(2, 9, 7)[..16],
        &image(1, 5, 6),
        History::EMPTY,
    )
    .unwrap();
    let mut wanted = image(2, 0, 7);
    wanted[8] = 0xDD;
    assert_eq!(admitted, wanted);
}

#[test]
fn a_reset_wipes_what_a_vf_can_write_and_keeps_the_rest_where_the_manifest_says_so() {
    let reset = |block: BlockSource, committed: &Image| {
        let bytes = table(vec![block]).encode().unwrap();
        Table::verify(&bytes)
            .unwrap()
            .block(0)
            .unwrap()
            .reset_image(committed)
    };
    let mut default = [0; 128];
    default[0] = 3;
    assert_eq!(
        reset(with_layouts(OnReset::Default), &image(1, 5, 6)),
        default
    );
    assert_eq!(reset(with_layouts(OnReset::Keep), &image(1, 5, 6)), default);
    let mut all_kept = mixed();
    keep_all(&mut all_kept);
    let kept = all_kept.shape.kept;
    assert_eq!(reset(all_kept, &image(1, 5, 6)), image(0, 5, 6));
    // Bytes of host software that the manifest does not keep return to their defaults.
    let mut some_kept = mixed();
    some_kept.shape.kept = kept;
    some_kept.shape.kept[8..12].fill(0);
    some_kept.shape.default[9] = 0x33;
    let mut wanted = image(0, 0, 6);
    wanted[9] = 0x33;
    assert_eq!(reset(some_kept, &image(1, 5, 6)), wanted);
    assert_eq!(reset(mixed(), &image(1, 5, 6)), [0; 128]);
    // If the VF has no part in the choice, the layout and the PF's bytes in it stay.
    let mut chosen_by_pf = with_layouts(OnReset::Keep);
    for shape in shapes(&mut chosen_by_pf) {
        shape.vf[0] = 0;
        shape.pf[0] = 0xFF;
    }
    keep_all(&mut chosen_by_pf);
    assert_eq!(reset(chosen_by_pf.clone(), &image(1, 5, 6)), image(1, 0, 6));
    // The same with one byte of the layout that is not kept.
    chosen_by_pf.layouts[0].shape.kept[14] = 0;
    let mut wanted = image(1, 0, 6);
    wanted[14] = 0;
    assert_eq!(reset(chosen_by_pf.clone(), &image(1, 5, 6)), wanted);
    // If the choice is not kept, the block returns to its default layout.
    for shape in shapes(&mut chosen_by_pf) {
        shape.kept[0] = 0;
    }
    assert_eq!(reset(chosen_by_pf, &image(1, 5, 6)), default);
}

#[test]
fn last_rules_hold_in_every_layout() {
    let mut block = with_layouts(OnReset::Default);
    block.last_rules = vec![Check::Range(field(4, U8), 0, 3)];
    let mut sent = image(1, 0, 0);
    sent[4] = 4;
    assert_eq!(
        write(
            block,
            Writer::Vf,
            &sent[..16],
            &image(3, 0, 0),
            History::EMPTY
        ),
        broken(Rule::Value, 4)
    );
}
