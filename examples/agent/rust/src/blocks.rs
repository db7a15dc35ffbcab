// VF configuration blocks of Contoso CX-100. Generated from its block manifest: change that instead.

/// PCI vendor ID of the PF.
#[allow(dead_code)]
pub const VENDOR_ID: u16 = 0x1414;
/// PCI device ID of the PF.
#[allow(dead_code)]
pub const DEVICE_ID: u16 = 0xB001;

/// Values of `opcode`.
#[allow(dead_code)]
pub mod opcode {
    /// `nop`
    pub const NOP: u16 = 0x0;
    /// `map`
    pub const MAP: u16 = 0x1;
    /// `unmap`
    pub const UNMAP: u16 = 0x2;
    /// `submit`
    pub const SUBMIT: u16 = 0x3;
    /// `set_label`
    pub const SET_LABEL: u16 = 0x4;
}

/// Values of `result`.
#[allow(dead_code)]
pub mod result {
    /// `ok`
    pub const OK: u16 = 0x0;
    /// `rejected`
    pub const REJECTED: u16 = 0x1;
    /// `no_memory`
    pub const NO_MEMORY: u16 = 0x2;
    /// `device_error`
    pub const DEVICE_ERROR: u16 = 0x3;
}

/// Values of `link`.
#[allow(dead_code)]
pub mod link {
    /// `down`
    pub const DOWN: u8 = 0x0;
    /// `up`
    pub const UP: u8 = 0x1;
    /// `degraded`
    pub const DEGRADED: u8 = 0x2;
}

/// Block 0 `status`: a register that the VF reads, with a notification when the host changes it; a shorter read gets its first bytes; what the host set survives a reset of the VF.
///
/// What the VF may do, and how the device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)]
pub struct Status {
    /// Version of this protocol. Set by the host. Must be at least 1.
    pub version: u16,
    /// State of the device's link. Set by the host. Must be one of `link` (0, 1, 2).
    pub link: u8,
    /// What the host lets this VF do. Set by the host. Bit 0: mapping. Bit 1: jobs. Bit 2: telemetry. Bits 4 to 7: queue_log. Other bits are zero.
    pub features: u8,
    /// Bytes that the VF may have mapped at once. Set by the host. Must be a multiple of 4096.
    pub memory_limit: u64,
    /// The VF's address, as six bytes in the order of the wire. Set by the host.
    pub mac: [u8; 6],
    /// Where the VF's memory is best placed; 0xFFFF when that does not matter. Set by the host. Big-endian.
    pub numa_node: u16,
    /// Zero.
    pub reserved_20: [u8; 12],
}

#[allow(dead_code)]
impl Status {
    /// The block ID.
    pub const BLOCK_ID: u32 = 0;
    /// The shortest write in bytes.
    pub const MIN_LENGTH: usize = 32;
    /// The length of the block in bytes.
    pub const LENGTH: usize = 32;
    /// The block in the mask of an invalidation.
    pub const INVALIDATION_MASK: u64 = 0x1;
    /// The smallest value of `version`.
    pub const VERSION_MIN: u16 = 0x1;
    /// Lowest bit of `mapping` in `features`.
    pub const FEATURES_MAPPING_SHIFT: u32 = 0;
    /// Bits of `mapping` in `features`.
    pub const FEATURES_MAPPING_MASK: u8 = 0x1;
    /// Lowest bit of `jobs` in `features`.
    pub const FEATURES_JOBS_SHIFT: u32 = 1;
    /// Bits of `jobs` in `features`.
    pub const FEATURES_JOBS_MASK: u8 = 0x2;
    /// Lowest bit of `telemetry` in `features`.
    pub const FEATURES_TELEMETRY_SHIFT: u32 = 2;
    /// Bits of `telemetry` in `features`.
    pub const FEATURES_TELEMETRY_MASK: u8 = 0x4;
    /// Lowest bit of `queue_log` in `features`.
    pub const FEATURES_QUEUE_LOG_SHIFT: u32 = 4;
    /// Bits of `queue_log` in `features`.
    pub const FEATURES_QUEUE_LOG_MASK: u8 = 0xF0;

    /// The bytes of the block.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[0..2].copy_from_slice(&self.version.to_le_bytes());
        bytes[2..3].copy_from_slice(&self.link.to_le_bytes());
        bytes[3..4].copy_from_slice(&self.features.to_le_bytes());
        bytes[4..12].copy_from_slice(&self.memory_limit.to_le_bytes());
        bytes[12..18].copy_from_slice(&self.mac);
        bytes[18..20].copy_from_slice(&self.numa_node.to_be_bytes());
        bytes[20..32].copy_from_slice(&self.reserved_20);
        bytes
    }

    /// The block whose bytes these are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self {
            version: u16::from_le_bytes([bytes[0], bytes[1]]),
            link: u8::from_le_bytes([bytes[2]]),
            features: u8::from_le_bytes([bytes[3]]),
            memory_limit: u64::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7], bytes[8], bytes[9], bytes[10], bytes[11]]),
            mac: core::array::from_fn(|index| bytes[12 + index]),
            numa_node: u16::from_be_bytes([bytes[18], bytes[19]]),
            reserved_20: core::array::from_fn(|index| bytes[20 + index]),
        }
    }
}

