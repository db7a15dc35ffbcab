//! The tables of the language, read key by key.

use block_table::{
    Access, Kind, MAX_BLOCK_LENGTH, MAX_DEPTH, MAX_NAME_LENGTH, MAX_VFS, OnReset, ShortRead,
    WhenFull,
};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::{Reader, unsigned, written};
use super::{Bits, Block, Device, Enum, Field, File, Layout, Limits, Valid};
use crate::diagnostic::{Diagnostic, Located, Sink, Span};
use crate::keys;
use crate::model::{Owner, SequenceKind};
use crate::types::Type;

const LENGTHS: std::ops::RangeInclusive<u64> = 1..=MAX_BLOCK_LENGTH as u64;

pub(super) fn file(text: &str, sink: &Sink) -> File {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        sink.set_incomplete();
        let span = error.span().unwrap_or(0..text.len());
        sink.error(format!("not TOML: {}", error.message()), &span, "");
    }
    let reader = Reader::new(document.get_ref(), &keys::FILE, 0..0, sink);
    let no_blocks = document.get_ref().get("block").filter(|value| {
        value
            .get_ref()
            .as_array()
            .is_some_and(|blocks| blocks.is_empty())
    });
    if let Some(value) = no_blocks {
        sink.error(
            "the manifest has no blocks",
            &value.span(),
            "expected at least one `[[block]]`",
        );
    }
    File {
        device: reader
            .table("device")
            .map(|(table, span)| device(table, span, sink)),
        limits: reader
            .table("limits")
            .map(|(table, span)| limits(table, span, sink)),
        enums: reader
            .table("enum")
            .map(|(table, _)| enums(table, sink))
            .unwrap_or_default(),
        blocks: reader
            .tables("block")
            .into_iter()
            .map(|(table, span)| block(table, span, sink))
            .collect(),
    }
}

fn device(table: &DeTable<'_>, span: Span, sink: &Sink) -> Device {
    let reader = Reader::new(table, &keys::DEVICE, span, sink);
    let name = reader.string("name").filter(|name| {
        let fits = (1..=MAX_NAME_LENGTH).contains(&name.value.len()) && !name.value.chars().any(char::is_control);
        if !fits {
            let message = format!("the device's name has {} bytes, and must have 1 to {MAX_NAME_LENGTH} without control characters", name.value.len());
            sink.error(message, &name.span, "");
        }
        fits
    });
    Device {
        name,
        vendor_id: reader.integer("vendor-id", 0..=u16::MAX.into()),
        device_id: reader.integer("device-id", 0..=u16::MAX.into()),
        max_vfs: reader.integer("max-vfs", 1..=MAX_VFS.into()),
        header: reader.span,
    }
}

fn limits(table: &DeTable<'_>, span: Span, sink: &Sink) -> Limits {
    let reader = Reader::new(table, &keys::LIMITS, span, sink);
    Limits {
        writes_per_second: reader.integer("writes-per-second", 1..=u32::MAX.into()),
        burst: reader.integer("burst", 1..=u32::MAX.into()),
    }
}

fn enums(table: &DeTable<'_>, sink: &Sink) -> Vec<Enum> {
    let named = Reader::entries(table)
        .into_iter()
        .filter_map(|(name, value)| {
            let Some(members) = value.get_ref().as_table() else {
                sink.error(
                    format!(
                        "enumeration `{}` is not a table of named values",
                        name.value
                    ),
                    &value.span(),
                    "expected a table",
                );
                return None;
            };
            is_name(&name, "an enumeration", sink);
            let members = Reader::entries(members)
                .into_iter()
                .filter_map(|(member, value)| {
                    is_name(&member, "a named value", sink);
                    let number = unsigned(value);
                    if number.is_none() {
                        let message = format!(
                            "`{}.{}` is {}, and must be an integer from 0 to {}",
                            name.value,
                            member.value,
                            written(value),
                            u64::MAX
                        );
                        sink.error(message, &value.span(), "expected an unsigned integer");
                    }
                    Some((member, Located::new(number?, value.span())))
                });
            let members: Vec<_> = members.collect();
            if members.is_empty() {
                sink.error(
                    format!("enumeration `{}` has no values", name.value),
                    &name.span,
                    "expected `name = value` below",
                );
            }
            Some(Enum { name, members })
        });
    named.collect()
}

fn block(table: &DeTable<'_>, span: Span, sink: &Sink) -> Block {
    let reader = Reader::new(table, &keys::BLOCK, span, sink);
    Block {
        id: reader.integer("id", 0..=u32::MAX.into()),
        name: name(&reader, "a block", sink),
        doc: reader.string("doc").map(|doc| doc.value),
        kind: reader.choice(
            "kind",
            &[("register", Kind::Register), ("stream", Kind::Stream)],
        ),
        vf_access: reader.choice(
            "vf-access",
            &[
                ("read-only", Access::ReadOnly),
                ("write-only", Access::WriteOnly),
                ("read-write", Access::ReadWrite),
            ],
        ),
        has_length: ["length", "min-length", "max-length"]
            .iter()
            .any(|key| table.contains_key(*key)),
        length: reader.integer("length", LENGTHS),
        min_length: reader.integer("min-length", LENGTHS),
        max_length: reader.integer("max-length", LENGTHS),
        notify: reader.boolean("notify"),
        short_read: reader.choice(
            "short-read",
            &[("refuse", ShortRead::Refuse), ("prefix", ShortRead::Prefix)],
        ),
        on_reset: reader.choice(
            "on-reset",
            &[("default", OnReset::Default), ("keep", OnReset::Keep)],
        ),
        depth: reader.integer("depth", 1..=MAX_DEPTH.into()),
        when_full: reader.choice(
            "when-full",
            &[
                ("refuse", WhenFull::Refuse),
                ("drop-oldest", WhenFull::DropOldest),
            ],
        ),
        require: reader.strings("require"),
        fields: fields(&reader, sink),
        layouts: reader
            .tables("layout")
            .into_iter()
            .map(|(table, span)| layout(table, span, sink))
            .collect(),
        header: reader.span,
    }
}

