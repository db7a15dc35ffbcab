//! The stack machine that evaluates `require` and `when`.

mod arithmetic;

use core::slice::Iter;

use arithmetic::{compares, extended, signed};

use crate::MAX_STACK;
use crate::format::{FieldRecord, Instruction, context, op, source};
use crate::image::{Image, extract};

/// The arithmetic of an expression left the range of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

/// What the fields of an expression are read from.
pub(crate) trait Sources {
    /// The image that `order` of a field names.
    fn image(&self, order: u8) -> &Image;
}

/// The block alone, whatever `order` says.
impl Sources for Image {
    #[inline]
    fn image(&self, _: u8) -> &Image {
        self
    }
}

/// An image for each [`source`].
pub(crate) struct Context<'a>(pub(crate) [&'a Image; SOURCES]);

/// The number of values of the bits of a source.
pub(crate) const SOURCES: usize = 1 + (source::ALL >> source::SHIFT) as usize;

impl Sources for Context<'_> {
    #[inline]
    fn image(&self, order: u8) -> &Image {
        self.0[usize::from((order & source::ALL) >> source::SHIFT)]
    }
}

/// An element and the block that it lies in.
pub(crate) struct Element<'a> {
    pub(crate) element: &'a Image,
    pub(crate) whole: &'a Image,
}

impl Sources for Element<'_> {
    #[inline]
    fn image(&self, order: u8) -> &Image {
        if order & source::ALL == source::WHOLE {
            self.whole
        } else {
            self.element
        }
    }
}

/// The [`context`] bits of an expression: what it reads that is not the block itself. `None` if it
/// reads nothing else.
pub(crate) fn context_of(code: &[Instruction]) -> Option<u8> {
    let fields = code
        .iter()
        .flat_map(|instruction| [instruction.left, instruction.plus, instruction.right]);
    fields.fold(None, |found, field| match field.order & source::ALL {
        source::BLOCK => found,
        source::WAS => Some(found.unwrap_or(0) | context::WAS),
        source::WRITE | source::WHOLE => Some(found.unwrap_or(0)),
        _ => Some(found.unwrap_or(0) | context::USED),
    })
}

/// Whether the condition `code` holds for the fields of `sources`.
///
/// Comparisons whose instruction has both sides, joined with `&&`, `||` and `!`, need no stack,
/// because there is never more than one truth value. All others run on the stack machine.
#[inline]
pub(crate) fn evaluate(code: &[Instruction], sources: &impl Sources) -> Result<bool, Overflow> {
    const AND_THEN: u8 = op::AND_THEN | op::IMMEDIATE;
    const OR_ELSE: u8 = op::OR_ELSE | op::IMMEDIATE;
    let mut holds = false;
    let mut rest = code.iter();
    while let Some(instruction) = rest.next() {
        match instruction.op {
            compares if compares & (op::COMPARE | op::SIGNED) == op::COMPARE => {
                holds = compare(instruction, sources)?;
            }
            AND_THEN | OR_ELSE => {
                if holds == (instruction.op == OR_ELSE) {
                    rest = skip(&rest, instruction.immediate.get());
                }
            }
            op::NOT => holds = !holds,
            compares if compares & op::COMPARE == op::COMPARE => {
                holds = compare_signed(instruction, sources)?;
            }
            _ => return run(code, sources).map(|value| value != 0),
        }
    }
    Ok(holds)
}

/// The number that `code` leaves.
pub(crate) fn number(code: &[Instruction], sources: &impl Sources) -> Result<u64, Overflow> {
    const PUSH_FIELD: u8 = op::PUSH | op::FIELD;
    match code {
        // Most counts are a field or some of its bits.
        [only] if only.op == PUSH_FIELD => Ok(field(only.right, sources)),
        _ => run(code, sources),
    }
}

/// The part of `rest` after `count` instructions.
#[inline]
fn skip<'c>(rest: &Iter<'c, Instruction>, count: u64) -> Iter<'c, Instruction> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    rest.as_slice().get(count..).unwrap_or(&[]).iter()
}

