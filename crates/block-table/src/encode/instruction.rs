//! The instructions that expressions are made of.

use crate::format::{self, FieldRecord, Instruction};
use crate::image::place;

/// The field of an expression: `bits` bits from bit `shift` of the integer of shape `operand` at
/// `offset`.
#[must_use]
pub fn field_record(offset: u8, operand: u8, shift: u8, bits: u8) -> FieldRecord {
    let (start, lowest) = place(offset, operand);
    let order = operand & format::operand::BIG_ENDIAN;
    FieldRecord {
        start,
        shift: lowest + shift,
        order,
        bits,
    }
}

/// `field` of another [`source`](format::source) than the block.
#[must_use]
pub const fn from_source(source: u8, field: FieldRecord) -> FieldRecord {
    FieldRecord {
        order: field.order | source,
        ..field
    }
}

/// `field` with its highest bit as its sign.
#[must_use]
pub const fn with_sign(field: FieldRecord) -> FieldRecord {
    FieldRecord {
        order: field.order | format::operand::SIGNED,
        ..field
    }
}

/// `operation` with a field as its right operand: a push, or a binary one.
#[must_use]
pub fn on_field(operation: u8, right: FieldRecord) -> Instruction {
    Instruction {
        op: operation | format::op::FIELD,
        right,
        ..Instruction::default()
    }
}

/// `operation` with a constant as its right operand: a push, a jump, or a binary one.
#[must_use]
pub fn on_constant(operation: u8, immediate: u64) -> Instruction {
    Instruction {
        op: operation | format::op::IMMEDIATE,
        immediate: immediate.into(),
        ..Instruction::default()
    }
}

/// `operation` with nothing but the stack.
#[must_use]
pub fn on_stack(operation: u8) -> Instruction {
    Instruction {
        op: operation,
        ..Instruction::default()
    }
}

/// A comparison of `left`, or the sum of `left` and `plus`, with a constant.
#[must_use]
pub fn compare_constant(
    comparison: u8,
    left: FieldRecord,
    plus: FieldRecord,
    immediate: u64,
) -> Instruction {
    Instruction {
        op: comparison | format::op::COMPARE,
        left,
        plus,
        immediate: immediate.into(),
        ..Instruction::default()
    }
}

/// A comparison of `left`, or the sum of `left` and `plus`, with `right`.
#[must_use]
pub fn compare_field(
    comparison: u8,
    left: FieldRecord,
    plus: FieldRecord,
    right: FieldRecord,
) -> Instruction {
    Instruction {
        op: comparison | format::op::COMPARE,
        left,
        plus,
        right,
        ..Instruction::default()
    }
}
