//! The state of a story: the simulation, its clock, and what each VF's blocks hold.

use std::collections::BTreeMap;
use std::io::Write;

use block_broker::refusal_of;
use block_manifest::{Block, Manifest};
use block_table::{Companion, History, Image, Kind, MAX_BLOCK_LENGTH, Writer};
use block_trace::{Host as _, Operation, Outcome, Status, Target};

use super::narrator::{self, Actor, Narrator};
use crate::draft::Goal;
use crate::failure::Failure;
use crate::printable::printable;
use crate::simulation::Simulation;
use crate::style::counted;

/// A story as far as it has been told.
pub(super) struct Story<'a, 's, 'o> {
    pub(super) manifest: &'a Manifest,
    pub(super) simulation: &'a mut Simulation<'s>,
    pub(super) narrator: Narrator<'o>,
    /// For each VF and block: the last accepted bytes since the last reset, and their writers.
    last: BTreeMap<(u16, u32), (Image, History)>,
    /// Incremented with each draft, so that no two are equal.
    turn: u64,
    /// The simulated clock.
    milliseconds: u64,
    /// The operations so far.
    pub(super) performed: Vec<Operation>,
}

impl<'a, 's, 'o> Story<'a, 's, 'o> {
    /// A story of `manifest` before its first line.
    pub(super) fn new(
        manifest: &'a Manifest,
        simulation: &'a mut Simulation<'s>,
        out: &'o mut dyn Write,
    ) -> Self {
        Self {
            manifest,
            simulation,
            narrator: Narrator::new(out),
            last: BTreeMap::new(),
            turn: 0,
            milliseconds: 0,
            performed: Vec::new(),
        }
    }

    /// Prints the title.
    pub(super) fn opening(&mut self, parts: u16) -> Result<(), Failure> {
        let device = self.manifest.device();
        let vfs = self.simulation.vf_count();
        self.narrator.title(&format!(
            "{}: {}, {}",
            printable(&device.name),
            counted(self.manifest.blocks().len(), "block"),
            counted(vfs.into(), "VF"),
        ))?;
        if vfs > parts {
            self.narrator
                .remark(&format!("VFs {parts} to {} stay idle.", vfs - 1))?;
        }
        Ok(())
    }

    /// Makes the sample companion ready, if the manifest hands anything over.
    pub(super) fn attach_companion(&mut self) -> Result<(), Failure> {
        let mut blocks = self.manifest.blocks().iter();
        if blocks.all(|block| block.companion == Companion::None) {
            return Ok(());
        }
        self.perform(&Operation::Companion { ready: true });
        self.narrator
            .remark("The companion driver is ready. It accepts every write.")
    }

    /// Performs an operation.
    pub(super) fn perform(&mut self, operation: &Operation) -> Outcome {
        self.performed.push(operation.clone());
        match self.simulation.perform(operation) {
            Ok(outcome) => outcome,
            Err(never) => match never {},
        }
    }

    /// Advances the clock.
    pub(super) fn advance(&mut self, milliseconds: u32) {
        self.perform(&Operation::Advance { milliseconds });
        self.milliseconds += u64::from(milliseconds);
        self.narrator.set_time(self.milliseconds);
    }

    /// Advances the clock until a VF may write once more, if there is a limit: the flood is a
    /// separate scene.
    pub(super) fn rest(&mut self) {
        if let Some(limits) = self.manifest.limits() {
            self.advance(1000_u32.div_ceil(limits.writes_per_second.max(1)));
        }
    }

    /// A VF writes a block.
    pub(super) fn write(&mut self, vf: u16, block: &Block, data: &[u8]) -> Result<(), Status> {
        let operation = Operation::Write {
            vf,
            block: block.id,
            data: data.to_vec(),
        };
        let outcome = self.perform(&operation);
        self.accepted(vf, block, Writer::Vf, data, outcome.status())
    }

