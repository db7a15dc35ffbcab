//! Compares a VF's memory with the size of its blocks.

use block_broker::Vf;
use block_table::{Kind, Table};

use crate::ACCELERATOR;
use crate::devices::{Cell, table};

pub(crate) fn memory() {
    println!(
        "\nMemory for each byte of block (aim: accelerator <= 1.5)\n{:<58}{:>10}{:>9}",
        "", "bytes/VF", "ratio"
    );
    for (name, manifest) in [
        ("accelerator.toml", ACCELERATOR),
        (
            "mlx5-hv-vhca.toml",
            include_str!("../../../../blocks/mlx5-hv-vhca.toml"),
        ),
        ("hello.toml", include_str!("../../../../blocks/hello.toml")),
    ] {
        let table = table(manifest);
        let needed = size_of::<Cell>()
            + Vf::slots_needed(&table) * size_of::<block_broker::BlockSlot>()
            + Vf::bytes_needed(&table);
        let needed = u32::try_from(needed).unwrap();
        println!(
            "{name:<58}{needed:>10}{:>9.2}",
            f64::from(needed) / f64::from(block_bytes(&table))
        );
    }
}

/// The size of a VF's blocks alone.
fn block_bytes(table: &Table<'_>) -> u32 {
    let messages = |kind, depth| if kind == Kind::Stream { depth } else { 1 };
    let bytes: usize = table
        .blocks()
        .map(|block| block.max_length() * messages(block.kind(), block.depth()))
        .sum();
    u32::try_from(bytes).unwrap()
}
