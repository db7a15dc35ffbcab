//! VFs that follow the rules, for any manifest.

use std::ops::Range;

use block_manifest::{Block, Owner};
use block_table::{Kind, Writer};

use super::narrator::{self, Actor};
use super::state::Story;
use crate::failure::Failure;

/// Messages that a VF sends to each of its streams.
const MESSAGES: u16 = 3;

/// Host software publishes, every VF reads and writes, host software collects.
pub(super) fn narrate(story: &mut Story<'_, '_, '_>, vfs: Range<u16>) -> Result<(), Failure> {
    publish(story)?;
    for vf in vfs.clone() {
        story.narrator.scene(&format!("VF {vf} takes part"))?;
        take_part(story, vf)?;
        story.advance(100);
    }
    collect(story, vfs)
}

/// Host software publishes every register that has fields of the PF.
fn publish(story: &mut Story<'_, '_, '_>) -> Result<(), Failure> {
    let manifest = story.manifest;
    let published: Vec<&Block> = manifest
        .blocks()
        .iter()
        .filter(|block| has_pf_part(block))
        .collect();
    if published.is_empty() {
        return Ok(());
    }
    story.narrator.scene("Host software publishes")?;
    for block in published {
        let action = format!("publishes {}", block.name);
        let Some(data) = any_draft(story, 0, block, Writer::Pf) else {
            story.narrator.line(Actor::Host, &action, NOTHING_FOUND)?;
            continue;
        };
        let text = narrator::contents_of(manifest, block, &data, Some(Writer::Pf));
        match story.publish_all(block, &data) {
            Ok(()) => story
                .narrator
                .line(Actor::Host, &action, &format!("to every VF: {text}"))?,
            Err(status) => story.narrator.refused(Actor::Host, &action, status)?,
        }
    }
    Ok(())
}

/// The result if no valid bytes were found.
const NOTHING_FOUND: &str = "(no valid bytes were found for it)";

/// One VF: its notifications, its reads, its writes.
fn take_part(story: &mut Story<'_, '_, '_>, vf: u16) -> Result<(), Failure> {
    story.take_invalidation(vf)?;
    for block in story.manifest.blocks() {
        if block.kind == Kind::Register && block.vf_access.readable() {
            story.read(vf, block)?;
        }
    }
    for block in story.manifest.blocks() {
        if !block.vf_access.writable() {
            continue;
        }
        match block.kind {
            Kind::Register => write_each_layout(story, vf, block)?,
            Kind::Stream => {
                for _ in 0..MESSAGES.min(block.depth) {
                    let draft = any_draft(story, vf, block, Writer::Vf);
                    tell_draft(story, vf, block, draft, "")?;
                }
            }
        }
    }
    Ok(())
}

/// One valid write for each layout of a register.
fn write_each_layout(story: &mut Story<'_, '_, '_>, vf: u16, block: &Block) -> Result<(), Failure> {
    for layout in layouts(block) {
        let draft = story.draft(vf, block, Writer::Vf, layout);
        let name = layout
            .and_then(|index| block.layouts.get(index))
            .map(|layout| &*layout.name);
        tell_draft(story, vf, block, draft, name.unwrap_or_default())?;
    }
    Ok(())
}

/// Writes a draft, or reports that there is none for this layout.
fn tell_draft(
    story: &mut Story<'_, '_, '_>,
    vf: u16,
    block: &Block,
    draft: Option<Vec<u8>>,
    layout: &str,
) -> Result<(), Failure> {
    if let Some(data) = draft {
        return story.narrate_write(vf, block, &data);
    }
    let action = format!("writes {} {layout}", block.name);
    story
        .narrator
        .line(Actor::Vf(vf), action.trim_end(), NOTHING_FOUND)
}

/// Host software reads what the VFs wrote and drains what they sent.
fn collect(story: &mut Story<'_, '_, '_>, vfs: Range<u16>) -> Result<(), Failure> {
    let manifest = story.manifest;
    let written: Vec<&Block> = manifest
        .blocks()
        .iter()
        .filter(|block| block.vf_access.writable())
        .collect();
    if written.is_empty() {
        return Ok(());
    }
    story.narrator.scene("Host software collects")?;
    for vf in vfs {
        for &block in &written {
            if block.kind == Kind::Stream {
                story.narrate_drain(vf, block)?;
            } else if let Ok(image) = story.simulation.register(vf, block.id) {
                let text = narrator::contents(manifest, block, &image, None);
                let action = format!("reads {}", block.name);
                story
                    .narrator
                    .line(Actor::Host, &action, &format!("of VF {vf}: {text}"))?;
            }
        }
    }
    Ok(())
}

/// Valid bytes of any layout.
pub(super) fn any_draft(
    story: &mut Story<'_, '_, '_>,
    vf: u16,
    block: &Block,
    writer: Writer,
) -> Option<Vec<u8>> {
    layouts(block)
        .into_iter()
        .find_map(|layout| story.draft(vf, block, writer, layout))
}

/// The possible layouts of a block: none for a block without layouts.
fn layouts(block: &Block) -> Vec<Option<usize>> {
    if block.layouts.is_empty() {
        vec![None]
    } else {
        (0..block.layouts.len()).map(Some).collect()
    }
}

/// Whether a block has anything to publish.
fn has_pf_part(block: &Block) -> bool {
    let mut fields = block
        .fields
        .iter()
        .chain(block.layouts.iter().flat_map(|layout| &layout.fields));
    block.kind == Kind::Register
        && (fields.any(|field| field.owner.has_pf())
            || block.is_opaque() && block.opaque_owner() != Owner::Vf)
}
