//! A write that the companion handles against other operations, in every order that loom can find.
//! The VF's lock is free during the companion's call, so the others can come at any step.

use std::sync::OnceLock;

use block_broker::ResetBy;
use loom::thread::spawn;
use pf_broker_abi::Refusal;

use super::shell::{Calls, NOW, compile, image};
use super::{Device, every_order_on, withdrawn, written_behind_reset};

const MANIFEST: &str = r#"
[device]
name = "handing"
vendor-id = 0x1414
device-id = 0xB003
max-vfs = 1

[[block]]
id = 0
name = "queue"
vf-access = "read-write"
length = 3
companion = "write"
require = ["wanted <= limit"]

[[block.field]]
name = "wanted"
type = "u8"

[[block.field]]
name = "limit"
type = "u8"
owner = "pf"
default = 10

[[block.field]]
name = "turn"
type = "u8"
sequence = "strict"
"#;

/// `STATUS_SUCCESS`, the answer that accepts.
const ACCEPTED: u32 = 0;
/// Wanted, limit and turn of a block that nothing was written to.
const DEFAULT: [u8; 3] = [0, 10, 0];

fn every_order(test: impl Fn(Device) + Sync + Send + 'static) {
    static TABLE: OnceLock<Vec<u8>> = OnceLock::new();
    every_order_on(TABLE.get_or_init(|| compile(MANIFEST)), 1, test);
}

/// How a write went: the block that the companion was called with, if it was called, and the
/// result.
struct Handed {
    block: Option<[u8; 3]>,
    result: Result<(), Refusal>,
}

/// The steps of the driver around the call of a companion that accepts after `inside`.
fn write(device: Device, wanted: u8, turn: u8, inside: impl FnOnce()) -> Handed {
    let sent = image(&[wanted, 0, turn]);
    let begun = device
        .begin_write(Ok(()), 0, 0, 3, &sent, NOW)
        .without_waiters();
    let pending = match begun {
        Ok(begun) => begun.pending().expect("the companion handles it"),
        Err(refusal) => {
            return Handed {
                block: None,
                result: Err(refusal),
            };
        }
    };
    let block = pending.data().try_into().ok();
    inside();
    Handed {
        block,
        result: pending.finish(ACCEPTED, NOW).without_waiters(),
    }
}

fn look(device: Device) -> [u8; 3] {
    let block = device.host_sees(0, 0, 3).unwrap();
    block.try_into().unwrap()
}

#[test]
fn a_handed_write_against_publish_loses_neither() {
    every_order(|device| {
        let writer = spawn(move || write(device, 3, 1, || {}));
        assert_eq!(device.host_publish(0, 0, &[0, 7, 0]), Ok(false));
        let written = writer.join().unwrap();
        assert_eq!(written.result, Ok(()));
        let handed = written.block.expect("it was handed over");
        assert!(matches!(handed, [3, 7 | 10, 1]), "{handed:?}");
        assert_eq!(look(device), [3, 7, 1]);
        assert_eq!(device.revision(0, 0), Ok(2));
    });
}

/// The companion has accepted what a publish of the host forbids before the commit, or after it.
#[test]
fn a_handed_write_against_a_publish_that_it_contradicts() {
    every_order(|device| {
        let writer = spawn(move || write(device, 3, 1, || {}));
        assert!(
            device.host_publish(0, 0, &[0, 2, 0]).is_ok(),
            "the host wins"
        );
        let written = writer.join().unwrap();
        assert_eq!(look(device), [0, 2, 0]);
        match written.result {
            Ok(()) => assert_eq!(withdrawn(device, 0), 1),
            Err(Refusal::Require) => assert_eq!(withdrawn(device, 0), 0),
            Err(refusal) => panic!("{refusal}"),
        }
        if let Some(handed) = written.block {
            assert_eq!(
                handed,
                [3, 10, 1],
                "the companion gets what the rules accept"
            );
        } else {
            assert_eq!(written.result, Err(Refusal::Require));
        }
    });
}

/// The companion publishes inside the call, and another publish comes beside it.
#[test]
fn a_response_inside_the_call_against_publish() {
    every_order(|device| {
        let writer = spawn(move || {
            write(device, 3, 1, || {
                device.host_publish(0, 0, &[0, 8, 0]).unwrap();
            })
        });
        device.host_publish(0, 0, &[0, 7, 0]).unwrap();
        assert_eq!(writer.join().unwrap().result, Ok(()));
        let block = look(device);
        assert!(matches!(block, [3, 7 | 8, 1]), "{block:?}");
        assert_eq!(device.revision(0, 0), Ok(3), "three commits");
    });
}

/// The limit that the companion sees tells the tenants apart: the first one has 7.
#[test]
fn a_handed_write_against_reset_is_of_one_tenant() {
    every_order(|device| {
        device.host_publish(0, 0, &[0, 7, 0]).unwrap();
        let writer = spawn(move || write(device, 3, 1, || {}));
        device
            .begin_reset(0, ResetBy::Host, NOW)
            .without_waiters()
            .unwrap();
        device.finish_reset(0, NOW).without_waiters().unwrap();
        let written = writer.join().unwrap();
        let is_behind = written_behind_reset(device);
        match (written.block, written.result) {
            (Some([3, 7, 1]), Ok(()) | Err(Refusal::State)) => {
                assert!(!is_behind, "the next tenant has a write of the first");
            }
            (Some([3, 10, 1]), Ok(())) => assert!(is_behind),
            (None, Err(Refusal::State)) => assert!(!is_behind),
            (handed, result) => panic!("{handed:?} ends with {result:?}"),
        }
        let expected = if is_behind { [3, 10, 1] } else { DEFAULT };
        assert_eq!(look(device), expected);
    });
}

/// A turn that only the next tenant may begin with is handed over for it alone.
#[test]
fn a_handed_write_that_only_a_reset_allows() {
    every_order(|device| {
        assert_eq!(write(device, 3, 9, || {}).result, Ok(()));
        let writer = spawn(move || write(device, 4, 5, || {}));
        device.reset(0, NOW).without_waiters().unwrap();
        let written = writer.join().unwrap();
        match (written.block, written.result) {
            (Some([4, 10, 5]), Ok(())) => assert_eq!(look(device), [4, 10, 5]),
            (None, Err(Refusal::State | Refusal::Sequence)) => assert_eq!(look(device), DEFAULT),
            (handed, result) => panic!("{handed:?} ends with {result:?}"),
        }
    });
}

#[test]
fn a_handed_write_against_removal() {
    every_order(|device| {
        let writer = spawn(move || write(device, 3, 1, || {}));
        device.remove(NOW).without_waiters();
        let writes = || device.status(0).unwrap().counters.writes;
        let committed = writes();
        let result = writer.join().unwrap().result;
        assert_eq!(
            writes(),
            committed,
            "nothing is committed behind the removal"
        );
        assert_eq!(result.is_ok(), committed == 1);
        assert!(matches!(result, Ok(()) | Err(Refusal::Removed)));
    });
}