/// Runs the stack machine.
///
/// The verifier has shown that jumps go forward, that the stack neither underflows nor exceeds
/// [`MAX_STACK`], and that one value remains. The stack index is masked because the compiler does
/// not know this.
fn run(code: &[Instruction], sources: &impl Sources) -> Result<u64, Overflow> {
    const MASK: usize = MAX_STACK - 1;
    const SIGNED_PUSH: u8 = op::PUSH | op::SIGNED;
    // The top of the stack is in a register; `below` holds the rest.
    let mut below = [0u64; MAX_STACK];
    let mut top = 0u64;
    let mut depth = 0usize;
    let mut code = code.iter();
    while let Some(instruction) = code.next() {
        let operation = instruction.op & (op::OPERATION | op::SIGNED);
        let (left, right) = match instruction.op & op::COMPARE {
            op::COMPARE => {
                below[depth & MASK] = top;
                depth = depth.wrapping_add(1);
                let holds = if operation & op::SIGNED == 0 {
                    compare(instruction, sources)?
                } else {
                    compare_signed(instruction, sources)?
                };
                top = holds.into();
                continue;
            }
            op::FIELD => (top, field(instruction.right, sources)),
            op::IMMEDIATE => (top, instruction.immediate.get()),
            _ if operation == op::NOT => (top, 0),
            _ => {
                depth = depth.wrapping_sub(1);
                (below[depth & MASK], top)
            }
        };
        top = match operation {
            op::PUSH | SIGNED_PUSH => {
                below[depth & MASK] = left;
                depth = depth.wrapping_add(1);
                if operation == SIGNED_PUSH {
                    extended(right, instruction.right).cast_unsigned()
                } else {
                    right
                }
            }
            op::NOT => u64::from(left == 0),
            op::AND_THEN | op::OR_ELSE => {
                if (left == 0) == (operation == op::AND_THEN) {
                    code = skip(&code, right);
                    left
                } else {
                    depth = depth.wrapping_sub(1);
                    below[depth & MASK]
                }
            }
            op::ADD => left.checked_add(right).ok_or(Overflow)?,
            op::SUBTRACT => left.checked_sub(right).ok_or(Overflow)?,
            op::MULTIPLY => left.checked_mul(right).ok_or(Overflow)?,
            op::BIT_AND => left & right,
            op::BIT_OR => left | right,
            of_signed if of_signed & op::SIGNED != 0 => {
                // Only a field may have fewer bits than 64.
                let right = extended(right, instruction.right);
                let result = signed(operation, left.cast_signed(), right);
                result.ok_or(Overflow)?.cast_unsigned()
            }
            comparison if comparison & op::COMPARISON != 0 => {
                u64::from(compares(comparison, left, right))
            }
            // The verifier refuses every other operation; refuse the write if one appears.
            _ => return Err(Overflow),
        };
    }
    Ok(top)
}

/// A comparison whose instruction has both sides.
#[inline]
fn compare(instruction: &Instruction, sources: &impl Sources) -> Result<bool, Overflow> {
    let mut left = field(instruction.left, sources);
    if instruction.plus.bits != 0 {
        left = left
            .checked_add(field(instruction.plus, sources))
            .ok_or(Overflow)?;
    }
    let right = if instruction.right.bits == 0 {
        instruction.immediate.get()
    } else {
        field(instruction.right, sources)
    };
    Ok(compares(instruction.op, left, right))
}

/// A comparison of signed values whose instruction has both sides.
#[inline(never)]
fn compare_signed(instruction: &Instruction, sources: &impl Sources) -> Result<bool, Overflow> {
    let value = |record: FieldRecord| extended(field(record, sources), record);
    let mut left = value(instruction.left);
    if instruction.plus.bits != 0 {
        left = left.checked_add(value(instruction.plus)).ok_or(Overflow)?;
    }
    let right = if instruction.right.bits == 0 {
        instruction.immediate.get().cast_signed()
    } else {
        value(instruction.right)
    };
    Ok(compares(instruction.op, left, right))
}

#[inline]
fn field(field: FieldRecord, sources: &impl Sources) -> u64 {
    let image = sources.image(field.order);
    let value = extract(image, field.start, field.order, field.shift);
    value & (u64::MAX >> (64u8.wrapping_sub(field.bits) & 63))
}
