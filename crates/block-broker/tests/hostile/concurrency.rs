//! CVE-2024-53088: what happens at the same time. `loom.rs` goes through every order of two such
//! operations; here many of them meet on real processors.

use super::*;

#[test]
fn write_against_reset() {
    with_device(CONTOSO, 1, |device| {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..3000_u32 {
                    match device.vf_write(0, 63, &signed((number % 200) as u8 + 1)) {
                        Ok(()) | Err(Refusal::State) => {}
                        Err(refusal) => panic!("{refusal}"),
                    }
                }
            });
            for _ in 0..300 {
                device.begin_reset(0, NOW).unwrap();
                assert_eq!(device.vf_read(0, 63, 128), Err(Refusal::State));
                device.finish_reset(0, NOW).unwrap();
            }
        });
        device.reset(0, NOW).unwrap();
        assert_eq!(device.vf_read(0, 63, 128).unwrap()[4..], [0; 124]);
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
            scope.spawn(|| while !removed(device.reset(1, NOW)) {});
            std::thread::sleep(std::time::Duration::from_millis(5));
            device.remove(NOW);
            let changes = device.change_count();
            std::thread::sleep(std::time::Duration::from_millis(5));
            assert_eq!(
                device.change_count(),
                changes,
                "nothing is committed behind the removal"
            );
        });
    });
}
