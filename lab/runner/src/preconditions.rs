//! A job's preconditions: blocks of the manifest, and the number of VFs. Without them its result
//! says nothing about the driver.

use std::ops::RangeInclusive;

use anyhow::{Result, ensure};
use pf_broker_client::name_text;

use crate::cli::Job;
use crate::session::Session;

/// A block that a job works on, as the management interface describes it.
struct Block {
    id: u32,
    kind: u8,
    vf_access: u8,
    notify: u8,
    max_length: u16,
    words: &'static str,
}

const CONTROL: Block = Block {
    id: 0,
    kind: 0,
    vf_access: 3,
    notify: 1,
    max_length: 128,
    words: "a register of 128 bytes that VFs read and write and that notifies",
};
const STATISTICS: Block = Block {
    id: 1,
    kind: 1,
    vf_access: 2,
    notify: 0,
    max_length: 128,
    words: "a stream of 128 bytes",
};
const TELEMETRY: Block = Block {
    id: 70,
    words: "a stream of 128 bytes",
    ..STATISTICS
};

/// Fails with a sentence unless the session meets the job's preconditions.
pub(crate) fn check(session: &Session, job: &Job) -> Result<()> {
    /// What blocks/mlx5-hv-vhca.toml and tests/manifests/checks.toml have.
    const BOTH: &[Block] = &[CONTROL, STATISTICS];
    let any = 1..=u16::MAX;
    let several = 2..=u16::MAX;
    let (what, vfs, blocks, device): (_, RangeInclusive<u16>, _, _) = match job {
        Job::Trace | Job::Console { .. } | Job::Start(_) | Job::Messages => return Ok(()),
        Job::Story => ("the story", several, BOTH, None),
        // Every byte of the replies depends on this manifest and this number.
        Job::Checks => ("the checks", 4..=4, BOTH, Some("Checks")),
        Job::Faults => ("the faults", several, BOTH, None),
        // Both depend on every rule of these blocks.
        Job::Storm { .. } => ("the storm", several, &[][..], Some("Storm")),
        Job::Contention => ("the contention", several, &[][..], Some("Storm")),
        Job::Measure => ("the measurement", several, &[CONTROL][..], Some("Storm")),
        // Every answer depends on these blocks.
        Job::SampleCompanion => (
            "the sample companion",
            4..=4,
            &[][..],
            Some("Contoso CX-200"),
        ),
        // Registers and responses depend on this manifest and on the example's driver.
        Job::Companion => (
            "the companion",
            3..=u16::MAX,
            &[][..],
            Some("Contoso CX-200"),
        ),
        Job::Acknowledgements => ("the acknowledgements", several, BOTH, Some("Checks")),
        Job::Limits => ("the flood", any, &[TELEMETRY][..], Some("Contoso CX-100")),
    };
    ensure!(
        vfs.contains(&session.vfs),
        "{what}: {} VFs{} are needed, and there are {}",
        vfs.start(),
        if vfs.end() > vfs.start() {
            " or more"
        } else {
            ""
        },
        session.vfs
    );
    let management = session.management()?;
    let found = management.blocks()?;
    for need in blocks {
        let fits = found.iter().any(|block| {
            (block.id, block.kind, block.vf_access) == (need.id, need.kind, need.vf_access)
                && (block.notify, block.max_length) == (need.notify, need.max_length)
        });
        ensure!(
            fits,
            "{what}: block {} has to be {}, and the manifest has no such block",
            need.id,
            need.words
        );
    }
    let name = name_text(&management.query()?.name);
    ensure!(
        device.is_none_or(|device| device == name),
        "{what}: the manifest has to be that of {device:?}, and it is that of {name:?}",
        device = device.unwrap_or_default()
    );
    Ok(())
}
