//! `pfbctl schema`: JSON Schemas of the manifest language and of traces, for editors.
//!
//! Both come from what the parsers use: the key tables of `block_manifest::keys` and the shapes of
//! `block_trace`. A schema checks keys, words and ranges; `pfbctl check` checks everything.

use std::io::Write;

use block_manifest::keys::{self, Default, Key, Section, Values};
use block_table::MAX_NAME_LENGTH;
use block_trace::{PowerState, Shape, shapes};
use serde_json::{Map, Value, json};

use crate::cli::{self, Language};
use crate::failure::Failure;
use crate::json;

/// The dialect: draft 4, which taplo and the TOML extension of VS Code read.
const DIALECT: &str = "http://json-schema.org/draft-04/schema#";

/// `pfbctl schema`.
pub(crate) fn run(arguments: &cli::Schema, out: &mut dyn Write) -> Result<(), Failure> {
    json::document(
        out,
        &match arguments.language {
            Language::Manifest => manifest(),
            Language::Trace => trace(),
        },
    )
}

/// The schema of a manifest.
pub(crate) fn manifest() -> Value {
    let mut schema = section(&keys::FILE);
    schema["$schema"] = DIALECT.into();
    schema["title"] = "Block manifest of pf_broker".into();
    schema
}

/// A table with a fixed set of keys.
fn section(section: &Section) -> Value {
    let keys = section.keys.iter();
    let properties: Map<String, Value> = keys
        .map(|key| (key.name.to_owned(), property(key)))
        .collect();
    let required: Vec<&str> = section
        .keys
        .iter()
        .filter(|key| key.default == Default::Required)
        .map(|key| key.name)
        .collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    // The dialect allows no empty list.
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// A key with its values, its description and its default.
fn property(key: &Key) -> Value {
    let mut schema = values(key);
    if let Value::Object(schema) = &mut schema {
        let default = match key.default {
            Default::Required => "required".to_owned(),
            other => format!("default: {other}"),
        };
        schema.insert(
            "description".to_owned(),
            format!("{}; {default}", key.values).into(),
        );
        let value = match key.default {
            Default::Word(word) => Some(json!(word)),
            Default::Number(number) => Some(json!(number)),
            Default::Boolean(value) => Some(json!(value)),
            Default::Required | Default::Other(_) => None,
        };
        schema.extend(value.map(|value| ("default".to_owned(), value)));
    }
    schema
}

fn values(key: &Key) -> Value {
    match key.values {
        Values::Integers(min, max) | Values::Hexadecimal(min, max) => number(min, max),
        Values::OneOrMore(min, max, most) => json!({ "anyOf": [
            number(min, max),
            {
                "type": "array",
                "items": number(min, max),
                "minItems": 1,
                "maxItems": most,
                "uniqueItems": true,
            },
        ] }),
        Values::Words(words) => json!({ "enum": words }),
        Values::Boolean => json!({ "type": "boolean" }),
        Values::Name => name(),
        Values::DeviceName => json!({
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_NAME_LENGTH,
        }),
        Values::Other(phrase) => other(key.name, phrase),
    }
}

/// The values of a phrase: as much as the phrase and the key say. A phrase that is not in this list
/// allows any value, so that a schema never refuses what the parser accepts.
fn other(key: &str, phrase: &str) -> Value {
    let tables = |section: Value| json!({ "type": "array", "items": section });
    match (phrase, key) {
        ("table", "bits") => named(&json!({ "anyOf": [
            integer(0, 63),
            { "type": "string", "pattern": "^[0-9]+(-[0-9]+)?$" },
            name(),
            section(&keys::BITS),
        ] })),
        ("table", "const") => named(&any_integer()),
        ("tables", "group") => named(&section(&keys::GROUP)),
        ("array of tables, the fields of the group", _) => tables(section(&keys::MEMBER)),
        ("tables", "enum") => named(&named(&json!({ "anyOf": [any_integer(), name()] }))),
        ("table", _) => within(key, "").unwrap_or_else(|| json!({ "type": "object" })),
        ("array of tables", _) => tables(within(key, "[[").unwrap_or_else(|| json!({}))),
        ("array of tables, the fields of a structure", _) => tables(section(&keys::ELEMENT)),
        (
            "string"
            | "type"
            | "name of a group"
            | "expression that is a number"
            | "expression, or `else`",
            _,
        ) => {
            json!({ "type": "string" })
        }
        ("array of expressions", _) => json!({ "type": "array", "items": { "type": "string" } }),
        ("`crc32`, or a table", _) => json!({ "anyOf": [
            { "enum": ["crc32"] },
            section(&keys::COVERING),
        ] }),
        ("integer", _) => value(),
        ("bit, or range of bits", _) => json!({ "anyOf": [
            integer(0, 63),
            { "type": "string" },
        ] }),
        ("integer from 1", _) => json!({ "anyOf": [
            integer(1, u64::MAX),
            { "type": "string" },
        ] }),
        ("array of integers, or the name of an enumeration", _) => json!({ "anyOf": [
            { "type": "string" },
            { "type": "array", "items": value() },
        ] }),
        _ => json!({}),
    }
}

/// The section of a table below a key: its header ends with the key's name.
fn within(key: &str, brackets: &str) -> Option<Value> {
    let is_of = |header: &str| {
        let name = header.trim_matches(['[', ']']);
        header.starts_with(brackets) && name.rsplit('.').next() == Some(key)
    };
    let found = keys::SECTIONS.iter().find(|section| is_of(section.header));
    found.map(|found| section(found))
}

/// A table with keys of the author's choice.
fn named(values: &Value) -> Value {
    json!({ "type": "object", "additionalProperties": values })
}

/// A value of a field: a number or the name of one.
fn value() -> Value {
    json!({ "anyOf": [any_integer(), { "type": "string" }] })
}

/// Any integer of the language, signed or unsigned.
fn any_integer() -> Value {
    json!({ "type": "integer", "minimum": i64::MIN, "maximum": u64::MAX })
}

/// An integer, or the name of a constant.
fn number(min: u64, max: u64) -> Value {
    json!({ "anyOf": [integer(min, max), name()] })
}

fn integer(min: u64, max: u64) -> Value {
    json!({ "type": "integer", "minimum": min, "maximum": max })
}

/// A name for use in expressions.
fn name() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_NAME_LENGTH,
        "pattern": "^[A-Za-z_][A-Za-z0-9_]*(-[A-Za-z_][A-Za-z0-9_]*)*$",
    })
}

