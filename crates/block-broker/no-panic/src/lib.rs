//! Every operation of the broker, exported and linked as a kernel would link it: without `std`,
//! with `panic = "abort"`, optimised over all crates. If a panic could still be reached from one of
//! them, the panic handler would be part of the library, and with it the marker that
//! `tests/no_panic.rs` looks for. `can_panic` shows that the marker does appear then.
#![no_std]

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

use block_broker::{
    Begun, BlockSlot, BlockStatus, Broker, ChangesEnd, Entry, Excerpt, Kinds, MalformedCookie,
    MemoryTooSmall, Newest, Queue, ResetBy, Ticks, TooManyVfs, Vf, VfLock, VfStatus, Waiters, Watch,
};
use block_table::{Image, Table, TableError};
use pf_broker_abi::{Change, ChangesCookie, PowerState, Refusal};

/// A VF behind a spin lock, as a shell implements it.
pub struct Cell<'m> {
    locked: AtomicBool,
    vf: UnsafeCell<Vf<'m>>,
    newest: Newest,
}

// SAFETY: `with` gives the VF to one caller at a time.
unsafe impl Sync for Cell<'_> {}

impl VfLock for Cell<'_> {
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        while self.locked.swap(true, Ordering::Acquire) {
            core::hint::spin_loop();
        }
        // SAFETY: the caller that sets `locked` has exclusive access to the VF until it clears it.
        let result = operation(unsafe { &mut *self.vf.get() });
        self.locked.store(false, Ordering::Release);
        result
    }

    fn newest(&self) -> &Newest {
        &self.newest
    }
}

/// Requests of a shell that always go on waiting.
pub struct Waiting(Kinds);

impl Waiters for Waiting {
    type Request = ChangesCookie;

    fn waiting(&self, _: Queue) -> usize {
        1
    }

    fn next(&self, _: Queue) -> Option<ChangesCookie> {
        Some(ChangesCookie::default())
    }

    fn answer(&self, request: ChangesCookie) -> Option<(ChangesCookie, Kinds, ChangesCookie)> {
        Some((request, self.0, request))
    }

    fn queue(&self, _: ChangesCookie, _: Queue) {}
}

type Device<'a> = Broker<'a, Cell<'a>>;

/// Exports functions under their own names, so that the linker keeps them and all they reach.
macro_rules! export {
    ($(fn $name:ident $(<$($lifetime:lifetime),+>)? ($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)? $body:block)+) => {
        $(
            // SAFETY: no other item of this library has the name.
            #[unsafe(no_mangle)]
            pub fn $name $(<$($lifetime),+>)? ($($argument: $type),*) $(-> $output)? $body
        )+
    };
}

