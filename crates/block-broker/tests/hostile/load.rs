//! CVE-2024-42291, CVE-2025-39968: guests that exhaust resources.

use super::*;
use block_broker::ResetBy;

fn limited(burst: u32) -> String {
    CONTOSO.replace("burst = 1_000_000", &format!("burst = {burst}"))
}

#[test]
fn write_flood() {
    with_device(&limited(4), 1, |device| {
        let write = |at: Ticks| device.write(0, 2, 1, &[1; 128], at).without_waiters();
        let outcomes: Vec<_> = (0..1000).map(|_| write(NOW)).collect();
        assert!(outcomes[..4].iter().all(Result::is_ok));
        assert!(
            outcomes[4..]
                .iter()
                .all(|outcome| *outcome == Err(Refusal::Limit))
        );
        assert_only_refusal(device, 0, Refusal::Limit, 996);
        assert_eq!(device.status(0).unwrap().counters.floods, 1);
        let reported = entries(device, 0)
            .into_iter()
            .filter(|entry| entry.event.refusal.is_some());
        assert_eq!(
            reported.map(|entry| entry.repeated).collect::<Vec<_>>(),
            [0],
            "reported once"
        );
        assert_eq!(
            write(Ticks::from_milliseconds(1)),
            Ok(()),
            "a thousand in a second are allowed"
        );
        assert_eq!(write(Ticks::from_milliseconds(1)), Err(Refusal::Limit));
        assert_eq!(
            device.status(0).unwrap().counters.floods,
            1,
            "still the same flood"
        );
        assert_eq!(
            write(Ticks::from_milliseconds(5)),
            Ok(()),
            "it ends with the period"
        );
        assert_eq!(
            device.vf_read(0, 0, 16).map(drop),
            Ok(()),
            "reads are not limited"
        );
    });
}

/// A refused message has still used its token.
#[test]
fn flood_of_bad_writes() {
    with_device(&limited(4), 1, |device| {
        for _ in 0..10 {
            device.vf_write(0, 2, &[0; 5]).unwrap_err();
        }
        assert_eq!(refused(device, 0, Refusal::Length), 4);
        assert_eq!(refused(device, 0, Refusal::Limit), 6);
    });
}

#[test]
fn a_vf_is_never_disabled_for_bad_writes() {
    with_device(CONTOSO, 1, |device| {
        for _ in 0..10_000 {
            device.vf_write(0, 0, &[0xFF; 16]).unwrap_err();
        }
        device.vf_write(0, 0, &control(1, 1, 1)).unwrap();
    });
}

#[test]
fn stream_never_drained() {
    with_device(CONTOSO, 1, |device| {
        for number in 0..3 {
            device.vf_write(0, 3, &[number, number]).unwrap();
        }
        for _ in 0..100 {
            assert_eq!(device.vf_write(0, 3, &[3, 3]), Err(Refusal::Full));
        }
        assert_only_refusal(device, 0, Refusal::Full, 100);
        assert_eq!(device.block_status(0, 3).unwrap().queued, 3);
        let drained = device.host_drain(0, 3).unwrap();
        assert_eq!(
            drained.iter().map(|message| message[0]).collect::<Vec<_>>(),
            [0, 1, 2]
        );
        for number in 0..10 {
            device.vf_write(0, 70, &[number, 0]).unwrap();
        }
        assert_eq!(device.host_drain(0, 70), Ok(vec![vec![8, 0], vec![9, 0]]));
        assert_eq!(device.block_status(0, 70).unwrap().counters.dropped, 8);
        assert_eq!(device.status(0).unwrap().counters.dropped, 8);
    });
}

/// A flood of one VF does not affect another, and an operation on one VF runs while another VF's
/// lock is held.
#[test]
fn one_vf_starving_the_others() {
    with_device(&limited(4), 2, |device| {
        for _ in 0..1000 {
            let _ = device.vf_write(0, 2, &[1]);
        }
        for _ in 0..4 {
            device.vf_write(1, 2, &[1]).unwrap();
        }
        device.invalidate(0, 1, NOW).without_waiters().unwrap();
        let beside = device.hand_over_invalidation(0, || Some(device.vf_read(1, 0, 16)));
        assert!(matches!(beside, Some((Ok(_), 1))));
    });
}

#[test]
fn invalidation_storm() {
    with_device(CONTOSO, 1, |device| {
        for _ in 0..100_000 {
            device.invalidate(0, 0b11, NOW).without_waiters().unwrap();
        }
        assert_eq!(device.take_invalidation(0, NOW).without_waiters(), Ok(0b11));
        assert_eq!(device.take_invalidation(0, NOW).without_waiters(), Ok(0));
    });
}

#[test]
fn invalidation_with_nobody_listening() {
    with_device(CONTOSO, 1, |device| {
        device
            .invalidate(0, 1 << 63, NOW)
            .without_waiters()
            .unwrap();
        let taken = device.hand_over_invalidation(0, || None::<()>);
        assert_eq!(taken, None);
        device.host_publish(0, 0, &[0; 16]).unwrap();
        assert_eq!(
            device.hand_over_invalidation(0, || Some(7)),
            Some((7, 1 << 63 | 1))
        );
        let asked =
            device.hand_over_invalidation(0, || -> Option<()> { panic!("nothing is latched") });
        assert_eq!(asked, None);
    });
}

/// Data for all VFs stays pending for a VF that is held back, and a query in that state is not a
/// refusal.
#[test]
fn invalidation_during_a_reset() {
    with_device(CONTOSO, 1, |device| {
        device
            .begin_reset(0, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
        device.invalidate_all(1, NOW).without_waiters().unwrap();
        assert_eq!(device.hand_over_invalidation(0, || Some(())), None);
        assert_eq!(device.status(0).unwrap().counters.refused_in_all(), 0);
        device.finish_reset(0, NOW).without_waiters().unwrap();
        assert_eq!(device.hand_over_invalidation(0, || Some(())), Some(((), 1)));
    });
}

#[test]
fn invalidation_of_what_cannot_be_invalidated() {
    with_device(CONTOSO, 1, |device| {
        for mask in [1 << 4, 1 << 62, u64::MAX, 0b1_0001] {
            assert_eq!(
                device.invalidate(0, mask, NOW).without_waiters(),
                Err(Refusal::Invalidate)
            );
            assert_eq!(
                device.invalidate_all(mask, NOW).without_waiters(),
                Err(Refusal::Invalidate)
            );
        }
        assert_eq!(device.take_invalidation(0, NOW).without_waiters(), Ok(0));
        // Block 70 exists, but has no bit: 1 << (70 - 64) would be block 6.
        assert_eq!(
            device.invalidate(0, 1 << 6, NOW).without_waiters(),
            Err(Refusal::Invalidate)
        );
    });
}
