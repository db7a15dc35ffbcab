//! Arranges conditions so that few steps evaluate a write: one comparison of a key decides most of
//! them.

use super::instruction::on_constant;
use super::source::{Layout, Rule};
use crate::expression::{context_of, evaluate};
use crate::format::{FieldRecord, Instruction, KEY_LENGTH, KeyRecord, LAST_KEY_START, op, operand};
use crate::image::LAST_START;
use crate::{Image, MAX_INSTRUCTIONS};

const AND_THEN: u8 = op::AND_THEN | op::IMMEDIATE;
const OR_ELSE: u8 = op::OR_ELSE | op::IMMEDIATE;

/// The index of the layout of `image`, as [`Block::layout_of`](crate::Block::layout_of) finds it in
/// the table: the first whose condition holds. `None` if there is none, or if a condition before it
/// overflows.
#[must_use]
pub fn chosen(layouts: &[Layout], image: &Image) -> Option<usize> {
    for (index, layout) in layouts.iter().enumerate() {
        if layout.when.is_empty() || evaluate(&layout.when, image).ok()? {
            return Some(index);
        }
    }
    None
}

/// Splits `when` into the key of its layout and the code to evaluate for an image that matches the
/// key.
///
/// The key consists of the equalities at the beginning of `when` that must hold in any case, as far
/// as they lie close together.
pub(super) fn split(when: &[Instruction]) -> (KeyRecord, &[Instruction]) {
    let mut key = Key::default();
    let mut rest = when;
    while let Some((equality, behind)) = first_equality(rest) {
        let Some(wider) = key.with(equality) else {
            break;
        };
        key = wider;
        rest = behind;
    }
    (key.record(), rest)
}

/// A comparison for equality with a constant that `code` begins with and needs, and the code that
/// decides when it holds.
fn first_equality(code: &[Instruction]) -> Option<(&Instruction, &[Instruction])> {
    let none = FieldRecord::default();
    let (first, behind) = code.split_first()?;
    if first.op != op::EQUAL | op::COMPARE || first.plus != none || first.right != none {
        return None;
    }
    match behind.split_first() {
        None => Some((first, behind)),
        Some((jump, rest)) if jump.op == AND_THEN && stays_false(rest, jump) => Some((first, rest)),
        Some(_) => None,
    }
}

/// Whether `jump` reaches the end of `code`, which follows it, through jumps on false only.
fn stays_false(code: &[Instruction], jump: &Instruction) -> bool {
    let skip = |jump: &Instruction| usize::try_from(jump.immediate.get()).ok();
    let mut target = skip(jump);
    while let Some(landing) = target.and_then(|target| code.get(target)) {
        if landing.op != AND_THEN {
            return false;
        }
        target = target
            .zip(skip(landing))
            .and_then(|(target, skipped)| target.checked_add(1)?.checked_add(skipped));
    }
    target == Some(code.len())
}

/// Equalities as required bits, over the whole image.
#[derive(Clone, Copy, Default)]
struct Key {
    mask: u128,
    value: u128,
    /// Offset in the image of the lowest byte of `mask` and `value`.
    start: u8,
}

impl Key {
    /// The key with one more equality, if they fit together.
    fn with(self, equality: &Instruction) -> Option<Self> {
        let FieldRecord {
            start,
            shift,
            order,
            bits,
        } = equality.left;
        let value = equality.immediate.get();
        let mask = u64::MAX.checked_shr(64_u32.checked_sub(bits.into())?)?;
        let exists = start <= LAST_START && shift < 64 && matches!(order, 0 | operand::BIG_ENDIAN);
        if !exists || value & !mask != 0 || value << shift >> shift != value {
            // The verifier or the evaluation refuses an equality that is malformed or never holds.
            return None;
        }
        let in_image = |eight: u64| {
            let eight = eight << shift;
            if order == 0 {
                eight
            } else {
                eight.swap_bytes()
            }
        };
        let added = Self {
            mask: in_image(mask).into(),
            value: in_image(value).into(),
            start,
        }
        .trimmed();
        if self.mask == 0 {
            return Some(added);
        }
        let first = self.start.min(added.start);
        let (one, other) = (self.from(first)?, added.from(first)?);
        if one.mask & other.mask & (one.value ^ other.value) != 0 {
            return None;
        }
        Some(Self {
            mask: one.mask | other.mask,
            value: one.value | other.value,
            start: first,
        })
    }

