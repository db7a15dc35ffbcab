//! Each rule of the verifier refuses a table that breaks it, with its name and offset.

mod blocks;
mod changed;
mod context;
mod each;
mod expressions;
mod layouts;
mod lists;
mod rules;
mod signed;
#[path = "../source/mod.rs"]
mod source;
mod work;

use block_table::encode::{EncodeError, Source, seal};
use block_table::format::{self, Header};
use block_table::{Flaw, Table};
use changed::{block, changed, everything, header, record};
use source::{opaque, table};

#[test]
fn the_table_is_accepted_without_a_change() {
    assert_eq!(changed(|_, _| ()), Ok(()));
}

#[test]
fn the_header_is_what_it_says() {
    assert_eq!(Table::verify(&[0; 20]).unwrap_err().flaw, Flaw::TooShort);
    assert_eq!(
        Table::verify(&vec![0; block_table::MAX_TABLE_LENGTH + 1])
            .unwrap_err()
            .flaw,
        Flaw::TooLong
    );
    assert_eq!(
        Table::verify(&vec![0; block_table::MAX_TABLE_LENGTH])
            .unwrap_err()
            .flaw,
        Flaw::Magic
    );
    assert_eq!(
        header(|header| header.magic[7] = b'T'),
        Err((Flaw::Magic, 0))
    );
    assert_eq!(
        header(|header| header.version = 1.into()),
        Err((Flaw::Version, 8))
    );
    assert_eq!(
        header(|header| header.reserved = 1.into()),
        Err((Flaw::ReservedNotZero, 10))
    );
    let mut bytes = everything().encode().unwrap();
    bytes.push(0);
    assert_eq!(Table::verify(&bytes).unwrap_err().flaw, Flaw::Length);
    seal(&mut bytes);
    let error = Table::verify(&bytes).unwrap_err();
    assert_eq!(
        (error.flaw, error.offset),
        (Flaw::Sections, bytes.len() - 1),
        "where what is left over begins"
    );
    let mut bytes = everything().encode().unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let error = Table::verify(&bytes).unwrap_err();
    assert_eq!((error.flaw, error.offset), (Flaw::Crc, 16));
    assert_eq!(
        error.to_string(),
        "block table refused at byte 16: the CRC in the header is not that of the bytes"
    );
}

#[test]
fn the_device_ids_are_different_ones_and_nothing_lies_behind_them() {
    let refused = |change: &dyn Fn(&mut Header)| {
        let (flaw, offset) = header(change).expect_err("device IDs that the format does not have");
        assert_eq!((flaw, offset), (Flaw::DeviceIds, 22));
    };
    refused(&|header| header.device_id_count = 0);
    // One that is not counted.
    refused(&|header| header.device_id_count = 1);
    refused(&|header| header.device_ids[2] = 1.into());
    // One that is there twice.
    refused(&|header| header.device_ids[1] = header.device_ids[0]);
    refused(&|header| {
        header.device_id_count = 16;
        header.device_ids[15] = 1.into();
    });
    // More than there is room for.
    refused(&|header| header.device_id_count = 17);
    refused(&|header| header.device_id_count = u8::MAX);
    let sixteen = |header: &mut Header| {
        header.device_id_count = 16;
        for (id, place) in (7_u16..).zip(&mut header.device_ids) {
            place.set(id);
        }
    };
    assert!(header(sixteen).is_ok());
    // Zero is an ID like any other.
    let zero = |header: &mut Header| {
        header.device_ids = [0.into(); 16];
        header.device_id_count = 1;
    };
    assert!(header(zero).is_ok());
    let mut source = everything();
    source.device_ids = (0..17).collect();
    assert!(matches!(
        source.encode(),
        Err(EncodeError::TooMany("device IDs"))
    ));
}

