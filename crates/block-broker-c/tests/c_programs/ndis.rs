//! The example of an NDIS PF driver, `examples/ndis-pf`, under programs that play NDIS.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use block_trace::Operation;
use pf_broker_abi::Refusal;

use crate::build::NDIS_PF;
use crate::{Build, play_every_trace, run_checks, sources, table_of};

/// The statuses that the example returns, with their values.
const STATUSES: [(&str, u32); 4] = [
    ("NDIS_STATUS_SUCCESS", 0),
    ("NDIS_STATUS_NOT_ACCEPTED", 0x0001_0003),
    ("NDIS_STATUS_FAILURE", 0xC000_0001),
    ("NDIS_STATUS_INVALID_PARAMETER", 0xC000_000D),
];

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(NDIS_PF)
}

/// Builds and runs the programs: every trace, whose VFs' calls are OID requests; checks; threads.
pub(crate) fn check(build: Build<'_>, rounds: u32) {
    let with_driver = |names: &[&str]| {
        let mut all = sources(names);
        all.extend(sources(&["device.c", "ndis/adapter.c", "ndis/kernel.c"]));
        all.extend(["vf_blocks.c", "vf_block_oids.c"].map(|name| format!("{NDIS_PF}/{name}")));
        all
    };
    let player = build.program(
        "oid_player",
        &with_driver(&["player.c", "companion.c", "ndis/vf_calls.c"]),
    );
    let statuses = documented_statuses();
    play_every_trace(&player, |operation, got, wanted| {
        same_result(&statuses, operation, got, wanted)
    });
    let table = table_of("ndis/adapter.toml");
    let table = table.to_str().expect("a path in UTF-8");
    let oids = build.program("oids", &with_driver(&["ndis/oids.c"]));
    run_checks(&oids, &[table]);
    let threads = build.program("oid_threads", &with_driver(&["ndis/oid_threads.c"]));
    run_checks(&threads, &[table, &rounds.to_string()]);
}

/// The NDIS status of each refusal, from the page of the example.
fn documented_statuses() -> BTreeMap<u32, u32> {
    let page = std::fs::read_to_string(example().join("README.md")).expect("the page can be read");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let reasons = cells.next()?;
        let name = cells.next()?.trim_matches('`');
        let (_, status) = STATUSES.iter().find(|(known, _)| *known == name)?;
        Some((reasons.to_owned(), *status))
    });
    let mut statuses = BTreeMap::new();
    for (reasons, status) in rows {
        for reason in reasons.split(", ") {
            let reason = reason.trim_matches('`');
            let refusal = Refusal::ALL
                .iter()
                .find(|refusal| refusal.reason() == reason)
                .unwrap_or_else(|| panic!("{reason} is no refusal"));
            assert!(
                statuses.insert(refusal.status(), status).is_none(),
                "{reason}"
            );
        }
    }
    assert_eq!(statuses.len(), Refusal::ALL.len(), "each refusal has a row");
    statuses
}

/// Whether a result line is the expected one: a VF's call has the NDIS status of its refusal
/// instead, everything else is equal.
fn same_result(
    statuses: &BTreeMap<u32, u32>,
    operation: &Operation,
    got: &str,
    wanted: &str,
) -> bool {
    if !matches!(
        operation,
        Operation::Write { .. }
            | Operation::Read { .. }
            | Operation::Reset { .. }
            | Operation::Power { .. }
    ) {
        return got == wanted;
    }
    let status = |line: &str| {
        let rest = line.strip_prefix("{\"status\":\"0x").expect("a result");
        u32::from_str_radix(&rest[..8], 16).expect("a number")
    };
    match status(wanted) {
        0 => got == wanted,
        refused => statuses.get(&refused) == Some(&status(got)),
    }
}