    /// The same key, beginning with a byte that it compares.
    fn trimmed(self) -> Self {
        let bytes = self.mask.trailing_zeros() / 8;
        Self {
            mask: self.mask >> (8 * bytes),
            value: self.value >> (8 * bytes),
            start: self.start.saturating_add(bytes.to_le_bytes()[0]),
        }
    }

    /// The same key counted from `start`, which is not after its own start; `None` if it becomes
    /// too long.
    fn from(self, start: u8) -> Option<Self> {
        let bits = 8 * u32::from(self.start.checked_sub(start)?);
        if bits > self.mask.leading_zeros() {
            return None;
        }
        Some(Self {
            mask: self.mask.checked_shl(bits)?,
            value: self.value.checked_shl(bits)?,
            start,
        })
    }

    fn record(self) -> KeyRecord {
        let start = self.start.min(LAST_KEY_START);
        // A trimmed key inside the image fits, wherever the record begins before it.
        let key = self.from(start).unwrap_or(self);
        KeyRecord {
            start,
            mask: key.mask.into(),
            value: key.value.into(),
        }
    }
}

/// `rules`, with consecutive `require` rules that need no stack joined into one: one more
/// comparison costs less than one more rule. The first broken rule stays the same, because all of
/// them are the same kind of violation. They must apply to the same writes.
pub(super) fn joined(rules: &[Rule]) -> Vec<Rule> {
    let mut joined: Vec<Rule> = Vec::with_capacity(rules.len());
    for rule in rules {
        if let (Some(Rule::Require(row)), Rule::Require(next)) = (joined.last_mut(), rule)
            && !needs_stack(row)
            && !needs_stack(next)
            && context_of(row) == context_of(next)
            && row.len() + 1 + next.len() <= MAX_INSTRUCTIONS
        {
            row.push(on_constant(op::AND_THEN, next.len() as u64));
            row.extend_from_slice(next);
        } else {
            joined.push(rule.clone());
        }
    }
    joined
}

/// Whether the stack machine has to run for `code`, see [`crate::expression::evaluate`].
fn needs_stack(code: &[Instruction]) -> bool {
    code.iter().any(|instruction| {
        let compares = instruction.op & op::COMPARE == op::COMPARE;
        !compares && !matches!(instruction.op, AND_THEN | OR_ELSE | op::NOT)
    })
}

