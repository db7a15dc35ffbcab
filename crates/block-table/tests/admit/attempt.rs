//! Writes into a block of a table of one block.

use block_table::encode::{BlockSource, Rule as Check};
use block_table::{History, Image, Rule, Table, Violation, Writer};

use crate::source::{opaque, table};

/// Admits `sent` into a block that was never written.
pub(crate) fn first_write(block: BlockSource, sent: &[u8]) -> Result<Image, Violation> {
    write(block, Writer::Vf, sent, &[0; 128], History::EMPTY)
}

pub(crate) fn write(
    block: BlockSource,
    writer: Writer,
    sent: &[u8],
    committed: &Image,
    history: History,
) -> Result<Image, Violation> {
    let bytes = table(vec![block])
        .encode()
        .expect("the block is well formed");
    let table = Table::verify(&bytes).expect("the encoder verifies");
    table
        .block(0)
        .expect("there is one")
        .admit(writer, sent, committed, history)
}

pub(crate) fn broken(rule: Rule, offset: u8) -> Result<Image, Violation> {
    Err(Violation { rule, offset })
}

pub(crate) fn with_rules(rules: Vec<Check>) -> BlockSource {
    BlockSource {
        rules,
        ..opaque(0, 16)
    }
}

pub(crate) fn sent(at: usize, value: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[at..at + value.len()].copy_from_slice(value);
    bytes
}
