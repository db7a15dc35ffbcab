//! Every event in every state of a turn.

use std::cell::Cell;

use super::*;

/// Counts how often it is set. Nothing waits in these tests.
#[derive(Default)]
struct Sets(Cell<u32>);

impl Signal for Sets {
    fn set(&self) {
        self.0.set(self.0.get() + 1);
    }

    fn wait(&self) {
        panic!("it would wait for ever");
    }
}

const PHASES: [Phase; 4] = [
    Phase::Idle,
    Phase::Calling,
    Phase::ResetWaiting,
    Phase::Resetting,
];

/// How many resets had begun before.
const RESETS: u64 = 7;

fn caller(number: usize) -> Caller {
    Caller(NonZeroUsize::new(number).expect("not zero"))
}

fn words() -> impl Iterator<Item = Word> {
    PHASES.into_iter().flat_map(|phase| {
        [false, true].map(|removed| Word {
            phase,
            removed,
            resets: RESETS,
        })
    })
}

fn turn_in(word: Word) -> Turn<Sets> {
    Turn {
        word: AtomicU64::new(word.bits()),
        holder: AtomicUsize::new(0),
        signal: Sets::default(),
    }
}

#[test]
fn a_word_survives_its_bits() {
    for word in words() {
        for resets in [0, 1, RESETS, u64::MAX >> 3] {
            let word = Word { resets, ..word };
            assert_eq!(Word::of(word.bits()), word);
        }
    }
}

/// What an operation does in a phase: take the turn, wait, or leave.
type Decision = Result<bool, Unavailable>;

fn unless_removed(word: Word, decision: Decision) -> Decision {
    if word.removed {
        Err(Unavailable::Removed)
    } else {
        decision
    }
}

#[test]
fn an_operation_of_the_tenant_waits_for_a_call_and_never_for_a_reset() {
    let expected: [Decision; 4] = [
        Ok(true),
        Ok(false),
        Err(Unavailable::Reset),
        Err(Unavailable::Reset),
    ];
    for word in words() {
        let taken = Some(word.in_phase(Phase::Calling));
        let decision = decide(word, Purpose::Tenant { resets: RESETS });
        let expected = unless_removed(word, expected[word.phase as usize]);
        assert_eq!(
            decision,
            expected.map(|takes| taken.filter(|_| takes)),
            "{word:?}"
        );
    }
}

#[test]
fn an_operation_of_a_tenant_that_is_gone_never_gets_the_turn() {
    for word in words() {
        for resets in [RESETS - 1, RESETS + 1] {
            let decision = decide(word, Purpose::Tenant { resets });
            let expected = if word.removed {
                Unavailable::Removed
            } else {
                Unavailable::Reset
            };
            assert_eq!(decision, Err(expected), "{word:?}");
        }
    }
}

#[test]
fn a_power_change_waits_for_calls_and_resets() {
    let expected: [Decision; 4] = [Ok(true), Ok(false), Ok(false), Ok(false)];
    for word in words() {
        let taken = Some(word.in_phase(Phase::Calling));
        let expected = unless_removed(word, expected[word.phase as usize]);
        assert_eq!(
            decide(word, Purpose::Vf),
            expected.map(|takes| taken.filter(|_| takes)),
            "{word:?}"
        );
    }
}

#[test]
fn a_reset_begins_once_waits_for_a_call_and_is_counted() {
    let expected = [
        Some(Phase::Resetting),
        Some(Phase::ResetWaiting),
        None,
        None,
    ];
    for word in words() {
        let turn = turn_in(word);
        let guard = turn.begin_reset(caller(1));
        let Some(phase) = expected[word.phase as usize] else {
            assert_eq!(guard.map(drop), Err(Unavailable::Reset));
            assert_eq!(turn.word(), word);
            continue;
        };
        let guard = guard.expect("no other reset");
        assert_eq!(guard.is_granted(), phase == Phase::Resetting);
        let after = Word {
            phase,
            resets: RESETS + 1,
            ..word
        };
        assert_eq!(turn.word(), after);
        assert_eq!(turn.signal.0.get(), 1, "operations that wait leave");
        drop(guard);
        // One that was given up leaves the call as it was.
        assert_eq!(turn.word(), after.in_phase(word.phase));
        assert_eq!(turn.signal.0.get(), 2, "a power change that waits goes on");
    }
}

#[test]
fn a_call_that_returns_hands_the_turn_to_the_reset_that_waits() {
    for (before, after) in [
        (Phase::Calling, Phase::Idle),
        (Phase::ResetWaiting, Phase::Resetting),
    ] {
        let word = Word::IDLE.in_phase(before);
        let turn = turn_in(word);
        drop(TurnGuard { turn: &turn });
        assert_eq!(turn.word(), word.in_phase(after));
        assert_eq!(turn.signal.0.get(), 1);
    }
}

#[test]
fn a_removal_changes_no_phase_and_lets_those_go_that_wait() {
    for word in words() {
        let turn = turn_in(word);
        turn.remove();
        assert_eq!(
            turn.word(),
            Word {
                removed: true,
                ..word
            }
        );
        assert_eq!(turn.signal.0.get(), 1);
        let refused = turn.acquire(caller(1)).map(drop);
        assert_eq!(refused, Err(Unavailable::Removed));
        assert_eq!(turn.signal.0.get(), 2, "the next one that waits leaves too");
    }
}

#[test]
fn what_would_wait_for_itself_is_refused() {
    let turn = turn_in(Word::IDLE);
    let guard = turn.acquire(caller(1)).expect("free");
    let nested = Err(Unavailable::Nested);
    assert_eq!(turn.acquire(caller(1)).map(drop), nested);
    assert_eq!(turn.acquire_after_resets(caller(1)).map(drop), nested);
    assert_eq!(turn.begin_reset(caller(1)).map(drop), nested);
    assert_eq!(turn.word(), Word::IDLE.in_phase(Phase::Calling));
    let reset = turn.begin_reset(caller(2)).expect("of another thread");
    drop(guard);
    assert!(reset.is_granted());
    reset.call(|| {
        assert_eq!(turn.acquire_after_resets(caller(2)).map(drop), nested);
    });
    drop(reset);
    assert!(turn.acquire(caller(2)).is_ok());
    assert!(turn.acquire(caller(1)).is_ok());
}
