use Step::*;

use super::*;

fn play(machine: &mut Machine, event: Event) -> Vec<Step> {
    let steps = machine.steps(event);
    for &step in &steps {
        machine.did(step);
    }
    machine.finished(event);
    steps
}

fn fail(machine: &mut Machine, step: Step) -> Vec<Step> {
    let undo = machine.failed(step);
    for &step in &undo {
        machine.did(step);
    }
    undo
}

fn started() -> Machine {
    let mut machine = Machine::new();
    play(&mut machine, Event::Start);
    machine
}

const START: [Step; 6] = [
    PrepareHardware,
    D0Entry,
    D0EntryPostInterruptsEnabled,
    ResumeQueues,
    SelfManagedIoInit,
    EnableInterfaces,
];

#[test]
fn start_prepares_powers_up_and_then_shows_interfaces() {
    let mut machine = Machine::new();
    assert_eq!(play(&mut machine, Event::Start), START);
    assert_eq!(machine.state(), State::Working);
}

#[test]
fn rebalance_releases_the_hardware_and_keeps_interfaces() {
    let mut machine = started();
    assert_eq!(play(&mut machine, Event::QueryStop), [QueryStop]);
    assert_eq!(
        play(&mut machine, Event::Stop),
        [
            SelfManagedIoSuspend,
            HoldQueues,
            D0ExitPreInterruptsDisabled,
            D0Exit,
            ReleaseHardware
        ]
    );
    assert_eq!(machine.state(), State::Stopped);
    assert_eq!(
        play(&mut machine, Event::Start),
        [
            PrepareHardware,
            D0Entry,
            D0EntryPostInterruptsEnabled,
            ResumeQueues,
            SelfManagedIoRestart
        ]
    );
    assert!(machine.interfaces_enabled());
}

#[test]
fn cancel_stop_calls_nothing() {
    let mut machine = started();
    play(&mut machine, Event::QueryStop);
    assert_eq!(play(&mut machine, Event::CancelStop), []);
    assert_eq!(machine.state(), State::Working);
}

#[test]
fn removal_releases_hardware_before_interfaces_go() {
    let mut machine = started();
    assert_eq!(
        play(&mut machine, Event::Remove),
        [
            SelfManagedIoSuspend,
            HoldQueues,
            D0ExitPreInterruptsDisabled,
            D0Exit,
            ReleaseHardware,
            DisableInterfaces,
            PurgeManagedQueues,
            SelfManagedIoFlush,
            PurgeOtherQueues,
            SelfManagedIoCleanup,
        ]
    );
}

#[test]
fn surprise_removal_comes_in_two_parts() {
    let mut machine = started();
    assert_eq!(
        play(&mut machine, Event::SurpriseRemoval),
        [
            SurpriseRemoval,
            SelfManagedIoSuspend,
            HoldQueues,
            D0ExitPreInterruptsDisabled,
            D0Exit,
            ReleaseHardware,
            DisableInterfaces,
            PurgeManagedQueues,
            SelfManagedIoFlush,
        ]
    );
    assert_eq!(machine.state(), State::Failed);
    assert_eq!(
        play(&mut machine, Event::Remove),
        [PurgeOtherQueues, SelfManagedIoCleanup]
    );
}

#[test]
fn a_device_that_never_started_has_nothing_to_release() {
    let mut machine = Machine::new();
    assert_eq!(play(&mut machine, Event::Remove), [PurgeOtherQueues]);
}

#[test]
fn a_stopped_device_releases_nothing_twice() {
    let mut machine = started();
    play(&mut machine, Event::Stop);
    assert_eq!(
        play(&mut machine, Event::SurpriseRemoval),
        [
            SurpriseRemoval,
            DisableInterfaces,
            PurgeManagedQueues,
            SelfManagedIoFlush
        ]
    );
}

#[test]
fn sleep_and_wake_leave_and_enter_d0_once() {
    let mut machine = started();
    assert_eq!(
        play(&mut machine, Event::Power(false)),
        [
            SelfManagedIoSuspend,
            HoldQueues,
            D0ExitPreInterruptsDisabled,
            D0Exit
        ]
    );
    assert_eq!(play(&mut machine, Event::Power(false)), []);
    assert_eq!(
        play(&mut machine, Event::Power(true)),
        [
            D0Entry,
            D0EntryPostInterruptsEnabled,
            ResumeQueues,
            SelfManagedIoRestart
        ]
    );
}

#[test]
fn removal_while_asleep_does_not_leave_d0_again() {
    let mut machine = started();
    play(&mut machine, Event::Power(false));
    let steps = play(&mut machine, Event::Remove);
    assert_eq!(steps.first(), Some(&ReleaseHardware));
}

#[test]
fn a_failed_prepare_is_followed_by_release() {
    let mut machine = Machine::new();
    assert_eq!(
        fail(&mut machine, PrepareHardware),
        [ReleaseHardware, PurgeManagedQueues]
    );
    assert_eq!(machine.state(), State::Failed);
}

#[test]
fn a_failed_d0_entry_is_not_followed_by_d0_exit() {
    let mut machine = Machine::new();
    machine.did(PrepareHardware);
    assert_eq!(
        fail(&mut machine, D0Entry),
        [ReleaseHardware, PurgeManagedQueues]
    );
}

#[test]
fn a_failed_self_managed_io_init_leaves_d0() {
    let mut machine = Machine::new();
    machine.did(PrepareHardware);
    assert_eq!(
        fail(&mut machine, SelfManagedIoInit),
        [
            HoldQueues,
            D0ExitPreInterruptsDisabled,
            D0Exit,
            ReleaseHardware,
            PurgeManagedQueues,
            SelfManagedIoFlush
        ]
    );
    assert_eq!(
        play(&mut machine, Event::Remove),
        [PurgeOtherQueues, SelfManagedIoCleanup]
    );
}

#[test]
fn a_failed_step_after_the_interrupts_leaves_d0_without_them() {
    let mut machine = Machine::new();
    machine.did(PrepareHardware);
    assert_eq!(
        fail(&mut machine, D0EntryPostInterruptsEnabled),
        [D0Exit, ReleaseHardware, PurgeManagedQueues]
    );
}

#[test]
fn interfaces_that_cannot_be_enabled_end_a_device_that_worked() {
    let mut machine = Machine::new();
    for step in &START[..5] {
        machine.did(*step);
    }
    assert_eq!(
        fail(&mut machine, EnableInterfaces),
        [
            SelfManagedIoSuspend,
            HoldQueues,
            D0ExitPreInterruptsDisabled,
            D0Exit,
            ReleaseHardware,
            PurgeManagedQueues,
            SelfManagedIoFlush
        ]
    );
}

#[test]
fn a_failed_device_hears_of_its_surprise_removal_alone() {
    let mut machine = Machine::new();
    fail(&mut machine, PrepareHardware);
    assert_eq!(
        play(&mut machine, Event::SurpriseRemoval),
        [SurpriseRemoval]
    );
    assert_eq!(play(&mut machine, Event::Remove), [PurgeOtherQueues]);
}
