use std::fs;
use std::path::Path;

use block_manifest::{Block, Manifest, Owner, Type};
use block_table::{History, Image, Kind, Table, Write, Writer};

use super::Goal;
use crate::fields::image_of;
use crate::value;

/// Manifests whose rules leave little room.
const HARD: &str = r#"
[device]
name = "Hard"
vendor-id = 1
device-id = 2
max-vfs = 1
[enum.kind]
empty = 0x10
sum = 0x20
packed = 0x40
[[block]]
id = 0
name = "hard"
vf-access = "read-write"
min-length = 64
max-length = 96
uses = ["limits"]
require = [
    "total == header + 8",
    "seal == 0xC0FFEE + kind",
    "length == 70 + extra || writer == writer.pf",
    "extra <= limits.room.most",
    "writer == writer.pf || was.extra + extra >= 8",
]
[[block.field]]
name = "kind"
type = "u8"
default = 0x10
valid = { one-of = "kind" }
[[block.field]]
name = "flags"
type = "u8"
bits = { a = 0, b = "1-3" }
[[block.field]]
name = "total"
type = "u16"
default = 8
[[block.field]]
name = "header"
type = "u16be"
valid = { multiple-of = 6, max = 1000 }
[[block.field]]
name = "seal"
type = "u32"
offset = 8
default = 0xC0FFFE
[[block.field]]
name = "serial"
type = "u32"
sequence = "strict"
[[block.layout]]
when = "kind == kind.empty && flags.a == 0"
[[block.layout]]
when = "kind == kind.sum && !(flags.b < 3) && header != 0"
require = ["left + right == 1234567", "left > right || left == 617283"]
[[block.layout.field]]
name = "left"
type = "u64"
[[block.layout.field]]
name = "right"
type = "u64"
[[block.layout]]
when = "kind == kind.packed"
[[block.layout.field]]
name = "used"
type = "u8"
valid = { min = 2 }
[[block.layout.field]]
name = "items"
type = "u16[5]"
count = "used"
valid = { min = 0, max = 77, multiple-of = 7 }
[[block.layout.field]]
name = "name"
type = "ascii[3]"
[[block.field]]
name = "checksum"
type = "u32"
offset = 60
check = "crc32"
[[block.field]]
name = "extra"
type = "u8"
[[block.field]]
name = "station"
type = "bytes[6]"
valid = { mac = "unicast" }
[[block]]
id = 1
name = "limits"
vf-access = "none"
length = 2
[[block.field]]
name = "room"
type = "u16be"
bits = { most = "4-11" }
default = 0x130
"#;

fn manifests() -> Vec<(String, Manifest)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../blocks");
    let mut all: Vec<(String, String)> = fs::read_dir(folder)
        .expect("the manifests' folder")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            (
                path.display().to_string(),
                fs::read_to_string(&path).expect("a manifest"),
            )
        })
        .collect();
    assert!(all.len() >= 3, "the real manifests are there");
    all.push(("hard".to_owned(), HARD.to_owned()));
    let structures = include_str!("../../../../tests/manifests/structures.toml");
    all.push(("structures".to_owned(), structures.to_owned()));
    let signed = include_str!("../../../../tests/manifests/signed.toml");
    all.push(("signed".to_owned(), signed.to_owned()));
    let lists = include_str!("../../../../tests/manifests/lists.toml");
    all.push(("lists".to_owned(), lists.to_owned()));
    let parse = |(name, text): (String, String)| match Manifest::parse(&name, &text) {
        Ok(manifest) => (name, manifest),
        Err(diagnostics) => panic!("{diagnostics}"),
    };
    all.into_iter().map(parse).collect()
}

fn layouts(block: &Block) -> Vec<Option<usize>> {
    if block.layouts.is_empty() {
        vec![None]
    } else {
        (0..block.layouts.len()).map(Some).collect()
    }
}

/// The blocks that a block uses, while host software has granted as much as their fields hold.
fn generous(manifest: &Manifest, block: &Block) -> Vec<Image> {
    let used = block.uses.iter().map(|name| {
        let mut blocks = manifest.blocks().iter();
        let used = blocks.find(|other| other.name == *name).expect("a block");
        let mut image = [0; block_table::MAX_BLOCK_LENGTH];
        for field in &used.fields {
            let Type::Integer(integer) = field.ty else {
                continue;
            };
            let listed = field.valid.one_of.iter().flat_map(|set| &set.values);
            let largest = [field.valid.max, listed.max().copied()];
            let largest = largest.into_iter().flatten().min();
            let largest = largest.unwrap_or(integer.max() & i128::from(field.defined_bits()));
            assert!(field.allows(largest), "{}", field.name);
            value::put(&mut image, field.offset.into(), integer, largest);
        }
        image
    });
    used.collect()
}

