//! What the broker costs, beside what it could be replaced with, in one run:
//! `cargo bench -p block-broker --bench broker`, with names of tables behind `--` for those alone.
//! `docs/benchmarks.md` says what the lines mean and what they were.

mod devices;
#[path = "../../tests/hand_written/mod.rs"]
mod hand_written;
mod measure;

use std::cell::Cell as Slot;
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use block_broker::{Refusal, Ticks, Vf};
use block_table::{Image, Kind, Table};
use crossbeam_utils::atomic::AtomicCell;
use devices::{Cell, NOW, device, image, registers, table};
use hand_written::{Command, LENGTH, sealed};
use measure::{Case, measure, median};
use spin::mutex::SpinMutex;

const ACCELERATOR: &str = include_str!("../../../../blocks/accelerator.toml");
/// The block `command` of `blocks/accelerator.toml`.
const COMMAND: u32 = 1;
/// The block `response` of `blocks/accelerator.toml`.
const RESPONSE: u32 = 2;

fn main() {
    // Only `cargo bench` asks for measurements; a test run shows that what would be measured works.
    if !std::env::args().any(|argument| argument == "--bench") {
        assert!(LAYOUTS.iter().all(|layout| commands(layout).len() == 4));
        return;
    }
    let tables: [(&str, fn()); 8] = [
        ("reads", reads),
        ("validated", validated_writes),
        ("writes", writes),
        ("refusals", refusals),
        ("vfs", growth_with_vfs),
        ("blocks", growth_with_blocks),
        ("threads", threads),
        ("memory", memory),
    ];
    let wanted: Vec<_> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
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

fn reads() {
    let opaque = device(table(&registers(64, [0])), 64);
    let accelerator = device(table(ACCELERATOR), 64);
    let bare = Box::new([7_u8; 128]);
    let spin: SpinMutex<[u8; 128]> = SpinMutex::new([7_u8; 128]);
    let blocks: HashMap<u32, [u8; 128]> = (0..64).map(|id| (id, [7; 128])).collect();
    let (parking, standard) = (
        parking_lot::RwLock::new(blocks.clone()),
        std::sync::RwLock::new(blocks),
    );
    let sequence_lock = seqlock::SeqLock::new([7_u8; 128]);
    let atomic = AtomicCell::new([7_u8; 128]);
    let mut reply = [0; 128];
    let mut other_reply = [0; 128];
    let mut cases = [
        Case::new("copy of 128 bytes", || *black_box(&*bare)),
        Case::new("broker: read of a 128-byte block", || {
            opaque.read(black_box(9), black_box(0), 128, black_box(&mut reply), NOW)
        }),
        Case::new("broker: read of accelerator's command (64 bytes)", || {
            accelerator.read(
                black_box(9),
                black_box(COMMAND),
                64,
                black_box(&mut other_reply),
                NOW,
            )
        }),
        Case::new("spin lock + copy", || *black_box(&spin).lock()),
        Case::new("parking_lot RwLock<HashMap>", || {
            parking.read().get(black_box(&9)).copied()
        }),
        Case::new("std RwLock<HashMap>", || {
            standard.read().unwrap().get(black_box(&9)).copied()
        }),
        Case::new("seqlock crate, read", || black_box(&sequence_lock).read()),
        Case::new("crossbeam AtomicCell, load", || black_box(&atomic).load()),
    ];
    let times = measure(&mut cases);
    print("Reading (aim: broker <= 2.5 x copy)", 0, &cases, &times);
}

/// The layouts of the block `command`, the lightest first.
const LAYOUTS: [&str; 5] = ["nop", "map", "unmap", "submit", "set_label"];

/// Valid commands of one layout, each of which may follow the one before, and the first the last:
/// sequence numbers in serial arithmetic, a quarter of their space apart.
fn commands(layout: &str) -> Vec<[u8; LENGTH]> {
    let opcode = LAYOUTS.iter().position(|name| *name == layout).unwrap();
    let mut bytes = [0; LENGTH];
    bytes[0] = u8::try_from(opcode).unwrap();
    bytes[2] = 0b0101;
    match layout {
        "map" => {
            bytes[8] = 8;
            bytes[16..24].copy_from_slice(&0x1000_u64.to_le_bytes());
            bytes[24..28].copy_from_slice(&0x8000_u32.to_le_bytes());
            bytes[28..44].copy_from_slice(&[1; 16]);
        }
        "unmap" => bytes[16] = 1,
        "submit" => {
            bytes[24..32].copy_from_slice(&0x1000_u64.to_le_bytes());
            bytes[32..36].copy_from_slice(&0x800_u32.to_le_bytes());
            bytes[36..40].copy_from_slice(&0x800_u32.to_le_bytes());
            bytes[40..48].copy_from_slice(&0x10_0000_u64.to_le_bytes());
        }
        "set_label" => bytes[16..28].copy_from_slice(b"database one"),
        _ => {}
    }
    let commands: Vec<_> = (0..4_u32)
        .map(|step| {
            bytes[4..8].copy_from_slice(&(step << 30).to_le_bytes());
            sealed(bytes)
        })
        .collect();
    let mut by_hand = Command::new();
    for command in commands.iter().chain(&commands) {
        by_hand.write(command).unwrap();
    }
    commands
}

/// The same, as a shell hands them over.
fn images(layout: &str) -> Turns<Image> {
    Turns::new(
        commands(layout)
            .iter()
            .map(|command| image(command))
            .collect(),
    )
}

/// Gives the elements in turn, for ever.
struct Turns<T> {
    elements: Vec<T>,
    next: Slot<usize>,
}

impl<T> Turns<T> {
    fn new(elements: Vec<T>) -> Self {
        assert!(elements.len().is_power_of_two());
        Self {
            elements,
            next: Slot::new(0),
        }
    }

    fn next(&self) -> &T {
        let next = self.next.get();
        self.next.set(next + 1);
        &self.elements[next & (self.elements.len() - 1)]
    }
}

/// A clock that lets a VF of `blocks/accelerator.toml` write as fast as its limit allows.
struct Clock(Slot<u64>);

impl Clock {
    fn next(&self) -> Ticks {
        let now = self.0.get() + Ticks::PER_SECOND / 2000;
        self.0.set(now);
        Ticks(now)
    }
}

fn length() -> u32 {
    black_box(64)
}

fn validated_writes() {
    let accelerator = device(table(ACCELERATOR), 64);
    let clock = Clock(Slot::new(0));
    let mut cases = Vec::new();
    for (layout, vf) in LAYOUTS.iter().zip(1_u16..) {
        let (mut by_hand, bare, images) =
            (Command::new(), Turns::new(commands(layout)), images(layout));
        let (accelerator, clock) = (&accelerator, &clock);
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
                .unwrap();
        }));
    }
    let times = measure(&mut cases);
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

