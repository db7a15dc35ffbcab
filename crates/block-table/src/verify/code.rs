//! Verification of expressions.

use super::outcome::{Outcome, ensure, refuse};
use super::reach::Sources;
use super::{Verifier, claim};
use crate::error::Flaw;
use crate::format::{FieldRecord, Instruction, op, operand, source};
use crate::image::LAST_START;
use crate::{MAX_INSTRUCTIONS, MAX_STACK};

impl Verifier<'_> {
    /// Verifies the expression of `count` instructions from `start`, which may read the bytes of
    /// `sources`; `at` is its owner.
    ///
    /// Jumps only go forward, so one pass knows the stack depth at each instruction, and the
    /// evaluation ends. A jump tests the only value on the stack and arrives with it alone, so the
    /// evaluation without a stack has the same result as the stack machine.
    pub(super) fn expression(
        &mut self,
        start: u64,
        count: u64,
        sources: Sources<'_>,
        at: usize,
    ) -> Outcome {
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
        // Whether a jump arrives at each instruction, or at the end of the expression.
        let mut targets = [false; MAX_INSTRUCTIONS + 1];
        let mut depth = 0u8;
        let code = self.table.code(start, count);
        for (index, instruction) in code.iter().enumerate() {
            let at = self.at(instruction);
            check_arrival(&targets, index, depth, at)?;
            let before = depth;
            depth = step(instruction, depth, sources, at)?;
            if is_jump(instruction.op) {
                let skip = usize::try_from(instruction.immediate.get()).unwrap_or(usize::MAX);
                let target = index.saturating_add(1).saturating_add(skip);
                let forward = skip != 0 && target <= code.len();
                ensure(forward && before == 1, Flaw::Jump, at)?;
                if let Some(arrives) = targets.get_mut(target) {
                    *arrives = true;
                }
            }
        }
        check_arrival(&targets, code.len(), depth, at)?;
        ensure(depth == 1, Flaw::Result, at)
    }
}

/// Verifies that one value is on the stack where a jump arrives.
fn check_arrival(targets: &[bool], index: usize, depth: u8, at: usize) -> Outcome {
    let arrives = targets.get(index).copied().unwrap_or(false);
    ensure(!arrives || depth == 1, Flaw::Jump, at)
}

const fn is_jump(operation: u8) -> bool {
    matches!(operation & op::OPERATION, op::AND_THEN | op::OR_ELSE)
}

/// Verifies one instruction by itself and returns the stack depth after it.
fn step(instruction: &Instruction, depth: u8, sources: Sources<'_>, at: usize) -> Outcome<u8> {
    let operation = instruction.op & op::OPERATION;
    let compares = matches!(operation, op::LESS..=op::GREATER_OR_EQUAL);
    let binary = compares || matches!(operation, op::ADD..=op::BIT_OR);
    let source = instruction.op & op::COMPARE;
    let signed = instruction.op & op::SIGNED != 0;
    let can_be_signed = binary || (operation, source) == (op::PUSH, op::FIELD);
    ensure(!signed || can_be_signed, Flaw::Operation, at)?;
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
            ensure(
                signed || field.order & operand::SIGNED == 0,
                Flaw::Operation,
                at,
            )?;
            field_in_reach(field, sources, at)?;
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

fn field_in_reach(field: FieldRecord, sources: Sources<'_>, at: usize) -> Outcome {
    let FieldRecord {
        start,
        shift,
        order,
        bits,
    } = field;
    let order_known = order & !(operand::BIG_ENDIAN | operand::SIGNED | source::ALL) == 0;
    let in_range = start <= LAST_START && shift < 64 && (1..=64).contains(&bits);
    ensure(order_known && in_range, Flaw::Operation, at)?;
    // The highest bit of a little-endian field lies in its last byte, the lowest one of a
    // big-endian field.
    let (low, high) = (shift / 8, (shift + bits - 1).min(63) / 8);
    let (first, last) = if order & operand::BIG_ENDIAN == 0 {
        (low, high)
    } else {
        (7 - high, 7 - low)
    };
    let start = usize::from(start);
    sources.of(order, at)?.contains(
        start + usize::from(first),
        start + usize::from(last) + 1,
        at,
    )
}
