//! Decodes the bytes of a block: the layout, and each field's value as text.

use block_manifest::expression::{Load, Source};
use block_manifest::{Block, Condition, Field, Integer, Layout, List, Manifest, Type, low_bits};
use block_table::{History, Image, Write, Writer};

/// The integer at `offset`; bytes after the image count as zero.
pub(crate) fn integer(image: &Image, offset: usize, integer: Integer) -> i128 {
    integer.decode(image.get(offset..).unwrap_or_default())
}

/// Writes an integer, cut to its width, at `offset`.
pub(crate) fn put(image: &mut Image, offset: usize, integer: Integer, value: i128) {
    for (byte, value) in image.iter_mut().skip(offset).zip(integer.encode(value)) {
        *byte = value;
    }
}

/// The value of a field, or of some of its bits, in an expression. `image` is the block, merged with
/// what is written.
pub(crate) fn load(image: &Image, write: &Write<'_>, load: &Load) -> i128 {
    let about;
    let image = match load.source {
        Source::Block | Source::Whole => image,
        Source::Was => write.committed,
        Source::Write => {
            about = write.about();
            &about
        }
        Source::Used(place) => write.used.get(usize::from(place)).copied().unwrap_or(image),
    };
    load.part_of(integer(image, usize::from(load.offset), load.integer))
}

/// Whether a condition holds for a write; one whose arithmetic overflows does not.
pub(crate) fn holds(condition: &Condition, image: &Image, write: &Write<'_>) -> bool {
    condition
        .expression
        .evaluate(&|field| load(image, write, field))
        .is_some_and(|value| value != 0)
}

/// The index of the layout that an image has; `None` for a block without layouts, or where none
/// fits.
pub(crate) fn layout_of(block: &Block, image: &Image) -> Option<usize> {
    // A layout follows from the image, whatever the write.
    let any = Write::new(Writer::Vf, image.len(), image, History::EMPTY);
    let chosen = |when| holds(when, image, &any);
    block
        .layouts
        .iter()
        .position(|layout| layout.when.as_ref().is_none_or(chosen))
}

/// The fields of a block in one of its layouts, in the order of their offsets.
pub(crate) fn fields(block: &Block, layout: Option<usize>) -> Vec<&Field> {
    let chosen = layout.and_then(|index| block.layouts.get(index));
    let mut fields: Vec<&Field> = block
        .fields
        .iter()
        .chain(chosen.iter().flat_map(|layout: &&Layout| &layout.fields))
        .collect();
    fields.sort_by_key(|field| field.offset);
    fields
}

/// The list of a block in one of its layouts.
pub(crate) fn list(block: &Block, layout: Option<usize>) -> Option<&List> {
    block.list_in(layout.and_then(|index| block.layouts.get(index)))
}

/// The fields that hold values, as [`Field::parts`] gives them.
pub(crate) fn parts(fields: &[&Field]) -> Vec<Field> {
    fields.iter().flat_map(|field| field.parts()).collect()
}

