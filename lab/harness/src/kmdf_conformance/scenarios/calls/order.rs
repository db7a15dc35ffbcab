//! Packets of Plug and Play and power, and the callbacks for them.

use super::groups::{
    ADD, AWAKE, CLEANUP, Calls, DOZE, END, EXIT, FLUSH, GONE, SLEEP, START, SUSPEND, WAKE,
};
use crate::kmdf_conformance::scenarios::scenario::{Scenario, calls};

const RESTART: Calls = &[
    "bus gets START_DEVICE",
    "EvtDevicePrepareHardware",
    "EvtDeviceD0Entry from D3Final",
    "EvtDeviceD0EntryPostInterruptsEnabled from D3Final",
    "EvtDeviceSelfManagedIoRestart",
    "START_DEVICE ends with 0x00000000",
];
const QUERY_STOP: Calls = &[
    "EvtDeviceQueryStop",
    "bus gets QUERY_STOP_DEVICE",
    "QUERY_STOP_DEVICE ends with 0x00000000",
];
const STOP: Calls = &["bus gets STOP_DEVICE", "STOP_DEVICE ends with 0x00000000"];
const SURPRISE: Calls = &["EvtDeviceSurpriseRemoval"];
const SURPRISED: Calls = &[
    "bus gets SURPRISE_REMOVAL",
    "SURPRISE_REMOVAL ends with 0x00000000",
];