fn layout(table: &DeTable<'_>, span: Span, sink: &Sink) -> Layout {
    let reader = Reader::new(table, &keys::LAYOUT, span, sink);
    Layout {
        name: name(&reader, "a layout", sink),
        doc: reader.string("doc").map(|doc| doc.value),
        when: reader.string("when"),
        require: reader.strings("require"),
        fields: fields(&reader, sink),
        header: reader.span,
    }
}

fn fields(reader: &Reader<'_, '_>, sink: &Sink) -> Vec<Field> {
    reader
        .tables("field")
        .into_iter()
        .map(|(table, span)| field(table, span, sink))
        .collect()
}

fn field(table: &DeTable<'_>, span: Span, sink: &Sink) -> Field {
    let reader = Reader::new(table, &keys::FIELD, span, sink);
    Field {
        name: name(&reader, "a field", sink),
        doc: reader.string("doc").map(|doc| doc.value),
        offset: reader.integer("offset", 0..=(MAX_BLOCK_LENGTH as u64 - 1)),
        ty: reader
            .string("type")
            .and_then(|text| match Type::parse(&text.value) {
                Ok(ty) => Some(Located::new(ty, text.span)),
                Err(error) => {
                    sink.report(error.diagnostic(&text));
                    None
                }
            }),
        owner: reader.choice(
            "owner",
            &[("vf", Owner::Vf), ("pf", Owner::Pf), ("both", Owner::Both)],
        ),
        default: reader.value("default"),
        valid: reader
            .table("valid")
            .map(|(table, span)| valid(table, span, sink))
            .unwrap_or_default(),
        bits: reader
            .table("bits")
            .map(|(table, span)| Located::new(bits(table, sink), span)),
        count: reader.string("count"),
        sequence: reader.choice(
            "sequence",
            &[
                ("strict", SequenceKind::Strict),
                ("non-decreasing", SequenceKind::NonDecreasing),
                ("serial", SequenceKind::Serial),
            ],
        ),
        check: reader.choice("check", &[("crc32", ())]),
        header: reader.span,
    }
}

fn valid(table: &DeTable<'_>, span: Span, sink: &Sink) -> Valid {
    let reader = Reader::new(table, &keys::VALID, span, sink);
    Valid {
        equals: reader.value("equals"),
        one_of: reader.value("one-of"),
        min: reader.value("min"),
        max: reader.value("max"),
        mask: reader.value("mask"),
        multiple_of: reader.value("multiple-of"),
    }
}

fn bits(table: &DeTable<'_>, sink: &Sink) -> Vec<Bits> {
    let named = Reader::entries(table)
        .into_iter()
        .filter_map(|(name, value)| {
            is_name(&name, "a bit", sink);
            let range = bit_range(value);
            if range.is_none() {
                let message = format!(
                    "bits `{}` are neither a bit number nor a range of them",
                    name.value
                );
                sink.report(Diagnostic::error(
                    message,
                    &value.span(),
                    "expected 0 to 63, or a range such as \"1-3\"",
                ));
            }
            let (low, high) = range?;
            Some(Bits {
                name,
                low,
                high,
                span: value.span(),
            })
        });
    named.collect()
}

/// `3`, `"3"`, or `"1-3"`.
fn bit_range(value: &Spanned<DeValue<'_>>) -> Option<(u8, u8)> {
    let bit = |text: &str| text.trim().parse::<u8>().ok().filter(|bit| *bit < 64);
    let range = match value.get_ref() {
        DeValue::Integer(_) => {
            let number = unsigned(value)
                .and_then(|number| u8::try_from(number).ok())
                .filter(|bit| *bit < 64)?;
            (number, number)
        }
        DeValue::String(text) => match text.split_once('-') {
            Some((low, high)) => (bit(low)?, bit(high)?),
            None => (bit(text)?, bit(text)?),
        },
        _ => return None,
    };
    (range.0 <= range.1).then_some(range)
}

fn name(reader: &Reader<'_, '_>, what: &str, sink: &Sink) -> Option<Located<String>> {
    reader
        .string("name")
        .filter(|name| is_name(name, what, sink))
}

/// Whether `name` can stand in an expression and in generated code; reports when not.
fn is_name(name: &Located<String>, what: &str, sink: &Sink) -> bool {
    let text = &name.value;
    let letters = text
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'));
    let joined = text
        .split('-')
        .skip(1)
        .all(|part| part.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_'));
    let begins = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    let fits = letters && joined && begins && text.len() <= MAX_NAME_LENGTH;
    if !fits {
        let message = format!("`{}` cannot be the name of {what}", text.escape_debug());
        let rule = format!(
            "a name has 1 to {MAX_NAME_LENGTH} ASCII letters, digits, `_` and `-`, begins with a letter or `_`, and so does each part behind a `-`"
        );
        sink.report(Diagnostic::error(message, &name.span, "not a name").note(rule));
    }
    fits
}
