//! The VF side of mlx5, as in Linux's driver: the one VF driver in production that uses
//! configuration blocks (Linux: `drivers/net/ethernet/mellanox/mlx5/core/lib/hv_vhca.c` and
//! `en/hv_vhca_stats.c`).
//!
//! It uses one block for control and one for statistics. Invalidation bit 0 means that host
//! software changed the control block. The VF reads it. While it has no agent it writes zeros; if
//! `control` requests an agent that it lacks, it writes nothing; otherwise the agents in `control`
//! execute `command`, and the VF copies the command to `command_ack`. Command N requests statistics
//! every N × 100 ms, 0 for none, 0xFFFF for one update. An update is longer than a block, so it is
//! sent in fragments, one write to the statistics block each.

use std::ops::Range;

use block_manifest::{Block, Field, Manifest, low_bits};
use block_table::{Image, Kind, MAX_BLOCK_LENGTH, Writer};

use block_trace::{Operation, Outcome};

use super::narrator::{self, Actor};
use super::state::Story;
use crate::failure::Failure;
use crate::style::counted;
use crate::value;

/// The VF's capabilities: bit 0 is statistics.
const CAPABILITIES: u64 = 1;
/// The version of the statistics.
const VERSION: u64 = 1;
/// Rings of the story's VFs: enough to fill five fragments.
const RINGS: u64 = 18;
/// The command of host software: statistics once a second.
const EVERY_SECOND: u64 = 10;
/// Counters of a ring: packets and bytes received, packets and bytes sent.
const COUNTERS: [&str; 4] = ["rx packets", "rx bytes", "tx packets", "tx bytes"];
/// Rings that the story prints.
const SHOWN: usize = 2;

/// The blocks and fields of the protocol, as a manifest has them.
pub(super) struct Protocol<'m> {
    control: &'m Block,
    capabilities: &'m Field,
    control_field: &'m Field,
    command: &'m Field,
    command_ack: &'m Field,
    version: &'m Field,
    rings: &'m Field,
    statistics: &'m Block,
    sequence: &'m Field,
    offset: &'m Field,
    data: &'m Field,
}

impl<'m> Protocol<'m> {
    /// The protocol, if a manifest has its blocks and all of their fields.
    pub(super) fn of(manifest: &'m Manifest) -> Option<Self> {
        let control = manifest
            .blocks()
            .iter()
            .find(|block| block.kind == Kind::Register && field(block, "command_ack").is_some())?;
        let statistics = manifest
            .blocks()
            .iter()
            .find(|block| block.kind == Kind::Stream && field(block, "sequence").is_some())?;
        Some(Self {
            control,
            capabilities: field(control, "capabilities")?,
            control_field: field(control, "control")?,
            command: field(control, "command")?,
            command_ack: field(control, "command_ack")?,
            version: field(control, "version")?,
            rings: field(control, "rings")?,
            statistics,
            sequence: field(statistics, "sequence")?,
            offset: field(statistics, "offset")?,
            data: field(statistics, "data")?,
        })
    }

    /// The conversation: VFs load, host software requests statistics, VFs send them, host software
    /// assembles them.
    pub(super) fn narrate(
        &self,
        story: &mut Story<'_, '_, '_>,
        vfs: Range<u16>,
    ) -> Result<(), Failure> {
        story.narrator.scene(
            "The VF drivers load, and offer statistics when their network device is there",
        )?;
        for vf in vfs.clone() {
            self.answer(story, vf, 0)?;
            self.answer(story, vf, CAPABILITIES)?;
        }
        story.advance(200);
        story
            .narrator
            .scene("Host software requests statistics once a second")?;
        self.command(story)?;
        for vf in vfs.clone() {
            if story.take_invalidation(vf)? != 0 {
                self.answer(story, vf, CAPABILITIES)?;
            }
        }
        story.advance(1000);
        story
            .narrator
            .scene("A second later the VFs send an update, one fragment a write")?;
        for vf in vfs.clone() {
            self.update(story, vf, vf == vfs.start)?;
        }
        story.advance(100);
        story
            .narrator
            .scene("Host software drains the fragments and assembles them")?;
        for vf in vfs {
            self.collect(story, vf)?;
        }
        Ok(())
    }

    /// Host software publishes the command to every VF.
    fn command(&self, story: &mut Story<'_, '_, '_>) -> Result<(), Failure> {
        let mut image = [0; MAX_BLOCK_LENGTH];
        set(&mut image, self.control_field, CAPABILITIES);
        set(&mut image, self.command, EVERY_SECOND);
        let data = &image[..usize::from(self.control.max_length)];
        let action = format!("publishes {}", self.control.name);
        let text = narrator::contents(story.manifest, self.control, &image, Some(Writer::Pf));
        match story.publish_all(self.control, data) {
            Ok(()) => story
                .narrator
                .line(Actor::Host, &action, &format!("to every VF: {text}")),
            Err(status) => story.narrator.refused(Actor::Host, &action, status),
        }
    }

