//! VFs that follow the rules, for any manifest.

use std::ops::Range;

use block_manifest::Block;
use block_table::{Kind, Writer};

use super::narrator::{self, Actor};
use super::state::Story;
use crate::failure::Failure;
use crate::value;

/// Messages that a VF sends to each of its streams at least.
const MESSAGES: u16 = 3;

/// How often host software answers a request until another one is valid.
const ANSWERS: u16 = 2;

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
        let mut found = false;
        // The first layout is the one that the VFs find.
        for layout in layouts(block).into_iter().rev() {
            let Some(data) = story.draft(0, block, Writer::Pf, layout) else {
                continue;
            };
            found = true;
            let text = narrator::contents_of(manifest, block, &data, Some(Writer::Pf));
            match story.publish_all(block, &data) {
                Ok(()) => {
                    story
                        .narrator
                        .line(Actor::Host, &action, &format!("to every VF: {text}"))?;
                }
                Err(status) => story.narrator.refused(Actor::Host, &action, status)?,
            }
        }
        if !found {
            story.narrator.line(Actor::Host, &action, NOTHING_FOUND)?;
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
            Kind::Stream => send_each_layout(story, vf, block)?,
        }
    }
    Ok(())
}

/// One valid write for each layout of a register. Host software answers where a layout waits for it.
fn write_each_layout(story: &mut Story<'_, '_, '_>, vf: u16, block: &Block) -> Result<(), Failure> {
    let mut unanswered = false;
    for layout in layouts(block) {
        let mut draft = story.draft(vf, block, Writer::Vf, layout);
        if unanswered && draft.is_none() && has_pf_part(block) {
            unanswered = false;
            for _ in 0..ANSWERS {
                answer(story, vf, block)?;
                draft = story.draft(vf, block, Writer::Vf, layout);
                if draft.is_some() {
                    break;
                }
            }
        }
        unanswered |= draft.is_some();
        tell_draft(story, vf, block, draft, layout_name(block, layout))?;
    }
    Ok(())
}

/// Host software publishes a register that a VF has written.
fn answer(story: &mut Story<'_, '_, '_>, vf: u16, block: &Block) -> Result<(), Failure> {
    // The layout that the VF has chosen, of which the others are rarely a valid answer.
    let chosen = value::layout_of(block, &story.committed(vf, block));
    let data = story.draft(vf, block, Writer::Pf, chosen);
    let Some(data) = data else { return Ok(()) };
    let text = narrator::contents_of(story.manifest, block, &data, Some(Writer::Pf));
    let action = format!("answers {}", block.name);
    match story.publish(vf, block, &data) {
        Ok(()) => {
            let result = format!("of VF {vf}: {text}");
            story.narrator.line(Actor::Host, &action, &result)
        }
        Err(status) => story.narrator.refused(Actor::Host, &action, status),
    }
}

/// Messages of each layout of a stream, [`MESSAGES`] at least if the stream holds as many. Host
/// software drains it whenever it is full.
fn send_each_layout(story: &mut Story<'_, '_, '_>, vf: u16, block: &Block) -> Result<(), Failure> {
    let layouts = layouts(block);
    let least = usize::from(MESSAGES.min(block.depth));
    let mut waiting = 0;
    let sent = layouts.iter().cycle().take(layouts.len().max(least));
    for layout in sent {
        if waiting == block.depth {
            story.narrate_drain(vf, block)?;
            waiting = 0;
        }
        let draft = story.draft(vf, block, Writer::Vf, *layout);
        waiting += u16::from(draft.is_some());
        tell_draft(story, vf, block, draft, layout_name(block, *layout))?;
    }
    Ok(())
}

/// The name of a layout; empty for a block without layouts.
fn layout_name(block: &Block, layout: Option<usize>) -> &str {
    layout
        .and_then(|index| block.layouts.get(index))
        .map_or("", |layout| &layout.name)
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
    block.kind == Kind::Register && block.has_pf()
}
