//! The follow-up of each operation: it names the kinds of changes that the operation stamped, so that
//! a wait ends with these and with no other, whether the operation is refused or not, and
//! invalidations are delivered as soon as they can be.

mod shell;

use std::cell::RefCell;
use std::fmt::Debug;

use block_broker::{Deliver, FollowUp, Kinds, Outcome, ResetBy};
use pf_broker_abi::{ChangesCookie, PowerState, Refusal};
use shell::{CONTOSO, Device, NOW, list, with_device};

/// The stream of the manifest.
const STREAM: u32 = 3;

const JOURNALED: Kinds = Kinds::JOURNALED;
const WRITTEN: Kinds = Kinds::WRITTEN.union(JOURNALED);
const PUBLISHED: Kinds = Kinds::PUBLISHED.union(JOURNALED);
const REFUSED: Kinds = Kinds::REFUSED.union(JOURNALED);
const RESET: Kinds = Kinds::RESET.union(JOURNALED);

const NOTHING: Deliver = Deliver::Nothing;
const TO_VF_1: Deliver = Deliver::ToVf(1);
const TO_ALL: Deliver = Deliver::ToAllVfs;

/// A device of two VFs that allows four writes at once.
struct Steps<'a, 'm>(&'a Device<'m>, RefCell<ChangesCookie>);

fn with_two_vfs(test: impl FnOnce(&Steps<'_, '_>)) {
    let manifest = CONTOSO.replace("burst = 1_000_000", "burst = 4");
    with_device(&manifest, 2, |device| {
        test(&Steps(device, RefCell::default()));
    });
}