    /// Host software publishes a block to a VF.
    pub(super) fn publish(&mut self, vf: u16, block: &Block, data: &[u8]) -> Result<(), Status> {
        let operation = Operation::Publish {
            expect: None,
            vf: Target::Vf(vf),
            block: block.id,
            data: data.to_vec(),
        };
        let status = self.perform(&operation).status();
        self.accepted(vf, block, Writer::Pf, data, status)
    }

    /// Host software publishes a block to every VF.
    pub(super) fn publish_all(&mut self, block: &Block, data: &[u8]) -> Result<(), Status> {
        let operation = Operation::Publish {
            expect: None,
            vf: Target::All,
            block: block.id,
            data: data.to_vec(),
        };
        let status = self.perform(&operation).status();
        for vf in 0..self.simulation.vf_count() {
            self.accepted(vf, block, Writer::Pf, data, status)?;
        }
        Ok(())
    }

    /// Records the content of a block and its writer, if the broker accepted the operation.
    pub(super) fn accepted(
        &mut self,
        vf: u16,
        block: &Block,
        writer: Writer,
        data: &[u8],
        status: Status,
    ) -> Result<(), Status> {
        if status != Status::SUCCESS {
            return Err(status);
        }
        let mut sent = [0; MAX_BLOCK_LENGTH];
        let length = data.len().min(MAX_BLOCK_LENGTH);
        sent[..length].copy_from_slice(&data[..length]);
        let history = self.history(vf, block);
        let image = match block.kind {
            Kind::Register => self.simulation.register(vf, block.id).unwrap_or(sent),
            Kind::Stream => sent,
        };
        self.last
            .insert((vf, block.id), (image, history.after(writer)));
        Ok(())
    }

    /// The sides that have written a block since the VF's reset.
    fn history(&self, vf: u16, block: &Block) -> History {
        self.last
            .get(&(vf, block.id))
            .map_or(History::EMPTY, |last| last.1)
    }

    /// Forgets the content of a VF's blocks at its reset.
    pub(super) fn forget(&mut self, vf: u16) {
        self.last.retain(|&(of, _), _| of != vf);
    }

    /// Bytes that the manifest allows `writer` to write to a VF's block now.
    pub(super) fn draft(
        &mut self,
        vf: u16,
        block: &Block,
        writer: Writer,
        layout: Option<usize>,
    ) -> Option<Vec<u8>> {
        self.turn += 1;
        let turn = self.turn;
        self.with_write(vf, block, writer, |compiled, write| {
            let goal = Goal {
                block,
                compiled,
                write,
                layout,
                turn,
            };
            goal.find_bytes()
        })?
    }

    /// The block table's result for a VF's write: `None` if it allows it.
    pub(super) fn verdict(&self, vf: u16, block: &Block, data: &[u8]) -> Option<Status> {
        let admitted = self.with_write(vf, block, Writer::Vf, |compiled, write| {
            compiled.check_sent(Writer::Vf, data)?;
            let mut image = [0; MAX_BLOCK_LENGTH];
            image[..data.len()].copy_from_slice(data);
            let length = data.len();
            compiled.admit_in_place(&block_table::Write { length, ..write }, &mut image)
        })?;
        admitted.err().map(|violation| refusal_of(violation).into())
    }

    /// Gives `judge` a block of the table and a write of it that follows on what the VF's blocks hold
    /// now, with the length of the block.
    fn with_write<R>(
        &self,
        vf: u16,
        block: &Block,
        writer: Writer,
        judge: impl FnOnce(block_table::Block<'_>, block_table::Write<'_>) -> R,
    ) -> Option<R> {
        let table = self.simulation.table();
        let compiled = table.find(block.id).and_then(|index| table.block(index))?;
        let others = block.uses.iter().filter_map(|name| {
            let mut blocks = self.manifest.blocks().iter();
            blocks.find(|other| other.name == *name)
        });
        let used: Vec<Image> = others.map(|other| self.committed(vf, other)).collect();
        let committed = self.committed(vf, block);
        let mut write = block_table::Write::new(
            writer,
            compiled.max_length(),
            &committed,
            self.history(vf, block),
        );
        for (place, image) in write.used.iter_mut().zip(&used) {
            *place = image;
        }
        Some(judge(compiled, write))
    }

