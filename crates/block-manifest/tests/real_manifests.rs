//! The manifests in blocks/ compile without diagnostics, and verify.

use block_manifest::{Field, Manifest};
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

/// What the values of fields are decoded with.
fn values(fields: &[Field]) -> String {
    let values = fields.iter();
    let values = values.map(|field| {
        (
            &field.name,
            field.offset,
            field.ty,
            &field.bits,
            &field.valid,
        )
    });
    format!("{:?}", values.collect::<Vec<_>>())
}

#[test]
fn a_table_contains_the_manifest_that_compiles_to_it() {
    let mut manifests = manifests();
    let every_key = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/manifests/every-key.toml"
    );
    let text = std::fs::read_to_string(every_key).expect("a manifest is UTF-8");
    manifests.push(("every-key.toml".to_owned(), text));
    for (name, text) in manifests {
        let manifest = Manifest::parse(&name, &text).expect(&name);
        let bytes = manifest.compile();
        let table = Table::verify(&bytes).expect(&name);
        let embedded = std::str::from_utf8(table.manifest()).expect(&name);
        assert!(embedded.len() < text.len(), "{name}");
        let again = Manifest::parse(&name, embedded).expect(&name);
        assert_eq!(again.compile(), bytes, "{name}");
        assert_eq!(again.constants(), manifest.constants(), "{name}");
        assert_eq!(again.enums(), manifest.enums(), "{name}");
        for (again, block) in again.blocks().iter().zip(manifest.blocks()) {
            assert_eq!(again.doc, None, "{name}");
            assert_eq!(values(&again.fields), values(&block.fields), "{name}");
            for (again, layout) in again.layouts.iter().zip(&block.layouts) {
                assert_eq!(again.name, layout.name, "{name}");
                assert_eq!(values(&again.fields), values(&layout.fields), "{name}");
            }
        }
    }
}

#[test]
fn a_comment_and_a_documentation_change_no_table() {
    let plain = "[device]\nname = \"X\"\nvendor-id = 1\ndevice-id = 2\nmax-vfs = 1\n\
                 [enum.level]\ndoc = 1\n[[block]]\nid = 0\nname = \"b\"\nvf-access = \"read-only\"\n\
                 length = 4\n";
    let field = "[[block.field]]\nname = \"a\"\ntype = \"u32\"\nbits = { doc = \"3-4\" }\n";
    let documented = format!(
        "# a comment\n{plain}doc = \"a secret\"\n{field}doc = '''two\nlines'''  # another\n"
    );
    let compile = |text: &str| Manifest::parse("x", text).expect("a manifest").compile();
    let bytes = compile(&format!("{plain}{field}"));
    assert_eq!(compile(&documented), bytes);
    let table = Table::verify(&bytes).expect("a table");
    assert_eq!(
        String::from_utf8_lossy(table.manifest()),
        "device={name=\"X\",vendor-id=1,device-id=2,max-vfs=1}\n\
         enum={level={doc=1}}\n\
         [[block]]\nid=0\nname=\"b\"\nvf-access=\"read-only\"\nlength=4\n\
         [[block.field]]\nname=\"a\"\ntype=\"u32\"\nbits={doc=\"3-4\"}\n"
    );
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