    /// A VF reads the control block and answers it with its agents.
    fn answer(
        &self,
        story: &mut Story<'_, '_, '_>,
        vf: u16,
        capabilities: u64,
    ) -> Result<(), Failure> {
        let Some(mut image) = story.read(vf, self.control)? else {
            return Ok(());
        };
        let control = get(&image, self.control_field);
        if capabilities == 0 {
            image = [0; MAX_BLOCK_LENGTH];
        } else if control & !capabilities != 0 {
            let text = format!("control {control:#x} requests an agent that it lacks");
            return story.narrator.line(Actor::Vf(vf), "writes nothing", &text);
        } else {
            set(&mut image, self.capabilities, capabilities);
            if control & CAPABILITIES != 0 {
                set(&mut image, self.version, VERSION);
                set(&mut image, self.rings, RINGS);
            }
            let command = get(&image, self.command);
            set(&mut image, self.command_ack, command);
        }
        let data = image[..usize::from(self.control.max_length)].to_vec();
        story.narrate_write(vf, self.control, &data)
    }

    /// A VF sends its counters, in as many fragments as they need; prints each fragment or one
    /// line.
    fn update(&self, story: &mut Story<'_, '_, '_>, vf: u16, full: bool) -> Result<(), Failure> {
        let counters: Vec<u64> = (0..RINGS)
            .flat_map(|ring| {
                let packets = 1000 * (u64::from(vf) + 1) + ring;
                [packets, packets * 1500, packets / 2, packets / 2 * 64]
            })
            .collect();
        let fragments = counters.chunks(usize::from(self.data.ty.elements()));
        let count = fragments.len();
        for (number, part) in fragments.enumerate() {
            let mut image = [0; MAX_BLOCK_LENGTH];
            set(&mut image, self.offset, number as u64);
            for (index, &counter) in part.iter().enumerate() {
                set_element(&mut image, self.data, index, counter);
            }
            let data = &image[..usize::from(self.statistics.max_length)];
            if full {
                story.narrate_write(vf, self.statistics, data)?;
            } else if let Err(status) = story.write(vf, self.statistics, data) {
                return story
                    .narrator
                    .refused(Actor::Vf(vf), "sends a fragment", status);
            }
        }
        if !full {
            let action = format!("sends to {}", self.statistics.name);
            let text = format!("its update in {}", counted(count, "fragment"));
            story.narrator.line(Actor::Vf(vf), &action, &text)?;
        }
        Ok(())
    }

    /// Host software drains the fragments and extracts the counters.
    fn collect(&self, story: &mut Story<'_, '_, '_>, vf: u16) -> Result<(), Failure> {
        let action = format!("drains {}", self.statistics.name);
        let outcome = story.perform(&Operation::Drain {
            vf,
            block: self.statistics.id,
        });
        let Outcome::Messages(fragments) = outcome else {
            return story
                .narrator
                .refused(Actor::Host, &action, outcome.status());
        };
        let mut counters = Vec::new();
        for (number, fragment) in fragments.iter().enumerate() {
            let mut image = [0; MAX_BLOCK_LENGTH];
            image[..fragment.len()].copy_from_slice(fragment);
            if get(&image, self.offset) != number as u64 || get(&image, self.sequence) != 0 {
                let text = format!("fragment {number} of VF {vf} is not the next of its update");
                return story.narrator.line(Actor::Host, &action, &text);
            }
            let elements = usize::from(self.data.ty.elements());
            counters.extend((0..elements).map(|index| get_element(&image, self.data, index)));
        }
        // The last fragment is padded with zeros; the VF reported this many rings.
        let rings: Vec<_> = (0..RINGS)
            .zip(counters.chunks_exact(COUNTERS.len()))
            .collect();
        let text = format!(
            "of VF {vf}: {} in order, counters of {}",
            counted(fragments.len(), "fragment"),
            counted(rings.len(), "ring")
        );
        story.narrator.line(Actor::Host, &action, &text)?;
        for (ring, counters) in rings.into_iter().take(SHOWN) {
            let parts: Vec<String> = COUNTERS
                .iter()
                .zip(counters)
                .map(|(name, counter)| format!("{name} {counter}"))
                .collect();
            let text = format!("ring {ring}: {}", parts.join(", "));
            story.narrator.line(Actor::Host, "", &text)?;
        }
        Ok(())
    }
}

fn field<'m>(block: &'m Block, name: &str) -> Option<&'m Field> {
    block
        .fields
        .iter()
        .find(|field| field.name.replace('-', "_") == name)
}

fn get(image: &Image, field: &Field) -> u64 {
    get_element(image, field, 0)
}

fn set(image: &mut Image, field: &Field, value: u64) {
    set_element(image, field, 0, value);
}

fn get_element(image: &Image, field: &Field, index: usize) -> u64 {
    let value = value::integer(image, element_offset(field, index), field.ty.element());
    low_bits(value)
}

fn set_element(image: &mut Image, field: &Field, index: usize, value: u64) {
    value::put(
        image,
        element_offset(field, index),
        field.ty.element(),
        value.into(),
    );
}

fn element_offset(field: &Field, index: usize) -> usize {
    usize::from(field.offset) + index * usize::from(field.ty.element().width())
}
