use std::fs;
use std::path::{Path, PathBuf};

use block_manifest::Manifest;
use block_trace::{Operation, shapes};
use jsonschema::Validator;
use serde_json::{Value, json};

use super::{keys, manifest, trace};

fn validator(schema: &Value) -> Validator {
    jsonschema::draft4::new(schema).expect("a schema")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A manifest as JSON. TOML integers beyond 63 bits have no value there, and are left to the
/// parser's own tests.
fn as_json(text: &str) -> Option<Value> {
    toml::from_str(text).ok()
}

/// The files of a folder with an extension.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![repository().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn the_schema_accepts_every_manifest_that_the_parser_accepts() {
    let validator = validator(&manifest());
    let folders = [
        "blocks",
        "tests/manifests",
        "crates/block-manifest/tests/manifests",
    ];
    let mut accepted = 0;
    for path in folders.iter().flat_map(|folder| files(folder, "toml")) {
        let text = fs::read_to_string(&path).expect("text");
        if Manifest::parse("example.toml", &text).is_err() {
            continue;
        }
        let json = as_json(&text).expect("TOML");
        let wrong: Vec<String> = validator
            .iter_errors(&json)
            .map(|e| e.to_string())
            .collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", path.display());
        accepted += 1;
    }
    assert!(accepted >= 7, "only {accepted} manifests");
}

/// A manifest with each section of the language, in the places where `changed` may put a key.
fn complete() -> Value {
    json!({
        "device": { "name": "X", "vendor-id": 1, "device-id": 1, "max-vfs": 1 },
        "limits": { "writes-per-second": 1, "burst": 1 },
        "group": { "g": { "field": [{ "name": "x", "type": "u8" }] } },
        "block": [{
            "id": 0, "name": "b", "vf-access": "read-write", "length": 8,
            "field": [
                { "name": "f", "type": "u8", "valid": {}, "bits": { "b": { "at": 0 } } },
                { "name": "a", "elements": 1, "field": [{ "name": "g", "type": "u8" }] },
                { "name": "c", "type": "u32", "check": { "crc32": "before" } },
            ],
            "layout": [{ "name": "l", "when": "else" }],
            "list": [{ "type": "u8", "length": "u8", "entry": [{ "when": 1 }] }],
        }],
    })
}

/// Where the tables of a section are in `complete`.
fn pointer(header: &str) -> &'static str {
    match header {
        "the manifest" => "",
        "[device]" => "/device",
        "[limits]" => "/limits",
        "[group.NAME]" => "/group/g",
        "[[group.NAME.field]]" => "/group/g/field/0",
        "[[block]]" => "/block/0",
        "[[block.field]]" => "/block/0/field/0",
        "[[block.field.field]]" => "/block/0/field/1/field/0",
        "valid" => "/block/0/field/0/valid",
        "bits" => "/block/0/field/0/bits/b",
        "check" => "/block/0/field/2/check",
        "[[block.layout]]" => "/block/0/layout/0",
        "[[block.list]]" => "/block/0/list/0",
        "[[block.list.entry]]" => "/block/0/list/0/entry/0",
        other => panic!("a new section {other}: add it here and to `complete`"),
    }
}

fn parser_knows(text: &str, key: &str) -> bool {
    let wrong = Manifest::parse("x.toml", text).err();
    let unknown = format!("unknown key `{key}`");
    !wrong.is_some_and(|wrong| wrong.iter().any(|each| each.message.starts_with(&unknown)))
}

fn schema_knows(validator: &Validator, manifest: &Value, key: &str) -> bool {
    let unknown = format!("'{key}' was unexpected");
    !validator
        .iter_errors(manifest)
        .any(|wrong| wrong.to_string().contains(&unknown))
}

#[test]
fn parser_and_schema_know_the_same_keys_in_every_section() {
    let validator = validator(&manifest());
    let mut names: Vec<&str> = keys::SECTIONS
        .iter()
        .flat_map(|section| section.keys.iter().map(|key| key.name))
        .collect();
    names.push("no-such-key");
    for section in keys::SECTIONS {
        for key in &names {
            let mut changed = complete();
            let place = changed.pointer_mut(pointer(section.header));
            let table = place.and_then(Value::as_object_mut).expect("a table");
            table.entry(*key).or_insert(json!("x"));
            let text = toml::to_string(&changed).expect("TOML");
            let known = parser_knows(&text, key);
            assert_eq!(
                known,
                section.key(key).is_some(),
                "{}.{key}",
                section.header
            );
            // They have one of several forms, so the errors of one form are not listed.
            let in_schema = if matches!(section.header, "bits" | "check") {
                validator.is_valid(&changed)
            } else {
                schema_knows(&validator, &changed, key)
            };
            assert_eq!(known, in_schema, "{}.{key}", section.header);
        }
        for key in section
            .keys
            .iter()
            .filter(|key| key.default == keys::Default::Required)
        {
            let mut changed = complete();
            let place = changed.pointer_mut(pointer(section.header));
            place
                .and_then(Value::as_object_mut)
                .expect("a table")
                .remove(key.name);
            assert!(
                !validator.is_valid(&changed),
                "{}.{}",
                section.header,
                key.name
            );
        }
    }
    assert!(validator.is_valid(&complete()));
}

