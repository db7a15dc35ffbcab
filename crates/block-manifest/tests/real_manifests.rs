//! The manifests in blocks/ compile without diagnostics, and verify.

use block_manifest::Manifest;
use block_table::Table;

fn manifests() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../blocks");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .expect("blocks/ is there")
        .map(|entry| entry.expect("blocks/ can be listed").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .map(|path| {
            let name = format!("blocks/{}", path.file_name().unwrap_or_default().display());
            (
                name,
                std::fs::read_to_string(&path).expect("a manifest is UTF-8"),
            )
        })
        .collect();
    found.sort();
    found
}

#[test]
fn every_manifest_in_blocks_compiles_without_warnings_and_verifies() {
    let manifests = manifests();
    assert!(manifests.len() >= 2);
    for (name, text) in manifests {
        let manifest =
            Manifest::parse(&name, &text).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        assert!(manifest.warnings().is_empty(), "{}", manifest.warnings());
        let bytes = manifest.compile();
        let table = Table::verify(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(table.block_count(), manifest.blocks().len());
        for (compiled, block) in table.blocks().zip(manifest.blocks()) {
            assert_eq!(
                (compiled.id(), compiled.name()),
                (block.id, block.name.as_str())
            );
        }
    }
}
