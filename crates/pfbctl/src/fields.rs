//! Decodes and encodes the bytes of a block by the names of its fields.

mod parse;

use block_broker::refusal_of;
use block_manifest::{Block, Count, Field, Manifest, Type, closest, low_bits};
use block_table::{History, Image, MAX_BLOCK_LENGTH, Table, Writer};
use serde::Serialize;

use crate::draft::{owns, seal};
use crate::style::listed;
use crate::value;

/// The fields of a block with their values. docs/json.md documents the serialized names; they are
/// only added to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Decoded {
    /// The layout that the bytes have; none if the block has no layouts, or no layout fits.
    pub(crate) layout: Option<String>,
    pub(crate) fields: Vec<NamedValue>,
}

/// A field with its value.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NamedValue {
    pub(crate) name: String,
    /// A number, an array of numbers, hexadecimal digits or a text, as the type says.
    pub(crate) value: serde_json::Value,
    /// For readers: with the names of values and bits.
    pub(crate) text: String,
}

/// The values of the fields of a block; bytes that are missing count as zero.
pub(crate) fn decode(manifest: &Manifest, block: &Block, bytes: &[u8]) -> Decoded {
    let image = image_of(bytes);
    let layout = value::layout_of(block, &image);
    let fields = value::fields(block, layout);
    let fields = fields.into_iter().map(|field| NamedValue {
        name: field.name.clone(),
        value: raw(field, &image),
        text: value::text(manifest, field, &image),
    });
    let name = layout.and_then(|index| block.layouts.get(index));
    Decoded {
        layout: name.map(|layout| layout.name.clone()),
        fields: fields.collect(),
    }
}

/// Bytes, followed by zeros.
pub(crate) fn image_of(bytes: &[u8]) -> Image {
    let mut image = [0; MAX_BLOCK_LENGTH];
    let length = bytes.len().min(MAX_BLOCK_LENGTH);
    image[..length].copy_from_slice(&bytes[..length]);
    image
}

fn raw(field: &Field, image: &Image) -> serde_json::Value {
    let offset = usize::from(field.offset);
    let bytes = &image[offset..field.end().min(image.len())];
    match field.ty {
        Type::Integer(ty) => number(value::integer(image, offset, ty)),
        Type::Array(ty, elements) => (0..usize::from(elements))
            .map(|index| value::integer(image, offset + index * usize::from(ty.width()), ty))
            .map(number)
            .collect(),
        Type::Structures { elements, .. } => (0..elements)
            .map(|index| {
                let inner = field.element(index);
                let values = inner.iter().map(|inner| {
                    let name = inner.name.rsplit('.').next().unwrap_or_default();
                    (name.to_owned(), raw(inner, image))
                });
                serde_json::Value::Object(values.collect())
            })
            .collect(),
        Type::Bytes(_) => hex::encode(bytes).into(),
        Type::Ascii(_) => String::from_utf8_lossy(bytes).trim_end_matches('\0').into(),
    }
}

/// An integer of 64 bits, signed or unsigned.
fn number(value: i128) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// A value for a field, as `mtu=1500`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The field, `field.bits`, or a field of a structure as `array[0].field`.
    pub(crate) name: String,
    /// The value.
    pub(crate) value: String,
}

impl Assignment {
    /// Reads `NAME=VALUE`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err(format!("`{text}` is not FIELD=VALUE")),
        }
    }
}

/// The bytes of a block in which a writer's fields have these values, the others those of `base`.
///
/// Fields of the layouts begin with their defaults if the values select another layout than that of
/// `base`. Counts of arrays and checksums are set.
pub(crate) fn encode(
    manifest: &Manifest,
    block: &Block,
    writer: Writer,
    base: &Image,
    assignments: &[Assignment],
) -> Result<Vec<u8>, String> {
    if block.is_opaque() && !assignments.is_empty() {
        return Err(format!("block {} has no fields", block.name));
    }
    let mut image = *base;
    let of_block = value::parts(&block.fields.iter().collect::<Vec<_>>());
    let (own, others): (Vec<_>, Vec<_>) = assignments
        .iter()
        .partition(|assignment| find(&of_block, assignment).is_some());
    for assignment in &own {
        if let Some(field) = find(&of_block, assignment) {
            require_owner(block, writer, field)?;
            parse::assign(
                manifest,
                field,
                &assignment.name,
                &assignment.value,
                &mut image,
            )?;
        }
    }
    let layout = value::layout_of(block, &image);
    if layout != value::layout_of(block, base) {
        let chosen = layout.and_then(|index| block.layouts.get(index));
        for field in chosen.iter().flat_map(|layout| &layout.fields) {
            image[usize::from(field.offset)..field.end()].copy_from_slice(&field.default);
        }
    }
    let fields = value::fields(block, layout);
    let parts = value::parts(&fields);
    for assignment in others {
        let field =
            find(&parts, assignment).ok_or_else(|| unknown(block, layout, &fields, assignment))?;
        require_owner(block, writer, field)?;
        parse::assign(
            manifest,
            field,
            &assignment.name,
            &assignment.value,
            &mut image,
        )?;
    }
    for field in fields.iter().copied().chain(&parts) {
        set_count(field, assignments, &mut image);
    }
    seal(&mut image, block.max_length.into(), &fields, writer);
    Ok(image[..usize::from(block.max_length)].to_vec())
}