/// The defaults of the manifest.
impl Default for Status {
    fn default() -> Self {
        Self::from_bytes(&[1, 0, 0, 67, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }
}

/// Block 1 `command`: a register that the VF reads and writes.
///
/// The VF asks; the host answers in `response`.
///
/// These are the fields that all of its layouts share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)]
pub struct Command {
    /// What is asked for; it chooses the layout. Set by the VF. Must be one of `opcode` (0, 1, 2, 3, 4).
    pub opcode: u16,
    /// Set by the VF. Bit 0: urgent. Bits 1 to 3: priority. Other bits are zero.
    pub flags: u16,
    /// Number of the command; the response carries it back. Set by the VF. Greater in each write than in the one before, wrapping around.
    pub sequence: u32,
    /// Elements of the layout's array that are used. Set by the VF.
    pub entries: u32,
    /// As the layout says.
    pub layout_12: [u8; 48],
    /// Guards the command against damage on its way. Set by the VF. CRC-32 (ISO-HDLC) of bytes 0 to 59.
    pub checksum: u32,
}

#[allow(dead_code)]
impl Command {
    /// The block ID.
    pub const BLOCK_ID: u32 = 1;
    /// The shortest write in bytes.
    pub const MIN_LENGTH: usize = 64;
    /// The length of the block in bytes.
    pub const LENGTH: usize = 64;
    /// The block in the mask of an invalidation.
    pub const INVALIDATION_MASK: u64 = 0x2;
    /// Lowest bit of `urgent` in `flags`.
    pub const FLAGS_URGENT_SHIFT: u32 = 0;
    /// Bits of `urgent` in `flags`.
    pub const FLAGS_URGENT_MASK: u16 = 0x1;
    /// Lowest bit of `priority` in `flags`.
    pub const FLAGS_PRIORITY_SHIFT: u32 = 1;
    /// Bits of `priority` in `flags`.
    pub const FLAGS_PRIORITY_MASK: u16 = 0xE;

    /// The bytes of the block.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[0..2].copy_from_slice(&self.opcode.to_le_bytes());
        bytes[2..4].copy_from_slice(&self.flags.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.entries.to_le_bytes());
        bytes[12..60].copy_from_slice(&self.layout_12);
        bytes[60..64].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    /// The block whose bytes these are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        Self {
            opcode: u16::from_le_bytes([bytes[0], bytes[1]]),
            flags: u16::from_le_bytes([bytes[2], bytes[3]]),
            sequence: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            entries: u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
            layout_12: core::array::from_fn(|index| bytes[12 + index]),
            checksum: u32::from_le_bytes([bytes[60], bytes[61], bytes[62], bytes[63]]),
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
        if !(64..=64).contains(&length) {
            return Err("length: must be from 64 to 64");
        }
        let mut bytes = [0; 64];
        bytes[..length].copy_from_slice(sent);
        let image = &bytes[..];
        let (mut value, mut count, mut layout, mut overflow) = (0, 0, 0, false);
        if !(length >= 64 && crc32(sent, 60) == load_le(sent, 60, 4)) {
            return Err("checksum: not the CRC-32");
        }
        for index in 0..1 {
            value = load_le(image, 0 + 2 * index, 2);
            if !((value == 0x0 || value == 0x1 || value == 0x2 || value == 0x3 || value == 0x4)) {
                return Err("opcode: must be one of `opcode` (0, 1, 2, 3, 4)");
            }
        }
        for index in 0..1 {
            value = load_le(image, 2 + 2 * index, 2);
            if !((value & 0xFFFFFFFFFFFFFFF0) == 0) {
                return Err("flags: bits that are not allowed");
            }
        }
        if layout == 0 && (load_le(image, 0, 2) == 0x1) {
            layout = 1;
        }
        if !(!overflow) {
            return Err("layout map: its condition overflows");
        }
        if layout == 0 && ((load_le(image, 0, 2) == 0x2) && (load_le(image, 8, 4) == 0x0)) {
            layout = 2;
        }
        if !(!overflow) {
            return Err("layout unmap: its condition overflows");
        }
        if layout == 0 && ((load_le(image, 0, 2) == 0x3) && (load_le(image, 8, 4) == 0x0)) {
            layout = 3;
        }
        if !(!overflow) {
            return Err("layout submit: its condition overflows");
        }
        if layout == 0 && ((load_le(image, 0, 2) == 0x4) && (load_le(image, 8, 4) == 0x0)) {
            layout = 4;
        }
        if !(!overflow) {
            return Err("layout set_label: its condition overflows");
        }
        if layout == 0 && ((load_le(image, 0, 2) == 0x0) && (load_le(image, 8, 4) == 0x0)) {
            layout = 5;
        }
        if !(!overflow) {
            return Err("layout nop: its condition overflows");
        }
        if !(layout != 0) {
            return Err("no layout has this message");
        }
        if layout == 1 {
            for index in 12..16 {
                if !(image[index] == 0) {
                    return Err("bytes 12 to 15: not zero");
                }
            }
            for index in 44..60 {
                if !(image[index] == 0) {
                    return Err("bytes 44 to 59: not zero");
                }
            }
            for index in 0..1 {
                value = load_le(image, 16 + 8 * index, 8);
                if !(value % 0x1000 == 0) {
                    return Err("address: must be a multiple of 4096");
                }
            }
            for index in 0..1 {
                value = load_le(image, 24 + 4 * index, 4);
                if !(value >= 0x1000 && value <= 0x1000000 && value % 0x1000 == 0) {
                    return Err("size: must be from 4096 to 0x1000000 and a multiple of 4096");
                }
            }
            count = load_le(image, 8, 4);
            if !(count <= 8) {
                return Err("entries: more than 8 elements");
            }
            for index in (count as usize)..8 {
                value = load_le(image, 28 + 2 * index, 2);
                if !(value == 0) {
                    return Err("pages: elements after the count are not zero");
                }
            }
            if !((add(load_le(image, 16, 8), load_le(image, 24, 4), &mut overflow) <= 0x100000000)) {
                return Err("address + size <= 0x1_0000_0000");
            }
            if !(!overflow) {
                return Err("address + size <= 0x1_0000_0000: overflows");
            }
            if !(((load_le(image, 8, 4) >= 0x1) || (load_le(image, 24, 4) == 0x1000))) {
                return Err("entries >= 1 || size == 4096");
            }
            if !(!overflow) {
                return Err("entries >= 1 || size == 4096: overflows");
            }
        }
        if layout == 2 {
            for index in 12..16 {
                if !(image[index] == 0) {
                    return Err("bytes 12 to 15: not zero");
                }
            }
            for index in 24..60 {
                if !(image[index] == 0) {
                    return Err("bytes 24 to 59: not zero");
                }
            }
            for index in 0..1 {
                value = load_le(image, 16 + 8 * index, 8);
                if !(value >= 0x1) {
                    return Err("mapping: must be at least 1");
                }
            }
        }
        if layout == 3 {
            for index in 12..16 {
                if !(image[index] == 0) {
                    return Err("bytes 12 to 15: not zero");
                }
            }
            for index in 48..60 {
                if !(image[index] == 0) {
                    return Err("bytes 48 to 59: not zero");
                }
            }
            for index in 0..1 {
                value = load_le(image, 32 + 4 * index, 4);
                if !(value >= 0x1 && value <= 0x100000) {
                    return Err("input_length: must be from 1 to 0x100000");
                }
            }
            for index in 0..1 {
                value = load_le(image, 36 + 4 * index, 4);
                if !(value >= 0x1 && value <= 0x100000) {
                    return Err("output_length: must be from 1 to 0x100000");
                }
            }
            if !((add(load_le(image, 16, 8), load_le(image, 32, 4), &mut overflow) <= load_le(image, 40, 8))) {
                return Err("input_offset + input_length <= limit");
            }
            if !(!overflow) {
                return Err("input_offset + input_length <= limit: overflows");
            }
            if !((add(load_le(image, 24, 8), load_le(image, 36, 4), &mut overflow) <= load_le(image, 40, 8))) {
                return Err("output_offset + output_length <= limit");
            }
            if !(!overflow) {
                return Err("output_offset + output_length <= limit: overflows");
            }
            if !(((add(load_le(image, 16, 8), load_le(image, 32, 4), &mut overflow) <= load_le(image, 24, 8)) || (add(load_le(image, 24, 8), load_le(image, 36, 4), &mut overflow) <= load_le(image, 16, 8)))) {
                return Err("input_offset + input_length <= output_offset || output_offset + output_length <= input_offset");
            }
            if !(!overflow) {
                return Err("input_offset + input_length <= output_offset || output_offset + output_length <= input_offset: overflows");
            }
            if !(!((((load_le(image, 2, 2) >> 0) & 0x1) == 0x1) && (((load_le(image, 2, 2) >> 1) & 0x7) == 0x0))) {
                return Err("!(flags.urgent == 1 && flags.priority == 0)");
            }
            if !(!overflow) {
                return Err("!(flags.urgent == 1 && flags.priority == 0): overflows");
            }
        }
        if layout == 4 {
            for index in 12..16 {
                if !(image[index] == 0) {
                    return Err("bytes 12 to 15: not zero");
                }
            }
            for index in 32..60 {
                if !(image[index] == 0) {
                    return Err("bytes 32 to 59: not zero");
                }
            }
            for index in 16..32 {
                if !(image[index] == 0 || (image[index] >= 0x20 && image[index] <= 0x7E && (index == 16 || image[index - 1] != 0))) {
                    return Err("label: not printable ASCII with zeros after it");
                }
            }
        }
        if layout == 5 {
            for index in 12..60 {
                if !(image[index] == 0) {
                    return Err("bytes 12 to 59: not zero");
                }
            }
        }
        Ok(())
    }
}

/// The defaults of the manifest.
impl Default for Command {
    fn default() -> Self {
        Self::from_bytes(&[0; 64])
    }
}

/// Block 1 `command` when `opcode == opcode.map`.
///
/// Makes pages of guest memory visible to the accelerator.
///
/// Required: `address + size <= 0x1_0000_0000`.
///
/// Required: `entries >= 1 || size == 4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)]
pub struct CommandMap {
    /// What is asked for; it chooses the layout. Set by the VF. Must be one of `opcode` (0, 1, 2, 3, 4).
    pub opcode: u16,
    /// Set by the VF. Bit 0: urgent. Bits 1 to 3: priority. Other bits are zero.
    pub flags: u16,
    /// Number of the command; the response carries it back. Set by the VF. Greater in each write than in the one before, wrapping around.
    pub sequence: u32,
    /// Elements of the layout's array that are used. Set by the VF.
    pub entries: u32,
    /// Zero.
    pub reserved_12: [u8; 4],
    /// Guest physical address of the first page. Set by the VF. Must be a multiple of 4096.
    pub address: u64,
    /// Bytes to map. Set by the VF. Must be from 4096 to 0x1000000 and a multiple of 4096.
    pub size: u32,
    /// Page numbers relative to `address`, where the pages do not follow each other. Set by the VF. `entries` elements, and zeros after them.
    pub pages: [u16; 8],
    /// Zero.
    pub reserved_44: [u8; 16],
    /// Guards the command against damage on its way. Set by the VF. CRC-32 (ISO-HDLC) of bytes 0 to 59.
    pub checksum: u32,
}

#[allow(dead_code)]
impl CommandMap {
    /// The block ID.
    pub const BLOCK_ID: u32 = 1;
    /// The shortest write in bytes.
    pub const MIN_LENGTH: usize = 64;
    /// The length of the block in bytes.
    pub const LENGTH: usize = 64;
    /// The block in the mask of an invalidation.
    pub const INVALIDATION_MASK: u64 = 0x2;
    /// Lowest bit of `urgent` in `flags`.
    pub const FLAGS_URGENT_SHIFT: u32 = 0;
    /// Bits of `urgent` in `flags`.
    pub const FLAGS_URGENT_MASK: u16 = 0x1;
    /// Lowest bit of `priority` in `flags`.
    pub const FLAGS_PRIORITY_SHIFT: u32 = 1;
    /// Bits of `priority` in `flags`.
    pub const FLAGS_PRIORITY_MASK: u16 = 0xE;
    /// The smallest value of `size`.
    pub const SIZE_MIN: u32 = 0x1000;
    /// The largest value of `size`.
    pub const SIZE_MAX: u32 = 0x1000000;

