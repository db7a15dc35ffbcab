//! Runs each operation in a function of its own, for a tool that counts the instructions of that
//! function: `cargo xtask instructions`.

use std::hint::black_box;

use pf_broker_abi::Refusal;

use crate::commands::{Clock, LAYOUTS, commands};
use crate::devices::{NOW, device, image, registers, table};
use crate::measure::Case;
use crate::structures::{EIGHT_OF_FOUR, eight_structures};
use crate::{ACCELERATOR, COMMAND, RESPONSE, validated_writes};

/// How often an operation runs before it is counted: more often than the limit of a VF allows.
const BEFORE: u32 = 128;
/// How often an operation runs while it is counted: in turn, every message of a layout.
const COUNTED: u32 = 64;

/// Runs every operation [`COUNTED`] times in [`counted`], and prints that number and the names in
/// the same order.
pub(crate) fn instructions() {
    let opaque = device(table(&registers(64, [0])), 64);
    let accelerator = device(table(ACCELERATOR), 64);
    let structures = device(table(EIGHT_OF_FOUR), 4);
    let (value, response) = (black_box([9_u8; 128]), image(&[1; 4]));
    let command = image(&commands("submit")[0]);
    let clock = Clock::new();
    let (mut reply, mut other_reply) = ([0; 128], [0; 128]);
    let mut cases = vec![
        Case::new("read of a 128-byte block", || {
            let reply = black_box(&mut reply);
            opaque
                .read(black_box(9), black_box(0), 128, reply, NOW)
                .without_waiters()
        }),
        Case::new("read of 64 bytes", || {
            let reply = black_box(&mut other_reply);
            accelerator
                .read(black_box(9), black_box(COMMAND), 64, reply, NOW)
                .without_waiters()
        }),
        Case::new("write of an opaque 128-byte block", || {
            let written = opaque.write(black_box(9), black_box(0), 128, black_box(&value), NOW);
            written.without_waiters().unwrap();
        }),
        Case::new("publish of `response`", || {
            let response = black_box(&response);
            let published =
                accelerator.publish(black_box(9), black_box(RESPONSE), 32, response, None, NOW);
            published.without_waiters().unwrap();
        }),
    ];
    let validated = validated_writes(&accelerator, &clock);
    let (by_hand, by_broker): (Vec<_>, Vec<_>) = validated
        .into_iter()
        .enumerate()
        .partition(|(index, _)| index % 2 == 0);
    for (cases_of, prefix) in [(by_broker, ""), (by_hand, "by hand: ")] {
        for ((_, mut case), layout) in cases_of.into_iter().zip(LAYOUTS) {
            case.name = format!("{prefix}`{layout}`");
            cases.push(case);
        }
    }
    cases.push(eight_structures(&structures));
    cases.push(Case::new("refused by the limit", || {
        // The runs that are not counted use the limit up.
        let outcome = accelerator
            .write(black_box(40), COMMAND, 64, black_box(&command), NOW)
            .without_waiters();
        outcome == Err(Refusal::Limit)
    }));
    println!("{COUNTED}");
    for case in &mut cases {
        (case.run)(BEFORE);
        counted(case);
        println!("{}", case.name);
    }
}

#[inline(never)]
fn counted(case: &mut Case<'_>) {
    (case.run)(black_box(COUNTED));
}
