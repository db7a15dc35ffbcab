//! CVE-2024-53088: concurrent operations. `loom.rs` checks every order of two operations; these
//! tests run many on real processors.

use block_broker::ResetBy;
use std::sync::mpsc::channel;

use super::*;

/// The guest wrote one value before its VF is reset, and retries another one while the reset runs.
#[test]
fn write_against_reset() {
    const ROUNDS: u32 = 500;
    let (before, meanwhile) = (signed(1), signed(2));
    with_device(CONTOSO, 1, |device| {
        let look = || device.vf_read(0, 63, 128).map(|bytes| bytes[4..].to_vec());
        let (go, round) = channel();
        let (ready, written) = channel();
        let (done, outcome) = channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for () in round {
                    device.vf_write(0, 63, &before).unwrap();
                    ready.send(()).unwrap();
                    let mut refused = 0_u64;
                    while let Err(refusal) = device.vf_write(0, 63, &meanwhile) {
                        assert_eq!(refusal, Refusal::State);
                        refused += 1;
                    }
                    done.send(refused).unwrap();
                }
            });
            let mut refused_in_all = 0;
            for _ in 0..ROUNDS {
                go.send(()).unwrap();
                written.recv().unwrap();
                device
                    .begin_reset(0, ResetBy::Host, NOW)
                    .without_waiters()
                    .unwrap();
                let during = look();
                device.finish_reset(0, NOW).without_waiters().unwrap();
                let right_behind = look().unwrap();
                let refused = outcome.recv().unwrap();
                let at_last = look().unwrap();
                assert_eq!(during, Err(Refusal::State));
                for seen in [&right_behind, &at_last] {
                    assert!(
                        *seen == [0; 124] || *seen == meanwhile[4..],
                        "what was written before the reset is gone: {seen:?}"
                    );
                }
                assert!(
                    refused == 0 || at_last == meanwhile[4..],
                    "what was written behind the reset is kept"
                );
                refused_in_all += refused;
            }
            drop(go);
            let counters = device.status(0).unwrap().counters;
            assert_eq!(counters.writes, 2 * u64::from(ROUNDS));
            // Those of the guest's writes, and the one query during each reset.
            let held_back = refused_in_all + u64::from(ROUNDS);
            assert_eq!(counters.refused(Refusal::State), held_back);
        });
    });
}

#[test]
fn publish_against_write() {
    with_device(CONTOSO, 4, |device| {
        std::thread::scope(|scope| {
            for vf in 0..2_u16 {
                scope.spawn(move || {
                    for number in 0..2000_u32 {
                        device.vf_write(vf, 0, &control(0, 0, number)).unwrap();
                    }
                });
            }
            for command in 0..500_u16 {
                let mut bytes = [0; 16];
                bytes[..2].copy_from_slice(&command.to_le_bytes());
                assert_eq!(device.host_publish_all(0, &bytes), Ok(true));
                for vf in 0..4 {
                    assert_eq!(
                        device.vf_read(vf, 0, 16).unwrap()[..2],
                        command.to_le_bytes()
                    );
                }
            }
        });
        for vf in 0..2 {
            assert_eq!(
                device.vf_read(vf, 0, 16).unwrap()[8..12],
                1999_u32.to_le_bytes(),
                "no write was lost"
            );
            assert_eq!(device.status(vf).unwrap().counters.publishes, 500);
        }
    });
}

#[test]
fn remove_against_everything() {
    with_device(CONTOSO, 2, |device| {
        let removed = |result: Result<(), Refusal>| match result {
            Ok(()) | Err(Refusal::State) => false,
            Err(Refusal::Removed) => true,
            Err(refusal) => panic!("{refusal}"),
        };
        std::thread::scope(|scope| {
            scope.spawn(|| while !removed(device.vf_write(0, 2, &[1])) {});
            scope.spawn(|| while !removed(device.vf_read(0, 0, 16).map(drop)) {});
            scope.spawn(|| while !removed(device.host_publish_all(0, &[0; 16]).map(drop)) {});
            scope.spawn(|| while !removed(device.reset(1, NOW).without_waiters().map(drop)) {});
            std::thread::sleep(std::time::Duration::from_millis(5));
            device.remove(NOW).without_waiters();
            let committed = |vf| device.status(vf).unwrap().counters.writes;
            let writes = [0, 1].map(committed);
            std::thread::sleep(std::time::Duration::from_millis(5));
            assert_eq!(
                [0, 1].map(committed),
                writes,
                "nothing is committed behind the removal"
            );
        });
    });
}
