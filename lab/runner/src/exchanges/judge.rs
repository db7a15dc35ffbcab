//! Compares what guests have sent with what has reached the companion.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use lab_control::companion::{CompanionRecord, Handed};
use oracle::image::{Content, WriteId};

use super::guest::{EXCHANGE, Guest, request, response};
use crate::status;

/// Fails if a write was lost, handed over twice, in another order or too late, or if a call is
/// left. Returns the number of writes that the companion accepted.
pub(super) fn judge(
    guests: &[Guest],
    handed: &[Handed],
    record: &CompanionRecord,
) -> Result<usize> {
    let mut sum = Sum::default();
    let vfs: BTreeSet<_> = guests.iter().map(|guest| guest.vf).collect();
    for vf in vfs {
        let of_vf: Vec<_> = guests.iter().filter(|guest| guest.vf == vf).collect();
        let calls: Vec<_> = handed.iter().filter(|call| call.vf == vf).collect();
        judge_vf(&of_vf, &calls, &mut sum).with_context(|| format!("VF {vf}"))?;
    }
    let calls = u32::try_from(handed.len())?;
    ensure!(
        sum.handed == handed.len() && calls == record.writes,
        "{} writes were sent of {calls} that were handed over: {record:?}",
        sum.handed
    );
    ensure!(
        u32::try_from(sum.accepted)? == record.commits,
        "{} writes succeeded: {record:?}",
        sum.accepted
    );
    ensure!(
        sum.declined <= record.unpublished,
        "{} writes were declined: {record:?}",
        sum.declined
    );
    ensure!(
        (record.raised, record.overlapping, record.unattached) == (0, 0, 0),
        "the companion was called where it must not be: {record:?}"
    );
    ensure!(
        (record.inside, record.references) == (0, 1),
        "a call or a reference is left: {record:?}"
    );
    ensure!(sum.accepted > 0, "the companion has accepted nothing");
    Ok(sum.accepted)
}

/// Counts over all VFs.
#[derive(Default)]
struct Sum {
    handed: usize,
    accepted: usize,
    declined: u32,
}

fn judge_vf(guests: &[&Guest], calls: &[&Handed], sum: &mut Sum) -> Result<()> {
    let outcomes: BTreeMap<_, _> = guests.iter().flat_map(|guest| guest.outcomes()).collect();
    let mut handed = BTreeSet::new();
    let mut last: BTreeMap<u8, u32> = BTreeMap::new();
    let mut before: Option<(&Handed, WriteId)> = None;
    for &call in calls {
        let id = identified(call)?;
        ensure!(
            outcomes.contains_key(&(id.writer, id.number)),
            "{id:?} was handed over, and no guest has sent it"
        );
        ensure!(
            handed.insert((id.writer, id.number)),
            "{id:?} was handed over twice"
        );
        let last = last.insert(id.writer, id.number).unwrap_or(0);
        ensure!(last < id.number, "{id:?} was handed over after {last}");
        follows(before, call, id)?;
        before = Some((call, id));
    }
    for (id, &status) in &outcomes {
        let was_handed = handed.contains(id);
        let is_right = match status {
            status::SUCCESS | status::REQUEST_ABORTED => was_handed,
            status::DEVICE_NOT_CONNECTED => !was_handed,
            // A reset or the removal can come before the call and during it.
            _ => true,
        };
        ensure!(
            is_right,
            "the write {id:?} ended with 0x{status:08X}, and it is {was_handed} that it was handed \
             over"
        );
        sum.accepted += usize::from(status == status::SUCCESS);
        sum.declined += u32::from(status == status::REQUEST_ABORTED);
    }
    sum.handed += handed.len();
    let mut counts = BTreeSet::new();
    for &count in guests.iter().flat_map(|guest| &guest.counts) {
        ensure!(counts.insert(count), "two reads return the number {count}");
    }
    let interruptions = interruptions(calls);
    for guest in guests {
        ensure!(
            guest.blanks <= interruptions,
            "the block was blank after {} accepted writes, and there were {interruptions} resets",
            guest.blanks
        );
    }
    Ok(())
}

/// The write that was handed over, which is whole.
fn identified(call: &Handed) -> Result<WriteId> {
    let data = call.data.get(..call.length.into()).unwrap_or_default();
    match request(data) {
        Content::Whole(id) if call.block == EXCHANGE => Ok(id),
        other => anyhow::bail!("block {} was handed over with {other:?}", call.block),
    }
}

/// The second of two calls shows the response that the first one has published, unless a reset has
/// wiped it. What happened while no companion was attached did not reach it.
fn follows(before: Option<(&Handed, WriteId)>, call: &Handed, id: WriteId) -> Result<()> {
    let seen = response(&call.data);
    let is_right = match before {
        None => true,
        Some((last, _)) if last.attaches != call.attaches => seen != Content::Mixed,
        Some((last, _)) if last.resets != call.resets => seen == Content::Blank,
        Some((_, last)) => seen == Content::Whole(last),
    };
    let last = before.map(|(_, id)| id);
    ensure!(is_right, "{id:?} follows {last:?} and shows {seen:?}");
    Ok(())
}

/// How many resets may have wiped the block: those that the companion has seen between calls, one
/// for each time without a companion, and one after the last call.
fn interruptions(calls: &[&Handed]) -> usize {
    let (Some(first), Some(last)) = (calls.first(), calls.last()) else {
        return 0;
    };
    let seen = last.resets.wrapping_sub(first.resets) + last.attaches.wrapping_sub(first.attaches);
    seen as usize + 1
}
