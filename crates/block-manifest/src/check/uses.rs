//! Resolves `uses`: the other blocks that the rules of a block read.

use block_table::format::MAX_USES;

use super::block::Begun;
use super::context::Context;
use crate::diagnostic::{Diagnostic, Located, printable};
use crate::expression::scope::{UsedBlock, UsedFields};

/// The blocks in the `uses` of `block`, one of `all`, each at its place. Reports those that cannot be
/// used.
///
/// Only a block that the VF writes uses others, and only blocks that no VF writes are used, so no
/// block can use itself, also not through others.
pub(super) fn check<'b>(
    block: &Begun<'_>,
    all: &'b [Begun<'_>],
    context: Context<'_>,
) -> Vec<UsedBlock<'b>> {
    let names = &block.written.uses;
    if let Some(name) = names.get(MAX_USES) {
        let message = format!(
            "the block uses {} others, and may use {MAX_USES}",
            names.len()
        );
        context.sink.error(message, &name.span, "one too many");
    }
    if let (Some(first), Some(access)) = (names.first(), &block.written.vf_access)
        && !access.value.writable()
    {
        let diagnostic = Diagnostic::error(
            "the block uses others, and no VF writes it",
            &first.span,
            "no rule would read it",
        )
        .related(&access.span, "the access of the VF");
        context
            .sink
            .report(diagnostic.note("rules over other blocks apply to the writes of a VF"));
    }
    let used = names.iter().enumerate().map(|(place, name)| {
        repeated(name, &names[..place], context);
        UsedBlock {
            name: name.value.clone(),
            fields: fields(name, block, all, context),
        }
    });
    used.collect()
}

/// Reports a block that is named before.
fn repeated(name: &Located<String>, before: &[Located<String>], context: Context<'_>) {
    if let Some(first) = before.iter().find(|other| other.value == name.value) {
        let message = format!("block `{}` is used twice", printable(&name.value));
        context.sink.report(
            Diagnostic::error(message, &name.span, "used again")
                .related(&first.span, "first used here"),
        );
    }
}

/// The fields of the block `name`, if it may be used by `block`.
fn fields<'b>(
    name: &Located<String>,
    block: &Begun<'_>,
    all: &'b [Begun<'_>],
    context: Context<'_>,
) -> Option<UsedFields<'b>> {
    let shown = printable(&name.value);
    let report = |message: String, label: &str| {
        context
            .sink
            .report(Diagnostic::error(message, &name.span, label));
    };
    let has_the_name = |other: &&Begun<'_>| {
        let other = other.written.name.as_ref();
        other.is_some_and(|other| other.value == name.value)
    };
    let Some(other) = all.iter().find(has_the_name) else {
        if all.iter().all(|other| other.written.name.is_some()) && !context.sink.is_incomplete() {
            let names = context.blocks.iter().map(String::as_str);
            context.sink.report(
                Diagnostic::error(
                    format!("unknown block `{shown}`"),
                    &name.span,
                    "no block has this name",
                )
                .did_you_mean(&name.value, names),
            );
        }
        return None;
    };
    if std::ptr::eq(other.written, block.written) {
        report(
            format!("block `{shown}` uses itself"),
            "its own fields need no `uses`",
        );
        return None;
    }
    if other.written.kind.is_unreadable() || other.written.vf_access.is_none() {
        return None;
    }
    if !other.is_published() {
        report(
            format!("block `{shown}` cannot be used: the VF writes it"),
            "not a register that host software alone writes",
        );
        return None;
    }
    if other.fields.scope.is_empty() && other.written.knows_fields {
        report(
            format!("block `{shown}` cannot be used: it has no fields of its own"),
            "nothing to read",
        );
        return None;
    }
    let layouts = other.written.layouts.iter();
    let of_layouts = layouts.flat_map(|layout| &layout.fields);
    Some(UsedFields {
        own: &other.fields.scope,
        valid: &other.fields.all,
        of_layouts: of_layouts
            .filter_map(|field| Some(field.name.as_ref()?.value.clone()))
            .collect(),
        complete: other.written.knows_fields,
    })
}
