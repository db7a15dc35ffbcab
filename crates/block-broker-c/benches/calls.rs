//! Measures the same calls through the C interface and in Rust, in one run:
//! `cargo bench -p block-broker-c`. `docs/benchmarks.md` has results.

#[expect(dead_code, reason = "the broker's benchmark uses all of it")]
#[path = "../../block-broker/benches/broker/commands.rs"]
mod commands;
#[path = "../../block-broker/benches/broker/devices.rs"]
mod devices;
#[path = "../../block-broker/tests/hand_written/mod.rs"]
mod hand_written;
#[expect(dead_code, reason = "the broker's benchmark uses all of it")]
#[path = "../../block-broker/benches/broker/measure.rs"]
mod measure;

use std::cell::Cell;
use std::ffi::c_void;
use std::hint::{black_box, spin_loop};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};

use block_broker_c::{
    BB_ALLOCATE_ALL_VFS, BB_SUCCESS, bb_broker, bb_follow_up, bb_initialize, bb_lock,
    bb_memory_needed, bb_options, bb_read, bb_status, bb_write,
};
use block_table::Table;
use commands::{Clock, commands};
use devices::{device, image, registers};
use measure::{Case, measure};

const ACCELERATOR: &str = include_str!("../../../blocks/accelerator.toml");
/// The block `command` of `blocks/accelerator.toml`.
const COMMAND: u32 = 1;
const VFS: u16 = 4;

/// The calls as a program in C makes them: through a pointer that the optimiser does not follow.
type Read = unsafe extern "C" fn(
    *const bb_broker,
    u16,
    u32,
    *mut c_void,
    u32,
    u64,
    *mut bb_follow_up,
) -> bb_status;
type Write = unsafe extern "C" fn(
    *const bb_broker,
    u16,
    u32,
    *const c_void,
    u32,
    u64,
    *mut bb_follow_up,
) -> bb_status;

/// A spin lock like that of the devices in Rust.
unsafe extern "C" fn acquire(_: *mut c_void, _: u16, lock: *mut bb_lock) -> usize {
    // SAFETY: the library passes the memory of a VF's lock, which is zero at the start.
    let lock = unsafe { &*lock.cast::<AtomicU64>() };
    while lock
        .compare_exchange_weak(0, 1, Ordering::Acquire, Ordering::Relaxed)
        .is_err()
    {
        spin_loop();
    }
    0
}

unsafe extern "C" fn release(_: *mut c_void, _: u16, lock: *mut bb_lock, _: usize) {
    // SAFETY: as for `acquire`.
    let lock = unsafe { &*lock.cast::<AtomicU64>() };
    lock.store(0, Ordering::Release);
}

fn main() {
    // Only `cargo bench` measures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut times = Vec::new();
    let mut names = Vec::new();
    for (name, [rust, c]) in [
        ("read of a 128-byte block", reads()),
        ("write of an opaque 128-byte block", writes()),
        ("validated write: submit", commands_of("submit")),
        ("validated write: nop", commands_of("nop")),
    ] {
        names.push(name);
        times.push([rust, c]);
    }
    println!("\nThe C interface next to Rust (aim: <= 1.05)");
    println!("{:<44}{:>10}{:>10}{:>9}", "", "Rust, ns", "C, ns", "ratio");
    for (name, [rust, c]) in names.iter().zip(&times) {
        println!("{name:<44}{rust:>10.1}{c:>10.1}{:>9.2}", c / rust);
    }
}

/// Compiles a manifest.
fn compile(manifest: &str) -> &'static [u8] {
    block_manifest::Manifest::parse("bench.toml", manifest)
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
        .compile()
        .leak()
}

