//! Finds headers of tables that TOML reports elsewhere, as a key that occurs twice.

use crate::diagnostic::{Diagnostic, Span};

/// The arrays of tables of the language.
const ARRAYS: [&str; 12] = [
    "block",
    "block.field",
    "block.field.field",
    "block.layout",
    "block.layout.field",
    "block.layout.field.field",
    "block.list",
    "block.list.entry",
    "block.list.entry.field",
    "block.layout.list",
    "block.layout.list.entry",
    "block.layout.list.entry.field",
];

/// The errors about headers of these arrays that stand in single brackets or precede their block.
///
/// A text in several lines may contain what looks like a header, so this is only right for a
/// document in which the parser has found a table that occurs twice.
pub(super) fn misplaced(text: &str) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut seen_block = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = start + (line.len() - line.trim_start().len());
        start += line.len();
        let header = line.split('#').next().unwrap_or_default().trim();
        let span = at..at + header.len();
        let double = header
            .strip_prefix("[[")
            .and_then(|name| name.strip_suffix("]]"));
        let single = header
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        if let Some(name) = double.and_then(array) {
            if name.starts_with("block.") && !seen_block {
                found.push(before_any_block(name, &span));
                // The ones after it have the same cause.
                seen_block = true;
            }
            seen_block |= name == "block";
        } else if let Some(name) = single.and_then(array) {
            let message = format!("`[{name}]` is one table, and there may be several");
            let label = format!("write `[[{name}]]`");
            found.push(Diagnostic::error(message, &span, label));
            seen_block |= name == "block";
        }
    }
    found
}

/// `name`, if it is that of an array of tables.
fn array(name: &str) -> Option<&str> {
    let name = name.trim();
    let of_group = || {
        let (group, field) = name.strip_prefix("group.")?.split_once('.')?;
        (!group.is_empty() && field == "field").then_some(name)
    };
    let known = ARRAYS.into_iter().find(|array| *array == name);
    known.or_else(of_group)
}

fn before_any_block(name: &str, span: &Span) -> Diagnostic {
    let message = format!("`[[{name}]]` stands before the first `[[block]]`");
    Diagnostic::error(message, span, "of which block?")
        .help("fields, layouts and lists follow the `[[block]]` that they belong to")
}
