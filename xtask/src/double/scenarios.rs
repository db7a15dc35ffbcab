//! The scenarios of `lab/kmdf/probe`, and what the double must do in each.

/// One start of the probe.
pub(super) struct Scenario {
    /// The name that the probe knows.
    pub(super) name: &'static str,
    pub(super) expectation: Expectation,
}

/// How a scenario ends.
pub(super) enum Expectation {
    /// With this sentence, `#` standing for handles.
    Stops(&'static str),
    /// Every promise of the framework kept.
    Keeps,
}

const fn stops(name: &'static str, sentence: &'static str) -> Scenario {
    Scenario {
        name,
        expectation: Expectation::Stops(sentence),
    }
}

const fn keeps(name: &'static str) -> Scenario {
    Scenario {
        name,
        expectation: Expectation::Keeps,
    }
}

pub(super) const SCENARIOS: &[Scenario] = &[
    keeps("cleanup-order"),
    keeps("reference-postpones-destruction"),
    keeps("completion"),
    keeps("sequential-queue"),
    keeps("cancel-waiting"),
    keeps("cancel-marked"),
    keeps("purge"),
    keeps("work-item"),
    keeps("locks"),
    stops(
        "level-too-high",
        "WdfStringCreate: called at DISPATCH_LEVEL, allowed up to PASSIVE_LEVEL; the thread holds WDFSPINLOCK #",
    ),
    stops(
        "spin-lock-recursion",
        "WdfSpinLockAcquire: this thread holds lock # already",
    ),
    stops(
        "wait-lock-recursion",
        "WdfWaitLockAcquire: this thread holds lock # already",
    ),
    stops(
        "spin-lock-not-held",
        "WdfSpinLockRelease: this thread does not hold lock #",
    ),
    stops(
        "wait-lock-not-held",
        "WdfWaitLockRelease: this thread does not hold lock #",
    ),
    stops(
        "lock-order",
        "WdfSpinLockRelease: # was released before #, which was acquired later; the level would be restored wrongly",
    ),
    stops(
        "lock-held-at-return",
        "EvtIoDeviceControl: the callback returned while it holds lock #",
    ),
    stops(
        "lock-deleted-while-held",
        "WdfObjectDelete: lock # was deleted while a thread holds it",
    ),
    stops(
        "use-after-delete",
        "WdfMemoryGetBuffer: WDFMEMORY # was deleted before this call",
    ),
    stops(
        "wrong-type",
        "WdfSpinLockAcquire: # is a WDFDRIVER; a WDFSPINLOCK was expected",
    ),
    stops(
        "unknown-handle",
        "WdfSpinLockAcquire: 0x1230 is no framework handle; a WDFSPINLOCK was expected",
    ),
    stops(
        "not-deletable",
        "WdfObjectDelete: WDFDRIVER # belongs to the framework and cannot be deleted by a driver",
    ),
    stops(
        "dereference-underflow",
        "WdfObjectDereferenceActual: WDFMEMORY # has no reference left to give back",
    ),
    stops(
        "leaked-reference",
        "driver unload: WDFMEMORY # is deleted but 1 reference(s) to it were never given back",
    ),
    stops(
        "function-missing",
        "WdfDeviceSetBusInformationForChildren: the KMDF double does not have this function",
    ),
    stops(
        "context-missing",
        "WdfObjectGetTypedContextWorker: WDFMEMORY has no context of this type (#)",
    ),
    stops(
        "double-completion",
        "WdfRequestCompleteWithInformation: WDFREQUEST # was completed before",
    ),
    stops(
        "completed-pending",
        "WdfRequestCompleteWithInformation: WDFREQUEST # was completed with STATUS_PENDING",
    ),
    stops(
        "information-too-large",
        "WdfRequestComplete: WDFREQUEST # reports 9 bytes, its output buffer has 8",
    ),
    stops(
        "completed-while-cancelable",
        "WdfRequestCompleteWithInformation: WDFREQUEST # is marked cancelable; WdfRequestUnmarkCancelable comes first",
    ),
    stops(
        "request-not-owned",
        "WdfRequestCompleteWithInformation: the driver does not own WDFREQUEST #, which waits on a queue",
    ),
    stops(
        "request-after-completion",
        "WdfRequestGetRequestorMode: WDFREQUEST # was deleted before this call",
    ),
    stops(
        "request-left-at-removal",
        "device removal: the driver still owns WDFREQUEST # of WDFQUEUE # after 10 s",
    ),
];
