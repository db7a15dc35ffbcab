//! Expressions over fields: 64 bits, checked. A comparison is unsigned unless one of its operands is
//! a signed field or a negative number; `sign` decides that.
//!
//! From loosest to tightest: `||`, `&&`, comparisons (which do not chain), `|`, `&`, `+` and `-`,
//! `*`, `!`. That is Rust's order; `flags & 1 == 0` compares the masked value. `&&` and `||`
//! evaluate their right side only if the left one does not decide, so
//! `size == 0 || address + size - 1 <= 0xFFFF` does not overflow for a size of zero.

pub(crate) mod analysis;
pub(crate) mod lower;
pub(crate) mod overflow;
pub(crate) mod parse;
mod resolve;
pub(crate) mod scope;
mod sign;
mod token;

pub(crate) use token::rename;

use crate::diagnostic::Span;
use crate::types::{Integer, low_bits};

/// An expression whose names are resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// Its operation.
    pub node: Node,
    /// Where it stands in the manifest.
    pub span: Span,
}

/// The operations of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A constant.
    Constant(i128),
    /// An integer field or some of its bits, or a fact about the write.
    Load(Load),
    /// Logical not.
    Not(Box<Expression>),
    /// An operation on two integers.
    Binary(Binary, Box<Expression>, Box<Expression>),
    /// Both hold.
    And(Box<Expression>, Box<Expression>),
    /// One of them holds.
    Or(Box<Expression>, Box<Expression>),
}

/// Where an expression reads an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// In the block, merged with what is written, or in the element that a rule of one is over.
    Block,
    /// In the block that the element lies in, merged with what is written.
    Whole,
    /// In the block before the write.
    Was,
    /// In the two bytes about the write: its length and its writer.
    Write,
    /// In the block at this place of `uses`.
    Used(u8),
}

/// An integer in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Its spelling in the manifest.
    pub name: String,
    /// Where it is read.
    pub source: Source,
    /// Its offset there, in bytes.
    pub offset: u8,
    /// Its type.
    pub integer: Integer,
    /// The lowest bit that is loaded.
    pub shift: u8,
    /// The bits that are loaded, shifted down by `shift`.
    pub mask: u64,
}

impl Load {
    /// Whether it loads all bits of its integer.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.shift == 0 && self.mask == self.integer.mask()
    }

    /// What is loaded from an integer of this value.
    #[must_use]
    pub fn part_of(&self, whole: i128) -> i128 {
        if self.is_whole() {
            return whole;
        }
        ((low_bits(whole) >> self.shift) & self.mask).into()
    }

    /// The smallest and the largest value that can be loaded.
    #[must_use]
    pub fn range(&self) -> (i128, i128) {
        if self.is_whole() {
            (self.integer.min(), self.integer.max())
        } else {
            (0, self.mask.into())
        }
    }
}

/// An operation on two integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `+` on signed integers.
    SignedAdd,
    /// `-` on signed integers.
    SignedSubtract,
    /// `*` on signed integers.
    SignedMultiply,
    /// `&`
    BitAnd,
    /// `|`
    BitOr,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Binary {
    /// Whether the result is true or false.
    #[must_use]
    pub const fn compares(self) -> bool {
        !matches!(
            self,
            Self::Add
                | Self::Subtract
                | Self::Multiply
                | Self::SignedAdd
                | Self::SignedSubtract
                | Self::SignedMultiply
                | Self::BitAnd
                | Self::BitOr
        )
    }

    /// The equivalent comparison with its sides exchanged; any other operation as it is.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            other => other,
        }
    }

    /// The same operation on signed integers.
    #[must_use]
    pub const fn signed(self) -> Self {
        match self {
            Self::Add => Self::SignedAdd,
            Self::Subtract => Self::SignedSubtract,
            Self::Multiply => Self::SignedMultiply,
            other => other,
        }
    }

    /// The smallest and the largest result.
    #[must_use]
    pub const fn range(self) -> (i128, i128) {
        match self {
            Self::SignedAdd | Self::SignedSubtract | Self::SignedMultiply => {
                (i64::MIN as i128, i64::MAX as i128)
            }
            _ => (0, u64::MAX as i128),
        }
    }

    /// The result on two integers, with truth as 1; `None` when the arithmetic overflows.
    #[must_use]
    pub fn apply(self, left: i128, right: i128) -> Option<i128> {
        let in_range = |value: Option<i128>| {
            let (min, max) = self.range();
            value.filter(|value| (min..=max).contains(value))
        };
        match self {
            Self::Add | Self::SignedAdd => in_range(left.checked_add(right)),
            Self::Subtract | Self::SignedSubtract => in_range(left.checked_sub(right)),
            Self::Multiply | Self::SignedMultiply => in_range(left.checked_mul(right)),
            Self::BitAnd => Some(left & right),
            Self::BitOr => Some(left | right),
            Self::Equal => Some((left == right).into()),
            Self::NotEqual => Some((left != right).into()),
            Self::Less => Some((left < right).into()),
            Self::LessOrEqual => Some((left <= right).into()),
            Self::Greater => Some((left > right).into()),
            Self::GreaterOrEqual => Some((left >= right).into()),
        }
    }
}