/// Values at and beyond the limits of a key, and what the parser says about the same line.
#[test]
fn the_schema_refuses_words_and_numbers_that_the_parser_refuses() {
    let validator = validator(&manifest());
    for (section, key, value) in [
        ("[device]", "max-vfs", json!(0)),
        ("[device]", "max-vfs", json!(4097)),
        ("[device]", "vendor-id", json!(0x1_0000)),
        ("[device]", "device-id", json!([])),
        ("[device]", "device-id", json!([1, 1])),
        ("[limits]", "burst", json!(0)),
        ("[[block]]", "vf-access", json!("sometimes")),
        ("[[block]]", "length", json!(129)),
        ("[[block]]", "notify", json!("yes")),
        ("[[block]]", "name", json!("1st")),
        ("[[block.field]]", "owner", json!("host")),
        ("[[block.field]]", "type", json!(8)),
        ("[[block.field]]", "elements", json!(129)),
        ("[[block.field]]", "behind", json!("nothing")),
        ("[[block.field.field]]", "type", json!(8)),
        ("[[block.layout]]", "when", json!(true)),
        ("valid", "multiple-of", json!(0)),
        ("[[block.field]]", "check", json!("crc16")),
        ("check", "crc32", json!("all")),
    ] {
        let mut changed = complete();
        let place = changed.pointer_mut(pointer(section));
        let table = place.and_then(Value::as_object_mut).expect("a table");
        table.insert(key.to_owned(), value.clone());
        let text = toml::to_string(&changed).expect("TOML");
        assert!(Manifest::parse("x.toml", &text).is_err(), "{key} = {value}");
        assert!(!validator.is_valid(&changed), "{key} = {value}");
    }
}

#[test]
fn the_schema_of_traces_accepts_what_their_parser_accepts() {
    let validator = validator(&trace());
    let mut lines = 0;
    for path in files("tests/traces", "jsonl") {
        if path.to_string_lossy().ends_with(".expected.jsonl") {
            continue;
        }
        for line in fs::read_to_string(&path).expect("text").lines() {
            if Operation::parse(line.as_bytes()).is_ok() {
                let json: Value = serde_json::from_str(line).expect("JSON");
                assert!(validator.is_valid(&json), "{}: {line}", path.display());
                lines += 1;
            }
        }
    }
    assert!(lines > 100, "only {lines} lines");
}

/// Each operation with each set of keys, and each key with values at its limits.
#[test]
fn parser_and_schema_of_traces_agree_on_every_set_of_keys() {
    let validator = validator(&trace());
    let samples = json!({
        "vf": 0, "block": 1, "length": 4, "data": "0aFf", "expect": 0, "mask": "0x1",
        "state": "D3", "milliseconds": 1, "ready": true, "status": "0x0", "to": "read",
    });
    let samples = samples.as_object().expect("an object");
    let agree = |line: &Value| {
        let parsed = Operation::parse(line.to_string().as_bytes());
        assert_eq!(
            parsed.is_ok(),
            validator.is_valid(line),
            "{line}: {parsed:?}"
        );
    };
    let mut known: Vec<&str> = Vec::new();
    for shape in shapes() {
        known.extend(shape.required.iter().chain(shape.optional));
        for set in 0..1_u32 << samples.len() {
            let mut line = json!({ "op": shape.op });
            for (bit, (key, value)) in samples.iter().enumerate() {
                if set >> bit & 1 == 1 {
                    line[key] = value.clone();
                }
            }
            // Most sets are too large for any operation; two keys too many show as much as ten.
            if set.count_ones() <= 5 {
                agree(&line);
            }
        }
    }
    assert!(
        known.iter().all(|key| samples.contains_key(*key)),
        "{known:?}"
    );
    for (key, value) in [
        ("vf", json!("all")),
        ("vf", json!(65536)),
        ("vf", json!("each")),
        ("block", json!(u64::from(u32::MAX) + 1)),
        ("block", json!(-1)),
        ("data", json!("0")),
        ("data", json!("")),
        ("data", json!("0g")),
        ("mask", json!("0x11111111111111111")),
        ("mask", json!("1")),
        ("state", json!("D4")),
        ("ready", json!("true")),
        ("status", json!("0x123456789")),
        ("to", json!("both")),
    ] {
        for shape in shapes() {
            let mut line = json!({ "op": shape.op });
            for name in shape.required {
                line[*name] = samples[*name].clone();
            }
            if shape.required.contains(&key) || shape.optional.contains(&key) {
                line[key] = value.clone();
                agree(&line);
            }
        }
    }
}
