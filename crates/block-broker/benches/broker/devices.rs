//! Devices to measure: VFs behind spin locks, each on cache lines of its own, as in the driver.

use block_broker::{BlockSlot, Broker, Newest, Ticks, Vf, VfLock};
use block_table::{Image, Table};
use spin::mutex::SpinMutex;

/// One VF as the driver keeps it.
#[repr(align(128))]
pub(crate) struct Cell {
    vf: SpinMutex<Vf<'static>>,
    newest: Newest,
}

impl VfLock for Cell {
    #[inline]
    fn with<R>(&self, operation: impl FnOnce(&mut Vf<'_>) -> R) -> R {
        operation(&mut self.vf.lock())
    }

    #[inline]
    fn newest(&self) -> &Newest {
        &self.newest
    }
}

pub(crate) type Device = Broker<'static, Cell>;

/// High enough to measure a block's checks and not its limit.
pub(crate) const NOW: Ticks = Ticks(0);

/// Compiles a manifest.
pub(crate) fn table(manifest: &str) -> Table<'static> {
    let compiled = block_manifest::Manifest::parse("bench.toml", manifest)
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
        .compile();
    Table::verify(compiled.leak()).unwrap()
}

/// A device that lives as long as the benchmark.
pub(crate) fn device(table: Table<'static>, vfs: usize) -> Device {
    device_of(table, vfs, |vf| Cell {
        vf: SpinMutex::new(vf),
        newest: Newest::new(),
    })
}

/// The same with other locks.
pub(crate) fn device_of<L: VfLock>(
    table: Table<'static>,
    vfs: usize,
    lock: impl Fn(Vf<'static>) -> L,
) -> Broker<'static, L> {
    let slots = vec![BlockSlot::UNUSED; Vf::slots_needed(&table) * vfs].leak();
    let bytes = vec![[0_u8; 64]; Vf::bytes_needed(&table) / 64 * vfs]
        .leak()
        .as_flattened_mut();
    let locks: Vec<L> = slots
        .chunks_mut(Vf::slots_needed(&table))
        .zip(bytes.chunks_mut(Vf::bytes_needed(&table)))
        .map(|(slots, bytes)| lock(Vf::new(&table, slots, bytes).unwrap()))
        .collect();
    Broker::new(table, locks.leak()).unwrap()
}

/// `bytes` as a shell passes them.
pub(crate) fn image(bytes: &[u8]) -> Image {
    let mut image = [0; 128];
    image[..bytes.len()].copy_from_slice(bytes);
    image
}

/// A manifest of `vfs` VFs with one opaque 128-byte register for each of `ids`.
pub(crate) fn registers(vfs: usize, ids: impl IntoIterator<Item = usize>) -> String {
    use std::fmt::Write;
    let mut manifest =
        format!("[device]\nname = \"registers\"\nvendor-id = 1\ndevice-id = 1\nmax-vfs = {vfs}\n");
    for id in ids {
        write!(
            manifest,
            "[[block]]\nid = {id}\nname = \"b{id}\"\nvf-access = \"read-write\"\nlength = 128\n"
        )
        .unwrap();
    }
    manifest
}
