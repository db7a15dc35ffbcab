//! Steps of operations that a companion handles. Any other step can come between the two parts of
//! one, also the parts of others.

use block_broker::{Broker, PendingRead, PendingWrite, Ticks, VfLock};
use pf_broker_abi::{Operation, Refusal};
use proptest::prelude::*;

use super::shell::image;
use super::simple::{Begun, Model, Side};
use super::{block, block_and_sent, length, lengths, vf};

/// One part of an operation. A pending one is named by any number.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    BeginWrite {
        vf: u16,
        block: u32,
        sent: Vec<u8>,
        companion: Result<(), Refusal>,
    },
    BeginRead {
        vf: u16,
        block: u32,
        length: usize,
        companion: Result<(), Refusal>,
    },
    Finish {
        pending: usize,
        answer: u32,
        /// Where the companion of a read sets bytes, and which.
        set: (usize, Vec<u8>),
    },
    Abandon {
        pending: usize,
        is_dropped: bool,
    },
}

/// A companion that is ready, mostly.
fn companion() -> impl Strategy<Value = Result<(), Refusal>> {
    prop_oneof![
        10 => Just(Ok(())),
        1 => Just(Err(Refusal::Companion)),
        1 => Just(Err(Refusal::State)),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let begin_write =
        (vf(), block_and_sent(), companion()).prop_map(|(vf, (block, sent), companion)| {
            Step::BeginWrite {
                vf,
                block,
                sent,
                companion,
            }
        });
    let begin_read =
        (vf(), block(), lengths(), companion()).prop_map(|(vf, block, length, companion)| {
            Step::BeginRead {
                vf,
                block,
                length,
                companion,
            }
        });
    // Accepted; STATUS_UNSUCCESSFUL; STATUS_TIMEOUT, a success code that does not accept.
    let answer = prop_oneof![5 => Just(0), 1 => Just(0xC000_0001), 1 => Just(0x102)];
    let set = (0..5_usize, prop::collection::vec(0..8_u8, 0..4));
    let finish = (any::<usize>(), answer, set).prop_map(|(pending, answer, set)| Step::Finish {
        pending,
        answer,
        set,
    });
    let abandon = (any::<usize>(), any::<bool>()).prop_map(|(pending, is_dropped)| Step::Abandon {
        pending,
        is_dropped,
    });
    prop_oneof![10 => begin_write, 6 => begin_read, 16 => finish, 1 => abandon]
}

enum OfBroker<'d, L: VfLock> {
    Write(PendingWrite<'d, L>),
    Read(PendingRead<'d, L>),
}

/// The operations between their parts, of the broker and of the model.
pub(crate) struct Pending<'d, L: VfLock>(Vec<(OfBroker<'d, L>, Begun)>);

impl<'d, L: VfLock> Pending<'d, L> {
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    /// Does one step on both sides; their results must be the same.
    pub(crate) fn take(
        &mut self,
        device: &'d Broker<'_, L>,
        model: &mut Model,
        at: u64,
        step: &Step,
    ) {
        match step {
            Step::BeginWrite {
                vf,
                block,
                sent,
                companion,
            } => self.begin_write(device, model, at, (*vf, *block, sent), *companion),
            Step::BeginRead {
                vf,
                block,
                length,
                companion,
            } => self.begin_read(device, model, at, (*vf, *block, *length), *companion),
            Step::Finish {
                pending,
                answer,
                set,
            } => {
                if let Some(operation) = self.remove(*pending) {
                    finish(operation, model, at, *answer, set);
                }
            }
            Step::Abandon {
                pending,
                is_dropped,
            } => {
                if let Some((operation, begun)) = self.remove(*pending) {
                    abandon(operation, *is_dropped, at);
                    // One that is dropped is refused at the time at which it began.
                    model.abandon(&begun, if *is_dropped { begun.at } else { at });
                }
            }
        }
    }

