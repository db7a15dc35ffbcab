//! The model of operations that a companion handles: what is checked before its call, and what
//! happens after it.

use pf_broker_abi::{Operation, Refusal};

use super::{Block, Model, Outcome, Side, Vf, event};

/// An operation between its two parts.
pub(crate) struct Begun {
    vf: u16,
    block: u32,
    /// The bytes of a write; none for a read.
    sent: Option<Vec<u8>>,
    length: usize,
    /// The block as the companion gets it.
    pub(crate) image: Vec<u8>,
    /// The number of the VF's resets.
    resets: u64,
    /// When it began.
    pub(crate) at: u64,
}

impl Begun {
    fn operation(&self) -> Operation {
        if self.sent.is_some() {
            Operation::Write
        } else {
            Operation::Read
        }
    }

    /// Whether the operation goes on after the companion's answer.
    fn check_answer(&self, vf: &Vf, answer: u32) -> Outcome<()> {
        vf.pass(Side::Vf)?;
        if vf.resets != self.resets {
            return Err(Refusal::State);
        }
        if answer == 0 {
            Ok(())
        } else {
            Err(Refusal::Declined)
        }
    }
}

impl Model {
    /// Whether the companion handles this operation on a block.
    pub(crate) fn hands_over(&self, operation: Operation, block: u32) -> bool {
        let place = usize::from(operation == Operation::Read);
        let mut blocks = self.blocks.iter();
        blocks.any(|known| known.id == block && known.hands_over[place])
    }

    /// The first part of a write that the companion handles.
    pub(crate) fn begin_write(
        &mut self,
        vf: u16,
        block: u32,
        sent: &[u8],
        companion: Outcome<()>,
        at: u64,
    ) -> Outcome<Begun> {
        let (rate, burst) = (self.rate, self.burst);
        let event = event(Operation::Write, block, sent.len());
        self.on_vf(vf, event, at, |found, kind| {
            let kind = kind?;
            found.pass(Side::Vf)?;
            found.within_limit(event, at, rate, burst)?;
            companion?;
            let image = found.validate_write(kind, sent)?;
            found.check_room(kind)?;
            Ok(Begun {
                vf,
                block,
                sent: Some(sent.to_vec()),
                length: sent.len(),
                image,
                resets: found.resets,
                at,
            })
        })
    }

    /// The first part of a read that the companion handles.
    pub(crate) fn begin_read(
        &mut self,
        vf: u16,
        block: u32,
        length: usize,
        companion: Outcome<()>,
        at: u64,
    ) -> Outcome<Begun> {
        let event = event(Operation::Read, block, length);
        self.on_vf(vf, event, at, |found, kind| {
            let kind = kind?;
            found.pass(Side::Vf)?;
            companion?;
            kind.check_readable(length)?;
            Ok(Begun {
                vf,
                block,
                sent: None,
                length,
                image: found.value(kind, kind.max),
                resets: found.resets,
                at,
            })
        })
    }

    /// The second part: for a read the companion has made `set` of the block, and the result is
    /// what the VF reads.
    pub(crate) fn finish(
        &mut self,
        begun: &Begun,
        set: &[u8],
        answer: u32,
        at: u64,
    ) -> Outcome<Vec<u8>> {
        let plain = event(begun.operation(), begun.block, begun.length);
        let answered = block_broker::Event {
            companion_status: answer,
            ..plain
        };
        self.on_vf(begun.vf, answered, at, |vf, block| {
            let block = block?;
            begun.check_answer(vf, answer)?;
            if let Some(sent) = &begun.sent {
                let value = vf.validate_write(block, sent)?;
                vf.commit_write(block, (value, sent.len()), plain, at)?;
                return Ok(vec![]);
            }
            if set != begun.image {
                Self::commit_set(vf, block, set, at)?;
            }
            vf.counts.get_mut(&block.id).unwrap().reads += 1;
            Ok(vf.value(block, begun.length))
        })
    }

    /// Publishes what the companion has set, if it changes the block.
    fn commit_set(vf: &mut Vf, block: &Block, set: &[u8], at: u64) -> Outcome<()> {
        let event = event(Operation::Publish, block.id, block.max);
        let validated = Self::validate_publish(vf, block, set)?;
        if validated.0 != vf.registers[&block.id] {
            Self::commit_pf(vf, block, validated, event, at);
        }
        Ok(())
    }

    /// The companion was not called.
    pub(crate) fn abandon(&mut self, begun: &Begun, at: u64) {
        let event = event(begun.operation(), begun.block, begun.length);
        let abandoned: Outcome<()> = self.on_vf(begun.vf, event, at, |vf, _| {
            vf.pass(Side::Vf)?;
            Err(Refusal::State)
        });
        assert!(abandoned.is_err());
    }
}
