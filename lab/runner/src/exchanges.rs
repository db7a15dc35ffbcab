//! Guests that exchange requests and responses with the companion while a storm or contention runs:
//! what it accepts was handed to it once, and its response is readable when the write returns.
//!
//! The companion is the sample, below the driver as an upper filter. It is ready within each
//! attach, so that a rebalance interrupts it for as long as it is detached. Two guests work on each
//! VF: their calls wait for each other.

mod guest;
mod judge;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Result, anyhow, ensure};
use lab_control::companion::{Answer, action, offer};

use crate::cli::Position;
use crate::sample_companion::{SampleCompanion, by_companion};
use crate::session::Session;
use guest::{COUNTER, Guest};

pub(crate) use guest::EXCHANGE;

/// How many VFs exchange, from VF 0, and guests on each.
const VFS: u16 = 2;
const GUESTS: u8 = 2;

/// Threads that play guests.
pub(crate) struct Exchanges {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<Guest>>>,
}

impl Exchanges {
    /// Starts them if the driver is above the sample companion. Otherwise there are none: no
    /// companion handles the blocks.
    pub(crate) fn start(session: &Session) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        if session.bench.position == Position::UpperFilter {
            prepare(session)?;
            for vf in 0..VFS {
                for writer in 0..GUESTS {
                    let (guest, stop) = (Guest::new(vf, writer), Arc::clone(&stop));
                    threads.push(thread::spawn(move || guest.exchange(&stop)));
                }
            }
        }
        Ok(Self { stop, threads })
    }

    /// Ends them.
    pub(crate) fn end(self) -> Result<Exchanged> {
        self.stop.store(true, Ordering::SeqCst);
        let exchanged = self.join()?;
        let removed = exchanged.guests.iter().any(|guest| guest.is_removed);
        ensure!(!removed, "an exchange ended with a device that is there");
        Ok(exchanged)
    }

    /// Waits until the removal of the device has ended each of them.
    pub(crate) fn end_with_device(self) -> Result<Exchanged> {
        self.join()
    }

    fn join(self) -> Result<Exchanged> {
        let join = |thread: JoinHandle<Result<Guest>>| {
            thread.join().map_err(|_| anyhow!("a guest panicked"))?
        };
        let guests = self.threads.into_iter().map(join).collect::<Result<_>>()?;
        Ok(Exchanged { guests })
    }
}

/// Lets the companion answer, and forgets what has reached it.
pub(crate) fn prepare(session: &Session) -> Result<()> {
    let companion = SampleCompanion::open(session)?;
    let echo = Answer {
        actions: action::ECHO,
        ..Answer::accept(EXCHANGE)
    };
    let count = Answer {
        reads: 1,
        actions: action::COUNT,
        ..Answer::accept(COUNTER)
    };
    for answer in [&echo, &count] {
        companion.set_answer(answer).map_err(by_companion)?;
    }
    companion.set_offer(offer::READY).map_err(by_companion)?;
    companion.take_handed().map_err(by_companion)?;
    companion.take_record().map_err(by_companion)?;
    companion.set_ready(true).map_err(by_companion)
}

/// What guests did in one life of the PF.
pub(crate) struct Exchanged {
    guests: Vec<Guest>,
}

impl Exchanged {
    /// Compares what the guests have sent with what has reached the companion, whose PF is plugged
    /// in: the same one, or the next. Returns the number of writes that it accepted.
    pub(crate) fn judge(self, session: &Session) -> Result<usize> {
        if self.guests.is_empty() {
            return Ok(0);
        }
        let companion = SampleCompanion::open(session)?;
        let handed = companion.take_handed().map_err(by_companion)?;
        let record = companion.take_record().map_err(by_companion)?;
        judge::judge(&self.guests, &handed, &record)
    }
}
