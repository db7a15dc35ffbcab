//! `require` and `when`: read, resolved, and shown to be possible.

use block_table::{MAX_INSTRUCTIONS, MAX_STACK};

use super::Context;
use crate::diagnostic::{Diagnostic, Located};
use crate::domain::Domain;
use crate::expression::analysis::{Wanted, possible};
use crate::expression::{Load, Scope, ScopeField, lower, parse};
use crate::model::{Condition, Field};
use crate::types::Type;

/// The most expressions in one `require`. With the rules that 128 bytes of fields can have they always fit into one rule list.
const MAX_REQUIREMENTS: usize = 256;

impl Context<'_> {
    /// Reads an expression that may name `fields`, but none of the fields of the block in `hidden`.
    pub(super) fn condition(
        &self,
        text: &Located<String>,
        fields: &[ScopeField],
        hidden: &[(String, &'static str)],
    ) -> Option<Condition> {
        let scope = Scope {
            fields,
            hidden,
            enums: self.enums,
        };
        let expression = parse(text, self.text, scope, self.sink)?;
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
        Some(Condition {
            text: text.value.clone(),
            expression,
            span: text.span.clone(),
        })
    }

    /// Whether all of `wanted` might be as wanted at once, with the values that `fields` may have.
    pub(super) fn possible(&self, wanted: &[Wanted<'_>], fields: &[&Field]) -> bool {
        possible(wanted, &domains(fields), self.budget)
    }

    /// Reads the expressions of a `require` and reports those that can never hold, given what else holds then.
    pub(super) fn requirements(
        &self,
        texts: &[Located<String>],
        scope: &[ScopeField],
        fields: &[&Field],
        given: &[Wanted<'_>],
    ) -> Vec<Condition> {
        if let Some(text) = texts.get(MAX_REQUIREMENTS) {
            let message = format!(
                "`require` has {} expressions, and may have {MAX_REQUIREMENTS}",
                texts.len()
            );
            self.sink.error(message, &text.span, "one too many");
        }
        let conditions: Vec<Condition> = texts
            .iter()
            .filter_map(|text| self.condition(text, scope, &[]))
            .collect();
        let mut wanted = given.to_vec();
        for condition in &conditions {
            let alone = self.possible(&[(&condition.expression, true)], fields);
            wanted.push((&condition.expression, true));
            if alone && self.possible(&wanted, fields) {
                continue;
            }
            let label = if alone {
                "never true together with the rules before it"
            } else {
                "never true for the values that its fields may have"
            };
            let message = format!("the rule `{}` can never hold", condition.text);
            let diagnostic = Diagnostic::error(message, &condition.expression.span, label);
            self.sink
                .report(diagnostic.note("every write would be refused"));
            wanted.pop();
        }
        conditions
    }
}

/// The values of fields for [`possible`], by the offset of the load.
fn domains<'f>(fields: &'f [&'f Field]) -> impl Fn(&Load) -> Domain<'f> {
    |load| {
        let field = fields
            .iter()
            .find(|field| field.offset == load.offset && matches!(field.ty, Type::Integer(_)));
        field.map_or(Domain::whole(load.integer), |field| Domain::of(field))
    }
}

/// The entry of `field` in the scope of an expression.
pub(super) fn scope_field(field: &Field) -> ScopeField {
    ScopeField {
        name: field.name.clone(),
        offset: field.offset,
        ty: field.ty,
        bits: field.bits.clone(),
    }
}
