//! Translates an [`Expression`] to instructions of the block table.

use block_table::encode::{
    FieldRecord, Instruction, compare_constant, compare_field, field_record, from_source,
    on_constant, on_field, on_stack, with_sign,
};
use block_table::format::{op, source};

use super::{Binary, Expression, Load, Node, Source};
use crate::types::low_bits;

/// The instructions of `expression` and the depth of stack that they need.
pub(crate) fn lower(expression: &Expression) -> (Vec<Instruction>, usize) {
    let mut code = Vec::new();
    let depth = push(expression, &mut code);
    (code, depth)
}

/// Appends the instructions that push `expression` and returns the depth of stack that they need.
fn push(expression: &Expression, code: &mut Vec<Instruction>) -> usize {
    match &expression.node {
        Node::Constant(value) => {
            code.push(on_constant(op::PUSH, low_bits(*value)));
            1
        }
        Node::Load(load) => {
            code.push(on_field(op::PUSH | sign_of(load), field(load)));
            1
        }
        Node::Not(inner) => {
            let depth = push(inner, code);
            code.push(on_stack(op::NOT));
            depth
        }
        Node::Binary(operation, left, right) => {
            if let Some(comparison) = comparison(*operation, left, right) {
                code.push(comparison);
                return 1;
            }
            let left_depth = push(left, code);
            let signed = operation.compares() && (left.is_signed() || right.is_signed());
            let operation = operation_code(*operation) | if signed { op::SIGNED } else { 0 };
            match &right.node {
                Node::Constant(value) => code.push(on_constant(operation, low_bits(*value))),
                Node::Load(load) => {
                    code.push(on_field(operation | sign_of(load), field(load)));
                }
                _ => {
                    let right_depth = push(right, code);
                    code.push(on_stack(operation));
                    return left_depth.max(right_depth + 1);
                }
            }
            left_depth
        }
        Node::And(left, right) => joined(op::AND_THEN, left, right, code),
        Node::Or(left, right) => joined(op::OR_ELSE, left, right, code),
    }
}

/// The right side follows a jump that skips it if the left side decides.
fn joined(jump: u8, left: &Expression, right: &Expression, code: &mut Vec<Instruction>) -> usize {
    let left_depth = push(left, code);
    let at = code.len();
    code.push(on_constant(jump, 0));
    let right_depth = push(right, code);
    let skipped = code.len() - at - 1;
    code[at].immediate = (skipped as u64).into();
    left_depth.max(right_depth)
}

/// The one instruction for a comparison of a field or the sum of two with a field or a constant,
/// whichever side they are on.
fn comparison(operation: Binary, left: &Expression, right: &Expression) -> Option<Instruction> {
    if !operation.compares() {
        return None;
    }
    let straight = || one_comparison(operation, &sum(left)?, right);
    straight().or_else(|| one_comparison(operation.mirrored(), &sum(right)?, left))
}

fn one_comparison(operation: Binary, left: &Sum<'_>, right: &Expression) -> Option<Instruction> {
    let signed = (left.signed || right.is_signed()) && !left.has_bits_equal_to(operation, right);
    let sign = if signed { op::SIGNED } else { 0 };
    let operation = operation_code(operation) | sign;
    let placed = |load| {
        if signed { field(load) } else { bits(load) }
    };
    let first = placed(left.first);
    let plus = left.plus.map(placed).unwrap_or_default();
    match &right.node {
        Node::Constant(value) => {
            let value = low_bits(*value);
            // Where bits are compared, those that the field has.
            let value = if signed || !left.signed {
                value
            } else {
                value & left.first.mask
            };
            Some(compare_constant(operation, first, plus, value))
        }
        Node::Load(load) => Some(compare_field(operation, first, plus, placed(load))),
        _ => None,
    }
}

/// A field, perhaps with one that is added to it.
struct Sum<'e> {
    first: &'e Load,
    plus: Option<&'e Load>,
    signed: bool,
}

impl Sum<'_> {
    /// Whether the field equals `right` exactly if their bits do, so that no sign matters.
    fn has_bits_equal_to(&self, operation: Binary, right: &Expression) -> bool {
        let equality = matches!(operation, Binary::Equal | Binary::NotEqual);
        let (min, max) = self.first.range();
        let same = match &right.node {
            Node::Constant(value) => (min..=max).contains(value),
            Node::Load(load) => load.range() == (min, max),
            _ => false,
        };
        equality && self.plus.is_none() && same
    }
}

/// A field, or the sum of two.
fn sum(expression: &Expression) -> Option<Sum<'_>> {
    let (first, plus) = match &expression.node {
        Node::Load(load) => (load, None),
        Node::Binary(Binary::Add | Binary::SignedAdd, left, right) => {
            match (&left.node, &right.node) {
                (Node::Load(left), Node::Load(right)) => (left, Some(right)),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(Sum {
        first,
        plus,
        signed: expression.is_signed(),
    })
}

/// The bit of an operation whose right operand is a signed field.
const fn sign_of(load: &Load) -> u8 {
    if load.integer.signed { op::SIGNED } else { 0 }
}

/// The field with its sign, if it has one.
fn field(load: &Load) -> FieldRecord {
    if load.integer.signed {
        with_sign(bits(load))
    } else {
        bits(load)
    }
}

/// The field as an unsigned integer.
fn bits(load: &Load) -> FieldRecord {
    // A load's mask covers its lowest bits.
    let bits = 64 - load.mask.leading_zeros();
    let field = field_record(
        load.offset,
        load.integer.operand(),
        load.shift,
        u8::try_from(bits).unwrap_or(64),
    );
    let source = match load.source {
        Source::Block => source::BLOCK,
        Source::Whole => source::WHOLE,
        Source::Was => source::WAS,
        Source::Write => source::WRITE,
        Source::Used(place) => source::used(place),
    };
    from_source(source, field)
}

const fn operation_code(operation: Binary) -> u8 {
    match operation {
        Binary::Add => op::ADD,
        Binary::Subtract => op::SUBTRACT,
        Binary::Multiply => op::MULTIPLY,
        Binary::SignedAdd => op::ADD | op::SIGNED,
        Binary::SignedSubtract => op::SUBTRACT | op::SIGNED,
        Binary::SignedMultiply => op::MULTIPLY | op::SIGNED,
        Binary::BitAnd => op::BIT_AND,
        Binary::BitOr => op::BIT_OR,
        Binary::Equal => op::EQUAL,
        Binary::NotEqual => op::NOT_EQUAL,
        Binary::Less => op::LESS,
        Binary::LessOrEqual => op::LESS_OR_EQUAL,
        Binary::Greater => op::GREATER,
        Binary::GreaterOrEqual => op::GREATER_OR_EQUAL,
    }
}