    /// The bytes of the block.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[0..2].copy_from_slice(&self.opcode.to_le_bytes());
        bytes[2..4].copy_from_slice(&self.flags.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.entries.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.reserved_12);
        bytes[16..24].copy_from_slice(&self.address.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.size.to_le_bytes());
        for (bytes, value) in bytes[28..44].chunks_exact_mut(2).zip(self.pages) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        bytes[44..60].copy_from_slice(&self.reserved_44);
        bytes[60..64].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    /// The block whose bytes these are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        Self {
            opcode: u16::from_le_bytes([bytes[0], bytes[1]]),
            flags: u16::from_le_bytes([bytes[2], bytes[3]]),
            sequence: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            entries: u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
            reserved_12: core::array::from_fn(|index| bytes[12 + index]),
            address: u64::from_le_bytes([bytes[16], bytes[17], bytes[18], bytes[19], bytes[20], bytes[21], bytes[22], bytes[23]]),
            size: u32::from_le_bytes([bytes[24], bytes[25], bytes[26], bytes[27]]),
            pages: core::array::from_fn(|index| u16::from_le_bytes(core::array::from_fn(|byte| bytes[28 + 2 * index + byte]))),
            reserved_44: core::array::from_fn(|index| bytes[44 + index]),
            checksum: u32::from_le_bytes([bytes[60], bytes[61], bytes[62], bytes[63]]),
        }
    }
}

