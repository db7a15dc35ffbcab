//! Writes the entries of a list that assignments name: `list[0]=KIND` and `list[0].field=VALUE`.

use block_manifest::{Entry, Field, List};
use block_table::Image;

use crate::style::listed;

/// The index of the entry that the name of an assignment has, and what follows it.
fn index<'a>(list: &List, name: &'a str) -> Option<(usize, &'a str)> {
    let rest = name.strip_prefix(&list.name)?;
    let (index, rest) = rest.strip_prefix('[')?.split_once(']')?;
    Some((index.parse().ok()?, rest))
}

/// Whether `name` is that of an entry of `list` or of a field of one.
pub(super) fn names(list: &List, name: &str) -> bool {
    index(list, name).is_some()
}

/// Whether `name` is that of an entry.
pub(super) fn is_kind(list: &List, name: &str) -> bool {
    index(list, name).is_some_and(|(_, rest)| rest.is_empty())
}

/// Writes the entries that names and values give, with the defaults of their fields, and the end of the list. Returns the fields
/// of the entries, at their places in the block, and the first byte after the list.
pub(super) fn assign(
    list: &List,
    assignments: &[(&str, &str)],
    image: &mut Image,
) -> Result<(Vec<Field>, usize), String> {
    let room_end = usize::from(list.offset) + usize::from(list.length);
    image[list.offset.into()..room_end].fill(0);
    let named = assignments.iter().filter_map(|(name, _)| index(list, name));
    let count = named.map(|(index, _)| index + 1).max().unwrap_or(0);
    let mut at = usize::from(list.offset);
    let mut fields = Vec::new();
    let mut put = |at: &mut usize, bytes: &[u8]| {
        let place = image.get_mut(*at..*at + bytes.len());
        let place = place.filter(|_| *at + bytes.len() <= room_end);
        let full = || format!("`{}` has no room for so many entries", list.name);
        place.ok_or_else(full)?.copy_from_slice(bytes);
        *at += bytes.len();
        Ok::<(), String>(())
    };
    for index in 0..count {
        let entry = kind(list, assignments, index)?;
        let start = u8::try_from(at).unwrap_or(u8::MAX);
        let mut bytes = list.header(entry.tag.value, entry.length);
        bytes.resize(entry.length.into(), 0);
        for field in &entry.structure.fields {
            bytes[field.offset.into()..field.end()].copy_from_slice(&field.default);
        }
        put(&mut at, &bytes)?;
        fields.extend(
            entry
                .structure
                .fields_at(&format!("{}[{index}]", list.name), start),
        );
    }
    put(&mut at, &list.end_bytes())?;
    Ok((fields, at))
}

/// The kind of the entry at `index`: the named one, or the only one there is.
fn kind<'l>(
    list: &'l List,
    assignments: &[(&str, &str)],
    index: usize,
) -> Result<&'l Entry, String> {
    let kinds = list
        .entries
        .iter()
        .filter(|entry| !list.is_end(entry.tag.value));
    let kinds: Vec<&Entry> = kinds.collect();
    let names = || {
        let names = kinds.iter().map(|entry| entry.name.clone());
        listed(&names.collect::<Vec<_>>())
    };
    let mut assignments = assignments.iter();
    let given = assignments.find(|(name, _)| self::index(list, name) == Some((index, "")));
    match (given, &kinds[..]) {
        (None, [only]) => Ok(only),
        (None, _) => Err(format!(
            "which entry is `{name}[{index}]`? Write `{name}[{index}]=ENTRY`; the entries are {}",
            names(),
            name = list.name
        )),
        (Some((_, given)), _) => {
            let mut kinds = kinds.iter();
            let found = kinds.find(|entry| entry.name == *given);
            found.copied().ok_or_else(|| {
                format!(
                    "`{}` has no entry `{given}`; its entries are {}",
                    list.name,
                    names()
                )
            })
        }
    }
}