impl Expression {
    /// Whether the value is true or false rather than an integer.
    #[must_use]
    pub const fn is_condition(&self) -> bool {
        match &self.node {
            Node::Constant(_) | Node::Load(_) => false,
            Node::Not(_) | Node::And(..) | Node::Or(..) => true,
            Node::Binary(operation, ..) => operation.compares(),
        }
    }

    /// The first operand that is a signed field or a negative number.
    #[must_use]
    pub fn first_signed(&self) -> Option<&Self> {
        match &self.node {
            Node::Constant(value) => (*value < 0).then_some(self),
            Node::Load(load) => load.integer.signed.then_some(self),
            Node::Not(inner) => inner.first_signed(),
            Node::Binary(_, left, right) | Node::And(left, right) | Node::Or(left, right) => {
                left.first_signed().or_else(|| right.first_signed())
            }
        }
    }

    /// Whether an operand is a signed field or a negative number. A comparison with such a side
    /// compares signed values.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.first_signed().is_some()
    }

    /// The value when `load` gives the fields' values; `None` when the arithmetic overflows.
    pub fn evaluate(&self, load: &dyn Fn(&Load) -> i128) -> Option<i128> {
        match &self.node {
            Node::Constant(value) => Some(*value),
            Node::Load(field) => Some(load(field)),
            Node::Not(inner) => inner.evaluate(load).map(|value| (value == 0).into()),
            Node::Binary(operation, left, right) => {
                operation.apply(left.evaluate(load)?, right.evaluate(load)?)
            }
            Node::And(left, right) => {
                if left.evaluate(load)? == 0 {
                    Some(0)
                } else {
                    right.evaluate(load)
                }
            }
            Node::Or(left, right) => {
                if left.evaluate(load)? == 0 {
                    right.evaluate(load)
                } else {
                    Some(1)
                }
            }
        }
    }

    /// A rule over an element, as one over the block in which the element begins at `start`.
    #[must_use]
    pub fn of_element_at(&self, start: u8) -> Self {
        let moved = |side: &Self| Box::new(side.of_element_at(start));
        let node = match &self.node {
            Node::Constant(value) => Node::Constant(*value),
            Node::Load(load) => Node::Load(match load.source {
                Source::Block => Load {
                    offset: load.offset.saturating_add(start),
                    ..load.clone()
                },
                Source::Whole => Load {
                    source: Source::Block,
                    ..load.clone()
                },
                _ => load.clone(),
            }),
            Node::Not(inner) => Node::Not(moved(inner)),
            Node::Binary(operation, left, right) => {
                Node::Binary(*operation, moved(left), moved(right))
            }
            Node::And(left, right) => Node::And(moved(left), moved(right)),
            Node::Or(left, right) => Node::Or(moved(left), moved(right)),
        };
        Self {
            node,
            span: self.span.clone(),
        }
    }

    /// Whether it reads anything but the block, merged with what is written.
    #[must_use]
    pub fn reads_more_than_the_block(&self) -> bool {
        let mut more = false;
        self.for_each_load(&mut |load, _| more |= load.source != Source::Block);
        more
    }

    /// Calls `visit` for each field in it, from left to right.
    pub fn for_each_load<'e>(&'e self, visit: &mut dyn FnMut(&'e Load, &'e Span)) {
        match &self.node {
            Node::Constant(_) => {}
            Node::Load(load) => visit(load, &self.span),
            Node::Not(inner) => inner.for_each_load(visit),
            Node::Binary(_, left, right) | Node::And(left, right) | Node::Or(left, right) => {
                left.for_each_load(visit);
                right.for_each_load(visit);
            }
        }
    }
}