/// The defaults of the manifest, with the values that choose this layout.
impl Default for CommandMap {
    fn default() -> Self {
        Self::from_bytes(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }
}

/// Block 1 `command` when `opcode == opcode.unmap && entries == 0`.
///
/// Takes a mapping back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)]
pub struct CommandUnmap {
    /// What is asked for; it chooses the layout. Set by the VF. Must be one of `opcode` (0, 1, 2, 3, 4).
    pub opcode: u16,
    /// Set by the VF. Bit 0: urgent. Bits 1 to 3: priority. Other bits are zero.
    pub flags: u16,
    /// Number of the command; the response carries it back. Set by the VF. Greater in each write than in the one before, wrapping around.
    pub sequence: u32,
    /// Elements of the layout's array that are used. Set by the VF.
    pub entries: u32,
    /// Zero.
    pub reserved_12: [u8; 4],
    /// Handle from the response to `map`. Set by the VF. Must be at least 1.
    pub mapping: u64,
    /// Zero.
    pub reserved_24: [u8; 36],
    /// Guards the command against damage on its way. Set by the VF. CRC-32 (ISO-HDLC) of bytes 0 to 59.
    pub checksum: u32,
}

#[allow(dead_code)]
impl CommandUnmap {
    /// The block ID.
    pub const BLOCK_ID: u32 = 1;
    /// The shortest write in bytes.
    pub const MIN_LENGTH: usize = 64;
    /// The length of the block in bytes.
    pub const LENGTH: usize = 64;
    /// The block in the mask of an invalidation.
    pub const INVALIDATION_MASK: u64 = 0x2;
    /// Lowest bit of `urgent` in `flags`.
    pub const FLAGS_URGENT_SHIFT: u32 = 0;
    /// Bits of `urgent` in `flags`.
    pub const FLAGS_URGENT_MASK: u16 = 0x1;
    /// Lowest bit of `priority` in `flags`.
    pub const FLAGS_PRIORITY_SHIFT: u32 = 1;
    /// Bits of `priority` in `flags`.
    pub const FLAGS_PRIORITY_MASK: u16 = 0xE;
    /// The smallest value of `mapping`.
    pub const MAPPING_MIN: u64 = 0x1;

