//! Reads the value of a field from text, and puts it into a block.

use block_manifest::{Bits, Field, Manifest, Type, closest, low_bits};
use block_table::Image;

use crate::style::listed;
use crate::value;

/// Sets a field, or the bits of it that `name` names after a point.
pub(super) fn assign(
    manifest: &Manifest,
    field: &Field,
    name: &str,
    text: &str,
    image: &mut Image,
) -> Result<(), String> {
    let offset = usize::from(field.offset);
    let part = name.strip_prefix(&field.name);
    if let Some(part) = part.and_then(|part| part.strip_prefix('.')) {
        let (Type::Integer(ty), Some(bits)) = (field.ty, bits(field, part)) else {
            return Err(no_bits(field, part));
        };
        let number = unsigned(text).ok_or_else(|| format!("`{name}` is no number: `{text}`"))?;
        let most = bits.mask() >> bits.low;
        if number > most {
            return Err(format!(
                "`{name}` is {number}, and must be from 0 to {most}"
            ));
        }
        let others = low_bits(value::integer(image, offset, ty)) & !bits.mask();
        let whole = i128::from(others | number << bits.low);
        check(field, whole)?;
        value::put(image, offset, ty, whole);
        return Ok(());
    }
    let bytes = match field.ty {
        Type::Integer(ty) => ty.encode(element(manifest, field, text)?),
        Type::Array(ty, most) => {
            let mut bytes = Vec::new();
            let mut count = 0;
            for text in elements(text) {
                bytes.extend(ty.encode(element(manifest, field, text)?));
                count += 1;
            }
            if count > usize::from(most) {
                return Err(format!("`{name}` has {most} elements, not {count}"));
            }
            bytes
        }
        // The parts of a field have no structures.
        Type::Structures { .. } => return Err(format!("`{name}` takes no value as a whole")),
        Type::Bytes(_) => hex::decode(text)
            .map_err(|_| format!("`{name}` takes two hexadecimal digits for each byte"))?,
        Type::Ascii(_) => {
            if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                return Err(format!("`{name}` takes printable ASCII characters"));
            }
            text.as_bytes().to_vec()
        }
    };
    if let Some(mac) = field.valid.mac
        && !mac.allows(&bytes)
    {
        return Err(format!("`{name}` is {text}, and must be {}", field.valid));
    }
    let room = field.ty.length();
    if bytes.len() > room {
        return Err(format!("`{name}` has {room} bytes, not {}", bytes.len()));
    }
    image[offset..field.end()].fill(0);
    image[offset..offset + bytes.len()].copy_from_slice(&bytes);
    Ok(())
}

/// The elements of an array's value.
pub(super) fn elements(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|element| !element.is_empty())
}

/// One integer: a number, the name of a value, or names of bits joined by `|`.
fn element(manifest: &Manifest, field: &Field, text: &str) -> Result<i128, String> {
    let members = members(manifest, field);
    let member = members.iter().find(|(name, _)| *name == text);
    let found = match (number(text), member) {
        (_, Some((_, value))) => *value,
        (Some(number), None) => number,
        (None, None) if !field.bits.is_empty() => set_bits(field, text)?.into(),
        (None, None) => return Err(no_value(field, &members, text)),
    };
    check(field, found)?;
    Ok(found)
}

/// The named values of a field.
fn members<'m>(manifest: &'m Manifest, field: &Field) -> Vec<(&'m str, i128)> {
    let named = field.valid.one_of.as_ref();
    let named = named.and_then(|one_of| one_of.enumeration.as_ref());
    manifest
        .enums()
        .iter()
        .filter(|enumeration| Some(&enumeration.name) == named)
        .flat_map(|enumeration| &enumeration.members)
        .map(|member| (&*member.name, member.value))
        .collect()
}

fn no_value(field: &Field, members: &[(&str, i128)], text: &str) -> String {
    if members.is_empty() {
        return format!("`{}` is no number: `{text}`", field.name);
    }
    let names: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{name} ({value})"))
        .collect();
    let meant = closest(text, members.iter().map(|(name, _)| *name))
        .map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"));
    format!(
        "`{}` has no value `{text}`{meant}; values are {}",
        field.name,
        listed(&names)
    )
}

/// Refuses a value that the field does not allow by itself.
fn check(field: &Field, value: i128) -> Result<(), String> {
    let integer = field.ty.element();
    let (least, most) = (integer.min(), integer.max());
    if value < least || value > most {
        return Err(format!(
            "`{}` is {value}, and {} has {least} to {most}",
            field.name, field.ty
        ));
    }
    if low_bits(value) & integer.mask() & !field.defined_bits() != 0 {
        return Err(format!(
            "`{}` is {value:#x}, and only the bits {:#x} have names",
            field.name,
            field.defined_bits()
        ));
    }
    if !field.valid.allows(value) {
        return Err(format!(
            "`{}` is {value}, and must be {}",
            field.name, field.valid
        ));
    }
    Ok(())
}

/// The value of names of bits, as `enabled|mode=2`.
fn set_bits(field: &Field, text: &str) -> Result<u64, String> {
    let mut whole = 0;
    for part in text.split('|') {
        let (name, value) = part.split_once('=').unwrap_or((part, "1"));
        let bits = bits(field, name).ok_or_else(|| no_bits(field, name))?;
        let value = unsigned(value).filter(|value| *value <= bits.mask() >> bits.low);
        let value = value.ok_or_else(|| {
            let most = bits.mask() >> bits.low;
            format!("bits `{name}` of `{}` have 0 to {most}", field.name)
        })?;
        whole |= value << bits.low;
    }
    Ok(whole)
}

fn bits<'f>(field: &'f Field, name: &str) -> Option<&'f Bits> {
    field.bits.iter().find(|bits| bits.name == name)
}

fn no_bits(field: &Field, name: &str) -> String {
    let names: Vec<String> = field.bits.iter().map(|bits| bits.name.clone()).collect();
    let meant = closest(name, names.iter().map(String::as_str))
        .map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"));
    format!(
        "`{}` has no bits `{name}`{meant}; they are {}",
        field.name,
        listed(&names)
    )
}

/// A number that may be negative; see [`unsigned`].
fn number(text: &str) -> Option<i128> {
    match text.strip_prefix('-') {
        Some(digits) => Some(-i128::from(unsigned(digits)?)),
        None => unsigned(text).map(Into::into),
    }
}

/// A number as the manifest language writes it: decimal, or with `0x`, `0o` or `0b`.
fn unsigned(text: &str) -> Option<u64> {
    let digits = text.replace('_', "");
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)];
    let prefixed = radix
        .iter()
        .find_map(|(prefix, radix)| Some((digits.strip_prefix(prefix)?, *radix)));
    let (digits, radix) = prefixed.unwrap_or((&*digits, 10));
    let is_number = digits.chars().all(|digit| digit.is_digit(radix));
    is_number
        .then(|| u64::from_str_radix(digits, radix).ok())
        .flatten()
}
