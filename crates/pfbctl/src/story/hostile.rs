//! A hostile VF: each attempt is refused for its own reason, the other VFs are not affected, and a
//! reset wipes everything.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use block_manifest::Block;
use block_table::{Image, Kind, MAX_BLOCK_LENGTH, Reset, WhenFull, Writer};
use block_trace::{Operation, Outcome, Status};

use super::guest::any_draft;
use super::narrator::{self, Actor};
use super::state::Story;
use crate::draft;
use crate::failure::Failure;
use crate::style::counted;
use crate::value;

/// Attempts beyond the limit in a flood.
const BEYOND: u64 = 100;
/// The deepest stream that the story fills.
const DEEPEST: u16 = 512;

/// The attempts of the VF `vf`, with a comparison of `others` before and after.
pub(super) fn narrate(
    story: &mut Story<'_, '_, '_>,
    vf: u16,
    others: Range<u16>,
) -> Result<(), Failure> {
    let others: Vec<u16> = others.filter(|&other| other != vf).collect();
    let before = holdings(story, &others);
    story.narrator.scene(&format!("VF {vf} is hostile"))?;
    unknown_blocks(story, vf)?;
    for block in story.manifest.blocks() {
        wrong_access_and_lengths(story, vf, block)?;
        broken_rules(story, vf, block)?;
        overfill(story, vf, block)?;
    }
    flood(story, vf)?;
    if !others.is_empty() {
        let same = holdings(story, &others) == before;
        let text = if same {
            "are unchanged"
        } else {
            "have changed, which is a defect of the broker"
        };
        let names: Vec<String> = others.iter().map(|other| format!("VF {other}")).collect();
        story.narrator.line(
            Actor::Host,
            "compares",
            &format!("the blocks of {} {text}", names.join(", ")),
        )?;
    }
    reset(story, vf)
}

/// The content of the registers of some VFs.
fn holdings(story: &Story<'_, '_, '_>, vfs: &[u16]) -> Vec<Image> {
    let registers = story
        .manifest
        .blocks()
        .iter()
        .filter(|block| block.kind == Kind::Register);
    let registers: Vec<u32> = registers.map(|block| block.id).collect();
    let pairs = vfs
        .iter()
        .flat_map(|vf| registers.iter().map(move |block| (*vf, *block)));
    pairs
        .filter_map(|(vf, block)| story.simulation.register(vf, block).ok())
        .collect()
}

/// Block IDs that the manifest does not have.
fn unknown_blocks(story: &mut Story<'_, '_, '_>, vf: u16) -> Result<(), Failure> {
    let first = (0..=u32::MAX).find(|&id| story.block(id).is_none());
    let last = Some(u32::MAX).filter(|&id| story.block(id).is_none());
    for block in first.into_iter().chain(last) {
        let outcome = story.perform(&Operation::Read {
            vf,
            block,
            length: 128,
        });
        attempt(story, vf, &format!("reads block {block}"), "", &outcome)?;
    }
    Ok(())
}

/// The wrong direction, and lengths that do not fit.
fn wrong_access_and_lengths(
    story: &mut Story<'_, '_, '_>,
    vf: u16,
    block: &Block,
) -> Result<(), Failure> {
    let (reads, writes) = (
        format!("reads {}", block.name),
        format!("writes {}", block.name),
    );
    if !block.vf_access.readable() {
        let outcome = story.perform(&Operation::Read {
            vf,
            block: block.id,
            length: 128,
        });
        return attempt(story, vf, &reads, "", &outcome);
    }
    if block.vf_access.writable() {
        let lengths = BTreeSet::from([0, block.min_length - 1, block.max_length + 1, 129]);
        for length in lengths {
            let data = vec![0; usize::from(length)];
            let outcome = story.perform(&Operation::Write {
                vf,
                block: block.id,
                data,
            });
            attempt(story, vf, &writes, &format!("{length} bytes, "), &outcome)?;
            story.rest();
        }
    } else {
        let data = vec![0; usize::from(block.max_length)];
        let outcome = story.perform(&Operation::Write {
            vf,
            block: block.id,
            data,
        });
        attempt(story, vf, &writes, "", &outcome)?;
    }
    let length = u32::MAX;
    let outcome = story.perform(&Operation::Read {
        vf,
        block: block.id,
        length,
    });
    attempt(story, vf, &reads, &format!("{length} bytes, "), &outcome)
}