    /// The bytes of the block.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[0..2].copy_from_slice(&self.opcode.to_le_bytes());
        bytes[2..4].copy_from_slice(&self.flags.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.entries.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.reserved_12);
        bytes[16..24].copy_from_slice(&self.mapping.to_le_bytes());
        bytes[24..60].copy_from_slice(&self.reserved_24);
        bytes[60..64].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    /// The block whose bytes these are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        Self {
            opcode: u16::from_le_bytes([bytes[0], bytes[1]]),
            flags: u16::from_le_bytes([bytes[2], bytes[3]]),
            sequence: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            entries: u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
            reserved_12: core::array::from_fn(|index| bytes[12 + index]),
            mapping: u64::from_le_bytes([bytes[16], bytes[17], bytes[18], bytes[19], bytes[20], bytes[21], bytes[22], bytes[23]]),
            reserved_24: core::array::from_fn(|index| bytes[24 + index]),
            checksum: u32::from_le_bytes([bytes[60], bytes[61], bytes[62], bytes[63]]),
        }
    }
}

/// The defaults of the manifest, with the values that choose this layout.
impl Default for CommandUnmap {
    fn default() -> Self {
        Self::from_bytes(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }
}

/// Block 1 `command` when `opcode == opcode.submit && entries == 0`.
///
/// Runs a job whose input and output lie in one mapping.
///
/// Required: `input_offset + input_length <= limit`.
///
/// Required: `output_offset + output_length <= limit`.
///
/// Required: `input_offset + input_length <= output_offset || output_offset + output_length <= input_offset`.
///
/// Required: `!(flags.urgent == 1 && flags.priority == 0)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)]
pub struct CommandSubmit {
    /// What is asked for; it chooses the layout. Set by the VF. Must be one of `opcode` (0, 1, 2, 3, 4).
    pub opcode: u16,
    /// Set by the VF. Bit 0: urgent. Bits 1 to 3: priority. Other bits are zero.
    pub flags: u16,
    /// Number of the command; the response carries it back. Set by the VF. Greater in each write than in the one before, wrapping around.
    pub sequence: u32,
    /// Elements of the layout's array that are used. Set by the VF.
    pub entries: u32,
    /// Zero.
    pub reserved_12: [u8; 4],
    /// Set by the VF.
    pub input_offset: u64,
    /// Set by the VF.
    pub output_offset: u64,
    /// Set by the VF. Must be from 1 to 0x100000.
    pub input_length: u32,
    /// Set by the VF. Must be from 1 to 0x100000.
    pub output_length: u32,
    /// The length of the mapping, as the VF understands it. Set by the VF.
    pub limit: u64,
    /// Zero.
    pub reserved_48: [u8; 12],
    /// Guards the command against damage on its way. Set by the VF. CRC-32 (ISO-HDLC) of bytes 0 to 59.
    pub checksum: u32,
}

#[allow(dead_code)]
impl CommandSubmit {
    /// The block ID.
    pub const BLOCK_ID: u32 = 1;
    /// The shortest write in bytes.
    pub const MIN_LENGTH: usize = 64;
    /// The length of the block in bytes.
    pub const LENGTH: usize = 64;
    /// The block in the mask of an invalidation.
    pub const INVALIDATION_MASK: u64 = 0x2;
    /// Lowest bit of `urgent` in `flags`.
    pub const FLAGS_URGENT_SHIFT: u32 = 0;
    /// Bits of `urgent` in `flags`.
    pub const FLAGS_URGENT_MASK: u16 = 0x1;
    /// Lowest bit of `priority` in `flags`.
    pub const FLAGS_PRIORITY_SHIFT: u32 = 1;
    /// Bits of `priority` in `flags`.
    pub const FLAGS_PRIORITY_MASK: u16 = 0xE;
    /// The smallest value of `input_length`.
    pub const INPUT_LENGTH_MIN: u32 = 0x1;
    /// The largest value of `input_length`.
    pub const INPUT_LENGTH_MAX: u32 = 0x100000;
    /// The smallest value of `output_length`.
    pub const OUTPUT_LENGTH_MIN: u32 = 0x1;
    /// The largest value of `output_length`.
    pub const OUTPUT_LENGTH_MAX: u32 = 0x100000;

    /// The bytes of the block.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[0..2].copy_from_slice(&self.opcode.to_le_bytes());
        bytes[2..4].copy_from_slice(&self.flags.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.entries.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.reserved_12);
        bytes[16..24].copy_from_slice(&self.input_offset.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.output_offset.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.input_length.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.output_length.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.limit.to_le_bytes());
        bytes[48..60].copy_from_slice(&self.reserved_48);
        bytes[60..64].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    /// The block whose bytes these are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        Self {
            opcode: u16::from_le_bytes([bytes[0], bytes[1]]),
            flags: u16::from_le_bytes([bytes[2], bytes[3]]),
            sequence: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            entries: u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
            reserved_12: core::array::from_fn(|index| bytes[12 + index]),
            input_offset: u64::from_le_bytes([bytes[16], bytes[17], bytes[18], bytes[19], bytes[20], bytes[21], bytes[22], bytes[23]]),
            output_offset: u64::from_le_bytes([bytes[24], bytes[25], bytes[26], bytes[27], bytes[28], bytes[29], bytes[30], bytes[31]]),
            input_length: u32::from_le_bytes([bytes[32], bytes[33], bytes[34], bytes[35]]),
            output_length: u32::from_le_bytes([bytes[36], bytes[37], bytes[38], bytes[39]]),
            limit: u64::from_le_bytes([bytes[40], bytes[41], bytes[42], bytes[43], bytes[44], bytes[45], bytes[46], bytes[47]]),
            reserved_48: core::array::from_fn(|index| bytes[48 + index]),
            checksum: u32::from_le_bytes([bytes[60], bytes[61], bytes[62], bytes[63]]),
        }
    }
}

