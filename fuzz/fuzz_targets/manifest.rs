//! Fuzzes the manifest compiler: any text gives a table that verifies and all generated files, or
//! diagnostics.
#![no_main]

use block_manifest::{Manifest, Style};
use block_table::Table;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Manifest::parse("fuzz.toml", text) {
        Ok(manifest) => {
            let bytes = manifest.compile();
            let table = Table::verify(&bytes).expect("every compiled manifest verifies");
            assert_eq!(table.block_count(), manifest.blocks().len());
            let _ = (manifest.header_c(&Style::default()), manifest.header_rust(&Style::default()), manifest.reference_markdown(&Style::default()));
        }
        Err(diagnostics) => {
            assert!(diagnostics.error_count() > 0);
            assert!(!diagnostics.render(true, None).is_empty());
        }
    }
});