const _: () = assert!(KEY_LENGTH * 8 == u128::BITS as usize);

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::encode::{compare_constant, field_record, on_stack};
    use crate::expression::Overflow;
    use crate::image::has;

    const NONE: FieldRecord = FieldRecord {
        start: 0,
        shift: 0,
        order: 0,
        bits: 0,
    };

    fn equal(offset: u8, operand: u8, value: u64) -> Vec<Instruction> {
        let bits = 8 * operand::width(operand);
        let field = field_record(offset, operand, 0, bits);
        vec![compare_constant(op::EQUAL, field, NONE, value)]
    }

    /// The code of two conditions joined, as the manifest compiler writes it.
    fn both(jump: u8, left: Vec<Instruction>, right: Vec<Instruction>) -> Vec<Instruction> {
        let mut code = left;
        code.push(on_constant(jump, right.len() as u64));
        code.extend(right);
        code
    }

    fn and(left: Vec<Instruction>, right: Vec<Instruction>) -> Vec<Instruction> {
        both(op::AND_THEN, left, right)
    }

    /// Whether a layout of this condition accepts an image.
    fn chosen(when: &[Instruction], image: &Image) -> Result<bool, Overflow> {
        let (key, rest) = split(when);
        if !has(image, &key) {
            return Ok(false);
        }
        if rest.is_empty() {
            return Ok(true);
        }
        evaluate(rest, image)
    }

    /// The code that remains of a condition, the start of its key, and the number of bits that the
    /// key compares.
    fn left_over(when: &[Instruction]) -> (usize, u8, u32) {
        let (key, rest) = split(when);
        (rest.len(), key.start, key.mask.get().count_ones())
    }

    #[test]
    fn equalities_that_must_hold_become_the_key() {
        assert_eq!(left_over(&[]), (0, 0, 0));
        assert_eq!(left_over(&equal(5, 1, 7)), (0, 5, 16));
        assert_eq!(left_over(&and(equal(0, 1, 3), equal(8, 2, 0))), (0, 0, 48));
        // In whichever order, up to the first and the last byte that one key can reach.
        assert_eq!(left_over(&and(equal(17, 0, 3), equal(2, 0, 0))), (0, 2, 16));
        assert_eq!(left_over(&and(equal(18, 0, 3), equal(2, 0, 0))), (1, 18, 8));
        assert_eq!(left_over(&and(equal(2, 0, 3), equal(18, 0, 0))), (1, 2, 8));
        assert_eq!(left_over(&equal(127, 0, 3)), (0, 112, 8));
        assert_eq!(
            left_over(&equal(120, 3 | operand::BIG_ENDIAN, 3)),
            (0, 112, 64)
        );
        let three = and(and(equal(0, 0, 1), equal(1, 0, 1)), equal(2, 0, 1));
        assert_eq!(left_over(&three), (0, 0, 24));
        let nested = and(equal(0, 0, 1), and(equal(1, 0, 1), equal(2, 0, 1)));
        assert_eq!(left_over(&nested), (0, 0, 24));
    }

    /// The low bits of a big-endian field lie in its last byte, those of a little-endian one in its
    /// first.
    #[test]
    fn a_key_asks_for_the_bits_where_they_lie() {
        for (operand, shift, at) in [(1, 0, 30), (1, 8, 31), (3, 40, 35), (5, 0, 31), (7, 40, 32)] {
            let field = field_record(30, operand, shift, 8);
            let code = [compare_constant(op::EQUAL, field, NONE, 0xA5)];
            let asked = split(&code).0;
            assert_eq!(
                (asked.start, asked.mask.get(), asked.value.get()),
                (at, 0xFF, 0xA5),
                "shape {operand}, {shift} bits down"
            );
        }
    }

    #[test]
    fn what_need_not_hold_or_never_holds_is_left_to_the_evaluation() {
        let (one, other) = (equal(0, 0, 1), equal(1, 0, 1));
        assert_eq!(
            left_over(&both(op::OR_ELSE, one.clone(), other.clone())).0,
            3
        );
        let last = equal(2, 0, 1);
        let mixed = both(op::OR_ELSE, and(one.clone(), other.clone()), last.clone());
        assert_eq!(left_over(&mixed).0, 5);
        let either = both(op::OR_ELSE, other.clone(), last);
        assert_eq!(left_over(&and(one.clone(), either)), (3, 0, 8));
        let mut negated = and(one.clone(), other);
        negated.push(on_stack(op::NOT));
        assert_eq!(left_over(&negated).0, 4);
        // A repeated equality counts once; one field cannot equal two values, nor a byte 256.
        assert_eq!(left_over(&and(one.clone(), one.clone())), (0, 0, 8));
        assert_eq!(left_over(&and(one, equal(0, 0, 2))), (1, 0, 8));
        assert_eq!(left_over(&equal(0, 0, 256)).0, 1);
    }

    #[test]
    fn what_the_verifier_refuses_is_left_for_it() {
        let with = |change: fn(&mut FieldRecord)| {
            let mut code = equal(0, 0, 0);
            change(&mut code[0].left);
            left_over(&code)
        };
        assert_eq!(with(|field| field.start = 121), (1, 0, 0));
        assert_eq!(with(|field| field.shift = 64), (1, 0, 0));
        assert_eq!(with(|field| field.order = 1), (1, 0, 0));
        assert_eq!(with(|field| field.bits = 0), (1, 0, 0));
        assert_eq!(with(|field| field.bits = 65), (1, 0, 0));
        assert_eq!(with(|field| field.start = 120), (0, 112, 8));
    }

    /// A comparison of some bits of a field with a small constant.
    fn comparison() -> impl Strategy<Value = Vec<Instruction>> {
        let operation =
            prop_oneof![4 => Just(op::EQUAL), 1 => Just(op::NOT_EQUAL), 1 => Just(op::LESS)];
        let place = prop_oneof![0..20_u8, 105..=120_u8];
        let plus = prop_oneof![4 => Just(NONE), 1 => Just(field_record(0, 3, 0, 64))];
        (operation, place, 0..8_u8, 0..3_u8, 1..9_u8, plus, 0..3_u64).prop_map(
            |(operation, offset, operand, shift, bits, plus, value)| {
                let bits = bits.min(8 * operand::width(operand) - shift);
                let field = field_record(offset, operand, shift, bits);
                vec![compare_constant(operation, field, plus, value)]
            },
        )
    }

    fn condition() -> impl Strategy<Value = Vec<Instruction>> {
        comparison().prop_recursive(4, 12, 2, |inner| {
            let jump = prop_oneof![3 => Just(op::AND_THEN), 1 => Just(op::OR_ELSE)];
            let joined = (jump, inner.clone(), inner.clone())
                .prop_map(|(jump, left, right)| both(jump, left, right));
            let negated = inner.prop_map(|mut code| {
                code.push(on_stack(op::NOT));
                code
            });
            prop_oneof![5 => joined, 1 => negated]
        })
    }

    /// An image that satisfies each condition with a fair probability.
    fn image() -> impl Strategy<Value = Image> {
        let byte = prop_oneof![6 => 0..3_u8, 1 => Just(0xFF)];
        vec(byte, 128).prop_map(|bytes| bytes.try_into().unwrap())
    }

    proptest! {
        #[test]
        fn a_key_and_what_is_left_say_what_the_condition_says(when in condition(), images in vec(image(), 6)) {
            for image in images {
                prop_assert_eq!(chosen(&when, &image), evaluate(&when, &image));
            }
        }

        #[test]
        fn a_row_says_what_its_rules_say(codes in vec(condition(), 1..6), images in vec(image(), 6)) {
            let rules: Vec<_> = codes.iter().cloned().map(Rule::Require).collect();
            let row = joined(&rules);
            prop_assert_eq!(row.len(), 1);
            for image in images {
                let first = codes.iter().map(|code| evaluate(code, &image)).find(|held| *held != Ok(true));
                let Rule::Require(code) = &row[0] else { unreachable!() };
                prop_assert_eq!(evaluate(code, &image), first.unwrap_or(Ok(true)));
            }
        }
    }

    #[test]
    fn rules_that_need_the_stack_or_stand_apart_are_not_joined() {
        let simple = || Rule::Require(equal(0, 0, 1));
        let stacked = || {
            let field = field_record(0, 0, 0, 8);
            Rule::Require(vec![crate::encode::on_field(op::PUSH, field)])
        };
        let other = || Rule::Text(crate::encode::Field::default());
        let joined = |rules: &[Rule]| joined(rules).len();
        assert_eq!(joined(&[]), 0);
        assert_eq!(joined(&[simple(), simple(), simple()]), 1);
        assert_eq!(joined(&[simple(), stacked(), simple()]), 3);
        assert_eq!(joined(&[stacked(), simple(), simple()]), 2);
        assert_eq!(joined(&[simple(), other(), simple()]), 3);
        let long = |length| Rule::Require(vec![on_stack(op::NOT); length]);
        assert_eq!(joined(&[long(200), long(55)]), 1);
        assert_eq!(
            joined(&[long(200), long(56)]),
            2,
            "256 instructions are the most"
        );
    }
}
