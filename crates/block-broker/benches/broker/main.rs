//! Measures the broker and its alternatives in one run: `cargo bench -p block-broker --bench
//! broker`, with names of tables after `--` to select them. `docs/benchmarks.md` explains the lines
//! and has results.

mod changes;
mod commands;
mod devices;
mod growth;
#[path = "../../tests/hand_written/mod.rs"]
mod hand_written;
mod instructions;
mod list;
mod measure;
mod memory;
mod peers;
mod structures;
mod threads;

use std::hint::black_box;

use block_table::Image;
use commands::{Clock, LAYOUTS, Turns, commands, images};
use devices::{Device, NOW, device, image, table};
use hand_written::{Command, LENGTH, sealed};
use measure::{Case, measure};
use pf_broker_abi::Refusal;

const ACCELERATOR: &str = include_str!("../../../../blocks/accelerator.toml");
/// The block `command` of `blocks/accelerator.toml`.
const COMMAND: u32 = 1;
/// The block `response` of `blocks/accelerator.toml`.
const RESPONSE: u32 = 2;

fn main() {
    // Only `cargo bench` measures; a test run checks that the measured code works.
    if !std::env::args().any(|argument| argument == "--bench") {
        assert!(LAYOUTS.iter().all(|layout| commands(layout).len() == 4));
        return;
    }
    let tables: [(&str, fn()); 12] = [
        ("reads", peers::reads),
        ("validated", validated),
        ("writes", peers::writes),
        ("structures", structures::structures),
        ("list", list::list),
        ("refusals", refusals),
        ("vfs", growth::with_vfs),
        ("blocks", growth::with_blocks),
        ("threads", threads::threads),
        ("memory", memory::memory),
        ("listeners", changes::listeners),
        ("agent", changes::agent),
    ];
    let wanted: Vec<_> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    if wanted == ["instructions"] {
        instructions::instructions();
        return;
    }
    for (name, table) in tables {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            table();
        }
    }
}

/// Prints a table whose ratios are to its case `base`.
fn print(title: &str, base: usize, cases: &[Case<'_>], times: &[f64]) {
    println!("\n{title}\n{:<58}{:>10}{:>9}", "", "ns", "ratio");
    for (case, time) in cases.iter().zip(times) {
        println!("{:<58}{time:>10.1}{:>9.2}", case.name, time / times[base]);
    }
}

fn length() -> u32 {
    black_box(64)
}

/// For each layout a write by hand, and one of `accelerator`.
fn validated_writes<'a>(accelerator: &'a Device, clock: &'a Clock) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    for (layout, vf) in LAYOUTS.iter().zip(1_u16..) {
        let (mut by_hand, bare, images) =
            (Command::new(), Turns::new(commands(layout)), images(layout));
        cases.push(Case::new(format!("hand-written: {layout}"), move || {
            by_hand.write(black_box(bare.next())).unwrap();
        }));
        cases.push(Case::new(format!("broker: {layout}"), move || {
            accelerator
                .write(
                    black_box(vf),
                    black_box(COMMAND),
                    length(),
                    images.next(),
                    clock.next(),
                )
                .without_waiters()
                .unwrap();
        }));
    }
    cases
}

fn validated() {
    let accelerator = device(table(ACCELERATOR), 64);
    let clock = Clock::new();
    let times = measure(&mut validated_writes(&accelerator, &clock));
    println!("\nValidated write with CRC (aim: <= 100 ns and <= 4 x hand-written)");
    println!(
        "{:<40}{:>18}{:>10}{:>9}",
        "", "hand-written, ns", "ns", "ratio"
    );
    for (layout, times) in LAYOUTS.iter().zip(times.chunks(2)) {
        let (by_hand, broker) = (times[0], times[1]);
        println!(
            "broker: {layout:<32}{by_hand:>18.1}{broker:>10.1}{:>9.2}",
            broker / by_hand
        );
    }
}

fn refusals() {
    let accelerator = device(table(ACCELERATOR), 64);
    let command = image(&commands("submit")[0]);
    let mut wrong_checksum = command;
    wrong_checksum[60] ^= 1;
    let mut wrong_value = [0; LENGTH];
    wrong_value[0] = 9;
    let wrong_value = image(&sealed(wrong_value));
    let clock = Clock::new();
    for _ in 0..64 {
        let _ = accelerator
            .write(5, COMMAND, 64, &wrong_value, NOW)
            .without_waiters();
    }
    let write = |vf, block, length, sent: &Image, now, refusal| {
        let outcome = accelerator
            .write(
                black_box(vf),
                black_box(block),
                black_box(length),
                black_box(sent),
                now,
            )
            .without_waiters();
        assert_eq!(outcome, Err(refusal));
        outcome
    };
    let mut cases = [
        Case::new("flood: beyond the limit", || {
            write(5, COMMAND, 64, &command, NOW, Refusal::Limit)
        }),
        Case::new("unknown VF", || {
            write(64, COMMAND, 64, &command, NOW, Refusal::Vf)
        }),
        Case::new("unknown block", || {
            write(6, 99, 64, &command, NOW, Refusal::Block)
        }),
        Case::new("read-only block", || {
            write(6, 0, 32, &command, NOW, Refusal::Access)
        }),
        Case::new("wrong length", || {
            write(6, COMMAND, 63, &command, clock.next(), Refusal::Length)
        }),
        Case::new("wrong checksum", || {
            write(
                6,
                COMMAND,
                64,
                &wrong_checksum,
                clock.next(),
                Refusal::Checksum,
            )
        }),
        Case::new("wrong value", || {
            write(6, COMMAND, 64, &wrong_value, clock.next(), Refusal::Value)
        }),
    ];
    let times = measure(&mut cases);
    print("Refused writes (aim: flood <= 30 ns)", 0, &cases, &times);
}
