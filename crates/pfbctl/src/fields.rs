//! Decodes and encodes the bytes of a block by the names of its fields.

mod assign_entries;
mod parse;

use block_broker::refusal_of;
use block_manifest::{Block, Count, Field, Manifest, Owner, closest, low_bits};
use block_table::{History, Image, MAX_BLOCK_LENGTH, Rule, Table, Writer};
use serde::Serialize;

use crate::draft::{owned_by, seal};
use crate::entries;
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
    /// A number, an array of numbers, hexadecimal digits or a text, as the type says; for a list an
    /// array of its entries.
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
        value: value::raw(field, &image),
        text: value::text(manifest, field, &image),
    });
    let list = value::list(block, layout).map(|list| NamedValue {
        name: list.name.clone(),
        value: entries::raw(list, &image, bytes),
        text: entries::text(manifest, list, &image, bytes),
    });
    let name = layout.and_then(|index| block.layouts.get(index));
    Decoded {
        layout: name.map(|layout| layout.name.clone()),
        fields: fields.chain(list).collect(),
    }
}

/// Bytes, followed by zeros.
pub(crate) fn image_of(bytes: &[u8]) -> Image {
    let mut image = [0; MAX_BLOCK_LENGTH];
    let length = bytes.len().min(MAX_BLOCK_LENGTH);
    image[..length].copy_from_slice(&bytes[..length]);
    image
}

/// A value for a field, as `mtu=1500`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The field, `field.bits`, a field of a structure as `array[0].field`, or an entry of a list as
    /// `list[0]` and its field as `list[0].field`.
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
    let (own, mut others): (Vec<_>, Vec<_>) = assignments
        .iter()
        .partition(|assignment| find(&of_block, assignment).is_some());
    for assignment in &own {
        if let Some(field) = find(&of_block, assignment) {
            require_owner(block, writer, &field.name, field.owner)?;
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
    let mut parts = value::parts(&fields);
    let mut length = usize::from(block.max_length);
    if let Some(list) = value::list(block, layout) {
        let of_list: Vec<(&str, &str)> = others
            .iter()
            .map(|assignment| (&*assignment.name, &*assignment.value))
            .filter(|(name, _)| assign_entries::names(list, name))
            .collect();
        let mut end = usize::from(list.offset);
        if !of_list.is_empty() {
            require_owner(block, writer, &list.name, list.owner)?;
            let fields;
            (fields, end) = assign_entries::assign(list, &of_list, &mut image)?;
            parts.extend(fields);
        }
        if list.end.is_none() && owned_by(writer, list.owner) {
            length = end.max(block.min_length.into());
        }
        others.retain(|assignment| !assign_entries::is_kind(list, &assignment.name));
    }
    for assignment in others {
        let field =
            find(&parts, assignment).ok_or_else(|| unknown(block, layout, &fields, assignment))?;
        require_owner(block, writer, &field.name, field.owner)?;
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
    seal(&mut image, length, &fields, writer);
    Ok(image[..length].to_vec())
}

/// The field of an assignment.
fn find<'f>(fields: &'f [Field], assignment: &Assignment) -> Option<&'f Field> {
    fields.iter().find(|field| {
        let rest = assignment.name.strip_prefix(&field.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn require_owner(block: &Block, writer: Writer, name: &str, of: Owner) -> Result<(), String> {
    if owned_by(writer, of) {
        return Ok(());
    }
    let (owner, sender) = match writer {
        Writer::Vf => ("PF", "a VF"),
        Writer::Pf => ("VF", "the PF"),
    };
    Err(format!(
        "field `{name}` of block {} is the {owner}'s, and {sender} does not write it",
        block.name
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
    let layout = value::layout_of(block, &image_of(bytes));
    let list = value::list(block, layout);
    let mut fields = value::parts(&value::fields(block, layout));
    fields.extend(entries::parts(list, bytes));
    if let (Rule::List(fault), Some(list)) = (violation.rule, list) {
        let place = entries::place(list, bytes, violation.offset.into());
        let problem = entries::fault_text(fault);
        return Err(format!(
            "refused: {}, at {place}: {problem}",
            refusal.reason()
        ));
    }
    let at = fields
        .iter()
        .find(|field| (usize::from(field.offset)..field.end()).contains(&violation.offset.into()));
    let list = list.filter(|list| list.offset <= violation.offset);
    let place = match (at, list) {
        (Some(field), _) => format!("field `{}`", field.name),
        (None, Some(list)) => entries::place(list, bytes, violation.offset.into()),
        (None, None) => format!("byte {}", violation.offset),
    };
    Err(format!(
        "refused: {}, at {place}: {}",
        refusal.reason(),
        refusal.sentence()
    ))
}

#[cfg(test)]
mod tests;
