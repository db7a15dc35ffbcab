//! Draining a stream while its VF writes and is reset.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use lab_control::stack::{function, operation};

use super::ioctl::{Origin, request};
use crate::check::{Check, is};
use crate::operations::{call, transfer};
use crate::session::Session;
use crate::stack::Stack;
use crate::status;

pub(super) const CHECKS: &[Check] = &[(
    "a drain that races with writes and resets returns each message once, in order, none wiped",
    race,
)];

const DRAIN: u32 = 0x0022_E41C;
const VF: u16 = 2;
/// A stream whose messages can hold any bytes.
const STREAM: u32 = 1;
/// Bytes of a message in the reply: its length, then 128 bytes.
const MESSAGE: usize = 132;
/// The greatest number of messages of one drain.
const MOST: usize = 3;
/// The number of messages after which the race ends, and its time limit.
const RESETS: u32 = 5;
const DRAINED: u32 = 20;
const PATIENCE: Duration = Duration::from_secs(30);
/// Time between resets, for writes.
const PAUSE: Duration = Duration::from_millis(50);

/// State that the threads share.
#[derive(Default)]
struct Race {
    over: AtomicBool,
    /// The last message that is written.
    written: AtomicU32,
    /// The last message that a reset has wiped, if it was not drained before.
    wiped: AtomicU32,
    resets: AtomicU32,
}

fn race(_: &mut Session) -> Result<()> {
    let race = Race::default();
    thread::scope(|scope| {
        let writer = scope.spawn(|| write(&race));
        let resetter = scope.spawn(|| reset(&race));
        let drained = drain(&race);
        race.over.store(true, Ordering::SeqCst);
        let panicked = |_| anyhow!("a thread panicked");
        writer.join().map_err(panicked)??;
        resetter.join().map_err(panicked)??;
        let (drained, resets) = (drained?, race.resets.load(Ordering::SeqCst));
        ensure!(
            resets >= RESETS && drained >= DRAINED,
            "{drained} messages were drained during {resets} resets: nothing raced"
        );
        Ok(())
    })
}

/// Writes numbered messages.
fn write(race: &Race) -> Result<()> {
    let stack = Stack::open()?;
    for number in 1_u32.. {
        if race.over.load(Ordering::SeqCst) {
            break;
        }
        let mut message = transfer(operation::WRITE, VF, STREAM, 128);
        message.data[..4].copy_from_slice(&number.to_le_bytes());
        let written = stack.batch(&[message])?;
        let status = written.first().map_or(0, |written| written.status);
        if status != status::DEVICE_NOT_READY {
            is("write", status, status::SUCCESS)?;
            race.written.store(number, Ordering::SeqCst);
        }
    }
    Ok(())
}

/// Resets the VF again and again.
fn reset(race: &Race) -> Result<()> {
    let stack = Stack::open()?;
    while !race.over.load(Ordering::SeqCst) {
        let before = race.written.load(Ordering::SeqCst);
        let done = stack.call(&call(function::RESET_VF, VF, 0, 0))?;
        is("ResetVf", done.status, status::SUCCESS)?;
        race.wiped.store(before, Ordering::SeqCst);
        race.resets.fetch_add(1, Ordering::SeqCst);
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Drains; returns the number of messages.
fn drain(race: &Race) -> Result<u32> {
    let stack = Stack::open()?;
    let (start, mut last, mut drained) = (Instant::now(), 0, 0);
    let [low, high] = VF.to_le_bytes();
    let input = [low, high, 0, 0, 1, 0, 0, 0];
    let over = |drained| drained >= DRAINED && race.resets.load(Ordering::SeqCst) >= RESETS;
    while !over(drained) && start.elapsed() < PATIENCE {
        let wiped = race.wiped.load(Ordering::SeqCst);
        let ask = request(
            Origin::KERNEL,
            DRAIN,
            &input,
            u32::try_from(MOST * MESSAGE)?,
        );
        let answer = stack.request(&ask)?;
        let length = usize::try_from(answer.information)?;
        if answer.status == status::DEVICE_NOT_READY {
            ensure!(length == 0, "a drain that fails returns {length} bytes");
            continue;
        }
        is("DRAIN", answer.status, status::SUCCESS)?;
        ensure!(length % MESSAGE == 0, "a drain returns {length} bytes");
        for message in answer.output[..length].chunks_exact(MESSAGE) {
            let number = u32::from_le_bytes(message[4..8].try_into()?);
            ensure!(number > last, "message {number} comes after {last}");
            ensure!(number > wiped, "message {number} outlived a reset");
            last = number;
            drained += 1;
        }
    }
    Ok(drained)
}
