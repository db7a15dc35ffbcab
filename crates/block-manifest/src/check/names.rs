//! Checks that names differ.

use crate::diagnostic::{Diagnostic, Located, Sink, printable};
use crate::syntax;

/// Names that differ only in case, or in `-` and `_`, would be equal in generated code.
pub(super) fn normalized(name: &str) -> String {
    name.replace('-', "_").to_ascii_lowercase()
}

/// Reports each of `names` that occurred before; the message says `what` they name.
pub(super) fn unique<'n>(
    names: impl Iterator<Item = &'n Located<String>>,
    what: &str,
    sink: &Sink,
) {
    unique_among(std::iter::empty(), names, what, sink);
}

/// Reports each of `names` that occurred before, among `others` or among themselves.
pub(super) fn unique_among<'n>(
    others: impl Iterator<Item = &'n Located<String>>,
    names: impl Iterator<Item = &'n Located<String>>,
    what: &str,
    sink: &Sink,
) {
    let mut seen: Vec<(String, &Located<String>)> =
        others.map(|name| (normalized(&name.value), name)).collect();
    for name in names {
        let key = normalized(&name.value);
        let Some((_, first)) = seen.iter().find(|(known, _)| *known == key) else {
            seen.push((key, name));
            continue;
        };
        let message = format!("the {what} name `{}` is used twice", printable(&name.value));
        let diagnostic = Diagnostic::error(message, &name.span, "used again")
            .related(&first.span, "first used here");
        let same = first.value == name.value;
        sink.report(if same {
            diagnostic
        } else {
            diagnostic.note("in generated code `-` becomes `_`, and case does not tell names apart")
        });
    }
}

/// The names of fields.
pub(super) fn of_fields(fields: &[syntax::Field]) -> impl Iterator<Item = &Located<String>> {
    fields.iter().filter_map(|field| field.name.as_ref())
}
