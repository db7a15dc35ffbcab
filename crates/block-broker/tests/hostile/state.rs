//! CVE-2025-39969, CVE-2025-40104: messages in unexpected states.

use super::*;
use block_broker::ResetBy;

#[test]
fn before_enabling() {
    with_device(CONTOSO, 0, |device| {
        assert_eq!(device.vf_read(0, 0, 16), Err(Refusal::Vf));
        assert_eq!(device.vf_write(0, 0, &control(0, 0, 0)), Err(Refusal::Vf));
        let (changes, _) = list(device, Kinds::ALL, &ChangesCookie::default(), usize::MAX);
        assert_eq!(changes, []);
    });
}

#[test]
fn in_the_wrong_direction() {
    with_device(CONTOSO, 1, |device| {
        assert_eq!(device.vf_write(0, 1, &[0; 8]), Err(Refusal::Access));
        assert_eq!(device.vf_read(0, 2, 4), Err(Refusal::Access));
        assert_eq!(device.vf_read(0, 3, 6), Err(Refusal::Access));
        assert_only_refusal(device, 0, Refusal::Access, 3);
        assert_eq!(device.host_sees(0, 3, 6), Err(Refusal::Kind));
        assert_eq!(device.host_publish(0, 3, &[0; 6]), Err(Refusal::Kind));
        assert_eq!(device.host_publish_all(3, &[0; 6]), Err(Refusal::Kind));
        assert_eq!(device.host_drain(0, 0), Err(Refusal::Kind));
        assert_eq!(device.host_refusals(Refusal::Kind), 4);
        assert_only_refusal(device, 0, Refusal::Access, 3);
    });
}

fn everything_is(device: &Device<'_>, refusal: Refusal) {
    let before = device.status(0).unwrap();
    let host_before = device.host_refusals(refusal);
    assert_eq!(device.vf_read(0, 0, 16), Err(refusal));
    assert_eq!(device.vf_write(0, 0, &control(1, 1, 9)), Err(refusal));
    assert_eq!(device.vf_write(0, 3, &[1, 1]), Err(refusal));
    assert_eq!(device.host_sees(0, 0, 16), Err(refusal));
    assert_eq!(device.host_publish(0, 0, &[0; 16]), Err(refusal));
    assert_eq!(device.host_drain(0, 3), Err(refusal));
    assert_eq!(device.invalidate(0, 1, NOW).without_waiters(), Err(refusal));
    assert_eq!(
        device.take_invalidation(0, NOW).without_waiters(),
        Err(refusal)
    );
    let after = device.status(0).unwrap();
    assert_eq!(
        after.counters.refused(refusal),
        before.counters.refused(refusal) + 4,
        "what the VF tried"
    );
    assert_eq!(device.host_refusals(refusal), host_before + 4);
    assert_eq!(after.pending, before.pending);
    assert_eq!(after.service, Service::Held);
}

