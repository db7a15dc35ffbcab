//! A PF in process: the broker of the driver with standard mutexes and a simulated clock.

mod companion;

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use block_broker::{BlockSlot, Broker, Kinds, Newest, Ticks, Vf, VfLock};
use block_table::{Image, MAX_BLOCK_LENGTH, Table};
use block_trace::{
    Change, Direction, Failure, HandedWrite, Host, Operation as Traced, Outcome, PowerState, Stats,
    Target,
};
pub(crate) use companion::sent;
use companion::{Request, SampleCompanion};
use pf_broker_abi::{ChangesCookie, Operation, Refusal};

/// One VF behind its lock, as the broker of a simulation has it. Aligned, so that two VFs share no cache line, as in the driver.
#[repr(align(128))]
pub(crate) struct Cell<'m> {
    vf: Mutex<Vf<'m>>,
    newest: Newest,
}

impl VfLock for Cell<'_> {
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        // No operation panics, so no lock is poisoned. Even if one were, the content of the VF
        // would be consistent, because the broker commits in one step.
        operation(&mut self.vf.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn newest(&self) -> &Newest {
        &self.newest
    }
}

/// A PF with its VFs. Its clock stands still until a trace advances it, or runs from
/// [`Simulation::start_clock`] on.
pub(crate) struct Simulation<'s> {
    broker: Broker<'s, Cell<'s>>,
    companion: SampleCompanion,
    milliseconds: u64,
    started: Option<Instant>,
    /// What host software has received of the changes.
    seen: ChangesCookie,
}

/// Creates a PF with `vfs` VFs for a table, and passes it to `visit`.
///
/// # Panics
///
/// When `vfs` is more than the table's `max-vfs`; the caller has checked it.
pub(crate) fn simulate<R>(
    table: Table<'_>,
    vfs: u16,
    visit: impl FnOnce(&mut Simulation<'_>) -> R,
) -> R {
    let slots = Vf::slots_needed(&table);
    let bytes = Vf::bytes_needed(&table);
    let mut memory: Vec<(Vec<BlockSlot>, Vec<u8>)> = (0..vfs)
        .map(|_| (vec![BlockSlot::UNUSED; slots], vec![0; bytes]))
        .collect();
    let cells: Vec<Cell<'_>> = memory
        .iter_mut()
        .map(|(slots, bytes)| {
            let vf =
                Vf::new(&table, slots, bytes).expect("the memory is as large as was asked for");
            Cell {
                vf: Mutex::new(vf),
                newest: Newest::new(),
            }
        })
        .collect();
    let broker = Broker::new(table, &cells)
        .expect("the number of VFs was checked")
        .with_start([fastrand::u64(..), fastrand::u64(..)]);
    visit(&mut Simulation {
        broker,
        companion: SampleCompanion::new(vfs),
        milliseconds: 0,
        started: None,
        seen: ChangesCookie::default(),
    })
}

impl<'s> Simulation<'s> {
    /// The table that the VFs follow.
    pub(crate) fn table(&self) -> &Table<'s> {
        self.broker.table()
    }

    /// The number of VFs.
    pub(crate) fn vf_count(&self) -> u16 {
        u16::try_from(self.broker.vf_count()).unwrap_or(u16::MAX)
    }

    /// The content of a register for host software: all of its 128 bytes.
    pub(crate) fn register(&self, vf: u16, block: u32) -> Result<Image, Refusal> {
        let mut image = [0; MAX_BLOCK_LENGTH];
        self.broker
            .host_read(vf, block, WHOLE, &mut image, self.now())
            .without_waiters()?;
        Ok(image)
    }

    /// Whether the companion handles an operation of a VF that exists.
    fn is_handed_over(&self, operation: Operation, request: Request) -> bool {
        request.vf < self.vf_count() && self.broker.is_handed_over(operation, request.block)
    }

    fn request(&self, vf: u16, block: u32, length: u32) -> Request {
        Request {
            vf,
            block,
            length,
            now: self.now(),
        }
    }

    /// The broker of the VFs.
    pub(crate) fn broker(&self) -> &Broker<'s, Cell<'s>> {
        &self.broker
    }

    /// Lets the clock run.
    pub(crate) fn start_clock(&mut self) {
        self.started = Some(Instant::now());
    }

    /// Serves the VFs again whose time for an acknowledgement is up.
    pub(crate) fn expire(&self) {
        self.broker
            .expire(self.now(), |_, follow_up| follow_up.without_waiters());
    }

    /// Performs an operation for one of several players of traces, each of which has received the
    /// changes of its own cookie.
    pub(crate) fn perform_for(&mut self, seen: &mut ChangesCookie, operation: &Traced) -> Outcome {
        std::mem::swap(&mut self.seen, seen);
        let Ok(outcome) = self.perform(operation);
        std::mem::swap(&mut self.seen, seen);
        outcome
    }

    /// The time of the clock.
    pub(crate) fn now(&self) -> Ticks {
        let units = |started: Instant| started.elapsed().as_nanos() / NANOSECONDS;
        let running = self.started.map_or(0, units);
        let running = u64::try_from(running).unwrap_or(u64::MAX);
        Ticks(
            Ticks::from_milliseconds(self.milliseconds)
                .0
                .saturating_add(running),
        )
    }
}