/// Drafts a sequence of writes to a block: for each layout and turn one write after the other, each
/// on top of the one before, or after a reset where the one before needs an answer.
fn converse(name: &str, manifest: &Manifest, table: &Table<'_>, block: &Block, writer: Writer) {
    let compiled = table
        .find(block.id)
        .and_then(|index| table.block(index))
        .expect("the block");
    let images = generous(manifest, block);
    let mut used = compiled.defaults_of_used();
    for (place, image) in used.iter_mut().zip(&images) {
        *place = image;
    }
    let mut committed: Image = *compiled.default_image();
    let mut history = History::EMPTY;
    // A rule of one layout may leave it to the host.
    let is_written = |layout: &Option<usize>| {
        let layout = layout.and_then(|layout| block.layouts.get(layout));
        let mut rules = layout.iter().flat_map(|layout| &layout.require);
        writer == Writer::Pf || !rules.any(|rule| rule.text == "writer == writer.pf")
    };
    for turn in 0..6 {
        for layout in layouts(block).into_iter().filter(is_written) {
            let found = |committed: &Image, history| {
                let goal = Goal {
                    block,
                    compiled,
                    write: Write {
                        used,
                        ..Write::new(writer, compiled.max_length(), committed, history)
                    },
                    layout,
                    turn,
                };
                goal.find_bytes()
            };
            let bytes = found(&committed, history).unwrap_or_else(|| {
                (committed, history) = (*compiled.default_image(), History::EMPTY);
                found(&committed, history).unwrap_or_else(|| {
                    panic!(
                        "{name}, block {}, {writer:?}, layout {layout:?}, turn {turn}: none",
                        block.name
                    )
                })
            });
            assert!(compiled.accepts_length(bytes.len()));
            compiled
                .check_sent(writer, &bytes)
                .expect("its checksum is right");
            let mut image = image_of(&bytes);
            let write = Write {
                used,
                ..Write::new(writer, bytes.len(), &committed, history)
            };
            compiled
                .admit_in_place(&write, &mut image)
                .expect("it is valid");
            assert_eq!(
                value::layout_of(block, &image),
                layout,
                "{name}, block {}",
                block.name
            );
            committed = image;
            history = history.after(writer);
        }
    }
}

#[test]
fn a_vfs_valid_write_is_found_for_every_layout_of_every_real_manifest() {
    for (name, manifest) in manifests() {
        let bytes = manifest.compile();
        let table = Table::verify(&bytes).expect("a table");
        for block in manifest
            .blocks()
            .iter()
            .filter(|block| block.vf_access.writable())
        {
            converse(&name, &manifest, &table, block, Writer::Vf);
        }
    }
}

#[test]
fn a_valid_publish_is_found_for_every_block_that_is_the_pfs() {
    for (name, manifest) in manifests() {
        let bytes = manifest.compile();
        let table = Table::verify(&bytes).expect("a table");
        let registers = manifest
            .blocks()
            .iter()
            .filter(|block| block.kind == Kind::Register);
        for block in registers.filter(|block| block.layouts.is_empty()) {
            if block.fields.iter().any(|field| field.owner != Owner::Vf) {
                converse(&name, &manifest, &table, block, Writer::Pf);
            }
        }
    }
}

#[test]
fn turns_differ_where_the_manifest_leaves_a_choice() {
    for (name, manifest) in manifests() {
        let bytes = manifest.compile();
        let table = Table::verify(&bytes).expect("a table");
        let block = manifest
            .blocks()
            .iter()
            .find(|block| block.vf_access.writable());
        let block = block.expect("a block that a VF writes");
        let compiled = table
            .find(block.id)
            .and_then(|index| table.block(index))
            .expect("it");
        let images = generous(&manifest, block);
        let mut used = compiled.defaults_of_used();
        for (place, image) in used.iter_mut().zip(&images) {
            *place = image;
        }
        // A layout may leave no choice, so that all of them are tried.
        let turns = layouts(block)
            .into_iter()
            .flat_map(|layout| (0..8).map(move |turn| (layout, turn)));
        let drafts: std::collections::BTreeSet<_> = turns
            .filter_map(|(layout, turn)| {
                let committed = compiled.default_image();
                let length = compiled.max_length();
                Goal {
                    block,
                    compiled,
                    write: Write {
                        used,
                        ..Write::new(Writer::Vf, length, committed, History::EMPTY)
                    },
                    layout,
                    turn,
                }
                .find_bytes()
            })
            .collect();
        assert!(
            drafts.len() > 3,
            "{name}: {} different drafts",
            drafts.len()
        );
    }
}
