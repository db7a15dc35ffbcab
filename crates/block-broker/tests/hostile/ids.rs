//! CVE-2025-39970, CVE-2025-39971, CVE-2025-39972: indexes taken from a guest unchecked.

use block_broker::{Broker, Newest, ResetBy, Vf, VfLock};
use block_table::Table;

use super::*;
use crate::shell::compile;

#[test]
fn unknown_block() {
    with_device(CONTOSO, 1, |device| {
        for block in [4, 62, 64, 69, 71] {
            assert_eq!(device.vf_read(0, block, 16), Err(Refusal::Block));
            assert_eq!(device.vf_write(0, block, &[0; 16]), Err(Refusal::Block));
            assert_eq!(device.host_sees(0, block, 16), Err(Refusal::Block));
            assert_eq!(device.host_publish(0, block, &[0; 16]), Err(Refusal::Block));
            assert_eq!(
                device.host_publish_all(block, &[0; 16]),
                Err(Refusal::Block)
            );
            assert_eq!(device.host_drain(0, block), Err(Refusal::Block));
        }
        assert_only_refusal(device, 0, Refusal::Block, 5 * 2);
        assert_eq!(device.host_refusals(Refusal::Block), 5 * 4);
    });
}

#[test]
fn block_id_that_is_the_number_of_blocks() {
    with_device(CONTOSO, 1, |device| {
        let count = u32::try_from(device.table().block_count()).unwrap();
        assert_eq!(device.vf_read(0, count, 16), Err(Refusal::Block));
        assert_eq!(device.vf_write(0, count, &[0; 16]), Err(Refusal::Block));
    });
}

#[test]
fn block_id_u32_max() {
    with_device(CONTOSO, 1, |device| {
        assert_eq!(device.vf_read(0, u32::MAX, 16), Err(Refusal::Block));
        assert_eq!(device.vf_write(0, u32::MAX, &[0; 16]), Err(Refusal::Block));
    });
}

#[test]
fn another_vfs_index_reaches_only_that_vf() {
    with_device(CONTOSO, 2, |device| {
        device.vf_write(0, 63, &signed(1)).unwrap();
        assert_eq!(device.vf_read(1, 63, 128).unwrap()[4..8], [0; 4]);
        device.vf_write(1, 63, &signed(2)).unwrap();
        assert_eq!(device.vf_read(0, 63, 128).unwrap()[4..8], [1; 4]);
        assert_eq!(device.vf_read(1, 63, 128).unwrap()[4..8], [2; 4]);
        assert_eq!(device.status(0).unwrap().counters.writes, 1);
    });
}

#[test]
fn vf_index_that_is_num_vfs() {
    no_such_vf(3, 3);
}

#[test]
fn vf_index_ffff() {
    no_such_vf(3, 0xFFFF);
}

#[test]
fn vf_that_is_not_enabled() {
    // The manifest allows four, two are enabled.
    no_such_vf(2, 2);
    no_such_vf(0, 0);
}

/// A VF that no test uses.
#[derive(Debug)]
struct Unused;

impl VfLock for Unused {
    fn with<R>(&self, _: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        unreachable!("there is no VF here")
    }

    fn newest(&self) -> &Newest {
        unreachable!("there is no VF here")
    }
}

#[test]
fn more_vfs_than_the_manifest_allows() {
    let compiled = compile(CONTOSO);
    let table = Table::verify(&compiled).unwrap();
    let five = [const { Unused }; 5];
    assert_eq!(Broker::new(table, &five[..4]).unwrap().vf_count(), 4);
    let refused = Broker::new(table, &five).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "5 VFs are more than the 4 that `max-vfs` of the manifest allows"
    );
}

fn no_such_vf(vfs: usize, vf: u16) {
    with_device(CONTOSO, vfs, |device| {
        assert_eq!(device.vf_read(vf, 0, 16), Err(Refusal::Vf));
        assert_eq!(device.vf_write(vf, 0, &control(0, 0, 0)), Err(Refusal::Vf));
        assert_eq!(device.host_sees(vf, 0, 16), Err(Refusal::Vf));
        assert_eq!(device.host_publish(vf, 0, &[0; 16]), Err(Refusal::Vf));
        assert_eq!(
            device.invalidate(vf, 1, NOW).without_waiters(),
            Err(Refusal::Vf)
        );
        assert_eq!(
            device.take_invalidation(vf, NOW).without_waiters(),
            Err(Refusal::Vf)
        );
        assert_eq!(device.host_drain(vf, 3), Err(Refusal::Vf));
        assert_eq!(
            device.begin_reset(vf, ResetBy::Host, NOW).without_waiters(),
            Err(Refusal::Vf)
        );
        assert_eq!(
            device.finish_reset(vf, NOW).without_waiters(),
            Err(Refusal::Vf)
        );
        assert_eq!(
            device.fail_reset(vf, NOW).without_waiters(),
            Err(Refusal::Vf)
        );
        assert_eq!(
            device.set_power(vf, PowerState::D3, NOW).without_waiters(),
            Err(Refusal::Vf)
        );
        assert_eq!(device.host_refusals(Refusal::Vf), 11);
        assert_eq!(device.status(vf), Err(Refusal::Vf));
        assert_eq!(device.block_status(vf, 0), Err(Refusal::Vf));
        assert_eq!(device.journal(vf, 0, &mut []), Err(Refusal::Vf));
        for other in 0..u16::try_from(vfs).unwrap() {
            assert_eq!(device.status(other).unwrap().counters.refused_in_all(), 0);
        }
    });
}
