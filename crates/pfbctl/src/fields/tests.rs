use std::fs;

use block_manifest::{Block, Manifest};
use block_table::{Image, MAX_BLOCK_LENGTH, Table, Writer};

use super::{Assignment, decode, encode, image_of, judge};

fn manifest(name: &str) -> Manifest {
    let path = format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).expect("text");
    Manifest::parse(name, &text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

const PORT: &str = r#"
[device]
name = "X"
vendor-id = 1
device-id = 1
max-vfs = 1

[enum.link]
down = 0
up = 1

[[block]]
id = 3
name = "port"
vf-access = "read-write"
length = 32

[[block.field]]
name = "link"
type = "u8"
owner = "pf"
valid = { one-of = "link" }

[[block.field]]
name = "mtu"
type = "u16"
owner = "pf"
offset = 2
default = 1500
valid = { min = 1280, max = 9000 }

[[block.field]]
name = "flags"
type = "u16be"
owner = "pf"
bits = { trusted = 0, mode = "4-6" }

[[block.field]]
name = "count"
type = "u8"
owner = "pf"

[[block.field]]
name = "queues"
type = "u16[4]"
owner = "pf"
offset = 8
count = "count"

[[block.field]]
name = "label"
type = "ascii[8]"
owner = "pf"

[[block.field]]
name = "wanted"
type = "u8"
"#;

fn port() -> Manifest {
    Manifest::parse("port.toml", PORT).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn published(words: &[&str]) -> Result<Vec<u8>, String> {
    let manifest = port();
    let block = &manifest.blocks()[0];
    let table = manifest.compile();
    let table = Table::verify(&table).expect("a table");
    let base = *table.block(0).expect("a block").default_image();
    let assignments: Result<Vec<_>, _> = words.iter().map(|word| Assignment::parse(word)).collect();
    let bytes = encode(&manifest, block, Writer::Pf, &base, &assignments?)?;
    judge(&table, block, Writer::Pf, &bytes)?;
    Ok(bytes)
}

#[test]
fn names_of_values_and_bits_become_bytes_and_are_read_back() {
    let bytes = published(&[
        "link=up",
        "mtu=0x2000",
        "flags=trusted|mode=5",
        "queues=7,8",
    ]);
    let bytes = bytes.expect("valid");
    assert_eq!(bytes[..12], [1, 0, 0, 0x20, 0, 0x51, 2, 0, 7, 0, 8, 0]);
    let manifest = port();
    let decoded = decode(&manifest, &manifest.blocks()[0], &bytes);
    let texts: Vec<(&str, &str)> = decoded
        .fields
        .iter()
        .map(|field| (&*field.name, &*field.text))
        .collect();
    assert_eq!(texts[0], ("link", "up"));
    assert_eq!(texts[2], ("flags", "trusted|mode=5"));
    assert_eq!(decoded.fields[4].value, serde_json::json!([7, 8, 0, 0]));
    let bytes = published(&["flags.mode=2", "label=rack 7"]).expect("valid");
    assert_eq!(bytes[2..6], [0xDC, 5, 0, 0x20], "the default of the others");
    assert_eq!(bytes[16..24], *b"rack 7\0\0");
}

#[test]
fn an_error_names_what_is_allowed_and_what_was_meant() {
    for (word, message) in [
        (
            "link=upp",
            "`link` has no value `upp` (did you mean `up`?); values are down (0), up (1)",
        ),
        ("link=2", "`link` is 2, and must be one of `link` (0, 1)"),
        ("mtu=70000", "`mtu` is 70000, and u16 has 0 to 65535"),
        ("mtu=9001", "`mtu` is 9001, and must be from 1280 to 9000"),
        (
            "mtuu=1500",
            "block port has no field `mtuu` (did you mean `mtu`?); its fields are link, mtu, flags, count, queues, label, wanted",
        ),
        ("mtu=big", "`mtu` is no number: `big`"),
        (
            "flags=trust",
            "`flags` has no bits `trust` (did you mean `trusted`?); they are trusted, mode",
        ),
        ("flags.mode=8", "`flags.mode` is 8, and must be from 0 to 7"),
        (
            "flags=2",
            "`flags` is 0x2, and only the bits 0x71 have names",
        ),
        ("queues=1,2,3,4,5", "`queues` has 4 elements, not 5"),
        ("label=longer than 8", "`label` has 8 bytes, not 13"),
        ("label=ü", "`label` takes printable ASCII characters"),
        (
            "wanted=1",
            "field `wanted` of block port is the VF's, and the PF does not write it",
        ),
        ("mtu", "`mtu` is not FIELD=VALUE"),
    ] {
        assert_eq!(published(&[word]), Err(message.to_owned()), "{word}");
    }
    let refused = published(&["count=5"]).expect_err("more than the elements");
    assert!(
        refused.starts_with("refused: count, at field `"),
        "{refused}"
    );
}

/// Every block of the real manifests, with valid bytes of the simulation's story: what decoding
/// says, encoding makes again.
#[test]
fn the_fields_of_real_messages_are_encoded_as_they_were_decoded() {
    let mut messages = 0;
    for (name, trace) in [
        ("blocks/accelerator.toml", "accelerator"),
        ("blocks/mlx5-hv-vhca.toml", "mlx5-hv-vhca"),
    ] {
        let manifest = manifest(name);
        for (block, bytes) in writes(trace) {
            let Some(block) = manifest.blocks().iter().find(|other| other.id == block) else {
                continue;
            };
            if bytes.len() != usize::from(block.max_length) || block.is_opaque() {
                continue;
            }
            if judged(&manifest, block, &bytes).is_err() {
                continue;
            }
            let again = encoded_again(&manifest, block, &bytes);
            // The PF's fields of a VF's write are ignored.
            let mut bytes = bytes;
            let layout = crate::value::layout_of(block, &image_of(&bytes));
            for field in crate::value::fields(block, layout) {
                if !field.owner.has_vf() {
                    bytes[usize::from(field.offset)..field.end()].fill(0);
                }
            }
            assert_eq!(hex::encode(again), hex::encode(&bytes), "{}", block.name);
            messages += 1;
        }
    }
    assert!(messages > 5, "only {messages} messages");
}

fn judged(manifest: &Manifest, block: &Block, bytes: &[u8]) -> Result<(), String> {
    let table = manifest.compile();
    let table = Table::verify(&table).expect("a table");
    judge(&table, block, Writer::Vf, bytes)
}

/// Assigns every field of the VF that is not zero by its decoded value.
fn encoded_again(manifest: &Manifest, block: &Block, bytes: &[u8]) -> Vec<u8> {
    let image: Image = image_of(bytes);
    let layout = crate::value::layout_of(block, &image);
    let fields = crate::value::fields(block, layout);
    let decoded = decode(manifest, block, bytes);
    let values = decoded.fields.iter().zip(&fields);
    let owned = values.filter(|(_, field)| field.owner.has_vf() && field.checksum.is_none());
    let assignments: Vec<Assignment> = owned
        .map(|(value, _)| Assignment {
            name: value.name.clone(),
            value: match &value.value {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Array(all) => {
                    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                    all.join(",")
                }
                number => number.to_string(),
            },
        })
        .collect();
    let zeros = [0; MAX_BLOCK_LENGTH];
    encode(manifest, block, Writer::Vf, &zeros, &assignments).unwrap_or_else(|wrong| {
        panic!("{}: {wrong}", block.name);
    })
}

/// The writes of a suite's traces.
fn writes(suite: &str) -> Vec<(u32, Vec<u8>)> {
    let folder = format!("{}/../../tests/traces/{suite}", env!("CARGO_MANIFEST_DIR"));
    let mut writes = Vec::new();
    for entry in fs::read_dir(folder).expect("the traces") {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("text");
        for line in text.lines() {
            if let Ok(block_trace::Operation::Write { block, data, .. }) =
                block_trace::Operation::parse(line.as_bytes())
            {
                writes.push((block, data));
            }
        }
    }
    writes
}

/// The blocks of tests/manifests/structures.toml with these values.
fn structures(block: usize, words: &[&str]) -> Result<Vec<u8>, String> {
    encoded("tests/manifests/structures.toml", block, Writer::Vf, words)
}

/// The bytes of a block of a manifest with these values.
fn encoded(file: &str, block: usize, writer: Writer, words: &[&str]) -> Result<Vec<u8>, String> {
    let manifest = manifest(file);
    let block = &manifest.blocks()[block];
    let table = manifest.compile();
    let table = Table::verify(&table).expect("a table");
    let compiled = table.find(block.id).and_then(|index| table.block(index));
    let base = *compiled.expect("a block").default_image();
    let assignments: Result<Vec<_>, _> = words.iter().map(|word| Assignment::parse(word)).collect();
    let bytes = encode(&manifest, block, writer, &base, &assignments?)?;
    judge(&table, block, writer, &bytes)?;
    Ok(bytes)
}

#[test]
fn the_fields_of_structures_have_an_index_and_set_the_count() {
    let words = [
        "header.version=1",
        "queues=8",
        "vectors[0].kind=send",
        "vectors[0].last=2",
        "vectors[1].kind=receive",
        "vectors[1].flags=enabled|adaptive",
        "vectors[1].flags.adaptive=0",
        "vectors[1].first=3",
        "vectors[1].last=0x7",
    ];
    let bytes = structures(0, &words).expect("valid");
    let expected = [
        0x10, 2, 8, 0, 2, 0, 0, 0, 0, 0, 0, 2, 1, 1, 0, 0, 3, 0, 0, 7,
    ];
    assert_eq!(bytes[..20], expected);
    assert_eq!(bytes[20..], [0; 16]);
    let manifest = manifest("tests/manifests/structures.toml");
    let decoded = decode(&manifest, &manifest.blocks()[0], &bytes);
    let vectors = &decoded.fields[2];
    assert_eq!(
        vectors.text,
        "[(kind=send flags=0 first=0 last=2) (kind=receive flags=enabled first=3 last=7) 0…]"
    );
    let zero = serde_json::json!({ "kind": 0, "flags": 0, "first": 0, "last": 0 });
    assert_eq!(
        vectors.value,
        serde_json::json!([
            { "kind": 2, "flags": 0, "first": 0, "last": 2 },
            { "kind": 1, "flags": 1, "first": 3, "last": 7 },
            zero,
            zero,
        ])
    );
    // A count that is given, or computed, stays.
    let given = structures(0, &["header=0x1001", "queues=8", "vectors[1].kind=send"]);
    assert!(given.is_err(), "the second one is not counted");
    let computed = structures(3, &["last=1", "keys=5,6"]).expect("valid");
    assert_eq!(computed[..6], [1, 0, 5, 0, 6, 0]);
}

#[test]
fn an_error_names_the_structure_and_its_fields() {
    for (word, message) in [
        (
            "vectors[4].kind=send",
            "field `vectors` is 4 structures: write `vectors[0].FIELD` to `vectors[3].FIELD`; their fields are kind, flags, first, last",
        ),
        (
            "vectors=1",
            "field `vectors` is 4 structures: write `vectors[0].FIELD` to `vectors[3].FIELD`; their fields are kind, flags, first, last",
        ),
        (
            "vectors[0].flags=on",
            "`vectors[0].flags` has no bits `on`; they are enabled, adaptive",
        ),
        (
            "vectors[2].kind=3",
            "`vectors[2].kind` is 3, and must be one of `kind` (1, 2)",
        ),
    ] {
        assert_eq!(structures(0, &[word]), Err(message.to_owned()), "{word}");
    }
    let words = [
        "header=0x1002",
        "queues=9",
        "vectors[0].kind=1",
        "vectors[1].kind=2",
    ];
    let refused = structures(0, &[&words[..], &["vectors[1].first=1"]].concat());
    let refused = refused.expect_err("the first is above the last");
    assert!(
        refused.starts_with("refused: require, at field `vectors[1].kind`"),
        "{refused}"
    );
}

#[test]
fn a_mac_address_is_judged_before_it_is_sent() {
    let manifest = manifest("tests/manifests/every-key.toml");
    let block = manifest
        .blocks()
        .iter()
        .find(|block| block.name == "station");
    let block = block.expect("a block");
    let sent = |word: &str| {
        let assignment = Assignment::parse(word).expect("an assignment");
        encode(
            &manifest,
            block,
            Writer::Vf,
            &[0; MAX_BLOCK_LENGTH],
            &[assignment],
        )
    };
    assert_eq!(
        sent("address=02aabbccddee").expect("valid"),
        [2, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE]
    );
    assert_eq!(
        sent("address=01aabbccddee").expect_err("a group"),
        "`address` is 01aabbccddee, and must be the MAC address of one station"
    );
}

const LISTS: &str = "tests/manifests/lists.toml";

#[test]
fn the_entries_of_a_list_are_written_and_read_by_their_names() {
    let request = |words: &[&str]| encoded(LISTS, 0, Writer::Vf, words);
    let words = [
        "opcode=1",
        "parts[0]=station",
        "parts[0].address=020304050607",
        "parts[1]=queues",
        "parts[1].receive=3",
        "parts[1].flags=shared",
        "parts[1].flags.weight=5",
        "parts[2]=label",
    ];
    let bytes = request(&words).expect("valid");
    let expected = [
        1, 0, 8, 0, 2, 0, 10, 0, 2, 3, 4, 5, 6, 7, 1, 0, 9, 0, 3, 0, 0, 0, 0x51, 3, 0, 8, 0, b'n',
        b'o', b'n', b'e', 0,
    ];
    assert_eq!(bytes[..expected.len()], expected);
    assert_eq!(bytes.len(), 48);
    let manifest = manifest(LISTS);
    let blocks = manifest.blocks();
    let parts = |bytes: &[u8]| {
        decode(&manifest, &blocks[0], bytes)
            .fields
            .pop()
            .expect("a list")
    };
    assert_eq!(
        parts(&bytes).text,
        "station(address=020304050607) queues(receive=3 send=0 flags=shared|weight=5) label(text=\"none\")"
    );
    let mut unknown = bytes.clone();
    unknown[23..29].copy_from_slice(&[4, 0x80, 5, 0, 9, 0]);
    let unknown = parts(&unknown);
    assert!(
        unknown.text.ends_with(" tag 0x8004 (0480050009)"),
        "{}",
        unknown.text
    );
    assert_eq!(
        unknown.value,
        serde_json::json!([
            { "entry": "station", "fields": { "address": "020304050607" } },
            { "entry": "queues", "fields": { "receive": 3, "send": 0, "flags": 0x51 } },
            { "tag": 0x8004, "data": "0480050009" },
        ])
    );
    assert_eq!(parts(&[1, 0, 8, 0]).text, "none");
    // Without an end tag the message ends with its entries.
    let message = |words: &[&str]| encoded(LISTS, 1, Writer::Vf, words);
    let words = [
        "most=9",
        "entries[0]=rate",
        "entries[0].rate=9",
        "entries[1]=mtu",
        "entries[1].mtu=1500",
    ];
    assert_eq!(message(&words), Ok(vec![9, 2, 1, 9, 1, 2, 5, 220]));
    assert_eq!(message(&[]), Ok(vec![0]));
    // One of the host, whose end has a length, and the one kind of a layout's list.
    let offer = encoded(LISTS, 2, Writer::Pf, &["entries[0].mask=3"]).expect("valid");
    assert_eq!(offer[..12], [1, 1, 0, 8, 0, 0, 0, 3, 0xFF, 0xFF, 0, 4]);
    let words = ["kind=1", "steps=2", "entries[0].step=1"];
    let control = encoded(LISTS, 3, Writer::Vf, &words).expect("valid");
    assert_eq!(control[..9], [1, 2, 0, 0, 7, 3, 1, 255, 0]);
}

#[test]
fn an_error_names_the_entry_and_what_is_wrong_with_it() {
    for (words, message) in [
        (
            &["parts[0].receive=1"][..],
            "which entry is `parts[0]`? Write `parts[0]=ENTRY`; the entries are queues, station, label",
        ),
        (
            &["parts[0]=queue"],
            "`parts` has no entry `queue`; its entries are queues, station, label",
        ),
        (
            &[
                "parts[0]=label",
                "parts[1]=label",
                "parts[2]=label",
                "parts[3]=label",
                "parts[4]=label",
                "parts[5]=label",
            ],
            "`parts` has no room for so many entries",
        ),
        (
            &["parts[0]=queues", "parts[0].receive=1", "parts[1]=queues"],
            "refused: list, at parts[1] (queues): there may be one such entry only",
        ),
        (
            &["parts[0]=queues", "parts[0].receive=9"],
            "refused: require, at parts[0] (queues): A rule over several fields does not hold.",
        ),
        (
            &["parts[0]=station"],
            "refused: value, at field `parts[0].address`: The value of a field is not among those that the manifest allows.",
        ),
    ] {
        let outcome = encoded(LISTS, 0, Writer::Vf, words);
        assert_eq!(outcome, Err(message.to_owned()), "{words:?}");
    }
    let foreign = encoded(LISTS, 0, Writer::Pf, &["parts[0]=queues"]);
    assert_eq!(
        foreign,
        Err("field `parts` of block request is the VF's, and the PF does not write it".to_owned())
    );
}
