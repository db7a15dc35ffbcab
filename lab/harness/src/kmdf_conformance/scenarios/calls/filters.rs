//! Filter drivers.

use super::groups::{ADD, COMPLETED, END, PRESENTED, START};
use crate::kmdf_conformance::scenarios::scenario::{Scenario, calls};

pub(super) const SCENARIOS: &[Scenario] = &[
    calls(
        "filter-passes-files-on",
        &[
            ADD,
            START,
            &[
                "bus gets CREATE",
                "CREATE ends with 0x00000000",
                "bus gets CLEANUP",
                "CLEANUP ends with 0x00000000",
                "bus gets CLOSE",
                "CLOSE ends with 0x00000000",
            ],
            END,
        ],
    ),
    calls(
        "filter-passes-controls-on",
        &[ADD, START, &["bus gets DEVICE_CONTROL"], COMPLETED, END],
    ),
    calls(
        "filter-sends-and-forgets",
        &[
            ADD,
            START,
            PRESENTED,
            &["bus gets DEVICE_CONTROL"],
            COMPLETED,
            END,
        ],
    ),
    calls(
        "filter-sends-and-completes",
        &[
            ADD,
            START,
            PRESENTED,
            &[
                "bus gets DEVICE_CONTROL",
                "EvtRequestCompletionRoutine with 0x00000000",
            ],
            COMPLETED,
            END,
        ],
    ),
];
