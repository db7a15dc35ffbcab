//! The entries of a list in the bytes of a block: their fields, their values as text, and what is
//! wrong with them.

use block_manifest::{Entry, Field, Found, List, Manifest};
use block_table::{Image, ListFault};
use serde_json::{Value, json};

use crate::value;

/// An entry in the bytes of a block, with the name `list[0]`.
pub(crate) struct Placed<'l> {
    pub(crate) name: String,
    pub(crate) found: Found<'l>,
}

impl Placed<'_> {
    /// The fields of the entry, at their places in the block.
    pub(crate) fn fields(&self) -> Vec<Field> {
        let entry = self.whole();
        entry.map_or_else(Vec::new, |entry| {
            entry.structure.fields_at(&self.name, self.found.start)
        })
    }

    /// The kind of the entry, if it is known and the entry has all of its fields.
    fn whole(&self) -> Option<&Entry> {
        let entry = self.found.entry?;
        (entry.length <= self.found.length).then_some(entry)
    }

    fn covers(&self, offset: usize) -> bool {
        let start = usize::from(self.found.start);
        (start..start + usize::from(self.found.length)).contains(&offset)
    }
}

/// The entries of `list` in the bytes of a block.
///
/// Bytes that are read from a register do not say how many were sent, so zeros at the end of a list
/// without an end tag are no entries.
pub(crate) fn placed<'l>(list: &'l List, bytes: &[u8]) -> Vec<Placed<'l>> {
    let (mut entries, _) = list.find_entries(bytes);
    let is_padding = |found: &Found<'_>| {
        let start = usize::from(found.start);
        let bytes = bytes.get(start..start + usize::from(found.length));
        found.entry.is_none() && bytes.is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0))
    };
    while list.end.is_none() && entries.last().is_some_and(is_padding) {
        entries.pop();
    }
    let entries = entries.into_iter().enumerate();
    entries
        .map(|(index, found)| Placed {
            name: format!("{}[{index}]", list.name),
            found,
        })
        .collect()
}

/// The fields of all entries of a list, at their places in the block.
pub(crate) fn parts(list: Option<&List>, bytes: &[u8]) -> Vec<Field> {
    let entries = list.map_or_else(Vec::new, |list| placed(list, bytes));
    entries.iter().flat_map(Placed::fields).collect()
}

/// The entries of a list for readers.
pub(crate) fn text(manifest: &Manifest, list: &List, image: &Image, bytes: &[u8]) -> String {
    let entries = placed(list, bytes);
    if entries.is_empty() {
        return "none".to_owned();
    }
    let texts = entries.iter().map(|placed| match placed.found.entry {
        Some(entry) => {
            let values = placed.fields();
            let values = values.iter().map(|field| {
                let name = field.name.rsplit('.').next().unwrap_or_default();
                format!("{name}={}", value::text(manifest, field, image))
            });
            let values: Vec<String> = values.collect();
            format!("{}({})", entry.name, values.join(" "))
        }
        None => format!("tag {:#x} ({})", placed.found.tag, data(placed, bytes)),
    });
    texts.collect::<Vec<_>>().join(" ")
}

/// The entries of a list: objects with the name of the entry and its fields, or with its tag and its
/// bytes.
pub(crate) fn raw(list: &List, image: &Image, bytes: &[u8]) -> Value {
    let entries = placed(list, bytes);
    let values = entries.iter().map(|placed| match placed.found.entry {
        Some(entry) => {
            let fields = placed.fields();
            let values = fields.iter().map(|field| {
                let name = field.name.rsplit('.').next().unwrap_or_default();
                (name.to_owned(), value::raw(field, image))
            });
            json!({ "entry": entry.name, "fields": Value::Object(values.collect()) })
        }
        None => json!({ "tag": placed.found.tag, "data": data(placed, bytes) }),
    });
    values.collect()
}

/// The hexadecimal digits of an entry, with tag and length.
fn data(placed: &Placed<'_>, bytes: &[u8]) -> String {
    let start = usize::from(placed.found.start);
    let bytes = bytes.get(start..start + usize::from(placed.found.length));
    hex::encode(bytes.unwrap_or_default())
}

/// The entry at an offset, as `list[0] (kind)`, or the list where there is no whole one.
pub(crate) fn place(list: &List, bytes: &[u8], offset: usize) -> String {
    let entries = placed(list, bytes);
    let covering = entries.iter().find(|placed| placed.covers(offset));
    match covering.map(|placed| (&placed.name, placed.found)) {
        Some((
            name,
            Found {
                entry: Some(entry), ..
            },
        )) => format!("{name} ({})", entry.name),
        Some((name, _)) => name.clone(),
        None => list.name.clone(),
    }
}

/// What is wrong with a list.
pub(crate) const fn fault_text(fault: ListFault) -> &'static str {
    match fault {
        ListFault::Unknown => "no entry has this tag",
        ListFault::Repeated => "there may be one such entry only",
        ListFault::Short => "the length is less than that of tag and length, or of the fields",
        ListFault::Cut => "the entry ends after the bytes that were sent",
        ListFault::Unended => "the bytes that were sent end before the end tag",
        ListFault::AfterEnd => "a byte after the end of the list is not zero",
    }
}
