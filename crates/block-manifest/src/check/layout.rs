//! The alternative layouts of a block: their conditions, and whether each can be selected.

use super::condition::BELONGS_TO_ANOTHER_LAYOUT;
use super::context::Context;
use super::field::{self, BlockContext};
use super::fields::{Fields, names_in_entries, names_within, scope_field};
use super::groups::stand_ins;
use super::place::{Placer, overlaps};
use super::{count, elements, list, names};
use crate::diagnostic::{Diagnostic, Located, printable};
use crate::expression::analysis::Wanted;
use crate::expression::scope::ScopeField;
use crate::model::{Condition, Field, Layout};
use crate::syntax;

/// The block of the layouts, as far as it is known when they are checked.
pub(super) struct LayoutContext<'f> {
    pub(super) written: &'f syntax::Block,
    pub(super) around: BlockContext,
    pub(super) length: u8,
    /// The fields of the block itself.
    pub(super) fields: &'f Fields,
    /// The requirements of the block.
    pub(super) require: &'f [Condition],
}

/// Checks the layouts of a block.
pub(super) fn check(frame: &LayoutContext<'_>, context: Context<'_>) -> Vec<Layout> {
    names::unique(given_names(&frame.written.layouts), "layout", context.sink);
    let mut layouts: Vec<Layout> = Vec::new();
    for layout in &frame.written.layouts {
        layouts.extend(one(layout, &layouts, frame, context));
    }
    layouts
}

fn given_names(layouts: &[syntax::Layout]) -> impl Iterator<Item = &Located<String>> {
    layouts.iter().filter_map(|layout| layout.name.as_ref())
}

fn one(
    written: &syntax::Layout,
    before: &[Layout],
    frame: &LayoutContext<'_>,
    context: Context<'_>,
) -> Option<Layout> {
    let (mut fields, own_scope, next) = fields(written, frame, context);
    let mut visible: Vec<&Field> = frame.fields.all.iter().collect();
    visible.extend(&fields);
    let others = frame.written.layouts.iter();
    let others = others.filter(|other| other.header != written.header);
    let mut hidden = names_within(others, BELONGS_TO_ANOTHER_LAYOUT);
    hidden.extend(names_in_entries(&written.lists));
    hidden.extend(stand_ins(&frame.written.fields));
    hidden.extend(stand_ins(&written.fields));
    let scope = [frame.fields.scope.as_slice(), &own_scope].concat();
    let scope = context.scope(&scope, &hidden, frame.written.knows_fields);
    let counts = count::resolve(&written.fields, &visible, scope, context);
    let when = when(written, frame, context);
    let mut given = Vec::new();
    // Rules of a layout that is never selected never hold; reporting them too would add nothing.
    if let Some(when) = &when
        && reachable(written, when.as_ref(), before, frame, context)
    {
        given = chosen(when.as_ref(), before);
        given.extend(required(frame));
    }
    let writes = "every write of this layout";
    let judging = context.judging(scope, frame.fields.scope.len());
    let require = context.requirements(&written.require, judging, &visible, &given, writes);
    context.warn_of_overflows(&require, &given, &visible);
    count::assign(counts, &mut fields);
    let around = elements::Around {
        before: &frame.fields.scope,
        own_fields: frame.fields.scope.len(),
        siblings: &own_scope,
        others: &frame.fields.all,
        hidden: &hidden,
        knows_fields: frame.written.knows_fields,
    };
    elements::finish(&written.fields, &mut fields, &around, context);
    let list_frame = list::Frame {
        lists: &written.lists,
        next,
        length: frame.length,
        block: frame.around,
        first_layout: None,
    };
    let visible: Vec<&Field> = frame.fields.all.iter().chain(&fields).collect();
    let list = list::check(&list_frame, &visible, &around, context);
    let when = when?;
    Some(Layout {
        name: name(written, when.as_ref(), before, frame, context),
        doc: written.doc.clone(),
        when,
        require,
        fields,
        list,
        span: written.header.clone(),
    })
}

/// The fields of a layout, their names for expressions, and the end of the last one.
fn fields(
    written: &syntax::Layout,
    frame: &LayoutContext<'_>,
    context: Context<'_>,
) -> (Vec<Field>, Vec<ScopeField>, Option<usize>) {
    names::unique_among(
        names::of_fields(&frame.written.fields),
        names::of_fields(&written.fields),
        "field",
        context.sink,
    );
    let around = BlockContext {
        in_layout: true,
        ..frame.around
    };
    let hint = place_hint(written, frame);
    let mut placer = Placer::new(context, frame.length.into(), frame.fields.layouts_start);
    placer.first_hint = hint.as_deref();
    let mut fields = Vec::new();
    let mut scope = Vec::new();
    for field in &written.fields {
        let offset = placer.place(field);
        fields.extend(field::check(field, offset, around, context));
        scope.extend(scope_field(field, offset));
    }
    overlaps(&fields, &frame.fields.all, hint.as_deref(), context);
    (fields, scope, placer.end())
}

