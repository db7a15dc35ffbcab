//! Every event in every state that can be reached, and walks of many events.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Event {
    Attach(Handle),
    Detach,
    HandleGone(Handle),
    Notify,
    Complete(NtStatus),
    QueryStop,
    RunningAgain,
    Removed,
}

const VETO: NtStatus = status::SHARING_VIOLATION;

const EVENTS: [Event; 12] = [
    Event::Attach(0),
    Event::Attach(1),
    Event::Attach(2),
    Event::Detach,
    Event::HandleGone(1),
    Event::HandleGone(2),
    Event::Notify,
    Event::Complete(status::SUCCESS),
    Event::Complete(VETO),
    Event::QueryStop,
    Event::RunningAgain,
    Event::Removed,
];

/// The machine, and the Plug and Play callback that it may have put to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Model {
    machine: Rebalance,
    sleeping: bool,
}

/// What the event did to those around the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    woken: Option<NtStatus>,
    returned: Option<NtStatus>,
    delivered: Option<u32>,
    answer: Option<NtStatus>,
    pended: bool,
}

impl Model {
    const START: Self = Self {
        machine: Rebalance::new(),
        sleeping: false,
    };

    /// Plug and Play sends one query at a time, so not every event can happen everywhere. A PF that
    /// wakes from a sleep of the system runs again in every phase.
    fn possible(&self, event: Event) -> bool {
        !(self.sleeping && matches!(event, Event::QueryStop))
    }

    fn happen(&mut self, event: Event) -> Seen {
        let mut seen = Seen::default();
        let wake = match event {
            Event::Attach(handle) => {
                match self.machine.attach(handle) {
                    Admission::Granted => seen.answer = Some(status::SUCCESS),
                    Admission::Refused(status) => seen.answer = Some(status),
                    Admission::Wait => seen.pended = true,
                }
                None
            }
            Event::Detach => self.machine.detach(),
            Event::HandleGone(handle) => self.machine.handle_gone(handle),
            Event::Notify => {
                match self.machine.admit_notification() {
                    Err(status) => seen.answer = Some(status),
                    Ok(()) => match self.machine.pending_event() {
                        Some(event) => {
                            self.machine.mark_delivered();
                            seen.delivered = Some(event as u32);
                        }
                        None => seen.pended = true,
                    },
                }
                None
            }
            Event::Complete(query_status) => match self.machine.event_complete(query_status) {
                Ok(wake) => Some(wake),
                Err(status) => {
                    seen.answer = Some(status);
                    None
                }
            },
            Event::QueryStop | Event::RunningAgain => {
                let verdict = if matches!(event, Event::QueryStop) {
                    self.machine.query_stop()
                } else {
                    match self.machine.running_again() {
                        Resumption::Complete => Verdict::Proceed(status::SUCCESS),
                        Resumption::Wait => Verdict::Wait,
                    }
                };
                match verdict {
                    Verdict::Wait => {
                        assert!(
                            !self.sleeping,
                            "two callbacks sleep after {event:?}: {self:?}"
                        );
                        self.sleeping = true;
                    }
                    Verdict::Proceed(status) => seen.returned = Some(status),
                }
                None
            }
            Event::Removed => self.machine.removed(),
        };
        if let Some(Wake(status)) = wake {
            assert!(
                self.sleeping,
                "{event:?} wakes a callback that does not sleep: {self:?}"
            );
            self.sleeping = false;
            seen.woken = Some(status);
        }
        // A callback sleeps exactly while an attached stack owes an answer.
        let owed = matches!(
            self.machine.phase,
            Phase::QueryStop { .. } | Phase::Restart { .. }
        );
        assert_eq!(self.sleeping, owed, "after {event:?}: {self:?}");
        assert!(
            !owed || self.machine.is_attached(),
            "after {event:?}: {self:?}"
        );
        seen
    }
}

/// Every model that events lead to from the start.
fn reachable() -> Vec<Model> {
    let mut found = BTreeMap::new();
    let mut queue = VecDeque::from([Model::START]);
    while let Some(model) = queue.pop_front() {
        if found.insert(format!("{model:?}"), model).is_some() {
            continue;
        }
        for event in EVENTS {
            if model.possible(event) {
                let mut next = model;
                next.happen(event);
                queue.push_back(next);
            }
        }
    }
    found.into_values().collect()
}

