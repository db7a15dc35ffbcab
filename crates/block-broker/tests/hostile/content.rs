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

#[test]
fn a_leading_checksum_of_more_or_less_than_was_sent() {
    const LEADING: &str = r#"
        [device]
        name = "leading"
        vendor-id = 0x1414
        device-id = 0xB003
        max-vfs = 2
        [[block]]
        id = 0
        name = "guest"
        vf-access = "read-write"
        min-length = 4
        max-length = 32
        [[block.field]]
        name = "sum"
        type = "u32"
        check = { crc32 = "rest" }
        [[block.field]]
        name = "data"
        type = "bytes[28]"
        [[block]]
        id = 1
        name = "host"
        vf-access = "read-only"
        min-length = 4
        max-length = 32
        [[block.field]]
        name = "sum"
        type = "u32be"
        check = { crc32 = "rest" }
        [[block.field]]
        name = "data"
        type = "bytes[28]"
    "#;
    let sum = |bytes: &[u8]| crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes);
    with_device(LEADING, 2, |device| {
        for length in 0..=28 {
            let data = vec![0xA5; length];
            let guest = [&sum(&data).to_le_bytes(), &data[..]].concat();
            assert_eq!(device.vf_write(0, 0, &guest), Ok(()), "{length}");
            let host = [&sum(&data).to_be_bytes(), &data[..]].concat();
            assert_eq!(device.host_publish(0, 1, &host), Ok(false), "{length}");
            assert_eq!(device.host_publish_all(1, &host), Ok(false), "{length}");
            // The sum of what is stored, which zeros follow, is not that of what was sent.
            if length < 28 {
                let mut padded = data.clone();
                padded.resize(28, 0);
                let guest = [&sum(&padded).to_le_bytes(), &data[..]].concat();
                let host = [&sum(&padded).to_be_bytes(), &data[..]].concat();
                let refused = Refusal::Checksum;
                assert_eq!(device.vf_write(0, 0, &guest), Err(refused), "{length}");
                assert_eq!(device.host_publish(0, 1, &host), Err(refused));
                assert_eq!(device.host_publish_all(1, &host), Err(refused));
            }
        }
    });
}

/// Lengths that stop the walk through a list, lead out of it, or meet the middle of another entry.
#[test]
fn lengths_of_entries_that_lead_nowhere() {
    const LISTS: &str = include_str!("../../../../tests/manifests/lists.toml");
    with_device(LISTS, 1, |device| {
        let mut refused = 0;
        for length in 0..=u16::MAX {
            // The tag of an entry that is skipped, whatever its length.
            let mut bytes = [0; 48];
            bytes[4..8].copy_from_slice(&[9, 0x80, 0, 0]);
            bytes[6..8].copy_from_slice(&length.to_le_bytes());
            // The last two bytes of the block are the last place for the end.
            let fits = (4..=42).contains(&length);
            let expected = if fits { Ok(()) } else { Err(Refusal::List) };
            refused += u64::from(!fits);
            assert_eq!(device.vf_write(0, 0, &bytes), expected, "{length}");
        }
        assert_only_refusal(device, 0, Refusal::List, refused);
        // An entry whose value looks like others, up to one that is unknown.
        let mut bytes = [0; 48];
        bytes[4..16].copy_from_slice(&[9, 0x80, 8, 0, 5, 0, 4, 0, 5, 0, 4, 0]);
        assert_eq!(device.vf_write(0, 0, &bytes), Err(Refusal::List));
        bytes[6] = 12;
        assert_eq!(device.vf_write(0, 0, &bytes), Ok(()));
    });
}
