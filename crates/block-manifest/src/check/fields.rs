//! The fields of a block itself, and the names that expressions may use for any fields.

use super::context::Context;
use super::field::{self, BlockContext};
use super::names;
use super::place::{Placer, needs_offset, overlaps};
use crate::diagnostic::Located;
use crate::expression::Source;
use crate::expression::scope::ScopeField;
use crate::model::Field;
use crate::syntax;

/// Why other rules may not name the field of an entry.
const BELONGS_TO_AN_ENTRY: &str =
    "it belongs to an entry of a list: only the rules of that entry may use it";

/// The fields of the block itself.
#[derive(Clone)]
pub(super) struct Fields {
    /// The valid ones, in the order of the manifest.
    pub(super) all: Vec<Field>,
    /// How many of them precede the layouts.
    pub(super) before: usize,
    /// The names for expressions: every field with a name.
    pub(super) scope: Vec<ScopeField>,
    /// How many of these precede the layouts.
    pub(super) scope_before: usize,
    /// The offset at which the layouts' fields begin.
    pub(super) layouts_start: Option<usize>,
}

impl Fields {
    pub(super) fn check(
        written: &syntax::Block,
        length: usize,
        around: BlockContext,
        context: Context<'_>,
    ) -> Self {
        names::unique(names::of_fields(&written.fields), "field", context.sink);
        let mut placer = Placer::new(context, length, Some(0));
        let mut fields = Self {
            all: Vec::new(),
            before: 0,
            scope: Vec::new(),
            scope_before: 0,
            layouts_start: Some(0),
        };
        let first_layout = written.layouts.first().map(|layout| &layout.header);
        let mut behind = false;
        for field in &written.fields {
            let layout = first_layout.filter(|layout| layout.start < field.header.start);
            if let Some(layout) = layout.filter(|_| !behind) {
                behind = true;
                placer.forget();
                needs_offset(field, layout, context);
            }
            let offset = placer.place(field);
            fields
                .all
                .extend(field::check(field, offset, around, context));
            fields.scope.extend(scope_field(field, offset));
            if !behind {
                fields.before = fields.all.len();
                fields.scope_before = fields.scope.len();
                fields.layouts_start = placer.end();
            }
        }
        overlaps(&fields.all, &[], None, context);
        fields
    }
}

/// The names of the fields of `layouts`, each with the reason why it may not be used.
pub(super) fn names_within<'l>(
    layouts: impl IntoIterator<Item = &'l syntax::Layout>,
    reason: &'static str,
) -> Vec<(String, &'static str)> {
    layouts
        .into_iter()
        .flat_map(|layout| names::of_fields(&layout.fields).chain(of_entries(&layout.lists)))
        .map(|name| (name.value.clone(), reason))
        .collect()
}

/// The names of the fields of entries of `lists`, each with the reason why it may not be used.
pub(super) fn names_in_entries(lists: &[syntax::List]) -> Vec<(String, &'static str)> {
    let names = of_entries(lists);
    names
        .map(|name| (name.value.clone(), BELONGS_TO_AN_ENTRY))
        .collect()
}

fn of_entries(lists: &[syntax::List]) -> impl Iterator<Item = &Located<String>> {
    let entries = lists.iter().flat_map(|list| &list.entries);
    entries.flat_map(|entry| names::of_fields(&entry.fields))
}

/// The entry for a field in the scope of expressions, as far as the field is valid.
pub(super) fn scope_field(written: &syntax::Field, offset: Option<u8>) -> Option<ScopeField> {
    let bits = written
        .bits
        .value()
        .into_iter()
        .flat_map(|bits| &bits.value);
    Some(ScopeField {
        name: written.name.as_ref()?.value.clone(),
        offset,
        ty: written.ty.as_ref().map(|ty| ty.value),
        bits: bits
            .map(|bits| (bits.name.value.clone(), bits.range))
            .collect(),
        knows_bits: !written.bits.is_unreadable(),
        source: Source::Block,
        inner: names::of_fields(&written.inner)
            .map(|name| name.value.clone())
            .collect(),
    })
}