#[test]
fn the_reachable_worlds_are_few_and_all_of_them_keep_the_invariants() {
    // Four attachments (none, without a handle, 1, 2) in the phases Steady, Stopped and Removed,
    // three in the four phases that owe an answer.
    assert_eq!(reachable().len(), 4 * 3 + 3 * 4);
}

#[test]
fn a_second_attach_is_a_sharing_violation_in_every_state_but_removed() {
    for model in reachable()
        .into_iter()
        .filter(|model| model.machine.is_attached())
    {
        for handle in 0..3 {
            let mut next = model;
            let expected = if model.machine.phase == Phase::Removed {
                status::DEVICE_REMOVED
            } else {
                status::SHARING_VIOLATION
            };
            assert_eq!(
                next.happen(Event::Attach(handle)).answer,
                Some(expected),
                "{model:?}"
            );
            assert_eq!(next, model, "a refused attach changes nothing");
        }
    }
}

#[test]
fn an_attach_between_query_stop_and_the_end_of_the_rebalance_waits() {
    for model in reachable()
        .into_iter()
        .filter(|model| !model.machine.is_attached())
    {
        let mut next = model;
        let seen = next.happen(Event::Attach(1));
        assert_eq!(model.machine.attach_waits(), seen.pended, "{model:?}");
        match model.machine.phase {
            Phase::Steady => assert_eq!(seen.answer, Some(status::SUCCESS)),
            Phase::Removed => assert_eq!(seen.answer, Some(status::DEVICE_REMOVED)),
            _ => assert!(seen.pended && next == model, "{model:?}"),
        }
    }
}

#[test]
fn detach_and_the_end_of_the_attached_handle_do_the_same_in_every_state() {
    for model in reachable() {
        if model.machine.attached == Some(1) {
            let (mut detached, mut closed) = (model, model);
            assert_eq!(
                detached.happen(Event::Detach),
                closed.happen(Event::HandleGone(1))
            );
            assert_eq!(detached, closed);
            assert!(!detached.sleeping, "an answer is no longer owed: {model:?}");
        } else {
            let mut next = model;
            assert_eq!(next.happen(Event::HandleGone(1)), Seen::default());
            assert_eq!(next, model, "another handle's end changes nothing");
        }
    }
}

#[test]
fn an_attach_without_a_file_object_outlives_every_handle() {
    let mut model = Model::START;
    model.happen(Event::Attach(0));
    for handle in 0..3 {
        model.happen(Event::HandleGone(handle));
    }
    assert!(model.machine.is_attached());
}

#[test]
fn an_answer_counts_only_after_the_event_was_told_and_only_once() {
    for model in reachable() {
        let mut next = model;
        let seen = next.happen(Event::Complete(status::SUCCESS));
        match model.machine.phase {
            Phase::QueryStop { delivered: true } | Phase::Restart { delivered: true } => {
                assert_eq!(seen.woken, Some(status::SUCCESS));
                let again = next.happen(Event::Complete(status::SUCCESS));
                assert_eq!(again.answer, Some(status::INVALID_DEVICE_STATE));
            }
            Phase::Removed => assert_eq!(seen.answer, Some(status::DEVICE_REMOVED)),
            _ => {
                assert_eq!(seen.answer, Some(status::INVALID_DEVICE_STATE), "{model:?}");
                assert_eq!(next, model);
            }
        }
    }
}

#[test]
fn an_event_is_told_once_even_when_the_next_notification_comes_before_the_answer() {
    for model in reachable() {
        let mut next = model;
        if next.happen(Event::Notify).delivered.is_some() {
            let second = next.happen(Event::Notify);
            assert!(second.pended && second.delivered.is_none(), "{model:?}");
        }
    }
}