impl Steps<'_, '_> {
    /// Compares the follow-up of an operation with what is expected and with what it stamped.
    fn step(
        &self,
        what: &str,
        changed: Kinds,
        deliver: Deliver,
        operation: impl FnOnce(&Device<'_>) -> FollowUp,
    ) {
        let seen = &mut *self.1.borrow_mut();
        assert_eq!(operation(self.0), FollowUp { changed, deliver }, "{what}");
        let (entries, end) = list(self.0, Kinds::ALL, seen, usize::MAX);
        let listed = entries.iter().fold(0, |bits, change| bits | change.kinds);
        assert_eq!(listed, changed.bits(), "{what}");
        *seen = end.cookie;
    }
}

/// The follow-up of an operation that ends with this result.
fn follow_up<T: PartialEq + Debug>(outcome: Outcome<T>, expected: &Result<T, Refusal>) -> FollowUp {
    let mut next = FollowUp::NOTHING;
    assert_eq!(&outcome.follow_up(|follow_up| next = follow_up), expected);
    next
}

fn served(outcome: Outcome<()>) -> FollowUp {
    follow_up(outcome, &Ok(()))
}

fn write(device: &Device<'_>, length: u32, expected: Result<(), Refusal>) -> FollowUp {
    follow_up(device.write(1, 2, length, &[1; 128], NOW), &expected)
}

fn read(device: &Device<'_>, block: u32, expected: Result<(), Refusal>) -> FollowUp {
    follow_up(device.read(1, block, 16, &mut [0; 128], NOW), &expected)
}

#[test]
fn a_vfs_operation_names_what_it_changed() {
    with_two_vfs(|vf| {
        vf.step("a committed write", WRITTEN, NOTHING, |device| {
            write(device, 1, Ok(()))
        });
        vf.step("a read", Kinds::NONE, NOTHING, |device| {
            read(device, 0, Ok(()))
        });
        vf.step("a refused read", REFUSED, NOTHING, |device| {
            read(device, 9, Err(Refusal::Block))
        });
        for what in ["a refused write", "the same again"] {
            vf.step(what, REFUSED, NOTHING, |device| {
                write(device, 5, Err(Refusal::Length))
            });
        }
        vf.step(
            "the last write within the limit",
            WRITTEN,
            NOTHING,
            |device| write(device, 1, Ok(())),
        );
        vf.step("a flood begins", REFUSED, NOTHING, |device| {
            write(device, 1, Err(Refusal::Limit))
        });
        vf.step("a flood goes on", Kinds::NONE, NOTHING, |device| {
            write(device, 1, Err(Refusal::Limit))
        });
        vf.step(
            "a power state",
            Kinds::POWER.union(JOURNALED),
            NOTHING,
            |device| served(device.set_power(1, PowerState::D3, NOW)),
        );
    });
}

#[test]
fn a_host_operation_names_what_it_changed_and_what_became_pending() {
    with_two_vfs(|host| {
        host.step("a publish", PUBLISHED, TO_VF_1, |device| {
            served(device.publish(1, 0, 16, &[0; 128], None, NOW))
        });
        host.step("without notify", PUBLISHED, NOTHING, |device| {
            served(device.publish(1, 1, 8, &[0; 128], None, NOW))
        });
        host.step("a refused publish", REFUSED, NOTHING, |device| {
            let outcome = device.publish(1, 0, 1, &[0; 128], None, NOW);
            follow_up(outcome, &Err(Refusal::Length))
        });
        host.step("a publish to all", PUBLISHED, TO_ALL, |device| {
            served(device.publish_all(0, 16, &[0; 128], NOW))
        });
        host.step("to all without notify", PUBLISHED, NOTHING, |device| {
            served(device.publish_all(1, 8, &[0; 128], NOW))
        });
        host.step("an invalidation", JOURNALED, TO_VF_1, |device| {
            served(device.invalidate(1, 1, NOW))
        });
        host.step("an empty invalidation", JOURNALED, NOTHING, |device| {
            served(device.invalidate(1, 0, NOW))
        });
        host.step("a block without", REFUSED, NOTHING, |device| {
            let outcome = device.invalidate(1, 1 << 62, NOW);
            follow_up(outcome, &Err(Refusal::Invalidate))
        });
        host.step("an invalidation for all", JOURNALED, TO_ALL, |device| {
            served(device.invalidate_all(1, NOW))
        });
        host.step("a power-up", JOURNALED, TO_ALL, |device| {
            device.invalidate_notifying(NOW)
        });
        host.step("a delivery", Kinds::NONE, NOTHING, |device| {
            follow_up(device.take_invalidation(1, NOW), &Ok(1))
        });
        host.step("a drain", Kinds::NONE, NOTHING, |device| {
            follow_up(device.drain(1, STREAM, 1, NOW, |_| ()), &Ok(0))
        });
        host.step("a refused drain", REFUSED, NOTHING, |device| {
            follow_up(device.drain(1, 0, 1, NOW, |_| ()), &Err(Refusal::Kind))
        });
    });
}

#[test]
fn a_reset_names_what_it_changed_and_what_became_pending_meanwhile() {
    with_two_vfs(|vf| {
        vf.step("no such VF", Kinds::NONE, NOTHING, |device| {
            follow_up(device.reset(2, NOW), &Err(Refusal::Vf))
        });
        vf.step("a reset begins", JOURNALED, NOTHING, |device| {
            served(device.begin_reset(1, ResetBy::Host, NOW))
        });
        vf.step("a VF that is held back", REFUSED, NOTHING, |device| {
            follow_up(device.invalidate(1, 1, NOW), &Err(Refusal::State))
        });
        vf.step("a reset fails", JOURNALED, NOTHING, |device| {
            served(device.fail_reset(1, NOW))
        });
        vf.step("a reset ends", RESET, NOTHING, |device| {
            follow_up(device.finish_reset(1, NOW), &Ok(None))
        });
        vf.step("a whole reset", RESET, NOTHING, |device| {
            follow_up(device.reset(1, NOW), &Ok(None))
        });
        vf.step("another begins", JOURNALED, NOTHING, |device| {
            served(device.begin_reset(1, ResetBy::Host, NOW))
        });
        vf.step("all are invalidated", JOURNALED, TO_ALL, |device| {
            served(device.invalidate_all(1, NOW))
        });
        vf.step("it ends", RESET, TO_VF_1, |device| {
            follow_up(device.finish_reset(1, NOW), &Ok(None))
        });
    });
}

#[test]
fn only_the_first_removal_counts() {
    with_two_vfs(|device| {
        device.step("a removal", JOURNALED, NOTHING, |device| device.remove(NOW));
        device.step("a second one", Kinds::NONE, NOTHING, |device| {
            device.remove(NOW)
        });
    });
}
