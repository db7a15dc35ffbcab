//! Reads and resolves `require` and `when`, and checks that they can hold.

use block_table::format::{owner, source};
use block_table::{MAX_INSTRUCTIONS, MAX_STACK};

use super::context::{Context, Writes};
use crate::diagnostic::{Diagnostic, Located};
use crate::domain::Domain;
use crate::expression::analysis::{Wanted, possible};
use crate::expression::lower;
use crate::expression::parse::{self, parse};
use crate::expression::scope::{Beyond, Scope, ScopeField};
use crate::expression::{Expression, Load, Source};
use crate::model::{Condition, Field};
use crate::types::Type;

/// The most expressions in one `require`. With the rules of 128 bytes of fields they always fit
/// into one rule list.
const MAX_REQUIREMENTS: usize = 256;

/// Why the block's own rules may not name a layout's field.
pub(super) const BELONGS_TO_A_LAYOUT: &str =
    "it belongs to a layout: only the rules of that layout may use it";
/// Why a layout's rules may not name another layout's field.
pub(super) const BELONGS_TO_ANOTHER_LAYOUT: &str =
    "it belongs to another layout: only the rules of that layout may use it";

impl Context<'_> {
    /// The scope of an expression over the block alone: `fields`, without those in `hidden`.
    pub(super) const fn scope<'s>(
        &'s self,
        fields: &'s [ScopeField],
        hidden: &'s [(String, &'static str)],
        knows_fields: bool,
    ) -> Scope<'s> {
        Scope {
            fields,
            hidden,
            knows_fields,
            constants: self.constants,
            knows_constants: self.knows_constants,
            enums: self.enums,
            knows_enums: self.knows_enums,
            beyond: None,
            alone: "a layout follows from the bytes of the block alone, also when the block is read",
            element: None,
            blocks: self.blocks,
        }
    }

    /// The scope of a `require`, which judges writes. The first `own_fields` of its fields belong to
    /// the block itself.
    pub(super) const fn judging<'s>(&'s self, scope: Scope<'s>, own_fields: usize) -> Scope<'s> {
        let beyond = Beyond {
            own_fields,
            used: self.writes.used,
        };
        Scope {
            beyond: Some(beyond),
            ..scope
        }
    }

    /// Reads an expression in `scope`.
    pub(super) fn condition(&self, text: &Located<String>, scope: Scope<'_>) -> Option<Condition> {
        Some(Condition {
            text: text.value.clone(),
            expression: self.expression(text, parse::Wanted::Condition, scope)?,
            span: text.span.clone(),
        })
    }

    /// Reads an expression, which is a condition or a number, in `scope`.
    pub(super) fn expression(
        &self,
        text: &Located<String>,
        wanted: parse::Wanted,
        scope: Scope<'_>,
    ) -> Option<Expression> {
        let expression = parse(text, wanted, self.text, scope, self.sink)?;
        let (code, depth) = lower::lower(&expression);
        if code.len() > MAX_INSTRUCTIONS || depth > MAX_STACK {
            let message = format!(
                "the expression needs {} instructions and a stack of {depth}",
                code.len()
            );
            self.sink.error(
                message,
                &text.span,
                format!("at most {MAX_INSTRUCTIONS} instructions and a stack of {MAX_STACK}"),
            );
            return None;
        }
        Some(expression)
    }

    /// Whether all of `wanted` can be true together, with the values that `fields` may have.
    pub(super) fn possible(&self, wanted: &[Wanted<'_>], fields: &[&Field]) -> bool {
        possible(wanted, &domains(fields, self.writes), self.budget)
    }

    /// Reads the expressions of a `require`, which judge `writes`. Reports and omits those that can
    /// never hold together with the other conditions.
    pub(super) fn requirements(
        &self,
        texts: &[Located<String>],
        scope: Scope<'_>,
        fields: &[&Field],
        given: &[Wanted<'_>],
        writes: &str,
    ) -> Vec<Condition> {
        if let Some(text) = texts.get(MAX_REQUIREMENTS) {
            let message = format!(
                "`require` has {} expressions, and may have {MAX_REQUIREMENTS}",
                texts.len()
            );
            self.sink.error(message, &text.span, "one too many");
        }
        let read: Vec<Condition> = texts
            .iter()
            .filter_map(|text| self.condition(text, scope))
            .collect();
        let mut wanted = given.to_vec();
        let mut can_hold = Vec::new();
        for condition in &read {
            let alone = self.possible(&[(&condition.expression, true)], fields);
            wanted.push((&condition.expression, true));
            can_hold.push(alone && self.possible(&wanted, fields));
            if can_hold.ends_with(&[true]) {
                continue;
            }
            wanted.pop();
            let label = if alone {
                "never true together with the rules before it"
            } else {
                "never true for the values that its fields may have"
            };
            let message = format!("the rule `{}` can never hold", condition.text);
            let diagnostic = Diagnostic::error(message, &condition.expression.span, label);
            self.sink
                .report(diagnostic.note(format!("{writes} would be refused")));
        }
        let kept = read.into_iter().zip(can_hold);
        kept.filter_map(|(condition, can_hold)| can_hold.then_some(condition))
            .collect()
    }
}

/// The values of each load for [`possible`]: of fields among `fields` or of used blocks, and of facts
/// about the writes.
pub(super) fn domains<'f>(
    fields: &'f [&'f Field],
    writes: Writes<'f>,
) -> impl Fn(&Load) -> Domain<'f> {
    move |load| {
        let at =
            |field: &&Field| field.offset == load.offset && matches!(field.ty, Type::Integer(_));
        let field = match load.source {
            Source::Block => return field_domain(fields.iter().copied().find(at), load),
            Source::Whole => return field_domain(writes.whole.iter().copied().find(at), load),
            Source::Was if writes.whole.is_empty() => fields.iter().copied().find(at),
            Source::Was => writes.whole.iter().copied().find(at),
            Source::Used(place) => {
                let used = writes.used.get(usize::from(place));
                let fields = used.and_then(|used| used.fields.as_ref());
                fields.and_then(|fields| fields.valid.iter().find(at))
            }
            Source::Write if load.offset == source::LENGTH => {
                let (shortest, longest) = writes.lengths;
                return Domain::between(shortest.into(), longest.into());
            }
            Source::Write => {
                let first = if writes.by_vf { owner::VF } else { owner::PF };
                let last = if writes.by_pf { owner::PF } else { owner::VF };
                return Domain::between(first.into(), last.into());
            }
        };
        // Before the first write the field has its default, which may break its own rules.
        field_domain(field.filter(|field| keeps_rules_by_default(field)), load)
    }
}

fn field_domain<'f>(field: Option<&'f Field>, load: &Load) -> Domain<'f> {
    field.map_or(Domain::whole(load.integer), Domain::of)
}

fn keeps_rules_by_default(field: &Field) -> bool {
    field.allows(field.ty.element().decode(&field.default))
}
