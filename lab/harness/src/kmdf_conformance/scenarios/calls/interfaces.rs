//! Interfaces that the driver offers, and queries for them.

use super::groups::{ADD, END, START};
use crate::kmdf_conformance::scenarios::scenario::{Scenario, calls};

pub(super) const SCENARIOS: &[Scenario] = &[
    calls(
        "query-interface",
        &[
            ADD,
            &["offering an interface ends with 0x00000000"],
            START,
            &[
                "EvtDeviceProcessQueryInterfaceRequest",
                "InterfaceReference",
                "bus gets QUERY_INTERFACE",
                "the same ends with 0x00000000, information 0, answer 7",
                "EvtDeviceProcessQueryInterfaceRequest",
                "InterfaceReference",
                "bus gets QUERY_INTERFACE",
                "more and newer ends with 0x00000000, information 0, answer 7",
                "bus gets QUERY_INTERFACE",
                "less ends with 0xc00000bb, information 0, answer 0",
                "bus gets QUERY_INTERFACE",
                "older ends with 0xc00000bb, information 0, answer 0",
                "bus gets QUERY_INTERFACE",
                "another ends with 0xc00000bb, information 0, answer 0",
            ],
            END,
        ],
    ),
    calls(
        "query-interface-refused",
        &[
            ADD,
            &[
                "offering nothing ends with 0xc000000d",
                "offering less than a header ends with 0xc000000d",
                "offering an import without a callback ends with 0xc000000d",
                "offering the parent's stack ends with 0xc000000d",
                "offering an import ends with 0x00000000",
            ],
            START,
            END,
        ],
    ),
    calls(
        "query-interface-of-target",
        &[
            ADD,
            START,
            &[
                "bus gets QUERY_INTERFACE",
                "the target ends with 0xc00000bb",
            ],
            END,
        ],
    ),
];
