//! Arrays of structures: the counts within an element, the rules over one, and the default.

use block_table::{Image, MAX_BLOCK_LENGTH};

use super::context::{Context, Writes};
use super::count;
use super::fields::scope_field;
use super::groups::stand_ins;
use super::place::name;
use crate::diagnostic::Located;
use crate::expression::scope::{Scope, ScopeField};
use crate::expression::{Load, Source};
use crate::model::{Condition, Field};
use crate::syntax;

/// Why the rules of an element may not name a later field.
const FOLLOWS_THE_ARRAY: &str = "it follows the array: the fields before it may be used";

/// What the rules of elements may name beside the fields of their element.
pub(super) struct Around<'a> {
    /// Fields that precede all of the fields that may be arrays.
    pub(super) before: &'a [ScopeField],
    /// How many fields the block itself has, the first ones.
    pub(super) own_fields: usize,
    /// These fields.
    pub(super) siblings: &'a [ScopeField],
    /// The valid fields among `before`.
    pub(super) others: &'a [Field],
    /// Fields that may not be named, with the reason.
    pub(super) hidden: &'a [(String, &'static str)],
    /// Whether every field is in one of these lists.
    pub(super) knows_fields: bool,
}

/// Checks the counts within structures and the rules over them, and sets the defaults of the arrays
/// among `fields`, which are `written`.
pub(super) fn finish(
    written: &[syntax::Field],
    fields: &mut [Field],
    around: &Around<'_>,
    context: Context<'_>,
) {
    let known = fields.to_vec();
    let whole: Vec<&Field> = around.others.iter().chain(&known).collect();
    let context = within(&whole, context);
    for array in written.iter().filter(|array| !array.inner.is_empty()) {
        let name = name(array);
        let part = Part {
            name,
            fields: &array.inner,
            knows_fields: array.knows_inner,
            require: &array.require,
            writes: "every write with an element",
        };
        let Some(field) = fields.iter_mut().find(|field| field.name == name) else {
            continue;
        };
        if let Some(structure) = &mut field.structure {
            structure.require = rules(&part, &mut structure.fields, around, context);
        }
        field.default = default(field, &whole);
    }
}

/// The context of rules over a part of a block with the fields `whole`.
pub(super) fn within<'c>(whole: &'c [&'c Field], context: Context<'c>) -> Context<'c> {
    Context {
        writes: Writes {
            whole,
            ..context.writes
        },
        ..context
    }
}

/// What is repeated in a block, as it is written: the structures of an array or an entry of a list.
pub(super) struct Part<'w> {
    /// The name of the array, or one that no field has.
    pub(super) name: &'w str,
    pub(super) fields: &'w [syntax::Field],
    /// Whether the name of every field could be read.
    pub(super) knows_fields: bool,
    pub(super) require: &'w [Located<String>],
    /// The writes that its rules judge.
    pub(super) writes: &'w str,
}

/// Resolves the counts of the fields `inner` of `part`, and reads its `require`.
pub(super) fn rules(
    part: &Part<'_>,
    inner: &mut [Field],
    around: &Around<'_>,
    context: Context<'_>,
) -> Vec<Condition> {
    let mut siblings = around.siblings.iter();
    let (before, behind) = match siblings.position(|field| field.name == part.name) {
        Some(place) => around.siblings.split_at(place),
        None => (around.siblings, &[][..]),
    };
    let visible = around.before.iter().chain(before).map(|field| ScopeField {
        source: Source::Whole,
        ..field.clone()
    });
    let own = part.fields.iter().filter_map(|written| {
        let name = written.name.as_ref()?;
        let field = inner.iter().find(|field| field.name == name.value);
        scope_field(written, field.map(|field| field.offset))
    });
    let names: Vec<ScopeField> = visible.chain(own).collect();
    let follows = behind
        .iter()
        .map(|field| (field.name.clone(), FOLLOWS_THE_ARRAY));
    let others = around.hidden.iter().cloned();
    let hidden: Vec<_> = follows
        .chain(others)
        .chain(stand_ins(part.fields))
        .collect();
    let scope = Scope {
        element: Some(around.before.len() + before.len()),
        ..context.scope(&names, &hidden, around.knows_fields && part.knows_fields)
    };
    let known = inner.to_vec();
    let fields: Vec<&Field> = known.iter().collect();
    let counts = count::resolve(part.fields, &fields, scope, context);
    count::assign(counts, inner);
    let own_fields = around.own_fields.min(around.before.len() + before.len());
    let judging = context.judging(scope, own_fields);
    let require = context.requirements(part.require, judging, &fields, &[], part.writes);
    context.warn_of_overflows(&require, &[], &fields);
    require
}

/// The default of an array of structures: that of each counted element, and zeros.
fn default(array: &Field, whole: &[&Field]) -> Vec<u8> {
    let elements = usize::from(array.ty.elements());
    let counted = match &array.count {
        Some(count) => {
            let number = count.expression.evaluate(&|load| by_default(load, whole));
            number.and_then(|number| usize::try_from(number).ok())
        }
        None => Some(elements),
    };
    let mut one = vec![0; array.ty.element_length().into()];
    for inner in array
        .structure
        .iter()
        .flat_map(|structure| &structure.fields)
    {
        one[inner.offset.into()..inner.end()].copy_from_slice(&inner.default);
    }
    let mut bytes = one.repeat(counted.unwrap_or(0).min(elements));
    bytes.resize(array.ty.length(), 0);
    bytes
}

/// The value of a load of the block while every field has its default.
pub(crate) fn by_default(load: &Load, fields: &[&Field]) -> i128 {
    let mut image: Image = [0; MAX_BLOCK_LENGTH];
    for field in fields {
        if let Some(bytes) = image.get_mut(field.offset.into()..field.end()) {
            bytes.copy_from_slice(&field.default);
        }
    }
    let bytes = image.get(load.offset.into()..).unwrap_or_default();
    load.part_of(load.integer.decode(bytes))
}
