//! Verification of expressions.

use super::outcome::{Outcome, ensure, refuse};
use super::{Verifier, claim};
use crate::error::Flaw;
use crate::format::{FieldRecord, Instruction, op, operand};
use crate::image::LAST_START;
use crate::{MAX_INSTRUCTIONS, MAX_STACK};

/// No jump arrives here.
const NO_JUMP: u8 = u8::MAX;

impl Verifier<'_> {
    /// Verifies the expression of `count` instructions from `start` over a block of `length` bytes;
    /// `at` is its owner.
    ///
    /// Jumps only go forward, so one pass knows the stack depth at each instruction, and the
    /// evaluation ends.
    pub(super) fn expression(&mut self, start: u64, count: u64, length: u8, at: usize) -> Outcome {
        ensure(
            (1..=MAX_INSTRUCTIONS as u64).contains(&count),
            Flaw::ExpressionLength,
            at,
        )?;
        let claimed = claim(
            &mut self.next.instructions,
            start,
            count,
            self.table.instructions.len(),
        );
        ensure(claimed, Flaw::Span, at)?;
        // The stack depth that jumps have at each target, including the end of the expression.
        let mut arrivals = [NO_JUMP; MAX_INSTRUCTIONS + 1];
        let mut depth = 0u8;
        let code = self.table.code(start, count);
        for (index, instruction) in code.iter().enumerate() {
            let at = self.at(instruction);
            check_jump_depth(&arrivals, index, depth, at)?;
            depth = step(instruction, depth, length, at)?;
            if is_jump(instruction.op) {
                let skip = usize::try_from(instruction.immediate.get()).unwrap_or(usize::MAX);
                let target = index.saturating_add(1).saturating_add(skip);
                ensure(skip != 0 && target <= code.len(), Flaw::Jump, at)?;
                // A taken jump keeps the value that it tested; otherwise it is dropped, as `step`
                // has counted.
                jump_to(&mut arrivals, target, depth + 1, at)?;
            }
        }
        check_jump_depth(&arrivals, code.len(), depth, at)?;
        ensure(depth == 1, Flaw::Result, at)
    }
}

/// Whether all jumps to `index` have `depth` values on the stack.
fn check_jump_depth(arrivals: &[u8], index: usize, depth: u8, at: usize) -> Outcome {
    let expected = arrivals.get(index).copied().unwrap_or(NO_JUMP);
    ensure(expected == NO_JUMP || expected == depth, Flaw::Jump, at)
}

fn jump_to(arrivals: &mut [u8], target: usize, depth: u8, at: usize) -> Outcome {
    match arrivals.get_mut(target) {
        Some(arrival) if *arrival == NO_JUMP || *arrival == depth => {
            *arrival = depth;
            Ok(())
        }
        _ => refuse(Flaw::Jump, at),
    }
}

const fn is_jump(operation: u8) -> bool {
    matches!(operation & op::OPERATION, op::AND_THEN | op::OR_ELSE)
}

/// Verifies one instruction by itself and returns the stack depth after it.
fn step(instruction: &Instruction, depth: u8, length: u8, at: usize) -> Outcome<u8> {
    let operation = instruction.op & op::OPERATION;
    let compares = matches!(operation, op::LESS..=op::GREATER_OR_EQUAL);
    let binary = compares || matches!(operation, op::ADD..=op::BIT_OR);
    let source = instruction.op & !op::OPERATION;
    let (takes, leaves) = match (operation, source) {
        (_, op::COMPARE) if compares => (0, 1),
        (op::PUSH, op::IMMEDIATE | op::FIELD) => (0, 1),
        (op::NOT, 0) => (1, 1),
        (op::AND_THEN | op::OR_ELSE, op::IMMEDIATE) => (1, 0),
        (_, 0) if binary => (2, 1),
        (_, op::IMMEDIATE | op::FIELD) if binary => (1, 1),
        _ => return refuse(Flaw::Operation, at),
    };
    ensure(parts_are_used(instruction, source), Flaw::Operation, at)?;
    for field in [instruction.left, instruction.plus, instruction.right] {
        if field != FieldRecord::default() {
            field_in_block(field, length, at)?;
        }
    }
    ensure(depth >= takes, Flaw::StackUnderflow, at)?;
    let depth = depth - takes + leaves;
    ensure(usize::from(depth) <= MAX_STACK, Flaw::StackOverflow, at)?;
    Ok(depth)
}

/// Whether the parts that the source of the operands does not use are zero, and the others present.
fn parts_are_used(instruction: &Instruction, source: u8) -> bool {
    let none = FieldRecord::default();
    let Instruction {
        reserved,
        left,
        plus,
        right,
        immediate,
        ..
    } = *instruction;
    let used = match source {
        op::COMPARE => left != none && (right == none || immediate.get() == 0),
        op::FIELD => left == none && plus == none && right != none && immediate.get() == 0,
        op::IMMEDIATE => (left, plus, right) == (none, none, none),
        _ => (left, plus, right) == (none, none, none) && immediate.get() == 0,
    };
    used && reserved == [0; 3]
}

fn field_in_block(field: FieldRecord, length: u8, at: usize) -> Outcome {
    let FieldRecord {
        start,
        shift,
        order,
        bits,
    } = field;
    let order_known = matches!(order, 0 | operand::BIG_ENDIAN);
    let in_range = start <= LAST_START && shift < 64 && (1..=64).contains(&bits);
    ensure(order_known && in_range, Flaw::Operation, at)?;
    // The highest bit of a little-endian field lies in its last byte, the lowest one of a
    // big-endian field.
    let last = if order == 0 {
        (shift + bits - 1).min(63) / 8
    } else {
        7 - shift / 8
    };
    ensure(start + last < length, Flaw::OutOfBlock, at)
}
