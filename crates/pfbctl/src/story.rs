//! A story of several VFs, derived from a manifest: host software publishes, VFs write what the
//! manifest allows, and one VF is hostile.
//!
//! Every line is an operation that the broker has done or refused.

mod guest;
mod hostile;
mod mlx5;
mod narrator;
mod state;
mod summary;

use std::io::Write;

use block_manifest::Manifest;
use block_trace::Operation;

use crate::failure::Failure;
use crate::simulation::Simulation;
use state::Story;
pub(crate) use summary::Summary;

/// VFs that have a part; the others stay idle.
const PARTS: u16 = 4;

/// Prints the story of a manifest, and returns its operations and the counters at its end.
pub(crate) fn narrate(
    manifest: &Manifest,
    simulation: &mut Simulation<'_>,
    out: &mut dyn Write,
) -> Result<(Vec<Operation>, Summary), Failure> {
    let parts = simulation.vf_count().min(PARTS);
    let hostile = parts - 1;
    // A single VF has both parts: it behaves at first.
    let good = 0..hostile.max(1);
    let mut story = Story::new(manifest, simulation, out);
    story.opening(parts)?;
    story.attach_companion()?;
    match mlx5::Protocol::of(manifest) {
        Some(protocol) => protocol.narrate(&mut story, good.clone())?,
        None => guest::narrate(&mut story, good.clone())?,
    }
    hostile::narrate(&mut story, hostile, good)?;
    story.narrator.scene("Summary")?;
    let summary = summary::take(&mut story, parts);
    summary::print(&summary, story.narrator.out())?;
    Ok((story.performed, summary))
}