#[test]
fn during_reset() {
    with_device(CONTOSO, 2, |device| {
        device
            .begin_reset(0, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
        everything_is(device, Refusal::State);
        device
            .vf_write(1, 0, &control(1, 1, 1))
            .expect("the other VF is served");
        device.finish_reset(0, NOW).without_waiters().unwrap();
        device
            .vf_write(0, 0, &control(1, 1, 1))
            .expect("the VF is served again");
    });
}

#[test]
fn behind_a_reset_that_failed() {
    with_device(CONTOSO, 1, |device| {
        device
            .begin_reset(0, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
        device.fail_reset(0, NOW).without_waiters().unwrap();
        everything_is(device, Refusal::State);
        device
            .reset(0, NOW)
            .without_waiters()
            .expect("another reset may succeed");
        assert_eq!(device.status(0).unwrap().service, Service::Open);
    });
}

/// One VF that cannot be reset must not block a publish or an invalidation to all VFs; it gets both
/// when it is served again.
#[test]
fn publish_to_all_beside_a_reset_that_failed() {
    with_device(CONTOSO, 2, |device| {
        device.vf_write(0, 0, &control(4, 0, 0)).unwrap();
        device
            .begin_reset(0, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
        device.fail_reset(0, NOW).without_waiters().unwrap();
        let mut two = [0; 16];
        two[0] = 2;
        assert_eq!(
            device.host_publish_all(0, &two),
            Ok(true),
            "what the VF wrote is wiped and forbids nothing"
        );
        assert_eq!(device.invalidate_all(0b10, NOW).without_waiters(), Ok(()));
        assert_eq!(device.take_invalidation(1, NOW).without_waiters(), Ok(0b11));
        device.finish_reset(0, NOW).without_waiters().unwrap();
        assert_eq!(device.vf_read(0, 0, 16), Ok(two.to_vec()));
        assert_eq!(device.take_invalidation(0, NOW).without_waiters(), Ok(0b11));
    });
}

#[test]
fn during_removal() {
    with_device(CONTOSO, 1, |device| {
        device.remove(NOW).without_waiters();
        everything_is(device, Refusal::Removed);
        assert_eq!(device.host_publish_all(0, &[0; 16]), Err(Refusal::Removed));
        assert_eq!(device.invalidate_all(1, NOW).without_waiters(), Ok(()));
        device.invalidate_notifying(NOW).without_waiters();
        assert_eq!(device.status(0).unwrap().pending, 0);
        assert_eq!(
            device.begin_reset(0, ResetBy::Host, NOW).without_waiters(),
            Err(Refusal::Removed)
        );
        assert_eq!(
            device.finish_reset(0, NOW).without_waiters(),
            Err(Refusal::Removed)
        );
        assert_eq!(
            device.set_power(0, PowerState::D3, NOW).without_waiters(),
            Err(Refusal::Removed)
        );
    });
}

#[test]
fn in_d3() {
    with_device(CONTOSO, 1, |device| {
        device
            .set_power(0, PowerState::D3, NOW)
            .without_waiters()
            .unwrap();
        device.vf_write(0, 0, &control(1, 1, 1)).unwrap();
        assert_eq!(device.vf_read(0, 0, 16).unwrap()[2], 1);
        assert_eq!(device.status(0).unwrap().power, PowerState::D3);
    });
}

#[test]
fn a_reset_puts_a_vf_into_d0() {
    with_device(CONTOSO, 2, |device| {
        for state in [PowerState::D1, PowerState::D2, PowerState::D3] {
            for vf in 0..2 {
                device.set_power(vf, state, NOW).without_waiters().unwrap();
            }
            device
                .begin_reset(0, ResetBy::Host, NOW)
                .without_waiters()
                .unwrap();
            assert_eq!(device.status(0).unwrap().power, PowerState::D0);
            device.finish_reset(0, NOW).without_waiters().unwrap();
            assert_eq!(device.status(0).unwrap().power, PowerState::D0);
            assert_eq!(device.status(1).unwrap().power, state);
        }
    });
}

#[test]
fn when_the_hardware_was_reset_each_notifying_block_is_invalidated() {
    with_device(CONTOSO, 3, |device| {
        // One VF is held back meanwhile.
        device
            .begin_reset(1, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
        device.invalidate(2, 0b10, NOW).without_waiters().unwrap();
        device.invalidate_notifying(NOW).without_waiters();
        device.finish_reset(1, NOW).without_waiters().unwrap();
        assert_eq!(device.take_invalidation(0, NOW).without_waiters(), Ok(1));
        assert_eq!(device.take_invalidation(1, NOW).without_waiters(), Ok(1));
        assert_eq!(device.take_invalidation(2, NOW).without_waiters(), Ok(0b11));
    });
}

#[test]
fn read_before_any_write() {
    with_device(CONTOSO, 1, |device| {
        let mut default = vec![0; 16];
        default[0] = 5;
        assert_eq!(device.vf_read(0, 0, 16), Ok(default));
        assert_eq!(device.vf_read(0, 1, 8), Ok(vec![0; 8]));
    });
}

/// fadead80 of Linux: what one tenant wrote must not be read by the next.
#[test]
fn use_after_reset() {
    with_device(CONTOSO, 1, |device| {
        device
            .host_publish(0, 0, &[9; 2].into_iter().chain([0; 14]).collect::<Vec<_>>())
            .unwrap();
        device.host_publish(0, 1, &[9; 8]).unwrap();
        device.host_publish(0, 63, &[9; 128]).unwrap();
        device.vf_write(0, 0, &control(7, 3, 100)).unwrap();
        device.vf_write(0, 2, &[8; 4]).unwrap();
        device.vf_write(0, 63, &signed(8)).unwrap();
        device.vf_write(0, 3, &[100, 200]).unwrap();
        device.vf_write(0, 70, &[8, 8]).unwrap();
        device.invalidate(0, 0b11, NOW).without_waiters().unwrap();
        device.reset(0, NOW).without_waiters().unwrap();
        let mut control_default = vec![0; 16];
        control_default[0] = 5;
        assert_eq!(device.vf_read(0, 0, 16), Ok(control_default));
        assert_eq!(device.vf_read(0, 1, 8), Ok(vec![9; 8]), "on-reset = keep");
        assert_eq!(device.host_sees(0, 2, 4), Ok(vec![0; 4]));
        let signed = device.vf_read(0, 63, 128).unwrap();
        assert_eq!(
            (&signed[..4], &signed[4..]),
            ([9; 4].as_slice(), [0; 124].as_slice())
        );
        assert_eq!(device.host_drain(0, 3), Ok(vec![]));
        assert_eq!(device.host_drain(0, 70), Ok(vec![]));
        assert_eq!(device.take_invalidation(0, NOW).without_waiters(), Ok(0));
        device
            .vf_write(0, 0, &control(0, 0, 1))
            .expect("a sequence begins anywhere after a reset");
        device.vf_write(0, 3, &[0, 0]).expect("in a stream too");
    });
}