/// The defaults of the manifest, with the values that choose this layout.
impl Default for CommandSubmit {
    fn default() -> Self {
        Self::from_bytes(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }
}

/// Block 1 `command` when `opcode == opcode.set_label && entries == 0`.
///
/// Names this VF for the administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)]
pub struct CommandSetLabel {
    /// What is asked for; it chooses the layout. Set by the VF. Must be one of `opcode` (0, 1, 2, 3, 4).
    pub opcode: u16,
    /// Set by the VF. Bit 0: urgent. Bits 1 to 3: priority. Other bits are zero.
    pub flags: u16,
    /// Number of the command; the response carries it back. Set by the VF. Greater in each write than in the one before, wrapping around.
    pub sequence: u32,
    /// Elements of the layout's array that are used. Set by the VF.
    pub entries: u32,
    /// Zero.
    pub reserved_12: [u8; 4],
    /// Set by the VF.
    pub label: [u8; 16],
    /// Zero.
    pub reserved_32: [u8; 28],
    /// Guards the command against damage on its way. Set by the VF. CRC-32 (ISO-HDLC) of bytes 0 to 59.
    pub checksum: u32,
}

#[allow(dead_code)]
impl CommandSetLabel {
    /// The block ID.
    pub const BLOCK_ID: u32 = 1;
    /// The shortest write in bytes.
    pub const MIN_LENGTH: usize = 64;
    /// The length of the block in bytes.
    pub const LENGTH: usize = 64;
    /// The block in the mask of an invalidation.
    pub const INVALIDATION_MASK: u64 = 0x2;
    /// Lowest bit of `urgent` in `flags`.
    pub const FLAGS_URGENT_SHIFT: u32 = 0;
    /// Bits of `urgent` in `flags`.
    pub const FLAGS_URGENT_MASK: u16 = 0x1;
    /// Lowest bit of `priority` in `flags`.
    pub const FLAGS_PRIORITY_SHIFT: u32 = 1;
    /// Bits of `priority` in `flags`.
    pub const FLAGS_PRIORITY_MASK: u16 = 0xE;

    /// The bytes of the block.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[0..2].copy_from_slice(&self.opcode.to_le_bytes());
        bytes[2..4].copy_from_slice(&self.flags.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.entries.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.reserved_12);
        bytes[16..32].copy_from_slice(&self.label);
        bytes[32..60].copy_from_slice(&self.reserved_32);
        bytes[60..64].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    /// The block whose bytes these are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        Self {
            opcode: u16::from_le_bytes([bytes[0], bytes[1]]),
            flags: u16::from_le_bytes([bytes[2], bytes[3]]),
            sequence: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            entries: u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
            reserved_12: core::array::from_fn(|index| bytes[12 + index]),
            label: core::array::from_fn(|index| bytes[16 + index]),
            reserved_32: core::array::from_fn(|index| bytes[32 + index]),
            checksum: u32::from_le_bytes([bytes[60], bytes[61], bytes[62], bytes[63]]),
        }
    }
}

/// The defaults of the manifest, with the values that choose this layout.
impl Default for CommandSetLabel {
    fn default() -> Self {
        Self::from_bytes(&[4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }
}

/// Block 1 `command` when `opcode == opcode.nop && entries == 0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)]
pub struct CommandNop {
    /// What is asked for; it chooses the layout. Set by the VF. Must be one of `opcode` (0, 1, 2, 3, 4).
    pub opcode: u16,
    /// Set by the VF. Bit 0: urgent. Bits 1 to 3: priority. Other bits are zero.
    pub flags: u16,
    /// Number of the command; the response carries it back. Set by the VF. Greater in each write than in the one before, wrapping around.
    pub sequence: u32,
    /// Elements of the layout's array that are used. Set by the VF.
    pub entries: u32,
    /// Zero.
    pub reserved_12: [u8; 48],
    /// Guards the command against damage on its way. Set by the VF. CRC-32 (ISO-HDLC) of bytes 0 to 59.
    pub checksum: u32,
}

#[allow(dead_code)]
impl CommandNop {
    /// The block ID.
    pub const BLOCK_ID: u32 = 1;
    /// The shortest write in bytes.
    pub const MIN_LENGTH: usize = 64;
    /// The length of the block in bytes.
    pub const LENGTH: usize = 64;
    /// The block in the mask of an invalidation.
    pub const INVALIDATION_MASK: u64 = 0x2;
    /// Lowest bit of `urgent` in `flags`.
    pub const FLAGS_URGENT_SHIFT: u32 = 0;
    /// Bits of `urgent` in `flags`.
    pub const FLAGS_URGENT_MASK: u16 = 0x1;
    /// Lowest bit of `priority` in `flags`.
    pub const FLAGS_PRIORITY_SHIFT: u32 = 1;
    /// Bits of `priority` in `flags`.
    pub const FLAGS_PRIORITY_MASK: u16 = 0xE;

    /// The bytes of the block.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[0..2].copy_from_slice(&self.opcode.to_le_bytes());
        bytes[2..4].copy_from_slice(&self.flags.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.entries.to_le_bytes());
        bytes[12..60].copy_from_slice(&self.reserved_12);
        bytes[60..64].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    /// The block whose bytes these are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        Self {
            opcode: u16::from_le_bytes([bytes[0], bytes[1]]),
            flags: u16::from_le_bytes([bytes[2], bytes[3]]),
            sequence: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            entries: u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
            reserved_12: core::array::from_fn(|index| bytes[12 + index]),
            checksum: u32::from_le_bytes([bytes[60], bytes[61], bytes[62], bytes[63]]),
        }
    }
}

