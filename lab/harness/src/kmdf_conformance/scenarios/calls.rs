//! Scenarios with a Plug and Play device, and what the framework calls in each.
//!
//! The lists are those of KMDF's public source: `pnpstatemachine.cpp`, `powerstatemachine.cpp` and
//! `selfmanagediostatemachine.cpp` for the order of callbacks, `fxpkgfdo.cpp` and `fdopower.cpp` for
//! who hears of a packet first, `powerpolicystatemachine.cpp` for the packets that the framework requests, `fxioqueue.cpp` for requests, `fxpkggeneral.cpp` for files and
//! `fxpkgpnp.cpp` for interfaces.

use super::scenario::{Scenario, calls};

type Calls = &'static [&'static str];

const ADD: Calls = &["EvtDriverDeviceAdd"];
const START: Calls = &[
    "bus gets START_DEVICE",
    "EvtDevicePrepareHardware",
    "EvtDeviceD0Entry from D3Final",
    "EvtDeviceD0EntryPostInterruptsEnabled from D3Final",
    "EvtDeviceSelfManagedIoInit",
    "START_DEVICE ends with 0x00000000",
];
const RESTART: Calls = &[
    "bus gets START_DEVICE",
    "EvtDevicePrepareHardware",
    "EvtDeviceD0Entry from D3Final",
    "EvtDeviceD0EntryPostInterruptsEnabled from D3Final",
    "EvtDeviceSelfManagedIoRestart",
    "START_DEVICE ends with 0x00000000",
];
const SUSPEND: Calls = &["EvtDeviceSelfManagedIoSuspend"];
const EXIT: Calls = &[
    "EvtDeviceD0ExitPreInterruptsDisabled to D3Final",
    "EvtDeviceD0Exit to D3Final",
    "EvtDeviceReleaseHardware",
];
const FLUSH: Calls = &["EvtDeviceSelfManagedIoFlush"];
const CLEANUP: Calls = &["EvtDeviceSelfManagedIoCleanup"];
const GONE: Calls = &[
    "EvtCleanupCallback",
    "bus gets REMOVE_DEVICE",
    "EvtDestroyCallback",
    "REMOVE_DEVICE ends with 0x00000000",
];
/// A device that works is removed.
const END: Calls = &[
    "EvtDeviceSelfManagedIoSuspend",
    "EvtDeviceD0ExitPreInterruptsDisabled to D3Final",
    "EvtDeviceD0Exit to D3Final",
    "EvtDeviceReleaseHardware",
    "EvtDeviceSelfManagedIoFlush",
    "EvtDeviceSelfManagedIoCleanup",
    "EvtCleanupCallback",
    "bus gets REMOVE_DEVICE",
    "EvtDestroyCallback",
    "REMOVE_DEVICE ends with 0x00000000",
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
/// The system goes to S3: the owner of the power policy requests D3 when the lower drivers are done.
const SLEEP: Calls = &["bus gets SET_POWER to S3", "EvtDeviceSelfManagedIoSuspend"];
const DOZE: Calls = &[
    "EvtDeviceD0ExitPreInterruptsDisabled to D3",
    "EvtDeviceD0Exit to D3",
    "bus gets SET_POWER to D3",
    "SET_POWER ends with 0x00000000",
];
/// The system is in S0 again: its packet ends first, then D0 is requested.
const WAKE: Calls = &[
    "bus gets SET_POWER to S0",
    "SET_POWER ends with 0x00000000",
    "bus gets SET_POWER to D0",
    "EvtDeviceD0Entry from D3",
    "EvtDeviceD0EntryPostInterruptsEnabled from D3",
];
const AWAKE: Calls = &["EvtDeviceSelfManagedIoRestart"];
const PRESENTED: Calls = &["EvtIoDeviceControl 0"];
const COMPLETED: Calls = &["control 0 ends with 0x00000000"];
const FORWARDED: Calls = &["forwarding ends with 0x00000000"];
const CANCELLED: Calls = &["control 0 ends with 0xc0000120"];

/// Packets of Plug and Play and power.
pub(super) const ORDER: &[Scenario] = &[
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

/// Requests on queues.
pub(super) const QUEUES: &[Scenario] = &[
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

/// Files, interfaces and levels.
pub(super) const OTHERS: &[Scenario] = &[
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
    calls(
        "levels",
        &[
            ADD,
            START,
            &["EvtWorkItem", "locked at DISPATCH_LEVEL", "unlocked"],
            END,
        ],
    ),
];

/// Filter drivers.
pub(super) const FILTERS: &[Scenario] = &[
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
