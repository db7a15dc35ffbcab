//! Resolves `count`: which field counts the elements of an array, and whether it can.

use super::context::Context;
use crate::diagnostic::{Diagnostic, Span, counted};
use crate::domain::{Domain, Next};
use crate::expression::scope::Scope;
use crate::model::{Count, Field};
use crate::syntax;
use crate::types::Type;

/// Finds the counts of the fields `written` among the counters in `scope`; `visible` holds the
/// valid fields. Each count comes with the span of its field's name.
pub(super) fn resolve(
    written: &[syntax::Field],
    visible: &[&Field],
    scope: Scope<'_>,
    context: Context<'_>,
) -> Vec<(Span, Count)> {
    let resolved = written.iter().filter_map(|field| {
        let count = count(field, visible, scope, context)?;
        Some((field.name.as_ref()?.span.clone(), count))
    });
    resolved.collect()
}

/// Gives each field its count.
pub(super) fn assign(counts: Vec<(Span, Count)>, fields: &mut [Field]) {
    for (span, count) in counts {
        if let Some(field) = fields.iter_mut().find(|field| field.span == span) {
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
    let mut known = scope.fields.iter();
    let Some(counter) = known.find(|field| field.name == count.value) else {
        if let Some(field) = field_of_bits(&count.value, scope) {
            let message = format!(
                "`{}` is bits of field `{field}`, and a count is a whole field",
                count.value
            );
            context.sink.error(message, &count.span, "not a field");
        } else if let Some(diagnostic) = scope.unknown_field(&count.value, &count.span) {
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
    let offset = counter.offset?;
    let counter = visible.iter().find(|field| field.name == count.value)?;
    can_count(counter, name, ty, &count.span, context);
    Some(Count {
        name: counter.name.clone(),
        offset,
        integer,
    })
}

/// The field of which `name` names bits.
fn field_of_bits<'n>(name: &'n str, scope: Scope<'_>) -> Option<&'n str> {
    let (field, bits) = name.split_once('.')?;
    let known = scope.fields.iter().find(|known| known.name == field)?;
    let mut named = known.bits.iter();
    named.any(|(known, _)| known == bits).then_some(field)
}

/// Reports a `counter` whose own rules allow no number of elements that the field has.
fn can_count(counter: &Field, name: &str, ty: Type, span: &Span, context: Context<'_>) {
    let Next::Value(least) = Domain::of(counter).next(0) else {
        return;
    };
    if least <= ty.elements().into() {
        return;
    }
    let message = format!(
        "the count of `{name}` can never hold: `{}` is {least} at least, and `{name}` has {}",
        counter.name,
        counted(ty.elements().into(), "element")
    );
    let diagnostic = Diagnostic::error(message, span, "counts more than there are");
    context
        .sink
        .report(diagnostic.related(&counter.span, format!("is {least} at least")));
}
