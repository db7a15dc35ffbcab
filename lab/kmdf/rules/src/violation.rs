//! The rules that end a run when a driver breaks them, each with a sentence that names function,
//! object and rule.

use alloc::{format, string::String};

use strum::{EnumDiscriminants, EnumIter};
use thiserror::Error;

use crate::{
    level::Level,
    object::{Handle, Kind},
};

/// A broken rule. The framework would bug-check, corrupt memory, or wait forever.
#[derive(Clone, Debug, PartialEq, Eq, Error, EnumDiscriminants)]
#[strum_discriminants(
    name(Rule),
    derive(EnumIter),
    doc = "Which rule a [`Violation`] breaks."
)]
pub enum Violation {
    /// The driver called a function, or registered a callback, that the double does not implement.
    #[error("{function}: the KMDF double does not implement it")]
    Unimplemented {
        /// Name of the function or callback.
        function: &'static str,
    },
    /// A handle that no function returned.
    #[error("{function}: {handle} is no framework handle; a {expected} was expected")]
    UnknownHandle {
        /// Name of the function called.
        function: &'static str,
        /// The handle type of the parameter.
        expected: &'static str,
        /// The value passed.
        handle: Handle,
    },
    /// A handle of another type.
    #[error("{function}: {handle} is a {kind}; a {expected} was expected")]
    WrongType {
        /// Name of the function called.
        function: &'static str,
        /// The handle type of the parameter.
        expected: &'static str,
        /// The value passed.
        handle: Handle,
        /// Its kind.
        kind: Kind,
    },
    /// A handle whose object was deleted.
    #[error("{function}: {kind} {handle} was deleted before this call")]
    UseAfterDelete {
        /// Name of the function called.
        function: &'static str,
        /// Its kind.
        kind: Kind,
        /// The value passed.
        handle: Handle,
    },
    /// A function called above the level its documentation allows.
    #[error("{function}: called at {level}, allowed up to {maximum}{}", holding(*because))]
    LevelTooHigh {
        /// Name of the function called.
        function: &'static str,
        /// The level of the calling thread.
        level: Level,
        /// The highest level allowed.
        maximum: Level,
        /// The spin lock that raised the level.
        because: Option<Handle>,
    },
    /// A lock acquired again by the thread that holds it.
    #[error("{function}: this thread holds lock {lock} already")]
    LockRecursion {
        /// Name of the function called.
        function: &'static str,
        /// The lock.
        lock: Handle,
    },
    /// A lock released by a thread that does not hold it.
    #[error("{function}: this thread does not hold lock {lock}")]
    LockNotHeld {
        /// Name of the function called.
        function: &'static str,
        /// The lock.
        lock: Handle,
    },
    /// Spin locks not released in reverse order of their acquisition, which restores the wrong
    /// level.
    #[error(
        "WdfSpinLockRelease: {lock} was released before {innermost}, which was acquired \
         later; the level would be restored wrongly"
    )]
    LockOrder {
        /// The lock released.
        lock: Handle,
        /// The lock acquired last.
        innermost: Handle,
    },
    /// A callback returned with a lock held.
    #[error("{callback}: the callback returned while it holds lock {lock}")]
    LockHeldAtReturn {
        /// Name of the callback.
        callback: &'static str,
        /// The lock.
        lock: Handle,
    },
    /// A lock was deleted while a thread held it.
    #[error("WdfObjectDelete: lock {lock} was deleted while a thread holds it")]
    LockDeletedWhileHeld {
        /// The lock.
        lock: Handle,
    },
    /// A request completed a second time.
    #[error("{function}: WDFREQUEST {request} was completed before")]
    DoubleCompletion {
        /// Name of the function called.
        function: &'static str,
        /// The request.
        request: Handle,
    },
    /// A request used by a driver that does not own it.
    #[error("{function}: the driver does not own WDFREQUEST {request}, {whereabouts}")]
    RequestNotOwned {
        /// Name of the function called.
        function: &'static str,
        /// The request.
        request: Handle,
        /// The request's state.
        whereabouts: &'static str,
    },
    /// A request was completed with `STATUS_PENDING`.
    #[error("{function}: WDFREQUEST {request} was completed with STATUS_PENDING")]
    CompletedPending {
        /// Name of the function called.
        function: &'static str,
        /// The request.
        request: Handle,
    },
    /// More bytes reported than the output buffer has.
    #[error(
        "WdfRequestComplete: WDFREQUEST {request} reports {information} bytes, its \
         output buffer has {length}"
    )]
    InformationTooLarge {
        /// The request.
        request: Handle,
        /// `IoStatus.Information`.
        information: u64,
        /// Length of the output buffer.
        length: u64,
    },
    /// A driver deleted an object that only the framework may delete.
    #[error(
        "WdfObjectDelete: {kind} {handle} belongs to the framework and cannot be deleted \
         by a driver"
    )]
    NotDeletable {
        /// The object's type.
        kind: Kind,
        /// The object.
        handle: Handle,
    },
    /// The driver keeps a request that it has to complete or forward.
    #[error(
        "{at}: the driver still owns WDFREQUEST {request} of WDFQUEUE {queue} after {seconds} s"
    )]
    RequestKept {
        /// The operation that waits for it.
        at: &'static str,
        /// The request.
        request: Handle,
        /// The queue it came from.
        queue: Handle,
        /// How long the framework has waited, seconds.
        seconds: u32,
    },
    /// A parameter that the framework answers with a bug check.
    #[error("{function}: {parameter} {problem} ({value:#x})")]
    BadParameter {
        /// Name of the function called.
        function: &'static str,
        /// Name of the parameter.
        parameter: &'static str,
        /// The fault.
        problem: &'static str,
        /// Its value.
        value: u64,
    },
    /// A call that the object's state does not allow.
    #[error("{function}: {handle} {problem}")]
    WrongState {
        /// Name of the function called.
        function: &'static str,
        /// The object.
        handle: Handle,
        /// The fault.
        problem: &'static str,
    },
    /// A Plug and Play callback returned a status that the framework does not accept from it.
    #[error(
        "{callback}: returned STATUS_NOT_SUPPORTED, which the framework does not accept from it"
    )]
    StatusNotAccepted {
        /// Name of the callback.
        callback: &'static str,
    },
    /// A request was completed from `EvtDeviceSurpriseRemoval`.
    #[error(
        "{function}: called for {handle} from EvtDeviceSurpriseRemoval, which may run beside the \
         callbacks of a power-down; EvtDeviceSelfManagedIoFlush is the place for it"
    )]
    CalledInSurpriseRemoval {
        /// Name of the function called.
        function: &'static str,
        /// The request.
        handle: Handle,
    },
    /// A device power packet that the power policy owner did not request
    /// (`WDF_POWER_MULTIPLE_PPO`).
    #[error(
        "IRP_MN_SET_POWER: WDFDEVICE {device} got a device power packet that its driver, the \
         power policy owner, did not request"
    )]
    UnrequestedPower {
        /// The device.
        device: Handle,
    },
    /// The double itself panicked: a defect of the double.
    #[error("the KMDF double itself panicked")]
    Panic,
}

impl Violation {
    /// The broken rule.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.into()
    }
}

/// The lock that raised a level, as the end of a sentence.
fn holding(lock: Option<Handle>) -> String {
    lock.map_or_else(String::new, |lock| {
        format!("; the thread holds WDFSPINLOCK {lock}")
    })
}