/// The defaults of the manifest, with the values that choose this layout.
impl Default for CommandNop {
    fn default() -> Self {
        Self::from_bytes(&[0; 64])
    }
}

/// Block 2 `response`: a register that the VF reads, with a notification when the host changes it.
///
/// The host's answer to the last command.
///
/// Required: `result == result.ok || detail != 0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)]
pub struct Response {
    /// The sequence number of the command that this answers. Set by the host.
    pub sequence: u32,
    /// Set by the host. Must be one of `result` (0, 1, 2, 3).
    pub result: u16,
    /// Why it failed; zero when it did not. Set by the host.
    pub detail: u16,
    /// Handle of a new mapping. Set by the host.
    pub mapping: u64,
    /// Set by the host.
    pub payload: [u32; 4],
}

#[allow(dead_code)]
impl Response {
    /// The block ID.
    pub const BLOCK_ID: u32 = 2;
    /// The shortest write in bytes.
    pub const MIN_LENGTH: usize = 32;
    /// The length of the block in bytes.
    pub const LENGTH: usize = 32;
    /// The block in the mask of an invalidation.
    pub const INVALIDATION_MASK: u64 = 0x4;

    /// The bytes of the block.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[0..4].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[4..6].copy_from_slice(&self.result.to_le_bytes());
        bytes[6..8].copy_from_slice(&self.detail.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.mapping.to_le_bytes());
        for (bytes, value) in bytes[16..32].chunks_exact_mut(4).zip(self.payload) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// The block whose bytes these are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self {
            sequence: u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
            result: u16::from_le_bytes([bytes[4], bytes[5]]),
            detail: u16::from_le_bytes([bytes[6], bytes[7]]),
            mapping: u64::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]]),
            payload: core::array::from_fn(|index| u32::from_le_bytes(core::array::from_fn(|byte| bytes[16 + 4 * index + byte]))),
        }
    }
}

/// The defaults of the manifest.
impl Default for Response {
    fn default() -> Self {
        Self::from_bytes(&[0; 32])
    }
}

/// Block 3 `mailbox`: a register that the VF reads and writes, with a notification when the host changes it.
///
/// Doorbell and queue sizes, agreed on by both sides.
///
/// Required: `wanted_queues <= granted_queues`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)]
pub struct Mailbox {
    /// Set by the VF.
    pub wanted_queues: u16,
    /// The VF's driver has set itself up. Set by the VF. Must be at most 1.
    pub ready: u8,
    /// Zero.
    pub reserved_3: [u8; 1],
    /// Either side adds one to wake the other. Set by the VF and by the host.
    pub doorbell: u32,
    /// Set by the host. Must be from 1 to 64.
    pub granted_queues: u16,
    /// Zero.
    pub reserved_10: [u8; 2],
    /// Counts the times that the host has changed its grants; it never goes back. Set by the host. Never less than in the write before.
    pub epoch: u32,
}

#[allow(dead_code)]
impl Mailbox {
    /// The block ID.
    pub const BLOCK_ID: u32 = 3;
    /// The shortest write in bytes.
    pub const MIN_LENGTH: usize = 8;
    /// The length of the block in bytes.
    pub const LENGTH: usize = 16;
    /// The block in the mask of an invalidation.
    pub const INVALIDATION_MASK: u64 = 0x8;
    /// The largest value of `ready`.
    pub const READY_MAX: u8 = 0x1;
    /// The smallest value of `granted_queues`.
    pub const GRANTED_QUEUES_MIN: u16 = 0x1;
    /// The largest value of `granted_queues`.
    pub const GRANTED_QUEUES_MAX: u16 = 0x40;

