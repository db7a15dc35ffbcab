//! What the storm is made of: operations at random, for the blocks of tests/manifests/storm.toml.

use lab_control::stack::{self as abi, operation, path};
use oracle::image::crc32;

use crate::operations::transfer;

/// The blocks that are read, and one that exists nowhere.
const BLOCKS: [u32; 7] = [0, 1, 2, 3, 4, 63, 9];

/// The xorshift generator of Marsaglia, which is enough to vary operations.
pub(super) struct Random(u64);

impl Random {
    /// A sequence of its own for each seed and VF.
    pub(super) fn new(seed: u64, vf: u16) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (u64::from(vf) << 32) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    /// Any byte but the one by which the stack double sees that a buffer was left as it was.
    fn byte(&mut self) -> u8 {
        match self.next().to_le_bytes()[4] {
            abi::PATTERN => 0,
            byte => byte,
        }
    }

    fn of<const COUNT: usize>(&mut self, choices: [u32; COUNT]) -> u32 {
        let choice = usize::try_from(self.below(COUNT as u64)).unwrap_or(0);
        choices.get(choice).copied().unwrap_or(0)
    }

    /// The block's own length, or now and then one that does not fit.
    fn length(&mut self, own: u32) -> u32 {
        if self.below(6) > 0 {
            own
        } else {
            self.of([0, 1, 4, 16, 64, 127, 128, 129, 200])
        }
    }

    /// What a VF, or the host for it, does next.
    pub(super) fn operation(&mut self, vf: u16, guests: bool) -> abi::Transfer {
        let mut transfer = match self.below(1_000) {
            0..380 => self.write(vf),
            380..660 => {
                let block = self.of(BLOCKS);
                let length = self.length(128);
                transfer(operation::READ, vf, block, length)
            }
            660..800 => self.publish(vf),
            800..860 => self.invalidate(vf),
            860..900 => transfer(operation::TAKE, vf, 0, 0),
            900..998 => {
                let state = self.of([0, 1, 2, 3]);
                transfer(operation::POWER, vf, state, 0)
            }
            _ => transfer(operation::RESET, vf, 0, 0),
        };
        let by_guest = matches!(transfer.operation, operation::READ | operation::WRITE)
            && guests
            && (1..=128).contains(&transfer.length);
        // Power states have two ways as well.
        let two_ways = by_guest || transfer.operation == operation::POWER;
        if two_ways && self.below(2) == 0 {
            transfer.path = path::VPCI;
        }
        transfer
    }

    fn write(&mut self, vf: u16) -> abi::Transfer {
        let block = self.of(BLOCKS);
        let length = self.length(if block == 4 { 16 } else { 128 });
        let mut transfer = transfer(operation::WRITE, vf, block, length);
        self.fill(&mut transfer);
        if block == 1 && self.below(8) > 0 {
            let (content, checksum) = transfer.data.split_at_mut(124);
            checksum.copy_from_slice(&crc32(content).to_le_bytes());
        }
        transfer
    }

    fn publish(&mut self, vf: u16) -> abi::Transfer {
        let block = self.of([0, 0, 2, 2, 4, 63, 1, 3, 9]);
        let length = match block {
            4 => 16,
            63 => 1,
            _ => 128,
        };
        let mut transfer = transfer(operation::PUBLISH, vf, block, length);
        self.fill(&mut transfer);
        transfer
    }

    /// Any bytes; for the block with rules mostly ones that keep them.
    fn fill(&mut self, transfer: &mut abi::Transfer) {
        for place in &mut transfer.data {
            *place = self.byte();
        }
        if transfer.block == 4 {
            // A rate below the least one only now and then, and a sequence that mostly grows.
            let data = &mut transfer.data;
            if self.below(8) > 0 {
                data[1] |= 1;
            }
            data[4..8].copy_from_slice(&[self.byte(), 0, 0, 0]);
            data[12..16].fill(0);
        }
    }

    fn invalidate(&mut self, vf: u16) -> abi::Transfer {
        let mut transfer = transfer(operation::INVALIDATE, vf, 0, 0);
        let mut mask = 0_u64;
        for block in [0, 2, 4, 63] {
            mask |= self.below(2) << block;
        }
        // A block that does not exist.
        if self.below(10) == 0 {
            mask |= 1 << 17;
        }
        transfer.data[..8].copy_from_slice(&mask.to_le_bytes());
        transfer
    }
}
