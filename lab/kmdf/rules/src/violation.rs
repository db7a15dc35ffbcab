//! Every rule whose breach ends a run, each with one sentence that names function, object and rule.

use core::fmt;

use crate::{
    level::Level,
    object::{Handle, Kind},
};

/// A broken rule. The framework would bug-check, corrupt memory, or wait forever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The driver called a function that the double does not have.
    Unimplemented {
        /// Name of the function.
        function: &'static str,
    },
    /// A handle that was never given out.
    UnknownHandle {
        /// Name of the function called.
        function: &'static str,
        /// What the function takes.
        expected: &'static str,
        /// The value passed.
        handle: Handle,
    },
    /// A handle of another type.
    WrongType {
        /// Name of the function called.
        function: &'static str,
        /// What the function takes.
        expected: &'static str,
        /// The value passed.
        handle: Handle,
        /// What it is.
        kind: Kind,
    },
    /// A handle whose object is gone.
    UseAfterDelete {
        /// Name of the function called.
        function: &'static str,
        /// What it was.
        kind: Kind,
        /// The value passed.
        handle: Handle,
    },
    /// A function called above the level its documentation allows.
    LevelTooHigh {
        /// Name of the function called.
        function: &'static str,
        /// The level of the calling thread.
        level: Level,
        /// The highest level allowed.
        maximum: Level,
        /// Why the thread is at that level.
        because: Option<Handle>,
    },
    /// A lock acquired again by the thread that holds it.
    LockRecursion {
        /// Name of the function called.
        function: &'static str,
        /// The lock.
        lock: Handle,
    },
    /// A lock released by a thread that does not hold it.
    LockNotHeld {
        /// Name of the function called.
        function: &'static str,
        /// The lock.
        lock: Handle,
    },
    /// Spin locks released in another order than the reverse of their acquisition, which restores
    /// the wrong level.
    LockOrder {
        /// The lock released.
        lock: Handle,
        /// The lock acquired last.
        innermost: Handle,
    },
    /// A callback returned with a lock held.
    LockHeldAtReturn {
        /// Name of the callback.
        callback: &'static str,
        /// The lock.
        lock: Handle,
    },
    /// A lock was deleted while a thread held it.
    LockDeletedWhileHeld {
        /// The lock.
        lock: Handle,
    },
    /// A request completed a second time.
    DoubleCompletion {
        /// Name of the function called.
        function: &'static str,
        /// The request.
        request: Handle,
    },
    /// A request used by a driver that does not own it: it is on a queue or was completed.
    RequestNotOwned {
        /// Name of the function called.
        function: &'static str,
        /// The request.
        request: Handle,
        /// Where it is.
        whereabouts: &'static str,
    },
    /// A request completed while it can still be cancelled.
    CompletedWhileCancelable {
        /// Name of the function called.
        function: &'static str,
        /// The request.
        request: Handle,
    },
    /// A request was completed with `STATUS_PENDING`.
    CompletedPending {
        /// Name of the function called.
        function: &'static str,
        /// The request.
        request: Handle,
    },
    /// More bytes reported than the output buffer has.
    InformationTooLarge {
        /// The request.
        request: Handle,
        /// `IoStatus.Information`.
        information: u64,
        /// Length of the output buffer.
        length: u64,
    },
    /// A reference returned that was never taken.
    DereferenceUnderflow {
        /// Name of the function called.
        function: &'static str,
        /// The object's type.
        kind: Kind,
        /// The object.
        handle: Handle,
    },
    /// An object whose life belongs to the framework was deleted.
    NotDeletable {
        /// The object's type.
        kind: Kind,
        /// The object.
        handle: Handle,
    },
    /// An object survived its parent because someone still holds a reference.
    LeakedReference {
        /// What ended.
        at: &'static str,
        /// The object's type.
        kind: Kind,
        /// The object.
        handle: Handle,
        /// References left.
        references: u32,
    },
    /// The driver still owns a request although the device is being removed.
    RequestLeftAtRemoval {
        /// The request.
        request: Handle,
        /// The queue it came from.
        queue: Handle,
        /// For how many seconds the framework has waited.
        seconds: u32,
    },
    /// A WDM IRP left pending when its device went away.
    CallbackMissing {
        /// The queue.
        queue: Handle,
        /// What is missing.
        callback: &'static str,
    },
    /// A parameter that the framework answers with a bug check.
    BadParameter {
        /// Name of the function called.
        function: &'static str,
        /// Which one.
        parameter: &'static str,
        /// What is wrong with it.
        problem: &'static str,
        /// Its value.
        value: u64,
    },
    /// A function that is not allowed in the object's present state.
    WrongState {
        /// Name of the function called.
        function: &'static str,
        /// The object.
        handle: Handle,
        /// What is wrong.
        problem: &'static str,
    },
    /// The double itself panicked, which is its own defect.
    Panic,
}

