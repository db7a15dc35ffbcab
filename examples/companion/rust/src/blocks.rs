// VF configuration blocks of Contoso CX-200. Generated from its block manifest: change that instead.

/// PCI vendor ID of the PF.
#[allow(dead_code)]
pub const VENDOR_ID: u16 = 0x1414;
/// PCI device ID of the PF.
#[allow(dead_code)]
pub const DEVICE_ID: u16 = 0xB020;

/// Values of `opcode`.
#[allow(dead_code)]
pub mod opcode {
    /// `map`
    pub const MAP: u16 = 0x1;
    /// `unmap`
    pub const UNMAP: u16 = 0x2;
}

/// Block 0 `command`: a register that the VF reads and writes; the PF's driver handles each write, and may decline it.
///
/// The VF's request. The companion handles each write before it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)]
pub struct Command {
    /// The number of the command; the response carries it back. Set by the VF. Must be at least 1. Greater in each write than in the one before, wrapping around.
    pub sequence: u32,
    /// Set by the VF. Must be one of `opcode` (1, 2).
    pub opcode: u16,
    /// Zero.
    pub reserved_6: [u8; 2],
    /// Guest physical address of the first byte. Set by the VF. Must be a multiple of 4096.
    pub address: u64,
    /// Bytes. The device may take fewer than the manifest allows, which only the companion can know. Set by the VF. Must be from 4096 to 0x1000000 and a multiple of 4096.
    pub size: u32,
}

#[allow(dead_code)]
impl Command {
    /// The block ID.
    pub const BLOCK_ID: u32 = 0;
    /// The shortest write in bytes.
    pub const MIN_LENGTH: usize = 20;
    /// The length of the block in bytes.
    pub const LENGTH: usize = 20;
    /// The block in the mask of an invalidation.
    pub const INVALIDATION_MASK: u64 = 0x1;
    /// The smallest value of `sequence`.
    pub const SEQUENCE_MIN: u32 = 0x1;
    /// The smallest value of `size`.
    pub const SIZE_MIN: u32 = 0x1000;
    /// The largest value of `size`.
    pub const SIZE_MAX: u32 = 0x1000000;

    /// The bytes of the block.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[0..4].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[4..6].copy_from_slice(&self.opcode.to_le_bytes());
        bytes[6..8].copy_from_slice(&self.reserved_6);
        bytes[8..16].copy_from_slice(&self.address.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.size.to_le_bytes());
        bytes
    }

    /// The block whose bytes these are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 20]) -> Self {
        Self {
            sequence: u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
            opcode: u16::from_le_bytes([bytes[4], bytes[5]]),
            reserved_6: core::array::from_fn(|index| bytes[6 + index]),
            address: u64::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]]),
            size: u32::from_le_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]),
        }
    }

    /// Judges a write before it is sent. It reads the host's fields from the bytes, so read the block before you change your fields. It judges neither sequences nor rules that read other blocks or the values before the write.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    #[allow(unused, clippy::all, clippy::pedantic)]
    pub fn check(sent: &[u8]) -> Result<(), &'static str> {
        let length = sent.len();
        if !(20..=20).contains(&length) {
            return Err("length: must be from 20 to 20");
        }
        let mut bytes = [0; 20];
        bytes[..length].copy_from_slice(sent);
        let image = &bytes[..];
        let (mut value, mut count, mut layout, mut overflow) = (0, 0, 0, false);
        for index in 0..1 {
            value = load_le(image, 0 + 4 * index, 4);
            if !(value >= 0x1) {
                return Err("sequence: must be at least 1");
            }
        }
        for index in 0..1 {
            value = load_le(image, 4 + 2 * index, 2);
            if !((value == 0x1 || value == 0x2)) {
                return Err("opcode: must be one of `opcode` (1, 2)");
            }
        }
        for index in 0..1 {
            value = load_le(image, 8 + 8 * index, 8);
            if !(value % 0x1000 == 0) {
                return Err("address: must be a multiple of 4096");
            }
        }
        for index in 0..1 {
            value = load_le(image, 16 + 4 * index, 4);
            if !(value >= 0x1000 && value <= 0x1000000 && value % 0x1000 == 0) {
                return Err("size: must be from 4096 to 0x1000000 and a multiple of 4096");
            }
        }
        for index in 6..8 {
            if !(image[index] == 0) {
                return Err("bytes 6 to 7: not zero");
            }
        }
        Ok(())
    }
}

/// The defaults of the manifest.
impl Default for Command {
    fn default() -> Self {
        Self::from_bytes(&[0; 20])
    }
}

/// Block 1 `response`: a register that the VF reads, with a notification when the host changes it.
///
/// The answer to the last command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)]
pub struct Response {
    /// The number of the command that this answers. Set by the host.
    pub sequence: u32,
    /// Pages that the command covered. Set by the host.
    pub pages: u32,
}

#[allow(dead_code)]
impl Response {
    /// The block ID.
    pub const BLOCK_ID: u32 = 1;
    /// The shortest write in bytes.
    pub const MIN_LENGTH: usize = 8;
    /// The length of the block in bytes.
    pub const LENGTH: usize = 8;
    /// The block in the mask of an invalidation.
    pub const INVALIDATION_MASK: u64 = 0x2;

    /// The bytes of the block.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[0..4].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.pages.to_le_bytes());
        bytes
    }

    /// The block whose bytes these are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 8]) -> Self {
        Self {
            sequence: u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
            pages: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        }
    }
}

/// The defaults of the manifest.
impl Default for Response {
    fn default() -> Self {
        Self::from_bytes(&[0; 8])
    }
}

#[allow(dead_code)]
fn load_le(bytes: &[u8], place: usize, width: usize) -> u64 {
    let bytes = bytes[place..place + width].iter().rev();
    bytes.fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[allow(dead_code)]
fn load_be(bytes: &[u8], place: usize, width: usize) -> u64 {
    let bytes = bytes[place..place + width].iter();
    bytes.fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[allow(dead_code)]
fn noted((value, overflows): (u64, bool), overflow: &mut bool) -> u64 {
    *overflow |= overflows;
    value
}

#[allow(dead_code)]
fn add(a: u64, b: u64, overflow: &mut bool) -> u64 {
    noted(a.overflowing_add(b), overflow)
}

#[allow(dead_code)]
fn subtract(a: u64, b: u64, overflow: &mut bool) -> u64 {
    noted(a.overflowing_sub(b), overflow)
}

#[allow(dead_code)]
fn multiply(a: u64, b: u64, overflow: &mut bool) -> u64 {
    noted(a.overflowing_mul(b), overflow)
}

#[allow(dead_code)]
fn crc32(bytes: &[u8], length: usize) -> u64 {
    let mut sum = u32::MAX;
    for byte in &bytes[..length] {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = sum >> 1 ^ if sum & 1 == 1 { 0xEDB8_8320 } else { 0 };
        }
    }
    u64::from(!sum)
}