/// Nanoseconds in a unit of the clock.
const NANOSECONDS: u128 = 100;

/// The length of the longest read.
const WHOLE: u32 = 128;

/// The result of an operation in process, which can only be a refusal or success.
type Answer<T> = Result<T, Failure<Infallible>>;

impl Host for Simulation<'_> {
    type Error = Infallible;

    fn write(&mut self, vf: u16, block: u32, data: &[u8]) -> Answer<()> {
        let (length, image) = sent(data);
        let request = self.request(vf, block, length);
        if self.is_handed_over(Operation::Write, request) {
            return Ok(self.companion.write(&self.broker, request, &image)?);
        }
        Ok(self
            .broker
            .write(vf, block, length, &image, self.now())
            .without_waiters()?)
    }

    fn read(&mut self, vf: u16, block: u32, length: u32) -> Answer<Vec<u8>> {
        let mut image = [0; MAX_BLOCK_LENGTH];
        let request = self.request(vf, block, length);
        if self.is_handed_over(Operation::Read, request) {
            image = self.companion.read(&self.broker, request)?;
        } else {
            self.broker
                .read(vf, block, length, &mut image, self.now())
                .without_waiters()?;
        }
        // The broker has refused lengths beyond the image.
        Ok(image.into_iter().take(length as usize).collect())
    }

    fn publish(&mut self, vf: u16, block: u32, data: &[u8], expect: Option<u64>) -> Answer<()> {
        let (length, image) = sent(data);
        self.broker
            .publish(vf, block, length, &image, expect, self.now())
            .without_waiters()?;
        Ok(())
    }

    fn publish_all(&mut self, block: u32, data: &[u8]) -> Answer<()> {
        let (length, image) = sent(data);
        self.broker
            .publish_all(block, length, &image, self.now())
            .without_waiters()?;
        Ok(())
    }

    fn host_read(&mut self, vf: u16, block: u32, length: u32) -> Answer<(Vec<u8>, u64)> {
        let mut image = [0; MAX_BLOCK_LENGTH];
        let revision = self
            .broker
            .host_read(vf, block, length, &mut image, self.now())
            .without_waiters()?;
        // The broker has refused lengths beyond the image.
        let data = image.into_iter().take(length as usize).collect();
        Ok((data, revision))
    }

    fn invalidate(&mut self, vf: Target, mask: u64) -> Answer<()> {
        match vf {
            Target::Vf(vf) => self
                .broker
                .invalidate(vf, mask, self.now())
                .without_waiters()?,
            Target::All => self
                .broker
                .invalidate_all(mask, self.now())
                .without_waiters()?,
        }
        Ok(())
    }

    fn take_invalidation(&mut self, vf: u16) -> Answer<u64> {
        Ok(self
            .broker
            .take_invalidation(vf, self.now())
            .without_waiters()?)
    }

    fn drain(&mut self, vf: u16, block: u32) -> Answer<Vec<Vec<u8>>> {
        let mut messages = Vec::new();
        self.broker
            .drain(vf, block, usize::MAX, self.now(), |message| {
                messages.push(message.to_vec());
            })
            .without_waiters()?;
        Ok(messages)
    }

    fn reset(&mut self, vf: u16) -> Answer<()> {
        Ok(self.companion.reset(&self.broker, vf, self.now())?)
    }

    fn acknowledge(&mut self, vf: u16) -> Answer<()> {
        let resets = self.broker.status(vf)?.counters.resets;
        let acknowledged = self.broker.acknowledge(vf, resets, self.now());
        Ok(acknowledged.without_waiters()?)
    }

    fn power(&mut self, vf: u16, state: PowerState) -> Answer<()> {
        let now = self.now();
        Ok(self.companion.set_power(&self.broker, vf, state, now)?)
    }

    fn stats(&mut self, vf: u16) -> Answer<Stats> {
        let counters = self.broker.status(vf)?.counters;
        Ok(Stats {
            reads: counters.reads,
            writes: counters.writes,
            publishes: counters.publishes,
            withdrawn: counters.withdrawn,
            refused: Refusal::ALL.map(|refusal| counters.refused(refusal)),
        })
    }

    fn changes(&mut self) -> Answer<Vec<Change>> {
        let kinds = Kinds::from_bits(Change::KINDS).expect("known kinds");
        let mut entries = Vec::new();
        let list = |entry: &_| {
            entries.push(*entry);
            true
        };
        let end = self.broker.changes(kinds, &self.seen, list);
        self.seen = end.expect("the cookie of the last call").cookie;
        Ok(Change::list(&entries))
    }

    fn advance(&mut self, milliseconds: u32) -> Answer<()> {
        self.milliseconds = self.milliseconds.saturating_add(milliseconds.into());
        self.expire();
        Ok(())
    }

    fn companion(&mut self, ready: bool) -> Answer<()> {
        self.companion.set_ready(ready);
        Ok(())
    }

    fn answer(
        &mut self,
        block: u32,
        to: Direction,
        status: u32,
        data: Option<&[u8]>,
    ) -> Answer<()> {
        // An answer for a block that does not exist has no effect.
        if self.table().find(block).is_some() {
            self.companion.set_answer((block, to), status, data);
        }
        Ok(())
    }

    fn handed(&mut self) -> Answer<Vec<HandedWrite>> {
        Ok(self.companion.take_handed())
    }
}