    /// The bytes of the block.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[0..2].copy_from_slice(&self.wanted_queues.to_le_bytes());
        bytes[2..3].copy_from_slice(&self.ready.to_le_bytes());
        bytes[3..4].copy_from_slice(&self.reserved_3);
        bytes[4..8].copy_from_slice(&self.doorbell.to_le_bytes());
        bytes[8..10].copy_from_slice(&self.granted_queues.to_le_bytes());
        bytes[10..12].copy_from_slice(&self.reserved_10);
        bytes[12..16].copy_from_slice(&self.epoch.to_le_bytes());
        bytes
    }

    /// The block whose bytes these are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 16]) -> Self {
        Self {
            wanted_queues: u16::from_le_bytes([bytes[0], bytes[1]]),
            ready: u8::from_le_bytes([bytes[2]]),
            reserved_3: core::array::from_fn(|index| bytes[3 + index]),
            doorbell: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            granted_queues: u16::from_le_bytes([bytes[8], bytes[9]]),
            reserved_10: core::array::from_fn(|index| bytes[10 + index]),
            epoch: u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]),
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
        if !(8..=16).contains(&length) {
            return Err("length: must be from 8 to 16");
        }
        let mut bytes = [0; 16];
        bytes[..length].copy_from_slice(sent);
        let image = &bytes[..];
        let (mut value, mut count, mut layout, mut overflow) = (0, 0, 0, false);
        for index in 0..1 {
            value = load_le(image, 2 + 1 * index, 1);
            if !(value <= 0x1) {
                return Err("ready: must be at most 1");
            }
        }
        for index in 0..1 {
            value = load_le(image, 8 + 2 * index, 2);
            if !(value >= 0x1 && value <= 0x40) {
                return Err("granted_queues: must be from 1 to 64");
            }
        }
        for index in 3..4 {
            if !(image[index] == 0) {
                return Err("bytes 3 to 3: not zero");
            }
        }
        for index in 10..12 {
            if !(image[index] == 0) {
                return Err("bytes 10 to 11: not zero");
            }
        }
        if !((load_le(image, 0, 2) <= load_le(image, 8, 2))) {
            return Err("wanted_queues <= granted_queues");
        }
        if !(!overflow) {
            return Err("wanted_queues <= granted_queues: overflows");
        }
        Ok(())
    }
}

/// The defaults of the manifest.
impl Default for Mailbox {
    fn default() -> Self {
        Self::from_bytes(&[0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0])
    }
}

/// Block 70 `telemetry`: a stream of messages from the VF; 32 are kept, then the oldest is dropped.
///
/// What the VF measures, one message for each sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)]
pub struct Telemetry {
    /// Nanoseconds since the VF driver started. Set by the VF. Greater in each write than in the one before.
    pub time: u64,
    /// Values that follow. Set by the VF.
    pub samples: u8,
    /// Set by the VF. Must be one of 1, 2, 4, 8, 16.
    pub unit: u8,
    /// Zero.
    pub reserved_10: [u8; 6],
    /// Set by the VF. `samples` elements, and zeros after them. Each must be at most 0xFFFFFFFFFFFF.
    pub values: [u64; 14],
}

#[allow(dead_code)]
impl Telemetry {
    /// The block ID.
    pub const BLOCK_ID: u32 = 70;
    /// The shortest write in bytes.
    pub const MIN_LENGTH: usize = 24;
    /// The length of the block in bytes.
    pub const LENGTH: usize = 128;
    /// The largest value of `values`.
    pub const VALUES_MAX: u64 = 0xFFFFFFFFFFFF;

    /// The bytes of the block.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 128] {
        let mut bytes = [0; 128];
        bytes[0..8].copy_from_slice(&self.time.to_le_bytes());
        bytes[8..9].copy_from_slice(&self.samples.to_le_bytes());
        bytes[9..10].copy_from_slice(&self.unit.to_le_bytes());
        bytes[10..16].copy_from_slice(&self.reserved_10);
        for (bytes, value) in bytes[16..128].chunks_exact_mut(8).zip(self.values) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// The block whose bytes these are.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 128]) -> Self {
        Self {
            time: u64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]]),
            samples: u8::from_le_bytes([bytes[8]]),
            unit: u8::from_le_bytes([bytes[9]]),
            reserved_10: core::array::from_fn(|index| bytes[10 + index]),
            values: core::array::from_fn(|index| u64::from_le_bytes(core::array::from_fn(|byte| bytes[16 + 8 * index + byte]))),
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
        if !(24..=128).contains(&length) {
            return Err("length: must be from 24 to 128");
        }
        let mut bytes = [0; 128];
        bytes[..length].copy_from_slice(sent);
        let image = &bytes[..];
        let (mut value, mut count, mut layout, mut overflow) = (0, 0, 0, false);
        for index in 0..1 {
            value = load_le(image, 9 + 1 * index, 1);
            if !((value == 0x1 || value == 0x2 || value == 0x4 || value == 0x8 || value == 0x10)) {
                return Err("unit: must be one of 1, 2, 4, 8, 16");
            }
        }
        count = load_le(image, 8, 1);
        if !(count <= 14) {
            return Err("samples: more than 14 elements");
        }
        for index in (count as usize)..14 {
            value = load_le(image, 16 + 8 * index, 8);
            if !(value == 0) {
                return Err("values: elements after the count are not zero");
            }
        }
        for index in 0..(count as usize) {
            value = load_le(image, 16 + 8 * index, 8);
            if !(value <= 0xFFFFFFFFFFFF) {
                return Err("values: must be at most 0xFFFFFFFFFFFF");
            }
        }
        for index in 10..16 {
            if !(image[index] == 0) {
                return Err("bytes 10 to 15: not zero");
            }
        }
        Ok(())
    }
}

/// The defaults of the manifest.
impl Default for Telemetry {
    fn default() -> Self {
        Self::from_bytes(&[0; 128])
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
