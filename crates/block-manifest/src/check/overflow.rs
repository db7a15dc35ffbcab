//! Warns of rules whose arithmetic refuses writes that the rule itself allows.

use super::condition::domains;
use super::context::Context;
use crate::describe::number;
use crate::diagnostic::Diagnostic;
use crate::expression::analysis::Wanted;
use crate::expression::overflow::{self, Overflow};
use crate::expression::{Binary, Expression, Node, Source};
use crate::model::{Condition, Field, SequenceKind};

impl Context<'_> {
    /// Warns of those of `conditions` that overflow for values which they, and `given`, allow.
    pub(super) fn warn_of_overflows(
        &self,
        conditions: &[Condition],
        given: &[Wanted<'_>],
        fields: &[&Field],
    ) {
        for (place, condition) in conditions.iter().enumerate() {
            let rule = &condition.expression;
            let in_element = !self.writes.whole.is_empty();
            if depends_on_more(rule, fields, in_element) {
                continue;
            }
            let others = conditions.iter().enumerate();
            let others = others.filter(|(other, _)| *other != place);
            let others = others.map(|(_, other)| (&other.expression, true));
            let wanted: Vec<Wanted<'_>> = given.iter().copied().chain(others).collect();
            let domains = domains(fields, self.writes);
            if let Some(found) = overflow::find(rule, &wanted, &domains, self.overflow_budget) {
                self.sink.report(warning(condition, &found));
            }
        }
    }
}

/// Whether rules that are not compared with `rule` decide its values: those of the block around an
/// element, and sequences, which are judged later.
fn depends_on_more(rule: &Expression, fields: &[&Field], in_element: bool) -> bool {
    let mut depends = false;
    rule.for_each_load(&mut |load, _| {
        let mut fields = fields.iter();
        let field = fields.find(|field| field.offset == load.offset);
        let sequence = field.and_then(|field| field.sequence);
        depends |= match load.source {
            Source::Whole => true,
            Source::Was => {
                let ordered = [SequenceKind::Strict, SequenceKind::NonDecreasing];
                in_element || sequence.is_some_and(|sequence| ordered.contains(&sequence))
            }
            _ => false,
        };
    });
    depends
}

fn warning(condition: &Condition, found: &Overflow<'_>) -> Diagnostic {
    let values = found.operands.iter();
    let values: Vec<String> = values
        .map(|(load, value)| format!("`{}` = {}", load.name, number(*value)))
        .collect();
    let result = number(found.result);
    let message = format!(
        "the rule `{}` refuses writes for which it holds: its arithmetic overflows",
        condition.text
    );
    let label = format!("{result} for {}", values.join(", "));
    let diagnostic = Diagnostic::warning(message, &found.part.span, label)
        .note("a sum or product beyond 64 bits and a difference below zero refuse a write");
    let subtracts = matches!(found.part.node, Node::Binary(Binary::Subtract, ..));
    diagnostic.help(if subtracts {
        "add on the other side of the comparison instead of subtracting, or exclude these values with a rule of their own"
    } else {
        "bound the fields with `max`, or exclude these values with a rule of their own"
    })
}
