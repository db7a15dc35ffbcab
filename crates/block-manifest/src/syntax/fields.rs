//! Reads fields, in each place where they may stand.

use toml::de::DeTable;

use super::bits::{bits, valid};
use super::names::name;
use super::reader::{Input, Reader};
use super::{Field, Written};
use crate::diagnostic::{Located, Span};
use crate::keys;
use crate::model::Covered;
use crate::types::Type;

/// The fields of a structure or of a group, which have the keys of `section`.
pub(super) fn plain_fields(
    reader: &Reader<'_, '_>,
    section: &'static keys::Section,
    input: Input<'_>,
) -> Vec<Field> {
    let fields = reader.tables("field").into_iter();
    fields
        .map(|(table, span)| {
            let reader = Reader::new(table, section, span, input);
            reader.missing_without("type", "use");
            plain_field(&reader, input)
        })
        .collect()
}

/// Whether `fields` has every field of a table, with its name.
pub(super) fn knows_fields(reader: &Reader<'_, '_>, fields: &[Field]) -> bool {
    reader.sees_tables("field") && fields.iter().all(|field| field.name.is_some())
}

pub(super) fn fields(reader: &Reader<'_, '_>, input: Input<'_>) -> Vec<Field> {
    reader
        .tables("field")
        .into_iter()
        .map(|(table, span)| field(table, span, input))
        .collect()
}

fn field(table: &DeTable<'_>, span: Span, input: Input<'_>) -> Field {
    let reader = Reader::new(table, &keys::FIELD, span, input);
    let inner = plain_fields(&reader, &keys::ELEMENT, input);
    let elements = reader.written("elements", reader.integer("elements"));
    let field = plain_field(&reader, input);
    Field {
        owner: reader.choice("owner", &keys::OWNER),
        sequence: reader.choice("sequence", &keys::SEQUENCE),
        on_reset: reader.choice("on-reset", &keys::ON_RESET),
        check: checksum(&reader, input),
        elements,
        knows_inner: knows_fields(&reader, &inner),
        inner,
        require: reader.strings("require"),
        ..field
    }
}

/// What a checksum is of: a word, or a table that says more.
fn checksum(reader: &Reader<'_, '_>, input: Input<'_>) -> Option<Located<Covered>> {
    let value = reader.get("check")?;
    if value.get_ref().is_str() {
        return reader.choice("check", &keys::CHECK);
    }
    let Some(table) = value.get_ref().as_table() else {
        reader.wrong_kind("check", value, "a string or a table");
        return None;
    };
    let covering = Reader::new(table, &keys::COVERING, value.span(), input);
    let covered = covering.choice("crc32", &keys::COVERED)?;
    Some(Located::new(covered.value, value.span()))
}

/// The keys that a field has in a block, in a layout and in a structure.
fn plain_field(reader: &Reader<'_, '_>, input: Input<'_>) -> Field {
    let bits = reader
        .table("bits")
        .map(|(table, span)| Located::new(bits(table, input), span));
    Field {
        name: name(reader, "a field", input),
        doc: reader.string("doc").map(|doc| doc.value),
        offset: reader.written("offset", reader.integer("offset")),
        ty: reader
            .string("type")
            .map(|text| with_number(text, input))
            .and_then(|text| match Type::parse(&text.value) {
                Ok(ty) => Some(Located::new(ty, text.span)),
                Err(error) => {
                    input.sink.report(error.diagnostic(&text));
                    None
                }
            }),
        has_type: reader.has("type"),
        group: reader.written("use", reader.string("use")),
        member: None,
        owner: None,
        default: reader.value("default"),
        valid: reader
            .table("valid")
            .map(|(table, span)| valid(table, span, input))
            .unwrap_or_default(),
        bits: reader.written("bits", bits),
        count: reader.string("count"),
        behind: reader.choice("behind", &keys::BEHIND),
        elements: Written::Absent,
        inner: Vec::new(),
        knows_inner: true,
        require: Vec::new(),
        sequence: None,
        on_reset: None,
        check: None,
        header: reader.span.clone(),
    }
}

/// The text of a type, with the value of a constant that is its number of elements.
fn with_number(text: Located<String>, input: Input<'_>) -> Located<String> {
    let constant = text.value.split_once('[').and_then(|(element, rest)| {
        let constant = input.constant(rest.strip_suffix(']')?)?;
        Some(format!("{element}[{}]", constant.value?))
    });
    Located {
        value: constant.unwrap_or(text.value),
        span: text.span,
    }
}
