//! Compares tables without the manifests in them.

use block_table::format::Header;
use block_table::{Device, Limits, Reset, Table};

/// Everything in a table that the driver goes by.
pub(crate) fn rules(bytes: &[u8]) -> (Device<'_>, Option<Limits>, Reset, &[u8]) {
    let table = Table::verify(bytes).expect("what compiles verifies");
    let manifest = table.manifest().len();
    let sections = &bytes[size_of::<Header>()..bytes.len() - manifest];
    (table.device(), table.limits(), table.reset(), sections)
}