/// The field of an assignment.
fn find<'f>(fields: &'f [Field], assignment: &Assignment) -> Option<&'f Field> {
    fields.iter().find(|field| {
        let rest = assignment.name.strip_prefix(&field.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn require_owner(block: &Block, writer: Writer, field: &Field) -> Result<(), String> {
    if owns(writer, field) {
        return Ok(());
    }
    let (owner, sender) = match writer {
        Writer::Vf => ("PF", "a VF"),
        Writer::Pf => ("VF", "the PF"),
    };
    Err(format!(
        "field `{}` of block {} is the {owner}'s, and {sender} does not write it",
        field.name, block.name
    ))
}

/// Why an assignment names no field of this layout.
fn unknown(
    block: &Block,
    layout: Option<usize>,
    fields: &[&Field],
    assignment: &Assignment,
) -> String {
    let name = assignment.name.split(['.', '[']).next().unwrap_or_default();
    if let Some(array) = fields.iter().find(|field| field.name == name)
        && let Some(structure) = &array.structure
    {
        let inner = structure.fields.iter();
        let inner: Vec<String> = inner.map(|inner| inner.name.clone()).collect();
        return format!(
            "field `{name}` is {} structures: write `{name}[0].FIELD` to `{name}[{}].FIELD`; their fields are {}",
            array.ty.elements(),
            array.ty.elements() - 1,
            listed(&inner)
        );
    }
    let elsewhere = block
        .layouts
        .iter()
        .find(|layout| layout.fields.iter().any(|field| field.name == name));
    if let Some(other) = elsewhere {
        let chosen = layout.and_then(|index| block.layouts.get(index));
        let chosen = chosen.map_or("no layout".to_owned(), |layout| {
            format!("layout `{}`", layout.name)
        });
        let when = other.when.as_ref();
        let when = when.map_or("no other layout applies", |when| &*when.text);
        return format!(
            "field `{name}` is in layout `{}` (when {when}), and the values give {chosen}",
            other.name
        );
    }
    let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
    let meant = closest(name, names.iter().map(String::as_str))
        .map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"));
    format!(
        "block {} has no field `{name}`{meant}; its fields are {}",
        block.name,
        listed(&names)
    )
}

/// Sets the count of an array to the number of elements that were given, unless the count is given
/// itself, or is computed.
fn set_count(field: &Field, assignments: &[Assignment], image: &mut Image) {
    let Some(count) = field.count.as_ref().and_then(Count::load) else {
        return;
    };
    let counter = count.name.split('.').next().unwrap_or_default();
    let is_given = assignments
        .iter()
        .any(|assignment| assignment.name == count.name || assignment.name == counter);
    let given = assignments.iter().filter_map(|assignment| {
        if assignment.name == field.name {
            return Some(parse::elements(&assignment.value).count() as u64);
        }
        let index = assignment
            .name
            .strip_prefix(&field.name)?
            .strip_prefix('[')?;
        index.split(']').next()?.parse::<u64>().ok()?.checked_add(1)
    });
    let Some(elements) = given.max().filter(|_| !is_given) else {
        return;
    };
    let offset = usize::from(count.offset);
    let others = value::integer(image, offset, count.integer);
    let others = low_bits(others) & !(count.mask << count.shift);
    let whole = others | (elements & count.mask) << count.shift;
    value::put(image, offset, count.integer, whole.into());
}

/// What the rules of the block table say about bytes that a writer would send.
pub(crate) fn judge(
    table: &Table<'_>,
    block: &Block,
    writer: Writer,
    bytes: &[u8],
) -> Result<(), String> {
    let compiled = table.find(block.id).and_then(|index| table.block(index));
    let Some(compiled) = compiled else {
        return Err(format!("block {} is not in the table", block.id));
    };
    let committed = compiled.default_image();
    let admitted = compiled
        .check_sent(writer, bytes)
        .and_then(|()| compiled.admit(writer, bytes, committed, History::EMPTY));
    let Err(violation) = admitted else {
        return Ok(());
    };
    let refusal = refusal_of(violation);
    let fields = value::fields(block, value::layout_of(block, &image_of(bytes)));
    let fields = value::parts(&fields);
    let at = fields
        .iter()
        .find(|field| (usize::from(field.offset)..field.end()).contains(&violation.offset.into()));
    let place = at.map_or_else(
        || format!("byte {}", violation.offset),
        |field| format!("field `{}`", field.name),
    );
    Err(format!(
        "refused: {}, at {place}: {}",
        refusal.reason(),
        refusal.sentence()
    ))
}

#[cfg(test)]
mod tests;