#[test]
fn a_veto_reaches_the_query_and_the_cancelled_stop_is_told_as_a_restart() {
    let mut model = Model::START;
    model.happen(Event::Attach(1));
    model.happen(Event::QueryStop);
    assert_eq!(
        model.happen(Event::Notify).delivered,
        Some(PfEvent::QueryStopDevice as u32)
    );
    assert_eq!(model.happen(Event::Complete(VETO)).woken, Some(VETO));
    assert!(
        model.happen(Event::Notify).pended,
        "nothing to tell until the stop is called off"
    );
    model.happen(Event::RunningAgain);
    assert_eq!(
        model.happen(Event::Notify).delivered,
        Some(PfEvent::Restart as u32)
    );
    assert_eq!(
        model.happen(Event::Complete(VETO)).woken,
        Some(status::SUCCESS)
    );
    assert_eq!(model.machine.phase, Phase::Steady);
}

#[test]
fn without_an_attached_stack_a_rebalance_waits_for_nobody() {
    let mut model = Model::START;
    assert_eq!(
        model.happen(Event::QueryStop).returned,
        Some(status::SUCCESS)
    );
    assert_eq!(
        model.happen(Event::RunningAgain).returned,
        Some(status::SUCCESS)
    );
    assert_eq!(model.machine.phase, Phase::Steady);
}

#[test]
fn a_first_start_is_not_a_restart() {
    let mut model = Model::START;
    model.happen(Event::Attach(1));
    assert_eq!(
        model.happen(Event::RunningAgain).returned,
        Some(status::SUCCESS)
    );
    assert!(model.machine.pending_event().is_none());
}

#[test]
fn a_pf_that_runs_again_never_fails_and_disturbs_no_event_that_is_under_way() {
    for model in reachable() {
        let mut next = model;
        let seen = next.happen(Event::RunningAgain);
        match model.machine.phase {
            Phase::Stopped if model.machine.is_attached() => assert!(next.sleeping, "{model:?}"),
            Phase::Stopped => assert_eq!(seen.returned, Some(status::SUCCESS), "{model:?}"),
            _ => {
                assert_eq!(seen.returned, Some(status::SUCCESS), "{model:?}");
                assert_eq!(next, model);
            }
        }
    }
}

#[test]
fn removal_wakes_the_sleeper_and_refuses_what_comes_after() {
    for model in reachable() {
        let mut next = model;
        let seen = next.happen(Event::Removed);
        assert_eq!(
            seen.woken,
            model.sleeping.then_some(status::DEVICE_REMOVED),
            "{model:?}"
        );
        assert_eq!(
            next.happen(Event::Notify).answer,
            Some(status::DEVICE_REMOVED)
        );
        assert_eq!(
            next.happen(Event::Attach(2)).answer,
            Some(status::DEVICE_REMOVED)
        );
        assert_eq!(
            next.happen(Event::QueryStop).returned,
            Some(status::DEVICE_REMOVED)
        );
        assert_eq!(
            next.happen(Event::Detach).answer,
            None,
            "a detach always succeeds"
        );
        assert_eq!(
            next.happen(Event::Removed),
            Seen::default(),
            "removal is idempotent"
        );
    }
}

#[test]
fn a_query_never_returns_what_kmdf_takes_for_no_answer() {
    for (answer, returned) in [
        (status::SUCCESS, status::SUCCESS),
        (0x103, status::SUCCESS),
        (status::NOT_SUPPORTED, status::UNSUCCESSFUL),
        (status::DEVICE_BUSY, status::DEVICE_BUSY),
        (VETO, VETO),
    ] {
        assert_eq!(query_answer(answer), returned, "{answer:#010x}");
    }
}

proptest! {
    #[test]
    fn every_walk_ends_with_everybody_answered(
        steps in prop::collection::vec(0..EVENTS.len(), 0..60)
    ) {
        let mut model = Model::START;
        let mut slept = 0_u32;
        let mut woken = 0_u32;
        for step in steps {
            let event = EVENTS[step];
            if model.possible(event) {
                let was_sleeping = model.sleeping;
                let seen = model.happen(event);
                slept += u32::from(!was_sleeping && model.sleeping);
                woken += u32::from(seen.woken.is_some());
            }
        }
        woken += u32::from(model.happen(Event::Removed).woken.is_some());
        prop_assert_eq!(slept, woken);
    }
}
