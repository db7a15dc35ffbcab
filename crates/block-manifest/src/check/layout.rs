//! The alternative layouts of a block: their conditions, and whether each can be chosen.

use super::Context;
use super::condition::scope_field;
use super::field::{self, Surroundings};
use super::names;
use super::place::{Placer, overlaps};
use crate::diagnostic::{Diagnostic, Located};
use crate::expression::analysis::Wanted;
use crate::model::{Condition, Field, Layout};
use crate::syntax;

/// The block around layouts, as far as it is known when they are checked.
pub(super) struct Frame<'f> {
    pub(super) around: Surroundings,
    pub(super) length: usize,
    /// Where the layouts begin: the end of the fields before them.
    pub(super) start: Option<usize>,
    /// The fields of the block itself.
    pub(super) fields: &'f [Field],
    /// How many of them stand before the layouts.
    pub(super) before: usize,
    /// What the block requires.
    pub(super) require: &'f [Condition],
}

/// Checks the layouts of a block.
pub(super) fn check(
    written: &[syntax::Layout],
    frame: &Frame<'_>,
    context: Context<'_>,
) -> Vec<Layout> {
    names::unique(
        written.iter().filter_map(|layout| layout.name.as_ref()),
        "layout",
        context.sink,
    );
    let mut layouts: Vec<Layout> = Vec::new();
    for layout in written {
        let Some(layout) = one(layout, &layouts, written, frame, context) else {
            continue;
        };
        layouts.push(layout);
    }
    layouts
}

fn one(
    written: &syntax::Layout,
    before: &[Layout],
    all: &[syntax::Layout],
    frame: &Frame<'_>,
    context: Context<'_>,
) -> Option<Layout> {
    let fields = fields(written, frame, context);
    let text = written.when.as_ref()?;
    let is_else = text.value.trim() == "else";
    let when = if is_else {
        None
    } else {
        Some(condition(text, all, frame, context)?)
    };
    reachable(text, when.as_ref(), before, frame, context);
    let mut visible: Vec<&Field> = frame.fields.iter().collect();
    visible.extend(&fields);
    let scope: Vec<_> = visible.iter().map(|field| scope_field(field)).collect();
    let mut given = chosen(when.as_ref(), before);
    given.extend(
        frame
            .require
            .iter()
            .map(|condition| (&condition.expression, true)),
    );
    let require = context.requirements(&written.require, &scope, &visible, &given);
    Some(Layout {
        name: name(written, when.as_ref(), before, context),
        doc: written.doc.clone(),
        when,
        require,
        fields,
        span: written.header.clone(),
    })
}

fn fields(written: &syntax::Layout, frame: &Frame<'_>, context: Context<'_>) -> Vec<Field> {
    names::unique(
        written
            .fields
            .iter()
            .filter_map(|field| field.name.as_ref()),
        "field",
        context.sink,
    );
    let mut placer = Placer::new(context, frame.length, frame.start);
    let mut fields = Vec::new();
    for field in &written.fields {
        if let Some(name) = &field.name
            && let Some(other) = frame.fields.iter().find(|other| other.name == name.value)
        {
            let diagnostic = Diagnostic::error(
                format!("the field name `{}` is used twice", name.value),
                &name.span,
                "used again",
            );
            context
                .sink
                .report(diagnostic.related(&other.span, "first used here, by the block itself"));
        }
        if let Some(offset) = placer.place(field) {
            fields.extend(field::check(
                field,
                offset,
                Surroundings {
                    in_layout: true,
                    ..frame.around
                },
                context,
            ));
        }
    }
    overlaps(&fields, frame.fields, context);
    fields
}

/// Reads `when`, which may name what stands before the layouts.
fn condition(
    text: &Located<String>,
    all: &[syntax::Layout],
    frame: &Frame<'_>,
    context: Context<'_>,
) -> Option<Condition> {
    let (before, behind) = frame.fields.split_at(frame.before);
    let scope: Vec<_> = before.iter().map(scope_field).collect();
    let behind = behind.iter().map(|field| {
        (
            field.name.clone(),
            "it stands behind the layouts: a layout is chosen by the fields before",
        )
    });
    let inner = all
        .iter()
        .flat_map(|layout| &layout.fields)
        .filter_map(|field| field.name.as_ref());
    let inner = inner.map(|name| {
        (
            name.value.clone(),
            "it belongs to a layout: a layout is chosen by the fields before",
        )
    });
    let hidden: Vec<_> = behind.chain(inner).collect();
    context.condition(text, &scope, &hidden)
}

/// What holds when a layout is chosen: its condition, and none of those before it.
fn chosen<'c>(when: Option<&'c Condition>, before: &'c [Layout]) -> Vec<Wanted<'c>> {
    let earlier = before
        .iter()
        .filter_map(|layout| Some((&layout.when.as_ref()?.expression, false)));
    earlier
        .chain(when.map(|when| (&when.expression, true)))
        .collect()
}

fn reachable(
    text: &Located<String>,
    when: Option<&Condition>,
    before: &[Layout],
    frame: &Frame<'_>,
    context: Context<'_>,
) {
    let message = || format!("the layout for `{}` can never be chosen", text.value);
    if let Some(other) = before.iter().find(|layout| layout.when.is_none()) {
        let diagnostic = Diagnostic::error(message(), &text.span, "stands behind `else`");
        context
            .sink
            .report(diagnostic.related(&other.span, "chosen whenever no layout before it is"));
        return;
    }
    let fields: Vec<&Field> = frame.fields.iter().collect();
    let wanted = chosen(when, before);
    // An `else` alone has no condition, and is always possible.
    if wanted.is_empty() || context.possible(&wanted, &fields) {
        return;
    }
    let alone = when.is_some_and(|when| !context.possible(&[(&when.expression, true)], &fields));
    let label = if alone {
        "never true for the values that its fields may have"
    } else {
        "the layouts before it take every value that it would"
    };
    context
        .sink
        .report(Diagnostic::error(message(), &text.span, label));
}

/// The given name, or one that the condition suggests.
fn name(
    written: &syntax::Layout,
    when: Option<&Condition>,
    before: &[Layout],
    context: Context<'_>,
) -> String {
    if let Some(name) = &written.name {
        return name.value.clone();
    }
    let is_free = |name: &str| before.iter().all(|layout| layout.name != name);
    let members = context.enums.iter().flat_map(|known| {
        known
            .members
            .iter()
            .map(move |member| (format!("{}.{}", known.name, member.name), member))
    });
    let suggested = match when {
        None => Some("otherwise".to_owned()),
        Some(when) => {
            let named: Vec<_> = members
                .filter(|(spelling, _)| mentions(&when.text, spelling))
                .map(|(_, member)| member.name.clone())
                .collect();
            if let [one] = named.as_slice() {
                Some(one.clone())
            } else {
                None
            }
        }
    };
    suggested
        .filter(|name| is_free(name))
        .unwrap_or_else(|| format!("layout_{}", before.len()))
}

/// Whether `text` holds `word`, and not as a part of a longer name.
fn mentions(text: &str, word: &str) -> bool {
    let joins = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(joins) && !text[at + word.len()..].starts_with(joins))
}
