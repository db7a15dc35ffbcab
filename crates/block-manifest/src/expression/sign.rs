//! Decides which comparisons and counts of an expression are computed with signed integers, and
//! refuses what these cannot hold.

use super::{Binary, Expression, Load, Node};
use crate::diagnostic::{Diagnostic, Sink};

/// `expression` with signed operations where an operand is signed. Both sides of a comparison are
/// one computation, so that it compares numbers and not bits.
///
/// Reports unsigned values of 64 bits in a signed computation: half of them have no signed equal.
pub(super) fn settled(expression: Expression, sink: &Sink) -> Expression {
    let Expression { node, span } = expression;
    let inner = |inner: Box<Expression>| Box::new(settled(*inner, sink));
    let node = match node {
        Node::Not(operand) => Node::Not(inner(operand)),
        Node::And(left, right) => Node::And(inner(left), inner(right)),
        Node::Or(left, right) => Node::Or(inner(left), inner(right)),
        Node::Binary(operation, left, right) => {
            let sides = [&*left, &*right];
            let signed = sides.into_iter().find_map(Expression::first_signed);
            if let Some(signed) = signed {
                for side in sides {
                    report_unsigned(side, signed, sink);
                }
            }
            if signed.is_none() {
                Node::Binary(operation, left, right)
            } else {
                let side = |side: Box<Expression>| Box::new(computed(*side));
                Node::Binary(operation.signed(), side(left), side(right))
            }
        }
        other @ (Node::Constant(_) | Node::Load(_)) => other,
    };
    Expression { node, span }
}

/// Arithmetic as a signed computation.
fn computed(expression: Expression) -> Expression {
    let Expression { node, span } = expression;
    let node = match node {
        Node::Binary(operation, left, right) => Node::Binary(
            operation.signed(),
            Box::new(computed(*left)),
            Box::new(computed(*right)),
        ),
        other => other,
    };
    Expression { node, span }
}

/// Reports operands that a signed integer of 64 bits may not hold.
fn report_unsigned(expression: &Expression, signed: &Expression, sink: &Sink) {
    let what = match &expression.node {
        Node::Constant(value) if *value > Binary::SignedAdd.range().1 => value.to_string(),
        Node::Load(load) if may_be_too_large(load) => {
            format!("`{}`, an unsigned integer of 64 bits,", load.name)
        }
        Node::Binary(_, left, right) => {
            for side in [left, right] {
                report_unsigned(side, signed, sink);
            }
            return;
        }
        _ => return,
    };
    let message = format!("{what} cannot be computed together with signed integers");
    let label = format!("may be more than {}", i64::MAX);
    sink.report(
        Diagnostic::error(message, &expression.span, label)
            .related(&signed.span, "makes the comparison a signed one"),
    );
}

fn may_be_too_large(load: &Load) -> bool {
    load.range().1 > Binary::SignedAdd.range().1
}
