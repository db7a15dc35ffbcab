//! The acknowledgement of a reset against other operations, in every order that loom can find.

use std::sync::OnceLock;

use block_broker::Ticks;
use loom::thread::spawn;
use pf_broker_abi::{Operation, Refusal, Service};

use super::shell::{CONTOSO, Calls, NOW, compile, events};
use super::{DEFAULT, Device, control, every_order_on};

/// A time after every deadline.
const LATER: Ticks = Ticks(u64::MAX);

/// Runs `test` for each order on a VF that was reset once and waits for an acknowledgement.
fn every_order_of_a_waiting_vf(test: impl Fn(Device) + Sync + Send + 'static) {
    static TABLE: OnceLock<Vec<u8>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let keys = "reset = \"acknowledged\"\n\n[limits]";
        compile(&CONTOSO.replacen("\n[limits]", keys, 1))
    });
    every_order_on(table, 1, move |device| {
        device.reset(0, NOW).without_waiters().unwrap();
        test(device);
    });
}

fn service(device: Device) -> Service {
    device.status(0).unwrap().service
}

#[test]
fn acknowledge_against_write() {
    every_order_of_a_waiting_vf(|device| {
        let writer = spawn(move || device.vf_write(0, 0, &control(1, 3)));
        device.acknowledge(0, 1, NOW).without_waiters().unwrap();
        let written = writer.join().unwrap();
        assert!(
            matches!(written, Ok(()) | Err(Refusal::State)),
            "{written:?}"
        );
        let operations: Vec<_> = events(device, 0)
            .into_iter()
            .filter(|event| event.refusal.is_none())
            .map(|event| event.operation)
            .collect();
        let after_reset = match written {
            Ok(()) => vec![Operation::Acknowledge, Operation::Write],
            Err(_) => vec![Operation::Acknowledge],
        };
        assert_eq!(operations[2..], after_reset, "no write precedes it");
    });
}

/// The acknowledgement of a reset never serves a VF that was reset again.
#[test]
fn acknowledge_against_reset_and_write() {
    every_order_of_a_waiting_vf(|device| {
        let resetter = spawn(move || device.reset(0, NOW).without_waiters().unwrap());
        let writer = spawn(move || device.vf_write(0, 0, &control(1, 3)));
        let acknowledged = device.acknowledge(0, 1, NOW).without_waiters();
        resetter.join().unwrap();
        let written = writer.join().unwrap();
        match acknowledged {
            Ok(()) => assert!(
                matches!(written, Ok(()) | Err(Refusal::State)),
                "{written:?}"
            ),
            Err(Refusal::State | Refusal::Changed) => assert_eq!(written, Err(Refusal::State)),
            Err(refusal) => panic!("{refusal}"),
        }
        assert_eq!(service(device), Service::Unacknowledged);
        let left = device.host_sees(0, 0, 16).unwrap();
        assert_eq!((left[0], left[2], left[8]), DEFAULT, "all is wiped");
    });
}

#[test]
fn acknowledge_against_the_time_limit() {
    every_order_of_a_waiting_vf(|device| {
        let expiring = spawn(move || {
            let mut served = 0;
            assert_eq!(device.expire(LATER, |_, _| served += 1), None);
            served
        });
        let acknowledged = device.acknowledge(0, 1, NOW).without_waiters();
        let expired = expiring.join().unwrap();
        assert_eq!(acknowledged.err(), (expired == 1).then_some(Refusal::State));
        assert_eq!(service(device), Service::Open);
    });
}

#[test]
fn the_time_limit_against_reset() {
    every_order_of_a_waiting_vf(|device| {
        let resetter = spawn(move || device.reset(0, LATER).without_waiters().unwrap());
        let before = Ticks(LATER.0 - 1);
        let next = device.expire(before, |_, _| {});
        let deadline = resetter.join().unwrap();
        assert!(next.is_none() || next == deadline, "{next:?}");
        assert_eq!(service(device), Service::Unacknowledged);
        assert_eq!(device.expire(before, |_, _| {}), deadline);
    });
}