/// For each rule that a write to the block can break, one write that breaks it.
fn broken_rules(story: &mut Story<'_, '_, '_>, vf: u16, block: &Block) -> Result<(), Failure> {
    if !block.vf_access.writable() || block.is_opaque() {
        return Ok(());
    }
    let Some(valid) = any_draft(story, vf, block, Writer::Vf) else {
        return Ok(());
    };
    // The block holds a valid value from here on, so that a sequence has a predecessor.
    story.rest();
    story.write(vf, block, &valid).ok();
    let mut broken: BTreeMap<u32, (Vec<u8>, String)> = BTreeMap::new();
    for (bytes, what) in spoiled(block, &valid) {
        if let Some(status) = story.verdict(vf, block, &bytes) {
            broken.entry(status.ntstatus()).or_insert((bytes, what));
        }
    }
    for (bytes, what) in broken.into_values() {
        story.rest();
        let outcome = story.perform(&Operation::Write {
            vf,
            block: block.id,
            data: bytes,
        });
        let action = match block.kind {
            Kind::Register => format!("writes {}", block.name),
            Kind::Stream => format!("sends to {}", block.name),
        };
        attempt(story, vf, &action, &format!("{what}, "), &outcome)?;
    }
    Ok(())
}

/// Writes that differ from a valid one in one place, with the change of each. Checksums are
/// corrected, or every attempt would fail for the same reason.
fn spoiled(block: &Block, valid: &[u8]) -> Vec<(Vec<u8>, String)> {
    let mut image = [0; MAX_BLOCK_LENGTH];
    image[..valid.len()].copy_from_slice(valid);
    let layout = value::layout_of(block, &image);
    let fields = value::fields(block, layout);
    let list = value::list(block, layout);
    let mut all = vec![(valid.to_vec(), "the same again".to_owned())];
    for at in 0..valid.len() {
        let field = fields
            .iter()
            .find(|field| (usize::from(field.offset)..field.end()).contains(&at));
        for bit in 0..8 {
            let mut spoiled = image;
            spoiled[at] ^= 1 << bit;
            let list = list.filter(|list| usize::from(list.offset) <= at);
            let name = field.map(|field| &field.name);
            let what = match name.or(list.map(|list| &list.name)) {
                Some(name) => format!("bit {bit} of byte {at:#04x} ({name}) flipped"),
                None => format!("bit {bit} of reserved byte {at:#04x} set"),
            };
            let is_checksum = field.is_some_and(|field| field.checksum.is_some());
            if !is_checksum {
                draft::seal(&mut spoiled, valid.len(), &fields, Writer::Vf);
            }
            all.push((spoiled[..valid.len()].to_vec(), what));
        }
    }
    for field in &fields {
        let mut spoiled = image;
        spoiled[usize::from(field.offset)..field.end()].fill(0xFF);
        if field.checksum.is_none() {
            draft::seal(&mut spoiled, valid.len(), &fields, Writer::Vf);
        }
        all.push((
            spoiled[..valid.len()].to_vec(),
            format!("{} all ones", field.name),
        ));
    }
    all
}

/// Sends to a stream without a drain.
fn overfill(story: &mut Story<'_, '_, '_>, vf: u16, block: &Block) -> Result<(), Failure> {
    if block.kind != Kind::Stream || block.depth > DEEPEST {
        return Ok(());
    }
    let mut tally = Tally::default();
    for _ in 0..=block.depth {
        story.rest();
        let Some(data) = any_draft(story, vf, block, Writer::Vf) else {
            break;
        };
        let status = story
            .write(vf, block, &data)
            .err()
            .unwrap_or(Status::SUCCESS);
        tally.count(status);
    }
    let mut text = format!("{tally}");
    if block.when_full == WhenFull::DropOldest {
        text.push_str("; the oldest made room");
    }
    let action = format!("fills {}", block.name);
    story.narrator.line(Actor::Vf(vf), &action, &text)
}