/// A broker in C that lives as long as the benchmark.
fn broker(table: &'static [u8]) -> *const bb_broker {
    let mut needed = 0;
    // SAFETY: the table is readable, and the place is this function's.
    let status =
        unsafe { bb_memory_needed(table.as_ptr().cast(), table.len(), VFS, &raw mut needed) };
    assert_eq!(status, BB_SUCCESS);
    let memory = vec![0_u8; needed].leak();
    let options = bb_options {
        size: u32::try_from(size_of::<bb_options>()).expect("small"),
        flags: BB_ALLOCATE_ALL_VFS,
        table: table.as_ptr().cast(),
        table_length: table.len(),
        vfs: VFS,
        reserved: [0; 3],
        start: [0; 2],
        acquire: Some(black_box(acquire)),
        release: Some(black_box(release)),
        lock_context: null_mut(),
    };
    let mut broker = null_mut();
    let place = memory.as_mut_ptr().cast();
    // SAFETY: table and memory live as long as the program.
    let status = unsafe { bb_initialize(&raw const options, place, needed, 0, &raw mut broker) };
    assert_eq!(status, BB_SUCCESS);
    broker
}

/// The median times of both cases.
fn both(cases: &mut [Case<'_>; 2]) -> [f64; 2] {
    let times = measure(cases);
    [times[0], times[1]]
}

fn reads() -> [f64; 2] {
    let manifest = registers(VFS.into(), [0]);
    let rust = device(devices::table(&manifest), VFS.into());
    let c = broker(compile(&manifest));
    let (mut of_rust, mut of_c) = ([0_u8; 128], [0_u8; 128]);
    let read: Read = black_box(bb_read);
    both(&mut [
        Case::new("Rust", || {
            let mut reply = [0; 128];
            let result = rust.read(black_box(1), 0, black_box(128), &mut reply, devices::NOW);
            // A shell has its reply in private memory, and copies it to its caller's.
            of_rust.copy_from_slice(&reply);
            result.without_waiters().expect("served");
        }),
        Case::new("C", || {
            let mut follow_up = NOTHING;
            let place = of_c.as_mut_ptr().cast();
            // SAFETY: the reply has 128 bytes.
            let status = unsafe {
                read(
                    c,
                    black_box(1),
                    0,
                    place,
                    black_box(128),
                    0,
                    &raw mut follow_up,
                )
            };
            assert_eq!(status, BB_SUCCESS);
        }),
    ])
}

fn writes() -> [f64; 2] {
    let manifest = registers(VFS.into(), [0]);
    pair(&manifest, 0, &[[7; 128]], 128)
}

fn commands_of(layout: &str) -> [f64; 2] {
    let images: Vec<_> = commands(layout)
        .iter()
        .map(|command| image(command))
        .collect();
    pair(ACCELERATOR, COMMAND, &images, 64)
}

/// Writes of these images in turn, with a clock that the limit never refuses.
fn pair(manifest: &str, block: u32, images: &[[u8; 128]], length: u32) -> [f64; 2] {
    let table: Table<'static> = devices::table(manifest);
    let rust = device(table, VFS.into());
    let c = broker(compile(manifest));
    let write: Write = black_box(bb_write);
    let (clock_of_rust, clock_of_c) = (Clock::new(), Clock::new());
    let (next_of_rust, next_of_c) = (Cell::new(0), Cell::new(0));
    let next = |place: &Cell<usize>| {
        let index = place.get();
        place.set((index + 1) % images.len());
        &images[index]
    };
    both(&mut [
        Case::new("Rust", || {
            // A shell copies its caller's bytes once.
            let sent = *black_box(next(&next_of_rust));
            rust.write(1, block, black_box(length), &sent, clock_of_rust.next())
                .without_waiters()
                .expect("served");
        }),
        Case::new("C", || {
            let mut follow_up = NOTHING;
            let data = black_box(next(&next_of_c)).as_ptr().cast();
            let now = clock_of_c.next().0;
            // SAFETY: the data has 128 bytes.
            let status = unsafe {
                write(
                    c,
                    1,
                    block,
                    data,
                    black_box(length),
                    now,
                    &raw mut follow_up,
                )
            };
            assert_eq!(status, BB_SUCCESS);
        }),
    ])
}

const NOTHING: bb_follow_up = bb_follow_up {
    changed: 0,
    wake: 0,
    deliver: 0,
    vf: 0,
};