pub(super) const SCENARIOS: &[Scenario] = &[
    calls("never-started", &[ADD, GONE]),
    calls("start-and-remove", &[ADD, START, END]),
    calls(
        "rebalance",
        &[ADD, START, QUERY_STOP, SUSPEND, EXIT, STOP, RESTART, END],
    ),
    calls(
        "cancel-stop",
        &[
            ADD,
            START,
            QUERY_STOP,
            &[
                "bus gets CANCEL_STOP_DEVICE",
                "CANCEL_STOP_DEVICE ends with 0xc0000001",
            ],
            END,
        ],
    ),
    calls(
        "cancel-remove",
        &[
            ADD,
            START,
            &[
                "EvtDeviceQueryRemove",
                "bus gets QUERY_REMOVE_DEVICE",
                "QUERY_REMOVE_DEVICE ends with 0x00000000",
                "bus gets CANCEL_REMOVE_DEVICE",
                "CANCEL_REMOVE_DEVICE ends with 0x00000000",
            ],
            END,
        ],
    ),
    calls(
        "sleep-and-wake",
        &[ADD, START, SLEEP, DOZE, WAKE, AWAKE, END],
    ),
    calls(
        "removed-asleep",
        &[
            ADD,
            START,
            SLEEP,
            DOZE,
            &["EvtDeviceReleaseHardware"],
            FLUSH,
            CLEANUP,
            GONE,
        ],
    ),
    calls(
        "sleep-while-stopped",
        &[
            ADD,
            START,
            QUERY_STOP,
            SUSPEND,
            EXIT,
            STOP,
            &[
                "bus gets SET_POWER to S3",
                "SET_POWER ends with 0x00000000",
                "bus gets SET_POWER to S0",
                "SET_POWER ends with 0x00000000",
            ],
            RESTART,
            END,
        ],
    ),
    calls(
        "filter-is-no-power-policy-owner",
        &[
            ADD,
            START,
            &["bus gets SET_POWER to S3", "SET_POWER ends with 0x00000000"],
            SUSPEND,
            DOZE,
            &[
                "bus gets SET_POWER to S0",
                "SET_POWER ends with 0x00000000",
                "bus gets SET_POWER to D0",
                "EvtDeviceD0Entry from D3",
                "EvtDeviceD0EntryPostInterruptsEnabled from D3",
                "EvtDeviceSelfManagedIoRestart",
                "SET_POWER ends with 0x00000000",
            ],
            END,
        ],
    ),
    calls(
        "surprise-removal",
        &[
            ADD, START, SURPRISE, SUSPEND, EXIT, FLUSH, SURPRISED, CLEANUP, GONE,
        ],
    ),
    calls(
        "surprise-removal-stopped",
        &[
            ADD, START, QUERY_STOP, SUSPEND, EXIT, STOP, SURPRISE, FLUSH, SURPRISED, CLEANUP, GONE,
        ],
    ),
    calls(
        "surprise-removal-beside-power-down",
        &[
            ADD,
            START,
            SLEEP,
            &[
                "EvtDeviceD0ExitPreInterruptsDisabled to D3",
                "EvtDeviceD0Exit to D3",
            ],
            SURPRISE,
            &["bus gets SET_POWER to D3", "EvtDeviceReleaseHardware"],
            FLUSH,
            SURPRISED,
            CLEANUP,
            GONE,
        ],
    ),
    calls(
        "vetoed-stop",
        &[
            ADD,
            START,
            &[
                "EvtDeviceQueryStop",
                "QUERY_STOP_DEVICE ends with 0xc0000001",
            ],
            END,
        ],
    ),
    calls(
        "vetoed-remove",
        &[
            ADD,
            START,
            &[
                "EvtDeviceQueryRemove",
                "QUERY_REMOVE_DEVICE ends with 0xc0000001",
            ],
            END,
        ],
    ),
    calls(
        "fails-device-add",
        &[
            ADD,
            &[
                "EvtCleanupCallback",
                "EvtDestroyCallback",
                "AddDevice ends with 0xc0000001",
            ],
        ],
    ),
    calls(
        "fails-prepare-hardware",
        &[
            ADD,
            &[
                "bus gets START_DEVICE",
                "EvtDevicePrepareHardware",
                "EvtDeviceReleaseHardware",
                "START_DEVICE ends with 0xc0000001",
            ],
            SURPRISE,
            SURPRISED,
            GONE,
        ],
    ),
    calls(
        "fails-d0-entry",
        &[
            ADD,
            &[
                "bus gets START_DEVICE",
                "EvtDevicePrepareHardware",
                "EvtDeviceD0Entry from D3Final",
                "EvtDeviceReleaseHardware",
                "START_DEVICE ends with 0xc000009e",
            ],
            GONE,
        ],
    ),
    calls(
        "d0-entry-not-supported",
        &[
            ADD,
            &[
                "bus gets START_DEVICE",
                "EvtDevicePrepareHardware",
                "EvtDeviceD0Entry from D3Final",
                "EvtDeviceReleaseHardware",
                "START_DEVICE ends with 0xc000009e",
            ],
            GONE,
        ],
    ),
    calls(
        "fails-d0-entry-post-interrupts",
        &[
            ADD,
            &[
                "bus gets START_DEVICE",
                "EvtDevicePrepareHardware",
                "EvtDeviceD0Entry from D3Final",
                "EvtDeviceD0EntryPostInterruptsEnabled from D3Final",
                "EvtDeviceD0Exit to D3Final",
                "EvtDeviceReleaseHardware",
                "START_DEVICE ends with 0xc000009e",
            ],
            GONE,
        ],
    ),
    calls(
        "fails-self-managed-io-init",
        &[
            ADD,
            &[
                "bus gets START_DEVICE",
                "EvtDevicePrepareHardware",
                "EvtDeviceD0Entry from D3Final",
                "EvtDeviceD0EntryPostInterruptsEnabled from D3Final",
                "EvtDeviceSelfManagedIoInit",
            ],
            EXIT,
            FLUSH,
            &["START_DEVICE ends with 0xc000009e"],
            CLEANUP,
            GONE,
        ],
    ),
    calls(
        "fails-self-managed-io-restart",
        &[
            ADD,
            START,
            SLEEP,
            DOZE,
            WAKE,
            &["EvtDeviceSelfManagedIoRestart"],
            EXIT,
            FLUSH,
            CLEANUP,
            GONE,
        ],
    ),
];