/// A field's value for programs: a number, an array of numbers, hexadecimal digits, or a text.
pub(crate) fn raw(field: &Field, image: &Image) -> serde_json::Value {
    let offset = usize::from(field.offset);
    let bytes = &image[offset..field.end().min(image.len())];
    match field.ty {
        Type::Integer(ty) => number(integer(image, offset, ty)),
        Type::Array(ty, elements) => (0..usize::from(elements))
            .map(|index| integer(image, offset + index * usize::from(ty.width()), ty))
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

/// A field's value for readers.
pub(crate) fn text(manifest: &Manifest, field: &Field, image: &Image) -> String {
    let offset = usize::from(field.offset);
    let bytes = &image[offset..field.end().min(image.len())];
    match field.ty {
        Type::Integer(ty) => element_text(manifest, field, integer(image, offset, ty)),
        Type::Array(ty, elements) => {
            let value = |index| {
                integer(
                    image,
                    offset + usize::from(index) * usize::from(ty.width()),
                    ty,
                )
            };
            let elements: Vec<String> = (0..elements)
                .map(|index| element_text(manifest, field, value(index)))
                .collect();
            list_text(&elements)
        }
        Type::Structures { elements, .. } => {
            let element = |index| structure_text(manifest, &field.element(index), image);
            let elements: Vec<String> = (0..elements).map(element).collect();
            list_text(&elements)
        }
        Type::Bytes(_) => bytes_text(bytes),
        Type::Ascii(_) => format!(
            "{:?}",
            String::from_utf8_lossy(bytes).trim_end_matches('\0')
        ),
    }
}

/// One structure: its fields with their values, or zero.
fn structure_text(manifest: &Manifest, fields: &[Field], image: &Image) -> String {
    let is_set = |field: &Field| {
        let bytes = image.get(field.offset.into()..field.end());
        bytes.is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0))
    };
    if !fields.iter().any(is_set) {
        return "0".to_owned();
    }
    let values = fields.iter().map(|field| {
        let name = field.name.rsplit('.').next().unwrap_or_default();
        format!("{name}={}", text(manifest, field, image))
    });
    format!("({})", values.collect::<Vec<_>>().join(" "))
}

/// One element: its name in an enumeration, its bits, or its number.
fn element_text(manifest: &Manifest, field: &Field, value: i128) -> String {
    if let Some(name) = member(manifest, field, value) {
        return name.to_owned();
    }
    if field.bits.is_empty() {
        return number_text(value);
    }
    let value = low_bits(value);
    let set = field.bits.iter().filter_map(|bits| {
        let part = (value & bits.mask()) >> bits.low;
        match part {
            0 => None,
            1 if bits.low == bits.high => Some(bits.name.clone()),
            _ => Some(format!("{}={part}", bits.name)),
        }
    });
    let set: Vec<String> = set.collect();
    let undefined = value & !field.defined_bits();
    match (set.is_empty(), undefined) {
        (true, 0) => "0".to_owned(),
        (_, 0) => set.join("|"),
        _ => format!("{value:#x}"),
    }
}

/// The name of a value in the field's enumeration.
fn member<'m>(manifest: &'m Manifest, field: &Field, value: i128) -> Option<&'m str> {
    let name = field.valid.one_of.as_ref()?.enumeration.as_ref()?;
    let enumeration = manifest
        .enums()
        .iter()
        .find(|enumeration| enumeration.name == *name)?;
    let member = enumeration
        .members
        .iter()
        .find(|member| member.value == value)?;
    Some(&member.name)
}

/// A number: small ones decimal, from a page on hexadecimal.
fn number_text(value: i128) -> String {
    let is_pages = value >= 0x1_0000 && value % 0x1000 == 0;
    if value < 1_000_000_000 && !is_pages {
        value.to_string()
    } else {
        format!("{value:#x}")
    }
}

/// The most elements in a list.
const SHOWN: usize = 6;

/// The first elements, without trailing zeros.
fn list_text(elements: &[String]) -> String {
    let used = elements
        .iter()
        .rposition(|element| element != "0")
        .map_or(0, |last| last + 1);
    let shown = elements[..used.min(SHOWN)].join(" ");
    match (used, elements.len() - used) {
        (0, _) => "zeros".to_owned(),
        (used, _) if used > SHOWN => format!("[{shown} and {} more]", elements.len() - SHOWN),
        (_, 0) => format!("[{shown}]"),
        (_, _) => format!("[{shown} 0…]"),
    }
}

/// Bytes without trailing zeros.
fn bytes_text(bytes: &[u8]) -> String {
    let used = bytes
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    match used {
        0 => "zeros".to_owned(),
        _ if used == bytes.len() => hex::encode(bytes),
        _ => format!("{}00…", hex::encode(&bytes[..used])),
    }
}

#[cfg(test)]
mod tests;