#[test]
fn the_device_and_the_limits_are_in_range() {
    for max_vfs in [0, 4097] {
        assert_eq!(
            header(|header| header.max_vfs = max_vfs.into())
                .unwrap_err()
                .0,
            Flaw::MaxVfs
        );
    }
    for max_vfs in [1, 4096] {
        assert!(header(|header| header.max_vfs = max_vfs.into()).is_ok());
    }
    assert_eq!(
        header(|header| header.burst = 1.into()).unwrap_err().0,
        Flaw::Limits
    );
    assert_eq!(
        header(|header| header.writes_per_second = 1.into())
            .unwrap_err()
            .0,
        Flaw::Limits
    );
    assert!(
        header(|header| (header.writes_per_second, header.burst) = (1.into(), 1.into())).is_ok()
    );
    for timeout in [60_001, u16::MAX] {
        assert_eq!(
            header(|header| header.reset_timeout = timeout.into())
                .unwrap_err()
                .0,
            Flaw::ResetTimeout
        );
    }
    for timeout in [1, 60_000] {
        assert!(header(|header| header.reset_timeout = timeout.into()).is_ok());
    }
    assert_eq!(
        header(|header| header.name.length = 0.into())
            .unwrap_err()
            .0,
        Flaw::Name
    );
    assert_eq!(
        header(|header| header.name.start = u32::MAX.into())
            .unwrap_err()
            .0,
        Flaw::Name
    );
    assert!(
        header(|header| header.name.start = 1.into()).is_ok(),
        "names may overlap"
    );
    let with_name = |name: String| {
        Source {
            name,
            ..everything()
        }
        .encode()
    };
    assert!(with_name("x".repeat(63)).is_ok());
    assert!(with_name("x".repeat(64)).is_err());
    assert_eq!(
        changed(|bytes, _| *bytes.last_mut().unwrap() = 0xFF)
            .unwrap_err()
            .0,
        Flaw::Name,
        "not UTF-8"
    );
}

#[test]
fn sections_and_the_lookup_are_whole() {
    assert_eq!(
        header(|header| header.values = 9.into()).unwrap_err().0,
        Flaw::Sections
    );
    assert_eq!(
        header(|header| header.rules = u32::MAX.into())
            .unwrap_err()
            .0,
        Flaw::Sections
    );
    assert_eq!(
        header(|header| header.shift = 32).unwrap_err().0,
        Flaw::Lookup
    );
    for probes in [0, format::MAX_PROBES + 1] {
        assert_eq!(
            header(|header| header.probes = probes).unwrap_err().0,
            Flaw::Lookup
        );
    }
    let two_blocks =
        changed(|bytes, offsets| bytes[offsets.slots..offsets.slots + 2].copy_from_slice(&[2, 0]));
    assert_eq!(two_blocks.unwrap_err().0, Flaw::Slot, "they are 0 and 1");
    assert_eq!(
        changed(|bytes, offsets| bytes[offsets.slots..offsets.slots + 2].fill(0xFE))
            .unwrap_err()
            .0,
        Flaw::Slot
    );
    assert_eq!(
        changed(|bytes, offsets| bytes[offsets.slots..offsets.layouts].fill(0xFF))
            .unwrap_err()
            .0,
        Flaw::NotFound
    );
    assert_eq!(block(1, |block| block.id = 5.into()), Some(Flaw::NotFound));
    assert_eq!(
        table(Vec::new()).encode().unwrap_err().to_string(),
        "block table refused at byte 79: the number of blocks is not 1 to 1024"
    );
    // A slot more than a power of two, and blocks that are as many fewer bytes: the sections still
    // fill the table.
    let slots = changed(|bytes, _| {
        let header: &mut Header = record(bytes, 0);
        header.slots = (header.slots.get() + 64).into();
        header.images = (header.images.get() - 1).into();
    });
    assert_eq!(slots.unwrap_err().0, Flaw::SlotCount);
}

#[test]
fn every_flaw_has_a_sentence_of_its_own() {
    let sentences: std::collections::HashSet<_> =
        Flaw::ALL.iter().map(|flaw| flaw.sentence()).collect();
    assert_eq!(sentences.len(), Flaw::ALL.len());
}

#[test]
fn every_block_is_found_and_nothing_else() {
    for ids in [
        vec![0, 1, 2, 3],
        vec![7],
        vec![70, 0, u32::MAX, 1 << 31, 64],
        (0..1024)
            .map(|id| 0x0100_0001u32.wrapping_mul(id))
            .collect(),
    ] {
        let bytes = table(ids.iter().map(|id| opaque(*id, 4)).collect())
            .encode()
            .unwrap();
        let found = Table::verify(&bytes).unwrap();
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(found.find(*id), Some(index));
            for other in [id.wrapping_add(1), id.wrapping_sub(1), !id] {
                assert_eq!(found.find(other).is_some(), ids.contains(&other));
            }
        }
    }
}
