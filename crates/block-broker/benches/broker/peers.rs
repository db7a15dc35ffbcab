//! Compares the broker's reads and writes with code that works without it.

use std::collections::HashMap;
use std::hint::black_box;

use crossbeam_utils::atomic::AtomicCell;
use spin::mutex::SpinMutex;

use crate::devices::{NOW, device, image, registers, table};
use crate::measure::{Case, measure};
use crate::{ACCELERATOR, COMMAND, RESPONSE, print};

pub(crate) fn reads() {
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
            opaque
                .read(black_box(9), black_box(0), 128, black_box(&mut reply), NOW)
                .without_waiters()
        }),
        Case::new("broker: read of accelerator's command (64 bytes)", || {
            accelerator
                .read(
                    black_box(9),
                    black_box(COMMAND),
                    64,
                    black_box(&mut other_reply),
                    NOW,
                )
                .without_waiters()
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

pub(crate) fn writes() {
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
                .without_waiters()
                .unwrap();
        }),
        Case::new("broker: publish of response (32 bytes, notifies)", || {
            accelerator
                .publish(
                    black_box(9),
                    black_box(RESPONSE),
                    32,
                    black_box(&response),
                    None,
                    NOW,
                )
                .without_waiters()
                .unwrap();
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
