//! Resolves `count`: how many elements of an array count, and whether it can be.

use super::context::Context;
use crate::diagnostic::{Diagnostic, Located, counted};
use crate::domain::{Domain, Next};
use crate::expression::parse::Wanted;
use crate::expression::scope::Scope;
use crate::expression::{Binary, Expression, Load, Node, Source};
use crate::keys;
use crate::model::{Count, Field};
use crate::syntax;
use crate::types::Type;

/// Finds the counts of the fields `written` among the counters in `scope`; `visible` holds the
/// valid fields. Each count comes with its field's name.
pub(super) fn resolve(
    written: &[syntax::Field],
    visible: &[&Field],
    scope: Scope<'_>,
    context: Context<'_>,
) -> Vec<(String, Count)> {
    let scope = Scope {
        alone: "a count follows from the bytes of the block alone",
        ..scope
    };
    let resolved = written.iter().filter_map(|field| {
        let count = count(field, visible, scope, context)?;
        Some((field.name.as_ref()?.value.clone(), count))
    });
    resolved.collect()
}

/// Gives each field its count.
pub(super) fn assign(counts: Vec<(String, Count)>, fields: &mut [Field]) {
    for (name, count) in counts {
        if let Some(field) = fields.iter_mut().find(|field| field.name == name) {
            field.count = Some(count);
        }
    }
}

fn count(
    written: &syntax::Field,
    visible: &[&Field],
    scope: Scope<'_>,
    context: Context<'_>,
) -> Option<Count> {
    let count = written.count.as_ref()?;
    let ty = written.ty.as_ref()?.value;
    let name = super::place::name(written);
    if matches!(ty, Type::Integer(_) | Type::Ascii(_)) {
        context.sink.error(
            format!("field `{name}` is {ty}, and only arrays and bytes have a `count`"),
            &count.span,
            "nothing to count",
        );
        return None;
    }
    if let Some(mac) = &written.valid.mac {
        let message = format!("field `{name}` is a MAC address, and has no `count`");
        context.sink.report(
            Diagnostic::error(message, &count.span, "all of its bytes count")
                .related(&mac.span, "the rule on the address"),
        );
        return None;
    }
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    let is_field = count.value.chars().all(is_name)
        && count
            .value
            .contains(|letter: char| letter.is_ascii_alphabetic());
    let expression = if is_field && !scope.is_in_both(&count.value) {
        Expression {
            node: Node::Load(whole_field(count, scope, context)?),
            span: count.span.clone(),
        }
    } else {
        context.expression(count, Wanted::Number, scope)?
    };
    can_count(&expression, name, ty, count, visible, context);
    Some(Count {
        text: count.value.clone(),
        expression,
        behind: written
            .behind
            .as_ref()
            .map_or(keys::BEHIND[0].1, |behind| behind.value),
    })
}

/// The single integer that `count` names.
fn whole_field(count: &Located<String>, scope: Scope<'_>, context: Context<'_>) -> Option<Load> {
    let mut known = scope.fields.iter();
    let Some(counter) = known.find(|field| field.name == count.value) else {
        if let Some(diagnostic) = scope.unknown_field(&count.value, &count.span) {
            context.sink.report(diagnostic);
        }
        return None;
    };
    let Type::Integer(integer) = counter.ty? else {
        let message = format!(
            "field `{}` is {}, and a count is a single integer",
            counter.name, counter.ty?
        );
        context.sink.error(message, &count.span, "not an integer");
        return None;
    };
    Some(Load {
        name: counter.name.clone(),
        source: counter.source,
        offset: counter.offset?,
        integer,
        shift: 0,
        mask: integer.mask(),
    })
}

/// Reports a `count` that is never a number of elements that the field has.
fn can_count(
    expression: &Expression,
    name: &str,
    ty: Type,
    count: &Located<String>,
    visible: &[&Field],
    context: Context<'_>,
) {
    let elements = i128::from(ty.elements());
    if !reads_a_field(expression) {
        let message = format!("the count of `{name}` is the same in every write");
        let diagnostic = Diagnostic::error(message, &count.span, "names no field");
        context
            .sink
            .report(diagnostic.help("without a `count` all elements count"));
        return;
    }
    let side = |node| {
        Box::new(Expression {
            node,
            span: count.span.clone(),
        })
    };
    let compared = |operation, to| Expression {
        node: Node::Binary(
            operation,
            Box::new(expression.clone()),
            side(Node::Constant(to)),
        ),
        span: count.span.clone(),
    };
    let fits = compared(Binary::LessOrEqual, elements);
    let is_negative = compared(Binary::Less, 0);
    if !context.possible(&[(&is_negative, false)], visible) {
        let message = format!("the count of `{name}` can never hold: it is negative");
        context
            .sink
            .error(message, &count.span, "never a number of elements");
        return;
    }
    if context.possible(&[(&fits, true)], visible) {
        return;
    }
    let has = counted(ty.elements().into(), "element");
    let report = |why: String, related: Option<(&Field, i128)>| {
        let message =
            format!("the count of `{name}` can never hold: {why}, and `{name}` has {has}");
        let diagnostic = Diagnostic::error(message, &count.span, "counts more than there are");
        context.sink.report(match related {
            Some((counter, least)) => {
                diagnostic.related(&counter.span, format!("is {least} at least"))
            }
            None => diagnostic,
        });
    };
    let at = |field: &&&Field| match &expression.node {
        Node::Load(load) => {
            field.offset == load.offset && load.is_whole() && matches!(field.ty, Type::Integer(_))
        }
        _ => false,
    };
    let counter = match &expression.node {
        Node::Load(load) if load.source == Source::Whole => context.writes.whole.iter().find(at),
        _ => visible.iter().find(at),
    };
    let least = counter.and_then(|counter| match Domain::of(counter).first() {
        Next::Value(least) => Some((*counter, least)),
        Next::Nothing | Next::Unknown => None,
    });
    match least {
        Some((counter, least)) => report(
            format!("`{}` is {least} at least", counter.name),
            Some((counter, least)),
        ),
        None => report(
            format!("`{}` is more for all values of its fields", count.value),
            None,
        ),
    }
}

fn reads_a_field(expression: &Expression) -> bool {
    let mut reads = false;
    expression.for_each_load(&mut |_, _| reads = true);
    reads
}