    fn remove(&mut self, number: usize) -> Option<(OfBroker<'d, L>, Begun)> {
        let place = number.checked_rem(self.0.len())?;
        Some(self.0.swap_remove(place))
    }

    fn begin_write(
        &mut self,
        device: &'d Broker<'_, L>,
        model: &mut Model,
        at: u64,
        (vf, block, sent): (u16, u32, &[u8]),
        companion: Result<(), Refusal>,
    ) {
        let now = Ticks(at);
        let begun = device
            .begin_write(companion, vf, block, length(sent), &image(sent), now)
            .without_waiters();
        if !model.hands_over(Operation::Write, block) {
            let done = begun.map(|begun| assert!(begun.pending().is_none()));
            assert_eq!(done, model.write(vf, block, sent, at));
            return;
        }
        let expected = model.begin_write(vf, block, sent, companion, at);
        match (begun, expected) {
            (Ok(begun), Ok(expected)) => {
                let pending = begun.pending().expect("the companion handles it");
                assert_eq!(pending.data(), expected.image);
                self.0.push((OfBroker::Write(pending), expected));
            }
            (begun, expected) => assert_eq!(begun.err(), expected.err()),
        }
    }

    fn begin_read(
        &mut self,
        device: &'d Broker<'_, L>,
        model: &mut Model,
        at: u64,
        (vf, block, length): (u16, u32, usize),
        companion: Result<(), Refusal>,
    ) {
        let mut reply = [0xAA; 128];
        let asked = u32::try_from(length).unwrap();
        let begun = device
            .begin_read(companion, vf, block, asked, &mut reply, Ticks(at))
            .without_waiters();
        if !model.hands_over(Operation::Read, block) {
            let done = begun.map(|begun| assert!(begun.pending().is_none()));
            let expected = model.read(Side::Vf, vf, block, length, at);
            assert_reply(&reply, expected.as_deref().ok());
            assert_eq!(done, expected.map(drop));
            return;
        }
        assert_reply(&reply, None);
        let expected = model.begin_read(vf, block, length, companion, at);
        match (begun, expected) {
            (Ok(begun), Ok(expected)) => {
                let mut pending = begun.pending().expect("the companion handles it");
                assert_eq!(pending.data_mut(), expected.image);
                self.0.push((OfBroker::Read(pending), expected));
            }
            (begun, expected) => assert_eq!(begun.err(), expected.err()),
        }
    }
}

fn finish<L: VfLock>(
    (operation, begun): (OfBroker<'_, L>, Begun),
    model: &mut Model,
    at: u64,
    answer: u32,
    (start, set): &(usize, Vec<u8>),
) {
    let mut new = begun.image.clone();
    for (place, byte) in new.iter_mut().skip(*start).zip(set) {
        *place = *byte;
    }
    let expected = model.finish(&begun, &new, answer, at);
    let result = match operation {
        OfBroker::Write(pending) => pending.finish(answer, Ticks(at)).without_waiters(),
        OfBroker::Read(mut pending) => {
            pending.data_mut().copy_from_slice(&new);
            let mut reply = [0xAA; 128];
            let result = pending.finish(answer, &mut reply, Ticks(at));
            assert_reply(&reply, expected.as_deref().ok());
            result.without_waiters()
        }
    };
    assert_eq!(result, expected.map(drop));
}

fn abandon<L: VfLock>(operation: OfBroker<'_, L>, is_dropped: bool, at: u64) {
    match operation {
        operation if is_dropped => drop(operation),
        OfBroker::Write(pending) => pending.abandon(Ticks(at)).without_waiters(),
        OfBroker::Read(pending) => pending.abandon(Ticks(at)).without_waiters(),
    }
}

/// A refused read leaves the buffer alone.
fn assert_reply(reply: &[u8; 128], expected: Option<&[u8]>) {
    assert_eq!(*reply, expected.map_or([0xAA; 128], image));
}
