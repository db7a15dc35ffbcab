//! Scenarios of Plug and Play and power: the callbacks for each packet, and the order in which
//! driver and bus handle it.

use wdk_sys::{
    _DEVICE_POWER_STATE::{PowerDeviceD0, PowerDeviceD3},
    IRP_MN_CANCEL_REMOVE_DEVICE as CANCEL_REMOVE, IRP_MN_CANCEL_STOP_DEVICE as CANCEL_STOP,
    IRP_MN_QUERY_REMOVE_DEVICE as QUERY_REMOVE, IRP_MN_QUERY_STOP_DEVICE as QUERY_STOP,
    IRP_MN_START_DEVICE as START, IRP_MN_STOP_DEVICE as STOP,
    IRP_MN_SURPRISE_REMOVAL as SURPRISE_REMOVAL, NTSTATUS, STATUS_NOT_SUPPORTED,
    STATUS_UNSUCCESSFUL, call_unsafe_wdf_function_binding,
};

use crate::{
    bus,
    device::{PLAIN, Plan, add, object, pnp, remove, sleep, wake},
    framework::{Framework, wdf},
    packet::{self, Power},
};

/// A packet of the system.
#[derive(Clone, Copy)]
enum Packet {
    /// A Plug and Play packet.
    Pnp(u32),
    /// A system power packet to S3.
    Sleep,
    /// A system power packet to S0.
    Wake,
    /// A device power packet, which only the power policy owner may request.
    Device(i32),
}

use Packet::{Device, Pnp, Sleep, Wake};

struct Scenario {
    name: &'static str,
    /// The driver's callback that fails.
    failing: Option<&'static str>,
    /// The status that it fails with.
    failure: NTSTATUS,
    /// Sent between the addition and the removal.
    packets: &'static [Packet],
}

const fn order(name: &'static str, packets: &'static [Packet]) -> Scenario {
    Scenario {
        name,
        failing: None,
        failure: STATUS_UNSUCCESSFUL,
        packets,
    }
}

const fn fails(name: &'static str, callback: &'static str, packets: &'static [Packet]) -> Scenario {
    Scenario {
        name,
        failing: Some(callback),
        failure: STATUS_UNSUCCESSFUL,
        packets,
    }
}

/// The callback returns the status that the framework does not accept from it.
const fn not_supported(
    name: &'static str,
    callback: &'static str,
    packets: &'static [Packet],
) -> Scenario {
    Scenario {
        failure: STATUS_NOT_SUPPORTED,
        ..fails(name, callback, packets)
    }
}

const SCENARIOS: &[Scenario] = &[
    order("never-started", &[]),
    order("start-and-remove", &[Pnp(START)]),
    order(
        "rebalance",
        &[Pnp(START), Pnp(QUERY_STOP), Pnp(STOP), Pnp(START)],
    ),
    order(
        "cancel-stop",
        &[Pnp(START), Pnp(QUERY_STOP), Pnp(CANCEL_STOP)],
    ),
    order(
        "cancel-remove",
        &[Pnp(START), Pnp(QUERY_REMOVE), Pnp(CANCEL_REMOVE)],
    ),
    order("sleep-and-wake", &[Pnp(START), Sleep, Wake]),
    order("removed-asleep", &[Pnp(START), Sleep]),
    order(
        "sleep-while-stopped",
        &[
            Pnp(START),
            Pnp(QUERY_STOP),
            Pnp(STOP),
            Sleep,
            Wake,
            Pnp(START),
        ],
    ),
    order(
        "filter-is-no-power-policy-owner",
        &[
            Pnp(START),
            Sleep,
            Device(PowerDeviceD3),
            Wake,
            Device(PowerDeviceD0),
        ],
    ),
    order("power-not-requested", &[Pnp(START), Device(PowerDeviceD3)]),
    order("surprise-removal", &[Pnp(START), Pnp(SURPRISE_REMOVAL)]),
    order(
        "surprise-removal-stopped",
        &[
            Pnp(START),
            Pnp(QUERY_STOP),
            Pnp(STOP),
            Pnp(SURPRISE_REMOVAL),
        ],
    ),
    fails(
        "vetoed-stop",
        "EvtDeviceQueryStop",
        &[Pnp(START), Pnp(QUERY_STOP)],
    ),
    fails(
        "vetoed-remove",
        "EvtDeviceQueryRemove",
        &[Pnp(START), Pnp(QUERY_REMOVE)],
    ),
    fails(
        "fails-prepare-hardware",
        "EvtDevicePrepareHardware",
        &[Pnp(START), Pnp(SURPRISE_REMOVAL)],
    ),
    fails("fails-d0-entry", "EvtDeviceD0Entry", &[Pnp(START)]),
    fails(
        "fails-d0-entry-post-interrupts",
        "EvtDeviceD0EntryPostInterruptsEnabled",
        &[Pnp(START)],
    ),
    fails(
        "fails-self-managed-io-init",
        "EvtDeviceSelfManagedIoInit",
        &[Pnp(START)],
    ),
    fails(
        "fails-self-managed-io-restart",
        "EvtDeviceSelfManagedIoRestart",
        &[Pnp(START), Sleep, Wake],
    ),
    not_supported(
        "prepare-hardware-not-supported",
        "EvtDevicePrepareHardware",
        &[Pnp(START)],
    ),
    not_supported(
        "release-hardware-not-supported",
        "EvtDeviceReleaseHardware",
        &[Pnp(START)],
    ),
    not_supported(
        "query-stop-not-supported",
        "EvtDeviceQueryStop",
        &[Pnp(START), Pnp(QUERY_STOP)],
    ),
    not_supported(
        "query-remove-not-supported",
        "EvtDeviceQueryRemove",
        &[Pnp(START), Pnp(QUERY_REMOVE)],
    ),
    // From every other callback it is a failure like any other.
    not_supported("d0-entry-not-supported", "EvtDeviceD0Entry", &[Pnp(START)]),
];

/// Plays the scenario; `false` when it is none of these.
pub(crate) fn play(framework: &Framework, scenario: &[u8]) -> bool {
    if scenario == b"fails-device-add" {
        let failing = Some("EvtDriverDeviceAdd");
        add(framework, Plan { failing, ..PLAIN });
        return true;
    }
    if scenario == b"unloaded-before-removal" {
        add(framework, PLAIN);
        pnp(START);
        return true;
    }
    let Some(found) = SCENARIOS.iter().find(|one| one.name.as_bytes() == scenario) else {
        return false;
    };
    if found.name == "cancel-stop" {
        // No bus may fail it. This one does, because its status shows which driver handled it last.
        bus::fail(CANCEL_STOP);
    }
    let mut plan = Plan {
        failing: found.failing,
        failure: found.failure,
        ..PLAIN
    };
    if found.name == "filter-is-no-power-policy-owner" {
        plan.prepare = |init| wdf!(WdfFdoInitSetFilter, init);
    }
    add(framework, plan);
    for packet in found.packets {
        match *packet {
            Pnp(minor) => pnp(minor),
            Sleep => sleep(),
            Wake => wake(),
            Device(state) => packet::power(object(), Power::Device(state)),
        }
    }
    remove();
    true
}
