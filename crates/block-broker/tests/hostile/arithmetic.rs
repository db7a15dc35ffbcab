//! CVE-2025-22118, CVE-2021-20203: sums and products that wrap.

use super::*;

#[test]
fn offset_plus_length_wraps() {
    with_device(RANGES, 1, |device| {
        assert_eq!(
            device.vf_write(0, 0, &range(u64::MAX, 1, 0)),
            Err(Refusal::Overflow)
        );
        assert_eq!(
            device.vf_write(0, 0, &range(1, u64::MAX, 0)),
            Err(Refusal::Overflow)
        );
        assert_eq!(
            device.vf_write(0, 0, &range(0x1_0000_0000, 1, 0)),
            Err(Refusal::Require)
        );
        assert_eq!(device.vf_write(0, 0, &range(0xFFFF_FFFF, 1, 0)), Ok(()));
        assert_eq!(refused(device, 0, Refusal::Overflow), 2);
    });
}

#[test]
fn count_times_size_overflows() {
    let manifest = RANGES.replace("\"offset + size <= 0x1_0000_0000\", ", "");
    with_device(&manifest, 1, |device| {
        assert_eq!(
            device.vf_write(0, 0, &range(0, 1 << 63, 2)),
            Err(Refusal::Overflow)
        );
        assert_eq!(device.vf_write(0, 0, &range(0, 1 << 63, 1)), Ok(()));
    });
}
