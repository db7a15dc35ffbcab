//! Requests on queues.

use super::groups::{
    ADD, AWAKE, CANCELLED, CLEANUP, COMPLETED, Calls, DOZE, END, EXIT, FLUSH, GONE, PRESENTED,
    SLEEP, START, SUSPEND, WAKE,
};
use crate::kmdf_conformance::scenarios::scenario::{Scenario, calls};

const FORWARDED: Calls = &["forwarding ends with 0x00000000"];

pub(super) const SCENARIOS: &[Scenario] = &[
    calls(
        "parallel-queue",
        &[
            ADD,
            START,
            PRESENTED,
            &[
                "EvtIoDeviceControl 1",
                "WdfIoQueueRetrieveNextRequest ends with 0xc0000184",
            ],
            COMPLETED,
            &[
                "EvtIoDeviceControl 2",
                "control 1 ends with 0x00000000",
                "control 2 ends with 0x00000000",
            ],
            END,
        ],
    ),
    calls(
        "held-in-dx",
        &[
            ADD, START, SLEEP, DOZE, WAKE, PRESENTED, COMPLETED, AWAKE, END,
        ],
    ),
    calls(
        "purged-at-removal",
        &[
            ADD, START, PRESENTED, FORWARDED, SUSPEND, EXIT, FLUSH, CANCELLED, CLEANUP, GONE,
        ],
    ),
    calls(
        "cancelled-while-forwarded",
        &[ADD, START, PRESENTED, FORWARDED, CANCELLED, END],
    ),
    calls(
        "cancelled-while-waiting",
        &[
            ADD,
            START,
            PRESENTED,
            &["control 1 ends with 0xc0000120"],
            COMPLETED,
            END,
        ],
    ),
];
