//! i40e 4e20655 of Linux, CVE-2026-74312: wrong replies.

use super::*;

#[test]
fn failure_reported_as_success() {
    assert!(
        Refusal::ALL
            .iter()
            .all(|refusal| refusal.status() >> 30 == 3),
        "each is an NTSTATUS error"
    );
    with_device(CONTOSO, 1, |device| {
        let before = device.vf_read(0, 0, 16).unwrap();
        let revision = device.revision(0, 0);
        device.vf_write(0, 0, &control(6, 0, 0)).unwrap_err();
        device.vf_write(0, 0, &control(0, 4, 0)).unwrap_err();
        assert_eq!(device.vf_read(0, 0, 16).unwrap(), before);
        assert_eq!(device.revision(0, 0), revision);
        assert_eq!(device.status(0).unwrap().counters.writes, 0);
        device.vf_write(0, 0, &control(5, 0, 0)).unwrap();
        assert_eq!(device.revision(0, 0), revision.map(|revision| revision + 1));
    });
}

#[test]
fn torn_read() {
    with_device(CONTOSO, 1, |device| {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for byte in 0..2000_u32 {
                    device.vf_write(0, 63, &signed((byte % 251) as u8)).unwrap();
                }
            });
            for _ in 0..2000 {
                let value = device.vf_read(0, 63, 128).unwrap();
                let (first, payload) = (value[4], &value[4..124]);
                assert!(payload.iter().all(|byte| *byte == first), "{value:?}");
            }
        });
    });
}

/// The memory was full of other bytes when the VF was made.
#[test]
fn bytes_never_initialised() {
    with_device(CONTOSO, 2, |device| {
        for vf in 0..2 {
            assert_eq!(device.vf_read(vf, 0, 128).unwrap()[2..], [0; 126]);
            assert_eq!(device.vf_read(vf, 1, 128).unwrap(), [0; 128]);
            assert_eq!(device.host_sees(vf, 2, 128).unwrap(), [0; 128]);
            device.vf_write(vf, 3, &[1, 1]).unwrap();
            assert_eq!(device.host_drain(vf, 3), Ok(vec![vec![1, 1]]));
        }
    });
}

/// Reads and writes of host software follow the same length rules as the VF's.
#[test]
fn a_check_present_on_one_surface_and_missing_on_its_twin() {
    with_device(CONTOSO, 1, |device| {
        for length in [0, 1, 15, 129, u32::MAX] {
            let mut reply = [0; 128];
            assert_eq!(
                device.read(0, 0, length, &mut reply, NOW).without_waiters(),
                device
                    .host_read(0, 0, length, &mut reply, NOW)
                    .without_waiters()
                    .map(drop)
            );
            let written = device.write(0, 0, length, &[0; 128], NOW).without_waiters();
            assert_eq!(
                written,
                device
                    .publish(0, 0, length, &[0; 128], None, NOW)
                    .without_waiters()
                    .map(drop)
            );
            assert_eq!(
                written,
                device
                    .publish_all(0, length, &[0; 128], NOW)
                    .without_waiters()
                    .map(drop)
            );
        }
    });
}
