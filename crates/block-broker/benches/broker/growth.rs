//! Measures whether more VFs or more blocks make a device slower.

use std::hint::black_box;

use crate::commands::{Clock, Turns, images};
use crate::devices::{NOW, device, registers, table};
use crate::measure::{Case, measure};
use crate::{ACCELERATOR, COMMAND, print};

/// Eight of `count` things, spread over all of them, but not by a power of two: those would compete
/// for the same few places of the cache.
fn eight_of(count: u16) -> Turns<u16> {
    let spread = |eighth: u16| eighth * (count / 8) + eighth;
    Turns::new((0..8).map(|eighth| spread(eighth).min(count - 1)).collect())
}

pub(crate) fn with_vfs() {
    const COUNTS: [u16; 5] = [1, 8, 64, 512, 4096];
    let manifest = ACCELERATOR.replace("max-vfs = 64", "max-vfs = 4096");
    let table = table(&manifest);
    let devices = COUNTS.map(|vfs| device(table, usize::from(vfs)));
    let images = images("submit");
    let clocks = COUNTS.map(|_| Clock::new());
    let mut cases = Vec::new();
    for (vfs, device) in COUNTS.into_iter().zip(&devices) {
        let (turns, mut reply) = (eight_of(vfs), [0; 128]);
        cases.push(Case::new(format!("read, {vfs} VFs"), move || {
            device
                .read(*turns.next(), COMMAND, 64, black_box(&mut reply), NOW)
                .without_waiters()
                .unwrap();
        }));
    }
    let images = &images;
    for ((vfs, device), clock) in COUNTS.into_iter().zip(&devices).zip(&clocks) {
        // Four writes to each VF in turn: one round of the sequence numbers.
        let fours = eight_of(vfs).elements.into_iter().flat_map(|vf| [vf; 4]);
        let turns = Turns::new(fours.collect());
        cases.push(Case::new(
            format!("validated write, {vfs} VFs"),
            move || {
                device
                    .write(*turns.next(), COMMAND, 64, images.next(), clock.next())
                    .without_waiters()
                    .unwrap();
            },
        ));
    }
    let times = measure(&mut cases);
    let (reads, writes) = cases.split_at(COUNTS.len());
    print("Growth with VFs, reading (aim: <= 1.2)", 0, reads, &times);
    print(
        "Growth with VFs, writing (aim: <= 1.2)",
        0,
        writes,
        &times[COUNTS.len()..],
    );
}

pub(crate) fn with_blocks() {
    const COUNTS: [u16; 4] = [1, 16, 128, 1024];
    /// How far apart IDs are, as a manifest may have them.
    const STEP: u32 = 7919;
    let ids = |blocks: u16| (0..usize::from(blocks)).map(|index| index * STEP as usize);
    let devices = COUNTS.map(|blocks| device(table(&registers(1, ids(blocks))), 1));
    let mut cases = Vec::new();
    for (blocks, device) in COUNTS.into_iter().zip(&devices) {
        let (turns, mut reply) = (eight_of(blocks), [0; 128]);
        cases.push(Case::new(format!("read, {blocks} blocks"), move || {
            let id = u32::from(*turns.next()) * STEP;
            device
                .read(0, id, 128, black_box(&mut reply), NOW)
                .without_waiters()
                .unwrap();
        }));
    }
    for (blocks, device) in COUNTS.into_iter().zip(&devices) {
        let turns = eight_of(blocks);
        cases.push(Case::new(format!("write, {blocks} blocks"), move || {
            let id = u32::from(*turns.next()) * STEP;
            device
                .write(0, id, 128, black_box(&[9; 128]), NOW)
                .without_waiters()
                .unwrap();
        }));
    }
    let times = measure(&mut cases);
    let (reads, writes) = cases.split_at(COUNTS.len());
    print(
        "Growth with blocks, reading (aim: <= 1.2)",
        0,
        reads,
        &times,
    );
    print(
        "Growth with blocks, writing (aim: <= 1.2)",
        0,
        writes,
        &times[COUNTS.len()..],
    );
}