/// Where the first field of the layout lies if it has no offset.
fn place_hint(written: &syntax::Layout, frame: &LayoutContext<'_>) -> Option<String> {
    let before = frame.fields.all.get(..frame.fields.before)?.last()?;
    let without_offset = written.fields.first()?.offset.is_absent();
    without_offset.then(|| {
        format!(
            "without an `offset` the first field of a layout follows `{}`, the last field before the layouts",
            before.name
        )
    })
}

/// Reads `when`, which may name the fields before the layouts: `None` inside is `else`.
#[expect(
    clippy::option_option,
    reason = "`else` is no condition, and is not one that cannot be read"
)]
fn when(
    written: &syntax::Layout,
    frame: &LayoutContext<'_>,
    context: Context<'_>,
) -> Option<Option<Condition>> {
    let text = written.when.as_ref()?;
    if text.value.trim() == "else" {
        return Some(None);
    }
    let (before, behind) = frame.fields.scope.split_at(frame.fields.scope_before);
    let behind = behind.iter().map(|field| {
        (
            field.name.clone(),
            "it follows the layouts: the fields before them select a layout",
        )
    });
    let inner = names_within(
        &frame.written.layouts,
        "it belongs to a layout: a layout is chosen by the fields before",
    );
    let stand_ins = stand_ins(&frame.written.fields);
    let hidden: Vec<_> = behind.chain(inner).chain(stand_ins).collect();
    let scope = context.scope(before, &hidden, frame.written.knows_fields);
    context.condition(text, scope).map(Some)
}

/// The requirements of the block itself.
fn required<'f>(frame: &'f LayoutContext<'_>) -> impl Iterator<Item = Wanted<'f>> {
    let require = frame.require.iter();
    require.map(|condition| (&condition.expression, true))
}

/// What holds when a layout is selected: its condition, and none of those before it. Its own comes
/// first: most values fail it, so that the others are rarely tried.
fn chosen<'c>(when: Option<&'c Condition>, before: &'c [Layout]) -> Vec<Wanted<'c>> {
    let earlier = before
        .iter()
        .filter_map(|layout| Some((&layout.when.as_ref()?.expression, false)));
    let when = when.map(|when| (&when.expression, true));
    when.into_iter().chain(earlier).collect()
}

/// Reports a layout that no valid write can select.
fn reachable(
    written: &syntax::Layout,
    when: Option<&Condition>,
    before: &[Layout],
    frame: &LayoutContext<'_>,
    context: Context<'_>,
) -> bool {
    let Some(text) = &written.when else {
        return false;
    };
    let report = |label: &str, related: Option<&Layout>| {
        let message = format!(
            "the layout for `{}` can never be chosen",
            printable(&text.value)
        );
        let diagnostic = Diagnostic::error(message, &text.span, label);
        context.sink.report(match related {
            Some(other) => {
                diagnostic.related(&other.span, "chosen whenever no layout before it is")
            }
            None => diagnostic,
        });
        false
    };
    if let Some(other) = before.iter().find(|layout| layout.when.is_none()) {
        return report("follows `else`", Some(other));
    }
    let fields: Vec<&Field> = frame.fields.all.iter().collect();
    let mut wanted = chosen(when, before);
    // A single `else` has no condition and is always possible.
    if !wanted.is_empty() && !context.possible(&wanted, &fields) {
        let alone = when.is_none_or(|when| context.possible(&[(&when.expression, true)], &fields));
        return report(
            if alone {
                "the layouts before it take every value that it would"
            } else {
                "never true for the values that its fields may have"
            },
            None,
        );
    }
    wanted.extend(required(frame));
    wanted.is_empty()
        || context.possible(&wanted, &fields)
        || report(
            "the block's `require` refuses every value that it would take",
            None,
        )
}

/// The given name, or one that the condition suggests, or a number. No two layouts have names that
/// are equal in generated code.
fn name(
    written: &syntax::Layout,
    when: Option<&Condition>,
    before: &[Layout],
    frame: &LayoutContext<'_>,
    context: Context<'_>,
) -> String {
    if let Some(name) = &written.name {
        return name.value.clone();
    }
    let given = given_names(&frame.written.layouts).map(|name| &name.value);
    let taken: Vec<String> = given
        .chain(before.iter().map(|layout| &layout.name))
        .map(|name| names::normalized(name))
        .collect();
    let suggested = match when {
        None => Some("otherwise".to_owned()),
        Some(when) => only_named_value(when, context),
    };
    let numbered = (before.len()..).map(|number| format!("layout_{number}"));
    suggested
        .into_iter()
        .chain(numbered)
        .find(|name| !taken.contains(&names::normalized(name)))
        .unwrap_or_default()
}

/// The name of the one enumeration value that a condition mentions.
fn only_named_value(when: &Condition, context: Context<'_>) -> Option<String> {
    let members = context.enums.iter().flat_map(|known| {
        let members = known.members.iter();
        members.map(|(member, _)| (&known.name.value, &member.value))
    });
    let mut named =
        members.filter(|(first, part)| mentions(&when.text, &format!("{first}.{part}")));
    match (named.next(), named.next()) {
        (Some((_, name)), None) => Some(name.clone()),
        _ => None,
    }
}

/// Whether `text` contains `word`, and not as a part of a longer name.
fn mentions(text: &str, word: &str) -> bool {
    let joins = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(joins) && !text[at + word.len()..].starts_with(joins))
}