fn writes() {
    let opaque = device(table(&registers(64, [0])), 64);
    let accelerator = device(table(ACCELERATOR), 64);
    let value = black_box([9_u8; 128]);
    let response = image(&[1; 4]);
    let spin: SpinMutex<[u8; 128]> = SpinMutex::new([7_u8; 128]);
    let sequence_lock = seqlock::SeqLock::new([7_u8; 128]);
    let atomic = AtomicCell::new([7_u8; 128]);
    let mut target = Box::new([0_u8; 128]);
    let mut cases = [
        Case::new("copy of 128 bytes", || {
            *black_box(&mut *target) = *black_box(&value);
        }),
        Case::new("broker: write of an opaque 128-byte block", || {
            opaque
                .write(black_box(9), black_box(0), 128, black_box(&value), NOW)
                .unwrap();
        }),
        Case::new("broker: publish of response (32 bytes, notifies)", || {
            accelerator
                .publish(
                    black_box(9),
                    black_box(RESPONSE),
                    32,
                    black_box(&response),
                    NOW,
                )
                .unwrap()
        }),
        Case::new("spin lock + copy", || {
            *black_box(&spin).lock() = *black_box(&value);
        }),
        Case::new("seqlock crate, write", || {
            *black_box(&sequence_lock).lock_write() = *black_box(&value);
        }),
        Case::new("crossbeam AtomicCell, store", || {
            black_box(&atomic).store(*black_box(&value));
        }),
    ];
    let times = measure(&mut cases);
    print("Writing without rules, and publishing", 0, &cases, &times);
}