export! {
    fn verify<'t>(bytes: &'t [u8]) -> Result<Table<'t>, TableError> { Table::verify(bytes) }
    fn needed(table: &Table<'_>) -> (usize, usize) { (Vf::slots_needed(table), Vf::bytes_needed(table)) }
    fn new_vf<'m>(table: &Table<'_>, slots: &'m mut [BlockSlot], bytes: &'m mut [u8]) -> Result<Vf<'m>, MemoryTooSmall> {
        Vf::new(table, slots, bytes)
    }
    fn new_broker<'a>(table: Table<'a>, cells: &'a [Cell<'a>]) -> Result<Device<'a>, TooManyVfs> { Broker::new(table, cells) }
    fn read(broker: &Device<'_>, vf: u16, block: u32, length: u32, reply: &mut Image, now: Ticks) -> Result<(), Refusal> {
        broker.read(vf, block, length, reply, now).without_waiters()
    }
    fn host_read(broker: &Device<'_>, vf: u16, block: u32, length: u32, reply: &mut Image, now: Ticks) -> Result<u64, Refusal> {
        broker.host_read(vf, block, length, reply, now).without_waiters()
    }
    fn write(broker: &Device<'_>, vf: u16, block: u32, length: u32, sent: &Image, now: Ticks) -> Result<(), Refusal> {
        broker.write(vf, block, length, sent, now).without_waiters()
    }
    fn handed_write(broker: &Device<'_>, vf: u16, block: u32, length: u32, sent: &Image, answer: Option<u32>, now: Ticks) -> Result<u8, Refusal> {
        match broker.begin_write(Ok(()), vf, block, length, sent, now).without_waiters()? {
            Begun::Done => Ok(0),
            Begun::Pending(pending) => {
                let first = pending.data().first().copied().unwrap_or(0);
                if let Some(answer) = answer {
                    pending.finish(answer, now).without_waiters()?;
                }
                Ok(first)
            }
        }
    }
    fn handed_read(broker: &Device<'_>, vf: u16, block: u32, length: u32, reply: &mut Image, answer: Option<u32>, now: Ticks) -> Result<(), Refusal> {
        match broker.begin_read(Ok(()), vf, block, length, reply, now).without_waiters()? {
            Begun::Done => Ok(()),
            Begun::Pending(mut pending) => {
                pending.data_mut().fill(1);
                match answer {
                    Some(answer) => pending.finish(answer, reply, now).without_waiters(),
                    None => {
                        pending.abandon(now).without_waiters();
                        Ok(())
                    }
                }
            }
        }
    }
    fn publish(broker: &Device<'_>, vf: u16, block: u32, length: u32, sent: &Image, expected: Option<u64>, now: Ticks) -> Result<(), Refusal> {
        broker.publish(vf, block, length, sent, expected, now).without_waiters()
    }
    fn publish_all(broker: &Device<'_>, block: u32, length: u32, sent: &Image, now: Ticks) -> Result<(), Refusal> {
        broker.publish_all(block, length, sent, now).without_waiters()
    }
    fn invalidate(broker: &Device<'_>, vf: u16, mask: u64, now: Ticks) -> Result<(), Refusal> { broker.invalidate(vf, mask, now).without_waiters() }
    fn invalidate_all(broker: &Device<'_>, mask: u64, now: Ticks) -> Result<(), Refusal> { broker.invalidate_all(mask, now).without_waiters() }
    fn take_invalidation(broker: &Device<'_>, vf: u16, now: Ticks) -> Result<u64, Refusal> { broker.take_invalidation(vf, now).without_waiters() }
    fn hand_over_invalidation(broker: &Device<'_>, vf: u16, carrier: Option<u64>) -> Option<(u64, u64)> {
        broker.hand_over_invalidation(vf, || carrier)
    }
    fn drain(broker: &Device<'_>, vf: u16, block: u32, messages: &mut [Image], now: Ticks) -> Result<usize, Refusal> {
        let most = messages.len();
        let mut places = messages.iter_mut();
        broker.drain(vf, block, most, now, |message| {
            if let Some(place) = places.next() {
                *place = [0; 128];
                for (byte, sent) in place.iter_mut().zip(message) {
                    *byte = *sent;
                }
            }
        }).without_waiters()
    }
    fn begin_reset(broker: &Device<'_>, vf: u16, now: Ticks) -> Result<(), Refusal> { broker.begin_reset(vf, ResetBy::Host, now).without_waiters() }
    fn finish_reset(broker: &Device<'_>, vf: u16, now: Ticks) -> Result<Option<Ticks>, Refusal> { broker.finish_reset(vf, now).without_waiters() }
    fn fail_reset(broker: &Device<'_>, vf: u16, now: Ticks) -> Result<(), Refusal> { broker.fail_reset(vf, now).without_waiters() }
    fn reset(broker: &Device<'_>, vf: u16, now: Ticks) -> Result<Option<Ticks>, Refusal> { broker.reset(vf, now).without_waiters() }
    fn acknowledge(broker: &Device<'_>, vf: u16, resets: u64, now: Ticks) -> Result<(), Refusal> { broker.acknowledge(vf, resets, now).without_waiters() }
    fn expire(broker: &Device<'_>, served: &mut u16, now: Ticks) -> Option<Ticks> { broker.expire(now, |vf, _| *served = vf) }
    fn set_power(broker: &Device<'_>, vf: u16, state: PowerState, now: Ticks) -> Result<(), Refusal> { broker.set_power(vf, state, now).without_waiters() }
    fn remove(broker: &Device<'_>, now: Ticks) { broker.remove(now).without_waiters() }
    fn status(broker: &Device<'_>, vf: u16) -> Result<VfStatus, Refusal> { broker.status(vf) }
    fn block_status(broker: &Device<'_>, vf: u16, block: u32) -> Result<BlockStatus, Refusal> { broker.block_status(vf, block) }
    fn journal(broker: &Device<'_>, vf: u16, after: u64, entries: &mut [Entry]) -> Result<Excerpt, Refusal> { broker.journal(vf, after, entries) }
    fn changes(broker: &Device<'_>, kinds: Kinds, cookie: &ChangesCookie, places: &mut [Change]) -> Result<ChangesEnd, MalformedCookie> {
        let mut places = places.iter_mut();
        broker.changes(kinds, cookie, |change| match places.next() {
            Some(place) => {
                *place = *change;
                true
            }
            None => false,
        })
    }
    fn note_attachment(broker: &Device<'_>, attached: bool) -> Kinds { broker.note_attachment(attached).changed }
    fn arrive(watch: &Watch, broker: &Device<'_>, waiting: &Waiting) -> bool { watch.arrive(broker, waiting, ChangesCookie::default()) }
    fn mark_due(watch: &Watch, kinds: Kinds) -> bool { watch.mark_due(kinds) }
    fn serve(watch: &Watch, broker: &Device<'_>, waiting: &Waiting) -> bool { watch.serve(broker, waiting) }
    fn host_refusals(broker: &Device<'_>, refusal: Refusal) -> u64 { broker.host_refusals(refusal) }
    fn refused(status: &VfStatus, refusal: Refusal) -> u64 { status.counters.refused(refusal) }
    fn refused_in_all(status: &VfStatus) -> u64 { status.counters.refused_in_all() }
    fn refusal_of_status(status: u32) -> Option<Refusal> { Refusal::from_status(status) }
    fn status_of_refusal(refusal: Refusal) -> (u32, &'static str, &'static str, &'static str) {
        (refusal.status(), refusal.symbol(), refusal.reason(), refusal.sentence())
    }
}

#[cfg(feature = "can-panic")]
export! {
    fn can_panic(bytes: &[u8], index: usize) -> u8 { bytes[index] }
}

/// The marker that `tests/no_panic.rs` searches for in the library.
const MARKER: &str = "a panic is reachable in this library";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::black_box(MARKER);
    }
}