/// The schema of one line of a trace.
pub(crate) fn trace() -> Value {
    let lines: Vec<Value> = shapes().iter().map(line).collect();
    json!({
        "$schema": DIALECT,
        "title": "One line of a trace of pf_broker",
        "oneOf": lines,
    })
}

fn line(shape: &Shape) -> Value {
    let mut properties = Map::new();
    properties.insert("op".to_owned(), json!({ "enum": [shape.op] }));
    for key in shape.required.iter().chain(shape.optional) {
        properties.insert((*key).to_owned(), trace_value(key, shape.takes_all));
    }
    let required: Vec<&str> = ["op"].iter().chain(shape.required).copied().collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The values of a key of a trace. A key that is not in this list allows any value.
fn trace_value(key: &str, takes_all: bool) -> Value {
    let index = integer(0, u16::MAX.into());
    match key {
        "vf" if takes_all => json!({ "anyOf": [index, { "enum": ["all"] }] }),
        "vf" => index,
        "block" | "length" | "milliseconds" => integer(0, u32::MAX.into()),
        "expect" => integer(0, u64::MAX),
        "data" => json!({ "type": "string", "pattern": "^([0-9a-fA-F]{2})*$" }),
        "mask" => hexadecimal(16),
        "status" => hexadecimal(8),
        "state" => json!({ "enum": PowerState::ALL.map(|state| format!("{state:?}")) }),
        "to" => json!({ "enum": ["write", "read"] }),
        "ready" => json!({ "type": "boolean" }),
        _ => json!({}),
    }
}

fn hexadecimal(digits: usize) -> Value {
    json!({ "type": "string", "pattern": format!("^0x[0-9a-fA-F]{{1,{digits}}}$") })
}

#[cfg(test)]
mod tests;
