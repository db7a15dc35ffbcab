use super::*;

#[test]
fn reserved_bytes_set() {
    with_device(CONTOSO, 1, |device| {
        for at in [6, 7, 12, 15] {
            let mut bytes = control(1, 1, 1);
            bytes[at] = 0x80;
            assert_eq!(device.vf_write(0, 0, &bytes), Err(Refusal::Reserved));
            assert_eq!(device.host_publish(0, 0, &bytes), Err(Refusal::Reserved));
        }
        assert_eq!(device.vf_read(0, 0, 16).unwrap()[2..], [0; 14]);
        assert_only_refusal(device, 0, Refusal::Reserved, 4);
        assert_eq!(device.host_refusals(Refusal::Reserved), 4);
    });
}

#[test]
fn value_out_of_an_enumeration() {
    with_device(RANGES, 1, |device| {
        let mut bytes = range(0, 0, 0);
        for opcode in 3..=255 {
            bytes[24] = opcode;
            assert_eq!(device.vf_write(0, 0, &bytes), Err(Refusal::Value));
        }
        bytes[24] = 2;
        assert_eq!(device.vf_write(0, 0, &bytes), Ok(()));
    });
}

#[test]
fn padding_that_is_not_zero() {
    with_device(RANGES, 1, |device| {
        let mut bytes = range(0, 0, 0);
        bytes[25..28].copy_from_slice(b"a\0b");
        assert_eq!(device.vf_write(0, 0, &bytes), Err(Refusal::Text));
        bytes[25..28].copy_from_slice(b"ab\0");
        assert_eq!(device.vf_write(0, 0, &bytes), Ok(()));
        bytes[23] = 1;
        assert_eq!(device.vf_write(0, 0, &bytes), Err(Refusal::Count));
        bytes[23] = 0;
        bytes[31] = 1;
        assert_eq!(device.vf_write(0, 0, &bytes), Err(Refusal::Reserved));
    });
}

#[test]
fn a_checksum_that_is_wrong() {
    with_device(CONTOSO, 1, |device| {
        for at in [0, 4, 123, 124, 127] {
            let mut bytes = signed(9);
            bytes[at] ^= 1;
            assert_eq!(device.vf_write(0, 63, &bytes), Err(Refusal::Checksum));
        }
        assert_eq!(device.vf_read(0, 63, 128).unwrap()[4..], [0; 124]);
        // Host software owns no checksum here, so its publish needs none.
        assert_eq!(device.host_publish(0, 63, &[1; 128]), Ok(false));
    });
}
