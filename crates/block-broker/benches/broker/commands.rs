//! Valid commands for the block `command` of `blocks/accelerator.toml`, and iteration in turn.

use std::cell::Cell as Slot;

use block_broker::Ticks;
use block_table::Image;

use crate::devices::image;
use crate::hand_written::{Command, LENGTH, sealed};

/// The layouts of the block `command`, the lightest first.
pub(crate) const LAYOUTS: [&str; 5] = ["nop", "map", "unmap", "submit", "set_label"];

/// Valid commands of one layout, each of which may follow the one before, and the first the last:
/// sequence numbers in serial arithmetic, a quarter of their space apart.
pub(crate) fn commands(layout: &str) -> Vec<[u8; LENGTH]> {
    let opcode = LAYOUTS.iter().position(|name| *name == layout).unwrap();
    let mut bytes = [0; LENGTH];
    bytes[0] = u8::try_from(opcode).unwrap();
    bytes[2] = 0b0101;
    match layout {
        "map" => {
            bytes[8] = 8;
            bytes[16..24].copy_from_slice(&0x1000_u64.to_le_bytes());
            bytes[24..28].copy_from_slice(&0x8000_u32.to_le_bytes());
            bytes[28..44].copy_from_slice(&[1; 16]);
        }
        "unmap" => bytes[16] = 1,
        "submit" => {
            bytes[24..32].copy_from_slice(&0x1000_u64.to_le_bytes());
            bytes[32..36].copy_from_slice(&0x800_u32.to_le_bytes());
            bytes[36..40].copy_from_slice(&0x800_u32.to_le_bytes());
            bytes[40..48].copy_from_slice(&0x10_0000_u64.to_le_bytes());
        }
        "set_label" => bytes[16..28].copy_from_slice(b"database one"),
        _ => {}
    }
    let commands: Vec<_> = (0..4_u32)
        .map(|step| {
            bytes[4..8].copy_from_slice(&(step << 30).to_le_bytes());
            sealed(bytes)
        })
        .collect();
    let mut by_hand = Command::new();
    for command in commands.iter().chain(&commands) {
        by_hand.write(command).unwrap();
    }
    commands
}

/// The same, as a shell hands them over.
pub(crate) fn images(layout: &str) -> Turns<Image> {
    Turns::new(
        commands(layout)
            .iter()
            .map(|command| image(command))
            .collect(),
    )
}

/// Gives the elements in turn, for ever.
pub(crate) struct Turns<T> {
    pub(crate) elements: Vec<T>,
    next: Slot<usize>,
}

impl<T> Turns<T> {
    pub(crate) fn new(elements: Vec<T>) -> Self {
        assert!(elements.len().is_power_of_two());
        Self {
            elements,
            next: Slot::new(0),
        }
    }

    pub(crate) fn next(&self) -> &T {
        let next = self.next.get();
        self.next.set(next + 1);
        &self.elements[next & (self.elements.len() - 1)]
    }
}

/// A clock that lets a VF of `blocks/accelerator.toml` write as fast as its limit allows.
pub(crate) struct Clock(Slot<u64>);

impl Clock {
    pub(crate) const fn new() -> Self {
        Self(Slot::new(0))
    }

    pub(crate) fn next(&self) -> Ticks {
        let now = self.0.get() + Ticks::PER_SECOND / 2000;
        self.0.set(now);
        Ticks(now)
    }
}
