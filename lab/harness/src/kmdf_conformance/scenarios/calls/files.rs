//! Creates, cleanups and closes of file objects.

use super::groups::{ADD, CANCELLED, Calls, END, START};
use crate::kmdf_conformance::scenarios::scenario::{Scenario, calls};

const OPENED: Calls = &[
    "EvtDeviceFileCreate of a file",
    "CREATE ends with 0x00000000",
];
const CLOSED: Calls = &[
    "CLEANUP ends with 0x00000000",
    "EvtFileClose of a file",
    "CLOSE ends with 0x00000000",
];
const UNKNOWN_CLEANED_UP: Calls = &[
    "EvtFileCleanup of NULL",
    "control 0 ends with 0xc0000120",
    "CLEANUP ends with 0x00000000",
];

pub(super) const SCENARIOS: &[Scenario] = &[
    calls(
        "file-cleanup",
        &[
            ADD,
            START,
            OPENED,
            OPENED,
            &["EvtFileCleanup of a file"],
            CANCELLED,
            CLOSED,
            &["EvtFileCleanup of a file", "control 1 ends with 0xc0000120"],
            CLOSED,
            END,
        ],
    ),
    calls("file-optional", &[ADD, START, UNKNOWN_CLEANED_UP, END]),
    calls(
        "file-not-required",
        &[
            ADD,
            START,
            &["EvtDeviceFileCreate of NULL", "CREATE ends with 0x00000000"],
            UNKNOWN_CLEANED_UP,
            &["EvtFileClose of NULL", "CLOSE ends with 0x00000000"],
            END,
        ],
    ),
    calls(
        "file-open-fails",
        &[
            ADD,
            START,
            &[
                "EvtDeviceFileCreate of a file",
                "CREATE ends with 0xc0000001",
            ],
            END,
        ],
    ),
];
