//! Plug and Play and power of a device: its callbacks and their order.
//!
//! Rules (`pnpstatemachine.cpp`, `powerstatemachine.cpp`, `selfmanagediostatemachine.cpp`, and the
//! public page "PnP and Power Management Scenarios"):
//! - start, after the lower drivers: `PrepareHardware`, `D0Entry`, `D0EntryPostInterruptsEnabled`,
//!   power-managed queues begin, `SelfManagedIoInit` the first time and `SelfManagedIoRestart`
//!   later, then the device interfaces are enabled;
//! - leaving D0: `SelfManagedIoSuspend`, power-managed queues stop, `D0ExitPreInterruptsDisabled`,
//!   `D0Exit`;
//! - stop for rebalance: `QueryStop` may veto; stop leaves D0, then `ReleaseHardware`; interfaces
//!   stay enabled; cancel-stop calls nothing;
//! - surprise removal: `SurpriseRemoval`, which waits for no power packet that is being handled;
//!   after that packet leaving D0, `ReleaseHardware`, interfaces disabled, power-managed queues
//!   purged, `SelfManagedIoFlush`; the remove that follows purges the other queues and calls
//!   `SelfManagedIoCleanup`; a device that has failed before gets `SurpriseRemoval` alone;
//! - remove without surprise: leaving D0, `ReleaseHardware`, interfaces disabled, power-managed
//!   queues purged, `SelfManagedIoFlush`, other queues purged, `SelfManagedIoCleanup`;
//! - the removal of a device that never started purges the queues that are not power-managed;
//! - a start that fails undoes what was done: `D0Exit` when `D0Entry` succeeded, before it
//!   `D0ExitPreInterruptsDisabled` when `D0EntryPostInterruptsEnabled` succeeded, `ReleaseHardware`
//!   whenever `PrepareHardware` was called, `SelfManagedIoFlush` and in the end
//!   `SelfManagedIoCleanup` whenever `SelfManagedIoInit` was.

use alloc::vec::Vec;

/// One step of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `EvtDevicePrepareHardware`.
    PrepareHardware,
    /// `EvtDeviceReleaseHardware`.
    ReleaseHardware,
    /// `EvtDeviceD0Entry`.
    D0Entry,
    /// `EvtDeviceD0EntryPostInterruptsEnabled`.
    D0EntryPostInterruptsEnabled,
    /// Power-managed queues present again.
    ResumeQueues,
    /// `EvtDeviceSelfManagedIoInit`.
    SelfManagedIoInit,
    /// `EvtDeviceSelfManagedIoRestart`.
    SelfManagedIoRestart,
    /// `EvtDeviceSelfManagedIoSuspend`.
    SelfManagedIoSuspend,
    /// `EvtDeviceSelfManagedIoFlush`.
    SelfManagedIoFlush,
    /// `EvtDeviceSelfManagedIoCleanup`.
    SelfManagedIoCleanup,
    /// Power-managed queues present nothing more, and the driver gives up what it owns of them.
    HoldQueues,
    /// `EvtDeviceD0ExitPreInterruptsDisabled`.
    D0ExitPreInterruptsDisabled,
    /// `EvtDeviceD0Exit`.
    D0Exit,
    /// Device interfaces become visible.
    EnableInterfaces,
    /// Device interfaces disappear.
    DisableInterfaces,
    /// `EvtDeviceSurpriseRemoval`.
    SurpriseRemoval,
    /// `EvtDeviceQueryStop`.
    QueryStop,
    /// `EvtDeviceQueryRemove`.
    QueryRemove,
    /// Power-managed queues are emptied for good.
    PurgeManagedQueues,
    /// The other queues are emptied for good.
    PurgeOtherQueues,
}

impl Step {
    /// Whether the framework accepts `STATUS_NOT_SUPPORTED` from the callback of this step. With
    /// its verifier it breaks into the debugger where it does not (`PnpPrepareHardware`,
    /// `PnpReleaseHardware`, `PnpEventQueryStopAskDriver`, `PnpEventQueryRemoveAskDriver`).
    #[must_use]
    pub const fn accepts_not_supported(self) -> bool {
        !matches!(
            self,
            Self::PrepareHardware | Self::ReleaseHardware | Self::QueryStop | Self::QueryRemove
        )
    }
}

/// The state of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Added, not started.
    Added,
    /// Started, in D0.
    Working,
    /// Started, in D1 to D3.
    Sleeping,
    /// Stopped for rebalance.
    Stopped,
    /// A start failed, or the hardware is gone; the device waits for its removal.
    Failed,
    /// Removed.
    Removed,
}

/// A Plug and Play or device power packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// `IRP_MN_START_DEVICE`, completed by the lower drivers.
    Start,
    /// `IRP_MN_QUERY_STOP_DEVICE`.
    QueryStop,
    /// `IRP_MN_CANCEL_STOP_DEVICE`.
    CancelStop,
    /// `IRP_MN_STOP_DEVICE`.
    Stop,
    /// `IRP_MN_QUERY_REMOVE_DEVICE`.
    QueryRemove,
    /// `IRP_MN_CANCEL_REMOVE_DEVICE`.
    CancelRemove,
    /// `IRP_MN_SURPRISE_REMOVAL`.
    SurpriseRemoval,
    /// `IRP_MN_REMOVE_DEVICE`.
    Remove,
    /// `IRP_MN_SET_POWER` to a device state: `true` for D0.
    Power(bool),
}