/// Writes as fast as possible, if there is a limit.
fn flood(story: &mut Story<'_, '_, '_>, vf: u16) -> Result<(), Failure> {
    let Some(limits) = story.manifest.limits() else {
        return Ok(());
    };
    let Some(block) = story
        .manifest
        .blocks()
        .iter()
        .find(|block| block.vf_access.writable())
    else {
        return Ok(());
    };
    // The time until the whole burst is available again.
    let seconds = u64::from(limits.burst).div_ceil(u64::from(limits.writes_per_second.max(1)));
    story.advance(u32::try_from(seconds * 1000).unwrap_or(u32::MAX));
    let mut tally = Tally::default();
    let mut data = vec![0; usize::from(block.max_length)];
    for _ in 0..u64::from(limits.burst) + BEYOND {
        if let Some(draft) = any_draft(story, vf, block, Writer::Vf) {
            data = draft;
        }
        tally.count(
            story
                .write(vf, block, &data)
                .err()
                .unwrap_or(Status::SUCCESS),
        );
    }
    let action = format!("floods {}", block.name);
    story
        .narrator
        .line(Actor::Vf(vf), &action, &tally.to_string())
}

/// Host software resets the VF and checks what is left.
fn reset(story: &mut Story<'_, '_, '_>, vf: u16) -> Result<(), Failure> {
    story.narrator.scene(&format!("VF {vf} is reset"))?;
    let outcome = story.perform(&Operation::Reset { vf });
    story.forget(vf);
    if outcome.status() != Status::SUCCESS {
        return story
            .narrator
            .refused(Actor::Host, &format!("resets VF {vf}"), outcome.status());
    }
    story.narrator.line(
        Actor::Host,
        &format!("resets VF {vf}"),
        "everything that it wrote is wiped",
    )?;
    for block in story
        .manifest
        .blocks()
        .iter()
        .filter(|block| block.vf_access.writable())
    {
        match block.kind {
            Kind::Register => {
                let Ok(image) = story.simulation.register(vf, block.id) else {
                    continue;
                };
                let text = narrator::contents(story.manifest, block, &image, Some(Writer::Vf));
                story
                    .narrator
                    .line(Actor::Host, &format!("reads {}", block.name), &text)?;
            }
            Kind::Stream => {
                let outcome = story.perform(&Operation::Drain {
                    vf,
                    block: block.id,
                });
                let Outcome::Messages(messages) = outcome else {
                    continue;
                };
                let text = counted(messages.len(), "message");
                story
                    .narrator
                    .line(Actor::Host, &format!("drains {}", block.name), &text)?;
            }
        }
    }
    acknowledge(story, vf)
}

/// Host software acknowledges the reset, if the VF waits for that.
fn acknowledge(story: &mut Story<'_, '_, '_>, vf: u16) -> Result<(), Failure> {
    if story.manifest.device().reset == Reset::Immediate {
        return Ok(());
    }
    let action = format!("acknowledges the reset of VF {vf}");
    let status = story.perform(&Operation::Acknowledge { vf }).status();
    if status == Status::SUCCESS {
        story
            .narrator
            .line(Actor::Host, &action, "it is served again")
    } else {
        story.narrator.refused(Actor::Host, &action, status)
    }
}

/// Prints an attempt and its result.
fn attempt(
    story: &mut Story<'_, '_, '_>,
    vf: u16,
    action: &str,
    what: &str,
    outcome: &Outcome,
) -> Result<(), Failure> {
    let text = match outcome.status() {
        Status::SUCCESS => "is served".to_owned(),
        status => story.narrator.refusal(status),
    };
    story
        .narrator
        .line(Actor::Vf(vf), action, &format!("{what}{text}"))
}

/// How often each status was returned.
#[derive(Default)]
struct Tally(BTreeMap<u32, usize>);

impl Tally {
    fn count(&mut self, status: Status) {
        *self.0.entry(status.ntstatus()).or_default() += 1;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let total: usize = self.0.values().sum();
        write!(formatter, "{}", counted(total, "write"))?;
        for (&status, count) in &self.0 {
            let status = Status::new(status);
            match status.refusal() {
                None if status == Status::SUCCESS => write!(formatter, ", {count} served")?,
                None => write!(formatter, ", {count} with {status}")?,
                Some(refusal) => {
                    write!(
                        formatter,
                        ", {count} refused: {} ({status})",
                        refusal.reason()
                    )?;
                }
            }
        }
        Ok(())
    }
}