    /// The content of a block; of a stream, its last message.
    pub(super) fn committed(&self, vf: u16, block: &Block) -> Image {
        if block.kind == Kind::Register
            && let Ok(image) = self.simulation.register(vf, block.id)
        {
            return image;
        }
        if let Some((image, _)) = self.last.get(&(vf, block.id)) {
            return *image;
        }
        let table = self.simulation.table();
        let compiled = table.find(block.id).and_then(|index| table.block(index));
        compiled.map_or([0; MAX_BLOCK_LENGTH], |block| *block.default_image())
    }

    /// The block of an ID.
    pub(super) fn block(&self, id: u32) -> Option<&'a Block> {
        self.manifest.blocks().iter().find(|block| block.id == id)
    }

    /// Takes a VF's latched invalidations and prints their blocks.
    pub(super) fn take_invalidation(&mut self, vf: u16) -> Result<u64, Failure> {
        let Outcome::Mask(mask) = self.perform(&Operation::TakeInvalidation { vf }) else {
            return Ok(0);
        };
        let blocks: Vec<String> = (0..u64::BITS)
            .filter(|bit| mask & 1 << bit != 0)
            .filter_map(|bit| self.block(bit).map(|block| format!("`{}`", block.name)))
            .collect();
        if !blocks.is_empty() {
            self.narrator.line(
                Actor::Vf(vf),
                "is notified",
                &format!("{} changed (mask {mask:#x})", blocks.join(" and ")),
            )?;
        }
        Ok(mask)
    }

    /// A VF reads a whole block; prints the content.
    pub(super) fn read(&mut self, vf: u16, block: &Block) -> Result<Option<Image>, Failure> {
        let length = u32::try_from(MAX_BLOCK_LENGTH).unwrap_or(u32::MAX);
        let action = format!("reads {}", block.name);
        match self.perform(&Operation::Read {
            vf,
            block: block.id,
            length,
        }) {
            Outcome::Data(data) => {
                let mut image = [0; MAX_BLOCK_LENGTH];
                image.copy_from_slice(&data);
                let text = narrator::contents(self.manifest, block, &image, None);
                self.narrator.line(Actor::Vf(vf), &action, &text)?;
                Ok(Some(image))
            }
            outcome => {
                self.narrator
                    .refused(Actor::Vf(vf), &action, outcome.status())?;
                Ok(None)
            }
        }
    }

    /// A VF writes a block; prints the content.
    pub(super) fn narrate_write(
        &mut self,
        vf: u16,
        block: &Block,
        data: &[u8],
    ) -> Result<(), Failure> {
        let action = match block.kind {
            Kind::Register => format!("writes {}", block.name),
            Kind::Stream => format!("sends to {}", block.name),
        };
        let text = narrator::contents_of(self.manifest, block, data, Some(Writer::Vf));
        self.rest();
        match self.write(vf, block, data) {
            Ok(()) => self.narrator.line(Actor::Vf(vf), &action, &text),
            Err(status) => self.narrator.refused(Actor::Vf(vf), &action, status),
        }
    }

    /// Host software drains a VF's stream; prints the messages.
    pub(super) fn narrate_drain(&mut self, vf: u16, block: &Block) -> Result<(), Failure> {
        let action = format!("drains {}", block.name);
        let outcome = self.perform(&Operation::Drain {
            vf,
            block: block.id,
        });
        let Outcome::Messages(messages) = outcome else {
            return self
                .narrator
                .refused(Actor::Host, &action, outcome.status());
        };
        for (number, message) in messages.iter().enumerate() {
            let text = narrator::contents_of(self.manifest, block, message, None);
            let of = format!("VF {vf}, {} of {}: ", number + 1, messages.len());
            self.narrator
                .line(Actor::Host, &action, &format!("{of}{text}"))?;
        }
        Ok(())
    }
}
