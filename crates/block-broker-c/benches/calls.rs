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

use std::cell::{Cell, UnsafeCell};
use std::ffi::c_void;
use std::hint::{black_box, spin_loop};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};

use block_broker::{Broker, Newest, Vf, VfLock};
use block_broker_c::{
    BB_ALLOCATE_ALL_VFS, BB_SUCCESS, bb_broker, bb_follow_up, bb_initialize, bb_lock,
    bb_memory_needed, bb_options, bb_read, bb_status, bb_write,
};
use commands::{Clock, commands};
use devices::{device, device_of, image, registers};
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

/// One VF in Rust behind the same lock functions, called through pointers as a driver calls those of
/// its kernel.
#[repr(align(128))]
struct Called {
    acquire: unsafe extern "C" fn(*mut c_void, u16, *mut bb_lock) -> usize,
    release: unsafe extern "C" fn(*mut c_void, u16, *mut bb_lock, usize),
    lock: UnsafeCell<bb_lock>,
    newest: Newest,
    vf: UnsafeCell<Vf<'static>>,
}

// SAFETY: the VF is reached with the lock held alone, and the lock by its functions alone.
unsafe impl Sync for Called {}

impl Called {
    fn new(vf: Vf<'static>) -> Self {
        Self {
            acquire: black_box(acquire),
            release: black_box(release),
            lock: UnsafeCell::new(bb_lock { words: [0; 8] }),
            newest: Newest::new(),
            vf: UnsafeCell::new(vf),
        }
    }
}

impl VfLock for Called {
    #[inline]
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        // SAFETY: the lock's memory was zero at the start.
        let state = unsafe { (self.acquire)(null_mut(), 0, self.lock.get()) };
        // SAFETY: the lock is held, so there is no other reference to the VF.
        let result = operation(unsafe { &mut *self.vf.get() });
        // SAFETY: this thread holds the lock.
        unsafe { (self.release)(null_mut(), 0, self.lock.get(), state) };
        result
    }

    #[inline]
    fn newest(&self) -> &Newest {
        &self.newest
    }
}

fn main() {
    // Only `cargo bench` measures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut times = Vec::new();
    let mut names = Vec::new();
    for (name, measured) in [
        ("read of a 128-byte block", reads()),
        ("write of an opaque 128-byte block", writes()),
        ("validated write: submit", commands_of("submit")),
        ("validated write: nop", commands_of("nop")),
    ] {
        names.push(name);
        times.push(measured);
    }
    println!("\nThe C interface next to Rust (aim: <= 1.05)");
    println!(
        "{:<38}{:>10}{:>16}{:>8}{:>16}",
        "", "Rust", "Rust, lock", "C", "C to Rust, lock"
    );
    println!(
        "{:<38}{:>10}{:>16}{:>8}{:>16}",
        "", "ns", "called, ns", "ns", "inlined  called"
    );
    for (name, [inlined, called, c]) in names.iter().zip(&times) {
        let (to_inlined, to_called) = (c / inlined, c / called);
        println!(
            "{name:<38}{inlined:>10.1}{called:>16.1}{c:>8.1}{to_inlined:>8.2}{to_called:>8.2}"
        );
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

/// The median times of the three cases.
fn all(cases: &mut [Case<'_>; 3]) -> [f64; 3] {
    let times = measure(cases);
    [times[0], times[1], times[2]]
}

/// A read in Rust. A shell has its reply in private memory, and copies it to its caller's.
fn read_of<L: VfLock>(name: &str, device: Broker<'static, L>) -> Case<'static> {
    let mut place = [0_u8; 128];
    Case::new(name, move || {
        let mut reply = [0; 128];
        let result = device.read(black_box(1), 0, black_box(128), &mut reply, devices::NOW);
        place.copy_from_slice(&reply);
        result.without_waiters().expect("served");
    })
}

fn reads() -> [f64; 3] {
    let manifest = registers(VFS.into(), [0]);
    let table = devices::table(&manifest);
    let c = broker(compile(&manifest));
    let mut of_c = [0_u8; 128];
    let read: Read = black_box(bb_read);
    all(&mut [
        read_of("Rust", device(table, VFS.into())),
        read_of("lock called", device_of(table, VFS.into(), Called::new)),
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

fn writes() -> [f64; 3] {
    let manifest = registers(VFS.into(), [0]);
    writes_of(&manifest, 0, &[[7; 128]], 128)
}

fn commands_of(layout: &str) -> [f64; 3] {
    let images: Vec<_> = commands(layout)
        .iter()
        .map(|command| image(command))
        .collect();
    writes_of(ACCELERATOR, COMMAND, &images, 64)
}

/// Images in turn, and a clock that the limit never refuses.
struct Turns<'i> {
    images: &'i [[u8; 128]],
    next: Cell<usize>,
    clock: Clock,
}

impl<'i> Turns<'i> {
    fn of(images: &'i [[u8; 128]]) -> Self {
        Self {
            images,
            next: Cell::new(0),
            clock: Clock::new(),
        }
    }

    fn next(&self) -> &[u8; 128] {
        let index = self.next.get();
        self.next.set((index + 1) % self.images.len());
        &self.images[index]
    }
}

/// A write in Rust. A shell copies its caller's bytes once.
fn write_of<'i, L: VfLock + 'i>(
    name: &str,
    device: Broker<'static, L>,
    block: u32,
    images: &'i [[u8; 128]],
    length: u32,
) -> Case<'i> {
    let turns = Turns::of(images);
    Case::new(name, move || {
        let sent = *black_box(turns.next());
        device
            .write(1, block, black_box(length), &sent, turns.clock.next())
            .without_waiters()
            .expect("served");
    })
}

fn writes_of(manifest: &str, block: u32, images: &[[u8; 128]], length: u32) -> [f64; 3] {
    let table = devices::table(manifest);
    let c = broker(compile(manifest));
    let write: Write = black_box(bb_write);
    let turns = Turns::of(images);
    let called = device_of(table, VFS.into(), Called::new);
    all(&mut [
        write_of("Rust", device(table, VFS.into()), block, images, length),
        write_of("lock called", called, block, images, length),
        Case::new("C", || {
            let mut follow_up = NOTHING;
            let data = black_box(turns.next()).as_ptr().cast();
            let now = turns.clock.next().0;
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