impl fmt::Display for Violation {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each rule; splitting it would hide that every rule has its sentence"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unimplemented { function } => {
                write!(f, "{function}: the KMDF double does not have this function")
            }
            Self::UnknownHandle {
                function,
                expected,
                handle,
            } => {
                write!(
                    f,
                    "{function}: {handle} is no framework handle; a {expected} was expected"
                )
            }
            Self::WrongType {
                function,
                expected,
                handle,
                kind,
            } => {
                write!(
                    f,
                    "{function}: {handle} is a {kind}; a {expected} was expected"
                )
            }
            Self::UseAfterDelete {
                function,
                kind,
                handle,
            } => {
                write!(
                    f,
                    "{function}: {kind} {handle} was deleted before this call"
                )
            }
            Self::LevelTooHigh {
                function,
                level,
                maximum,
                because,
            } => {
                write!(f, "{function}: called at {level}, allowed up to {maximum}")?;
                match because {
                    Some(lock) => write!(f, "; the thread holds WDFSPINLOCK {lock}"),
                    None => Ok(()),
                }
            }
            Self::LockRecursion { function, lock } => {
                write!(f, "{function}: this thread holds lock {lock} already")
            }
            Self::LockNotHeld { function, lock } => {
                write!(f, "{function}: this thread does not hold lock {lock}")
            }
            Self::LockOrder { lock, innermost } => write!(
                f,
                "WdfSpinLockRelease: {lock} was released before {innermost}, which was acquired later; \
                 the level would be restored wrongly"
            ),
            Self::LockHeldAtReturn { callback, lock } => {
                write!(
                    f,
                    "{callback}: the callback returned while it holds lock {lock}"
                )
            }
            Self::LockDeletedWhileHeld { lock } => {
                write!(
                    f,
                    "WdfObjectDelete: lock {lock} was deleted while a thread holds it"
                )
            }
            Self::DoubleCompletion { function, request } => {
                write!(f, "{function}: WDFREQUEST {request} was completed before")
            }
            Self::RequestNotOwned {
                function,
                request,
                whereabouts,
            } => write!(
                f,
                "{function}: the driver does not own WDFREQUEST {request}, {whereabouts}"
            ),
            Self::CompletedWhileCancelable { function, request } => write!(
                f,
                "{function}: WDFREQUEST {request} is marked cancelable; WdfRequestUnmarkCancelable comes first"
            ),
            Self::CompletedPending { function, request } => {
                write!(
                    f,
                    "{function}: WDFREQUEST {request} was completed with STATUS_PENDING"
                )
            }
            Self::InformationTooLarge {
                request,
                information,
                length,
            } => write!(
                f,
                "WdfRequestComplete: WDFREQUEST {request} reports {information} bytes, its output buffer has {length}"
            ),
            Self::DereferenceUnderflow {
                function,
                kind,
                handle,
            } => {
                write!(
                    f,
                    "{function}: {kind} {handle} has no reference left to give back"
                )
            }
            Self::NotDeletable { kind, handle } => write!(
                f,
                "WdfObjectDelete: {kind} {handle} belongs to the framework and cannot be deleted by a driver"
            ),
            Self::LeakedReference {
                at,
                kind,
                handle,
                references,
            } => write!(
                f,
                "{at}: {kind} {handle} is deleted but {references} reference(s) to it were never given back"
            ),
            Self::RequestLeftAtRemoval {
                request,
                queue,
                seconds,
            } => write!(
                f,
                "device removal: the driver still owns WDFREQUEST {request} of WDFQUEUE {queue} after {seconds} s"
            ),
            Self::CallbackMissing { queue, callback } => {
                write!(f, "WDFQUEUE {queue}: {callback} is needed and missing")
            }
            Self::BadParameter {
                function,
                parameter,
                problem,
                value,
            } => {
                write!(f, "{function}: {parameter} {problem} ({value:#x})")
            }
            Self::WrongState {
                function,
                handle,
                problem,
            } => {
                write!(f, "{function}: {handle} {problem}")
            }
            Self::Panic => f.write_str("the KMDF double itself panicked"),
        }
    }
}
