//! The keys of arrays of structures, against each other and those of other fields.

use super::context::Context;
use super::place::name;
use crate::diagnostic::Diagnostic;
use crate::syntax;

/// Reports keys that arrays of structures and other fields exclude from each other.
pub(super) fn keys(written: &syntax::Field, in_structure: bool, context: Context<'_>) {
    let sink = context.sink;
    let name = name(written);
    if written.behind.is_some() && written.count.is_none() {
        let span = written.behind.as_ref().map(|behind| &behind.span);
        let message = format!("field `{name}` has `behind` and no `count`");
        sink.error(message, span.unwrap_or(&written.header), "behind what?");
    }
    if in_structure {
        return;
    }
    let elements = written.elements.value();
    let inner = written.inner.first();
    if !is_array(written) {
        if let Some(require) = written.require.first() {
            let diagnostic = Diagnostic::error(
                format!("field `{name}` has `require` and no structures"),
                &require.span,
                "over which fields?",
            );
            sink.report(diagnostic.help("rules over several fields are in `require` of the block"));
        }
        if written.ty.is_none()
            && !written.has_type
            && written.knows_inner
            && written.group.is_absent()
        {
            let message = "missing key `type` in [[block.field]]";
            let diagnostic =
                Diagnostic::error(message, &written.header, "`type` is required: type");
            sink.report(
                diagnostic.note(
                    "an array of structures has `elements` and `[[block.field.field]]` instead, and a field that stands for a group has `use`",
                ),
            );
        }
        return;
    }
    if let (Some(elements), true) = (elements, written.inner.is_empty() && written.knows_inner) {
        let diagnostic = Diagnostic::error(
            format!("the structures of field `{name}` have no fields"),
            &elements.span,
            "elements of what?",
        );
        sink.report(if written.has_type {
            diagnostic.help("an array of integers has a type such as `u16[8]`")
        } else {
            diagnostic.help("add `[[block.field.field]]` tables after it")
        });
        return;
    }
    if let (Some(inner), true) = (inner, written.elements.is_absent()) {
        sink.report(
            Diagnostic::error(
                format!("field `{name}` has fields and no `elements`"),
                &written.header,
                "how many structures?",
            )
            .related(&inner.header, "the first field of a structure"),
        );
    }
    excluded(written, context);
}

/// Whether the field is meant as an array of structures.
pub(super) fn is_array(written: &syntax::Field) -> bool {
    !written.elements.is_absent() || !written.inner.is_empty()
}

/// Reports keys that an array of structures cannot have.
fn excluded(written: &syntax::Field, context: Context<'_>) {
    let of_inner = "give it to a field of the structure";
    let given = [
        (
            "type",
            written
                .ty
                .as_ref()
                .filter(|_| written.has_type)
                .map(|ty| &ty.span),
            "the fields of the structure have types",
        ),
        (
            "default",
            written.default.as_ref().map(|default| &default.span),
            of_inner,
        ),
        ("valid", written.valid.place(), of_inner),
        (
            "bits",
            written.bits.value().map(|bits| &bits.span),
            of_inner,
        ),
        (
            "sequence",
            written.sequence.as_ref().map(|sequence| &sequence.span),
            "a sequence is a single integer of the block",
        ),
        (
            "check",
            written.check.as_ref().map(|check| &check.span),
            "a checksum is an integer of the block",
        ),
    ];
    for (key, span, label) in given {
        if let Some(span) = span {
            let message = format!(
                "field `{}` is an array of structures and has no `{key}`",
                name(written)
            );
            context.sink.error(message, span, label);
        }
    }
}
