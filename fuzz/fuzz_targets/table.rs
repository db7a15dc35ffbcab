//! Fuzzes the verifier and the evaluation: any bytes are refused as a block table, or evaluate any
//! write without a panic.
//!
//! The input is a table, a write of 128 bytes and a committed image of 128 bytes. The target
//! corrects length and CRC of the table, so that the fuzzer reaches the checks after them.
#![no_main]

use block_table::{History, MAX_BLOCK_LENGTH, Table, Writer, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((rest, committed)) = data.split_last_chunk::<MAX_BLOCK_LENGTH>() else {
        return;
    };
    let Some((table, sent)) = rest.split_last_chunk::<MAX_BLOCK_LENGTH>() else {
        return;
    };
    let _ = Table::verify(data);
    let mut table = table.to_vec();
    encode::seal(&mut table);
    let Ok(table) = Table::verify(&table) else {
        return;
    };
    assert!(!table.device().name.is_empty());
    for (index, block) in table.blocks().enumerate() {
        assert_eq!(table.find(block.id()), Some(index));
        assert!(!block.name().is_empty());
        let _ = (block.layout_of(committed), block.reset_image(committed));
        for writer in [Writer::Vf, Writer::Pf] {
            let sent = &sent[..block.max_length()];
            let _ = block.check_sent(writer, sent);
            for history in [History::EMPTY, History::EMPTY.after(writer)] {
                if let Ok(image) = block.admit(writer, sent, committed, history) {
                    assert!(image[block.max_length()..].iter().all(|byte| *byte == 0));
                    // What is committed holds the rules of its own layout, except those on the
                    // write itself.
                    let whole = &image[..block.max_length()];
                    let again = block.admit(writer, whole, &image, History::EMPTY);
                    assert!(again == Ok(image) || block.judges_in_context());
                }
            }
        }
    }
});
