//! Prints each VF's counters at the end.

use block_trace::{Operation, Outcome};
use pf_broker_abi::Refusal;

use super::state::Story;
use crate::failure::Failure;
use crate::style::table;

/// One row for each VF with a part.
pub(super) fn narrate(story: &mut Story<'_, '_, '_>, parts: u16) -> Result<(), Failure> {
    story.narrator.scene("Summary")?;
    let mut rows = table(["VF", "reads", "writes", "publishes", "refused", "for"]);
    for vf in 0..parts {
        let Outcome::Stats(stats) = story.perform(&Operation::Stats { vf }) else {
            continue;
        };
        let reasons: Vec<String> = Refusal::ALL
            .iter()
            .zip(stats.refused)
            .filter(|&(_, count)| count > 0)
            .map(|(refusal, count)| format!("{} {count}", refusal.reason()))
            .collect();
        rows.add_row([
            vf.to_string(),
            stats.reads.to_string(),
            stats.writes.to_string(),
            stats.publishes.to_string(),
            stats.refused.iter().sum::<u64>().to_string(),
            reasons.join(", "),
        ]);
    }
    writeln!(story.narrator.out(), "{}", rows.trim_fmt())?;
    Ok(())
}
