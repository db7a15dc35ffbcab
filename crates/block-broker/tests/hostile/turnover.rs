//! Change of tenant: acknowledgements that are early, late, doubled or for another reset, and guests
//! that do not wait for one.

use block_broker::{Deliver, FollowUp, ResetBy};
use pf_broker_abi::{CHANGE_RESET, Operation};

use super::*;

/// `contoso.toml`, in which a reset has to be acknowledged within 5 ms.
fn acknowledged() -> String {
    let keys = "reset = \"acknowledged\"\nreset-timeout = 5\n";
    CONTOSO.replacen("\n[limits]", &format!("{keys}\n[limits]"), 1)
}

/// The time limit from [`NOW`] on.
const DEADLINE: Ticks = Ticks(NOW.0 + 50_000);

/// A device of two VFs, of which VF 0 has been reset once.
fn with_waiting_vf(test: impl FnOnce(&Device<'_>)) {
    with_device(&acknowledged(), 2, |device| {
        device.vf_write(0, 0, &control(4, 1, 9)).unwrap();
        let reset = device.reset(0, NOW).without_waiters();
        assert_eq!(reset, Ok(Some(DEADLINE)));
        test(device);
    });
}

fn acknowledge(device: &Device<'_>, vf: u16, resets: u64) -> Result<(), Refusal> {
    device.acknowledge(vf, resets, NOW).without_waiters()
}

fn service(device: &Device<'_>, vf: u16) -> Service {
    device.status(vf).unwrap().service
}

/// The VFs that are served again at `now`.
fn expire(device: &Device<'_>, now: Ticks) -> (Vec<(u16, FollowUp)>, Option<Ticks>) {
    let mut served = vec![];
    let next = device.expire(now, |vf, follow_up| served.push((vf, follow_up)));
    (served, next)
}

#[test]
fn a_vf_is_refused_until_its_reset_is_acknowledged() {
    with_waiting_vf(|device| {
        assert_eq!(service(device, 0), Service::Unacknowledged);
        assert_eq!(device.vf_write(0, 2, &[1]), Err(Refusal::State));
        assert_eq!(device.vf_read(0, 0, 16), Err(Refusal::State));
        let taken = device.take_invalidation(0, NOW).without_waiters();
        assert_eq!(taken, Err(Refusal::State));
        assert_only_refusal(device, 0, Refusal::State, 3);
        device.vf_write(1, 2, &[1]).unwrap();
        acknowledge(device, 0, 1).unwrap();
        assert_eq!(service(device, 0), Service::Open);
        device.vf_write(0, 2, &[1]).unwrap();
    });
}

#[test]
fn the_host_prepares_a_vf_that_waits() {
    with_waiting_vf(|device| {
        let (seen, _) = list(device, Kinds::RESET, &ChangesCookie::default(), usize::MAX);
        let of_vf = |vf| seen.iter().filter(move |change| change.vf == vf);
        assert_eq!(
            of_vf(0).map(|change| change.kinds).sum::<u16>(),
            CHANGE_RESET
        );
        assert_eq!(of_vf(1).count(), 0);

        let mut command = [0; 16];
        command[0] = 6;
        assert_eq!(device.host_publish(0, 0, &command), Ok(true));
        assert_eq!(device.host_sees(0, 0, 16).unwrap()[..1], [6]);
        assert_eq!(device.host_drain(0, 3), Ok(vec![]));
        device.invalidate(0, 2, NOW).without_waiters().unwrap();
        let handed = device.hand_over_invalidation(0, || Some(()));
        assert_eq!(handed, None, "the invalidations stay with the next tenant");

        let mut follow_up = FollowUp::NOTHING;
        let opened = device.acknowledge(0, 1, NOW);
        opened.follow_up(|needed| follow_up = needed).unwrap();
        assert_eq!(follow_up.deliver, Deliver::ToVf(0));
        let handed = device.hand_over_invalidation(0, || Some(()));
        assert_eq!(handed, Some(((), 0b11)));
    });
}

#[test]
fn acknowledgements_that_do_not_fit() {
    with_waiting_vf(|device| {
        for (vf, resets, refusal) in [
            (0, 0, Refusal::Changed),
            (0, 2, Refusal::Changed),
            (0, u64::MAX, Refusal::Changed),
            (1, 0, Refusal::State),
            (1, 1, Refusal::State),
            (2, 1, Refusal::Vf),
            (u16::MAX, 1, Refusal::Vf),
        ] {
            assert_eq!(
                acknowledge(device, vf, resets),
                Err(refusal),
                "{vf} {resets}"
            );
        }
        let counted = [Refusal::Changed, Refusal::State, Refusal::Vf]
            .map(|refusal| device.host_refusals(refusal));
        assert_eq!(counted, [3, 2, 2]);
        assert_eq!(device.status(0).unwrap().counters.refused_in_all(), 0);
        assert_eq!(service(device, 0), Service::Unacknowledged);

        acknowledge(device, 0, 1).unwrap();
        assert_eq!(acknowledge(device, 0, 1), Err(Refusal::State), "doubled");
    });
}

#[test]
fn an_acknowledgement_for_the_tenant_before() {
    with_waiting_vf(|device| {
        device
            .begin_reset(0, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
        assert_eq!(acknowledge(device, 0, 1), Err(Refusal::State), "not wiped");
        assert_eq!(acknowledge(device, 0, 2), Err(Refusal::State), "too early");
        device.finish_reset(0, NOW).without_waiters().unwrap();
        assert_eq!(acknowledge(device, 0, 1), Err(Refusal::Changed));
        assert_eq!(acknowledge(device, 0, 2), Ok(()));
    });
}

#[test]
fn an_acknowledgement_that_nothing_waits_for() {
    with_device(CONTOSO, 1, |device| {
        assert_eq!(device.reset(0, NOW).without_waiters(), Ok(None));
        assert_eq!(service(device, 0), Service::Open);
        assert_eq!(acknowledge(device, 0, 1), Err(Refusal::State));
        assert_eq!(expire(device, Ticks(u64::MAX)), (vec![], None));
    });
}

#[test]
fn the_time_limit_ends_without_an_acknowledgement() {
    with_waiting_vf(|device| {
        device.invalidate(0, 1, NOW).without_waiters().unwrap();
        let early = Ticks(DEADLINE.0 - 1);
        assert_eq!(expire(device, early), (vec![], Some(DEADLINE)));
        assert_eq!(device.vf_read(0, 0, 16), Err(Refusal::State));
        let later = device.reset(1, early).without_waiters().unwrap();
        let follow_up = FollowUp {
            changed: Kinds::JOURNALED,
            deliver: Deliver::ToVf(0),
        };
        assert_eq!(expire(device, DEADLINE), (vec![(0, follow_up)], later));
        assert_eq!(service(device, 0), Service::Open);
        let last = entries(device, 0).pop().unwrap().event;
        assert_eq!((last.operation, last.refusal), (Operation::Expire, None));
        assert_eq!(acknowledge(device, 0, 1), Err(Refusal::State), "too late");
    });
}

#[test]
fn a_reset_that_the_vfs_driver_starts() {
    with_waiting_vf(|device| {
        let reset_by_vf = |device: &Device<'_>| {
            device
                .begin_reset(0, ResetBy::Vf, NOW)
                .without_waiters()
                .unwrap();
            device.finish_reset(0, NOW).without_waiters().unwrap()
        };
        assert_eq!(reset_by_vf(device), Some(DEADLINE), "it opens nothing");
        assert_eq!(acknowledge(device, 0, 1), Err(Refusal::Changed));
        acknowledge(device, 0, 2).unwrap();
        assert_eq!(reset_by_vf(device), None, "the tenant stays");
        device.vf_write(0, 2, &[1]).unwrap();
    });
}

#[test]
fn a_reset_that_fails_and_a_removal() {
    with_waiting_vf(|device| {
        device
            .begin_reset(0, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
        device.fail_reset(0, NOW).without_waiters().unwrap();
        assert_eq!(expire(device, Ticks(u64::MAX)), (vec![], None));
        assert_eq!(acknowledge(device, 0, 2), Err(Refusal::State));
        assert_eq!(service(device, 0), Service::Held);
        device.reset(0, NOW).without_waiters().unwrap();
        device.remove(NOW).without_waiters();
        assert_eq!(acknowledge(device, 0, 3), Err(Refusal::Removed));
        assert_eq!(expire(device, Ticks(u64::MAX)), (vec![], None));
        assert_eq!(device.vf_write(0, 2, &[1]), Err(Refusal::Removed));
    });
}

#[test]
fn a_deadline_at_the_end_of_time() {
    with_device(&acknowledged(), 1, |device| {
        let end = Ticks(u64::MAX);
        assert_eq!(device.reset(0, end).without_waiters(), Ok(Some(end)));
        assert_eq!(expire(device, Ticks(u64::MAX - 1)), (vec![], Some(end)));
        assert_eq!(expire(device, end).0.len(), 1);
    });
}
