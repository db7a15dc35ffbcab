//! Translates an [`Expression`] to instructions of the block table.

use block_table::encode::{
    FieldRecord, Instruction, compare_constant, compare_field, field_record, from_source,
    on_constant, on_field, on_stack,
};
use block_table::format::{op, source};

use super::{Binary, Expression, Load, Node, Source};

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
            code.push(on_constant(op::PUSH, *value));
            1
        }
        Node::Load(load) => {
            code.push(on_field(op::PUSH, field(load)));
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
            let operation = operation_code(*operation);
            match &right.node {
                Node::Constant(value) => code.push(on_constant(operation, *value)),
                Node::Load(load) => code.push(on_field(operation, field(load))),
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
    let straight = || one_comparison(operation, sum(left)?, right);
    straight().or_else(|| one_comparison(operation.mirrored(), sum(right)?, left))
}

fn one_comparison(
    operation: Binary,
    (first, plus): (FieldRecord, FieldRecord),
    right: &Expression,
) -> Option<Instruction> {
    let operation = operation_code(operation);
    match &right.node {
        Node::Constant(value) => Some(compare_constant(operation, first, plus, *value)),
        Node::Load(load) => Some(compare_field(operation, first, plus, field(load))),
        _ => None,
    }
}

/// A field and the constant that is added to it.
fn sum(expression: &Expression) -> Option<(FieldRecord, FieldRecord)> {
    match &expression.node {
        Node::Load(load) => Some((field(load), FieldRecord::default())),
        Node::Binary(Binary::Add, left, right) => match (&left.node, &right.node) {
            (Node::Load(left), Node::Load(right)) => Some((field(left), field(right))),
            _ => None,
        },
        _ => None,
    }
}

fn field(load: &Load) -> FieldRecord {
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