/// The state machine of one device.
#[derive(Debug)]
pub struct Machine {
    state: State,
    /// `EvtDeviceSelfManagedIoInit` was called, whatever it returned.
    self_managed_io_begun: bool,
    interfaces_enabled: bool,
    hardware_prepared: bool,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

const LEAVE_D0: [Step; 4] = [
    Step::SelfManagedIoSuspend,
    Step::HoldQueues,
    Step::D0ExitPreInterruptsDisabled,
    Step::D0Exit,
];

impl Machine {
    /// A device that was added.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: State::Added,
            self_managed_io_begun: false,
            interfaces_enabled: false,
            hardware_prepared: false,
        }
    }

    /// The state of the device.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether device interfaces are enabled.
    #[must_use]
    pub const fn interfaces_enabled(&self) -> bool {
        self.interfaces_enabled
    }

    const fn self_managed_io(&self) -> Step {
        if self.self_managed_io_begun {
            Step::SelfManagedIoRestart
        } else {
            Step::SelfManagedIoInit
        }
    }

    /// The steps of `event`, in order; none for an event that the present state does not expect.
    #[must_use]
    pub fn steps(&self, event: Event) -> Vec<Step> {
        let mut steps = Vec::new();
        match (event, self.state) {
            (Event::Start, State::Added | State::Stopped) => {
                steps.push(Step::PrepareHardware);
                self.enter_d0(&mut steps);
                if !self.interfaces_enabled {
                    steps.push(Step::EnableInterfaces);
                }
            }
            (Event::Power(true), State::Sleeping) => self.enter_d0(&mut steps),
            (Event::Power(false), State::Working) => steps.extend(LEAVE_D0),
            (Event::QueryStop, State::Working | State::Sleeping) => steps.push(Step::QueryStop),
            (Event::QueryRemove, State::Working | State::Sleeping) => steps.push(Step::QueryRemove),
            (Event::Stop, _) => self.leave_hardware(&mut steps),
            (Event::SurpriseRemoval, State::Failed) => steps.push(Step::SurpriseRemoval),
            (Event::SurpriseRemoval, state) if state != State::Removed => {
                steps.push(Step::SurpriseRemoval);
                self.leave_hardware(&mut steps);
                self.clean_up(&mut steps);
            }
            (Event::Remove, state) if state != State::Removed => {
                self.leave_hardware(&mut steps);
                if !matches!(state, State::Failed | State::Added) {
                    self.clean_up(&mut steps);
                }
                steps.push(Step::PurgeOtherQueues);
                if self.self_managed_io_begun {
                    steps.push(Step::SelfManagedIoCleanup);
                }
            }
            _ => {}
        }
        steps
    }

    fn enter_d0(&self, steps: &mut Vec<Step>) {
        steps.extend([
            Step::D0Entry,
            Step::D0EntryPostInterruptsEnabled,
            Step::ResumeQueues,
            self.self_managed_io(),
        ]);
    }

    fn leave_hardware(&self, steps: &mut Vec<Step>) {
        if self.state == State::Working {
            steps.extend(LEAVE_D0);
        }
        if self.hardware_prepared {
            steps.push(Step::ReleaseHardware);
        }
    }

    fn clean_up(&self, steps: &mut Vec<Step>) {
        if self.interfaces_enabled {
            steps.push(Step::DisableInterfaces);
        }
        steps.push(Step::PurgeManagedQueues);
        if self.self_managed_io_begun {
            steps.push(Step::SelfManagedIoFlush);
        }
    }

    /// A step succeeded, or its failure does not matter.
    pub fn did(&mut self, step: Step) {
        match step {
            Step::PrepareHardware => self.hardware_prepared = true,
            Step::ReleaseHardware => self.hardware_prepared = false,
            Step::SelfManagedIoInit => self.self_managed_io_begun = true,
            Step::EnableInterfaces => self.interfaces_enabled = true,
            Step::DisableInterfaces => self.interfaces_enabled = false,
            _ => {}
        }
    }

    /// All steps of `event` are done.
    pub fn finished(&mut self, event: Event) {
        self.state = match (event, self.state) {
            (Event::Start, State::Added | State::Stopped)
            | (Event::Power(true), State::Sleeping) => State::Working,
            (Event::Power(false), State::Working) => State::Sleeping,
            (Event::Stop, State::Working | State::Sleeping) => State::Stopped,
            (Event::SurpriseRemoval, state) if state != State::Removed => State::Failed,
            (Event::Remove, _) => State::Removed,
            (_, state) => state,
        };
    }

    /// `step` of a start or of a return to D0 failed. Returns the steps that undo those before it;
    /// the device then waits for its removal.
    pub fn failed(&mut self, step: Step) -> Vec<Step> {
        let mut undo = Vec::new();
        match step {
            Step::D0EntryPostInterruptsEnabled => undo.push(Step::D0Exit),
            Step::SelfManagedIoInit | Step::SelfManagedIoRestart => {
                self.self_managed_io_begun = true;
                undo.extend([
                    Step::HoldQueues,
                    Step::D0ExitPreInterruptsDisabled,
                    Step::D0Exit,
                ]);
            }
            Step::EnableInterfaces => undo.extend(LEAVE_D0),
            _ => {}
        }
        undo.push(Step::ReleaseHardware);
        self.hardware_prepared = true;
        self.clean_up(&mut undo);
        self.state = State::Failed;
        undo
    }
}

#[cfg(test)]
mod tests;
