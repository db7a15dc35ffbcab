//! Names that must differ.

use crate::diagnostic::{Diagnostic, Located, Sink};

/// Names that differ only in case, or in `-` and `_`, would be one name in generated code.
fn normalized(name: &str) -> String {
    name.replace('-', "_").to_ascii_lowercase()
}

/// Reports each of `names` that was there before; `what` they name is said in the message.
pub(super) fn unique<'n>(
    names: impl Iterator<Item = &'n Located<String>>,
    what: &str,
    sink: &Sink,
) {
    let mut seen: Vec<(String, &Located<String>)> = Vec::new();
    for name in names {
        let key = normalized(&name.value);
        let Some((_, first)) = seen.iter().find(|(known, _)| *known == key) else {
            seen.push((key, name));
            continue;
        };
        let message = format!("the {what} name `{}` is used twice", name.value);
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
