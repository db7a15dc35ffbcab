//! Reads names, which stand in expressions and in generated code.

use block_table::MAX_NAME_LENGTH;

use super::reader::{Input, Reader};
use crate::diagnostic::{Diagnostic, Located, printable};

/// The name of a table. An invalid name is reported and still used to resolve references.
pub(super) fn name(
    reader: &Reader<'_, '_>,
    what: &str,
    input: Input<'_>,
) -> Option<Located<String>> {
    let name = reader.string("name")?;
    check_name(&name, what, input);
    Some(name)
}

/// Reports a `name` that cannot stand in an expression and in generated code.
pub(super) fn check_name(name: &Located<String>, what: &str, input: Input<'_>) {
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
        let message = format!("`{}` cannot be the name of {what}", printable(text));
        let rule = format!(
            "a name has 1 to {MAX_NAME_LENGTH} ASCII letters, digits, `_` and `-`, begins with a letter or `_`, and so does each part after a `-`"
        );
        input
            .sink
            .report(Diagnostic::error(message, &name.span, "not a name").note(rule));
    }
}