fn refusals() {
    let accelerator = device(table(ACCELERATOR), 64);
    let command = image(&commands("submit")[0]);
    let mut wrong_checksum = command;
    wrong_checksum[60] ^= 1;
    let mut wrong_value = [0; LENGTH];
    wrong_value[0] = 9;
    let wrong_value = image(&sealed(wrong_value));
    let clock = Clock(Slot::new(0));
    for _ in 0..64 {
        let _ = accelerator.write(5, COMMAND, 64, &wrong_value, NOW);
    }
    let write = |vf, block, length, sent: &Image, now, refusal| {
        let outcome = accelerator.write(
            black_box(vf),
            black_box(block),
            black_box(length),
            black_box(sent),
            now,
        );
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

/// Eight of `count` things, spread over all of them, but not by a power of two: those would compete
/// for the same few places of the cache.
fn eight_of(count: u16) -> Turns<u16> {
    let spread = |eighth: u16| eighth * (count / 8) + eighth;
    Turns::new((0..8).map(|eighth| spread(eighth).min(count - 1)).collect())
}

fn growth_with_vfs() {
    const COUNTS: [u16; 5] = [1, 8, 64, 512, 4096];
    let manifest = ACCELERATOR.replace("max-vfs = 64", "max-vfs = 4096");
    let table = table(&manifest);
    let devices = COUNTS.map(|vfs| device(table, usize::from(vfs)));
    let images = images("submit");
    let clocks = COUNTS.map(|_| Clock(Slot::new(0)));
    let mut cases = Vec::new();
    for (vfs, device) in COUNTS.into_iter().zip(&devices) {
        let (turns, mut reply) = (eight_of(vfs), [0; 128]);
        cases.push(Case::new(format!("read, {vfs} VFs"), move || {
            device
                .read(*turns.next(), COMMAND, 64, black_box(&mut reply), NOW)
                .unwrap();
        }));
    }
    let images = &images;
    for ((vfs, device), clock) in COUNTS.into_iter().zip(&devices).zip(&clocks) {
        let turns = eight_of(vfs);
        cases.push(Case::new(
            format!("validated write, {vfs} VFs"),
            move || {
                // Four writes to each VF in turn: one round of the sequence numbers.
                let vf = turns.elements[turns.next.get() / 4 % 8];
                turns.next();
                device
                    .write(vf, COMMAND, 64, images.next(), clock.next())
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

fn growth_with_blocks() {
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
            device.read(0, id, 128, black_box(&mut reply), NOW).unwrap();
        }));
    }
    for (blocks, device) in COUNTS.into_iter().zip(&devices) {
        let turns = eight_of(blocks);
        cases.push(Case::new(format!("write, {blocks} blocks"), move || {
            let id = u32::from(*turns.next()) * STEP;
            device.write(0, id, 128, black_box(&[9; 128]), NOW).unwrap();
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

/// How many operations `operation` does in a while, summed over one thread for each of `vfs`.
fn throughput(vfs: &[u16], operation: &(dyn Fn(u16) + Sync)) -> f64 {
    const WHILE: Duration = Duration::from_millis(20);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads: Vec<_> = vfs
            .iter()
            .map(|vf| {
                scope.spawn(|| {
                    let (begin, mut done) = (Instant::now(), 0_u32);
                    while !over.load(Ordering::Relaxed) {
                        for _ in 0..64 {
                            operation(*vf);
                        }
                        done += 64;
                    }
                    f64::from(done) / begin.elapsed().as_secs_f64()
                })
            })
            .collect();
        std::thread::sleep(WHILE);
        over.store(true, Ordering::Relaxed);
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    })
}

/// A spin lock on cache lines of its own, for what two threads can do at best on this machine.
#[repr(align(128))]
struct Lock(SpinMutex<[u8; 128]>);

fn threads() {
    let device = device(table(&registers(64, [0])), 64);
    let locks: Vec<_> = (0..64).map(|_| Lock(SpinMutex::new([7; 128]))).collect();
    let control = |vf| *black_box(&mut [0; 128]) = *locks[usize::from(vf)].0.lock();
    let read = |vf| {
        let mut reply = [0; 128];
        device.read(vf, 0, 128, black_box(&mut reply), NOW).unwrap();
    };
    let write = |vf| device.write(vf, 0, 128, black_box(&[9; 128]), NOW).unwrap();
    let rows: [(&str, &(dyn Fn(u16) + Sync)); 3] = [
        ("spin lock + copy, what the machine gives", &control),
        ("broker: reads", &read),
        ("broker: writes", &write),
    ];
    println!(
        "\nTwo threads against one (aim: two VFs >= 1.9)\n{:<58}{:>10}{:>9}",
        "", "two VFs", "one VF"
    );
    for (name, operation) in rows {
        let mut ratios = [vec![], vec![]];
        for _ in 0..25 {
            let alone = throughput(&[3], operation);
            for (ratios, vfs) in ratios.iter_mut().zip([[3, 4], [3, 3]]) {
                ratios.push(throughput(&vfs, operation) / alone);
            }
        }
        let [two, one] = &mut ratios;
        println!("{name:<58}{:>10.2}{:>9.2}", median(two), median(one));
    }
}

fn memory() {
    println!(
        "\nMemory for each byte of block (aim: accelerator <= 1.5)\n{:<58}{:>10}{:>9}",
        "", "bytes/VF", "ratio"
    );
    for (name, manifest) in [
        ("accelerator.toml", ACCELERATOR),
        (
            "mlx5-hv-vhca.toml",
            include_str!("../../../../blocks/mlx5-hv-vhca.toml"),
        ),
        ("hello.toml", include_str!("../../../../blocks/hello.toml")),
    ] {
        let table = table(manifest);
        let needed = size_of::<Cell>()
            + Vf::slots_needed(&table) * size_of::<block_broker::BlockSlot>()
            + Vf::bytes_needed(&table);
        let needed = u32::try_from(needed).unwrap();
        println!(
            "{name:<58}{needed:>10}{:>9.2}",
            f64::from(needed) / f64::from(block_bytes(&table))
        );
    }
}

/// What a VF's blocks hold, with nothing around it.
fn block_bytes(table: &Table<'_>) -> u32 {
    let messages = |kind, depth| if kind == Kind::Stream { depth } else { 1 };
    let bytes: usize = table
        .blocks()
        .map(|block| block.max_length() * messages(block.kind(), block.depth()))
        .sum();
    u32::try_from(bytes).unwrap()
}
