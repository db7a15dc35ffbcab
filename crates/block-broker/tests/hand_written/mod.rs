//! The block `command` of `blocks/accelerator.toml`, validated by hand-written code in place of the
//! manifest's table. The benchmark compares the broker with it, and
//! `tests/equal_to_hand_written.rs` shows that both give the same result for every write.
#![allow(dead_code, reason = "test and benchmark use their parts")]

use pf_broker_abi::Refusal;

/// How long the block is.
pub(crate) const LENGTH: usize = 64;

static CRC: crc::Crc<u32, crc::Table<16>> =
    crc::Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISO_HDLC);

/// The block of one VF.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    value: [u8; LENGTH],
    written: bool,
}

impl Command {
    pub(crate) const fn new() -> Self {
        Self {
            value: [0; LENGTH],
            written: false,
        }
    }

    pub(crate) const fn value(&self) -> &[u8; LENGTH] {
        &self.value
    }

    /// Commits a write, or returns the first rule that it breaks.
    pub(crate) fn write(&mut self, sent: &[u8; LENGTH]) -> Result<(), Refusal> {
        if u32_at(sent, 60) != CRC.checksum(&sent[..60]) {
            return Err(Refusal::Checksum);
        }
        let opcode = u16_at(sent, 0);
        if opcode > 4 {
            return Err(Refusal::Value);
        }
        let entries = u32_at(sent, 8);
        let reserved_from = layout_end(opcode, entries).ok_or(Refusal::Layout)?;
        let flags = u16_at(sent, 2);
        if flags & !0xF != 0 || !is_zero(&sent[12..16]) || !is_zero(&sent[reserved_from..60]) {
            return Err(Refusal::Reserved);
        }
        match opcode {
            1 => map(sent, entries)?,
            2 if u64_at(sent, 16) < 1 => return Err(Refusal::Value),
            3 => submit(sent, flags)?,
            4 => text(&sent[16..32])?,
            _ => {}
        }
        let ahead = u32_at(sent, 4).wrapping_sub(u32_at(&self.value, 4));
        if self.written && (ahead == 0 || ahead >= 1 << 31) {
            return Err(Refusal::Sequence);
        }
        self.value = *sent;
        self.written = true;
        Ok(())
    }
}

/// Where the layout of an opcode ends; `None` when there is no layout.
fn layout_end(opcode: u16, entries: u32) -> Option<usize> {
    match (opcode, entries) {
        (1, _) => Some(44),
        (2, 0) => Some(24),
        (3, 0) => Some(48),
        (4, 0) => Some(32),
        (0, 0) => Some(12),
        _ => None,
    }
}

fn map(sent: &[u8; LENGTH], entries: u32) -> Result<(), Refusal> {
    let (address, size) = (u64_at(sent, 16), u32_at(sent, 24));
    if address % 4096 != 0 || !(4096..=0x100_0000).contains(&size) || size % 4096 != 0 {
        return Err(Refusal::Value);
    }
    let entries = usize::try_from(entries)
        .ok()
        .filter(|entries| *entries <= 8)
        .ok_or(Refusal::Count)?;
    if !is_zero(&sent[28 + 2 * entries..44]) {
        return Err(Refusal::Count);
    }
    let end = address
        .checked_add(u64::from(size))
        .ok_or(Refusal::Overflow)?;
    if end > 0x1_0000_0000 || !(entries >= 1 || size == 4096) {
        return Err(Refusal::Require);
    }
    Ok(())
}

fn submit(sent: &[u8; LENGTH], flags: u16) -> Result<(), Refusal> {
    let (input, output) = (u64_at(sent, 16), u64_at(sent, 24));
    let (input_length, output_length) = (u32_at(sent, 32), u32_at(sent, 36));
    let limit = u64_at(sent, 40);
    if !(1..=0x10_0000).contains(&input_length) || !(1..=0x10_0000).contains(&output_length) {
        return Err(Refusal::Value);
    }
    let input_end = input
        .checked_add(u64::from(input_length))
        .ok_or(Refusal::Overflow)?;
    if input_end > limit {
        return Err(Refusal::Require);
    }
    let output_end = output
        .checked_add(u64::from(output_length))
        .ok_or(Refusal::Overflow)?;
    let overlap = input_end > output && output_end > input;
    if output_end > limit || overlap || (flags & 1 == 1 && flags & 0b1110 == 0) {
        return Err(Refusal::Require);
    }
    Ok(())
}

/// Printable ASCII, then zeros.
fn text(bytes: &[u8]) -> Result<(), Refusal> {
    let length = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    let (text, padding) = bytes.split_at(length);
    if text.iter().all(|byte| (0x20..=0x7E).contains(byte)) && is_zero(padding) {
        Ok(())
    } else {
        Err(Refusal::Text)
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |found, byte| found | byte) == 0
}

fn u16_at(bytes: &[u8; LENGTH], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8; LENGTH], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8; LENGTH], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// `sent` with the checksum that belongs to it.
pub(crate) fn sealed(mut sent: [u8; LENGTH]) -> [u8; LENGTH] {
    let checksum = CRC.checksum(&sent[..60]);
    sent[60..].copy_from_slice(&checksum.to_le_bytes());
    sent
}
