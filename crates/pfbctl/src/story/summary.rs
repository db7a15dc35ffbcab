//! Each VF's counters at the end of a story.

use std::io::Write;

use block_trace::{Operation, Outcome};
use pf_broker_abi::Refusal;
use serde::Serialize;

use super::state::Story;
use crate::failure::Failure;
use crate::style::table;

/// The counters of the VFs with a part. docs/json.md documents the serialized names; they are only
/// added to.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    vfs: Vec<VfSummary>,
}

/// The counters of a VF.
#[derive(Debug, Serialize)]
struct VfSummary {
    vf: u16,
    reads: u64,
    writes: u64,
    publishes: u64,
    withdrawn: u64,
    refused: u64,
    refusals: Vec<Refused>,
}

/// How often a VF was refused for a reason.
#[derive(Debug, Serialize)]
struct Refused {
    reason: &'static str,
    count: u64,
}

/// Takes the counters, in operations of the story.
pub(super) fn take(story: &mut Story<'_, '_, '_>, parts: u16) -> Summary {
    let mut vfs = Vec::new();
    for vf in 0..parts {
        let Outcome::Stats(stats) = story.perform(&Operation::Stats { vf }) else {
            continue;
        };
        let refusals = Refusal::ALL.iter().zip(stats.refused);
        let refusals = refusals.filter(|&(_, count)| count > 0);
        vfs.push(VfSummary {
            vf,
            reads: stats.reads,
            writes: stats.writes,
            publishes: stats.publishes,
            withdrawn: stats.withdrawn,
            refused: stats.refused.iter().sum(),
            refusals: refusals
                .map(|(refusal, count)| Refused {
                    reason: refusal.reason(),
                    count,
                })
                .collect(),
        });
    }
    Summary { vfs }
}

/// Prints one row for each VF.
pub(super) fn print(summary: &Summary, out: &mut dyn Write) -> Result<(), Failure> {
    let mut rows = table(["VF", "reads", "writes", "publishes", "refused", "for"]);
    for vf in &summary.vfs {
        let reasons: Vec<String> = vf
            .refusals
            .iter()
            .map(|refused| format!("{} {}", refused.reason, refused.count))
            .collect();
        rows.add_row([
            vf.vf.to_string(),
            vf.reads.to_string(),
            vf.writes.to_string(),
            vf.publishes.to_string(),
            vf.refused.to_string(),
            reasons.join(", "),
        ]);
    }
    writeln!(out, "{}", rows.trim_fmt())?;
    Ok(())
}
