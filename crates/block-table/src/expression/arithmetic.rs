//! Comparisons, and the arithmetic of signed values: out of line, so that unsigned values pay nothing
//! for it.

use crate::format::{FieldRecord, op, operand};

/// Whether `comparison` has the bit of the relation of `left` to `right`: [`op::IS_LESS`] or one of
/// the two above it.
#[inline]
pub(super) fn compares<T: PartialOrd + Copy>(comparison: u8, left: T, right: T) -> bool {
    let relation = u8::from(left >= right) + u8::from(left > right);
    (comparison >> relation) & op::IS_LESS != 0
}

/// The value whose bits `record` has read.
#[inline]
pub(super) fn extended(value: u64, record: FieldRecord) -> i64 {
    if record.order & operand::SIGNED == 0 {
        return value.cast_signed();
    }
    let above = 64u8.wrapping_sub(record.bits) & 63;
    (value << above).cast_signed() >> above
}

/// The result of an operation with [`op::SIGNED`]; `None` if it leaves the range of 64 bits.
#[inline(never)]
pub(super) fn signed(operation: u8, left: i64, right: i64) -> Option<i64> {
    match operation & op::OPERATION {
        op::ADD => left.checked_add(right),
        op::SUBTRACT => left.checked_sub(right),
        op::MULTIPLY => left.checked_mul(right),
        op::BIT_AND => Some(left & right),
        op::BIT_OR => Some(left | right),
        // The verifier refuses every other operation that is no comparison.
        comparison => Some(compares(comparison, left, right).into()),
    }
}
