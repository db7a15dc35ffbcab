//! Generates expressions, and what they consist of.

use block_table::format::{owner, source};

use super::{Checks, Language};
use crate::expression::{Binary, Expression, Load, Node, Source};
use crate::types::{Integer, low_bits};

impl Checks<'_> {
    pub(super) fn call(&self, function: &str, arguments: &str) -> String {
        match self.language {
            Language::C(prefix) => format!("{prefix}_{function}({arguments})"),
            Language::Rust => format!("{function}({arguments})"),
        }
    }

    pub(super) fn load(&self, bytes: &str, place: &str, integer: Integer) -> String {
        let order = if integer.big_endian { "be" } else { "le" };
        let arguments = format!("{bytes}, {place}, {}", integer.width());
        self.call(&format!("load_{order}"), &arguments)
    }

    pub(super) fn literal(&self, value: u64) -> String {
        match self.language {
            Language::C(_) => format!("0x{value:X}ull"),
            Language::Rust => format!("0x{value:X}"),
        }
    }

    pub(super) fn condition(&self, expression: &Expression) -> String {
        match &expression.node {
            Node::Not(inner) => format!("!{}", self.condition(inner)),
            Node::And(left, right) => {
                format!("({} && {})", self.condition(left), self.condition(right))
            }
            Node::Or(left, right) => {
                format!("({} || {})", self.condition(left), self.condition(right))
            }
            Node::Binary(operation, left, right) if operation.compares() => {
                let equality = matches!(operation, Binary::Equal | Binary::NotEqual);
                let signed = left.is_signed() || right.is_signed();
                let side = |side| {
                    let value = self.integer(side);
                    if signed && !equality {
                        // Without signs the values have the order of the signed ones.
                        format!("({value} ^ {})", self.literal(1 << 63))
                    } else {
                        value
                    }
                };
                format!("({} {} {})", side(left), symbol(*operation), side(right))
            }
            Node::Constant(_) | Node::Load(_) | Node::Binary(..) => {
                format!("({} != 0)", self.integer(expression))
            }
        }
    }

    pub(super) fn integer(&self, expression: &Expression) -> String {
        match &expression.node {
            Node::Constant(value) => self.literal(low_bits(*value)),
            Node::Load(load) => self.loaded(load),
            Node::Binary(operation @ (Binary::BitAnd | Binary::BitOr), left, right) => {
                let (left, right) = (self.integer(left), self.integer(right));
                format!("({left} {} {right})", symbol(*operation))
            }
            Node::Binary(operation, left, right) if !operation.compares() => {
                let place = match self.language {
                    Language::C(_) => "&overflow",
                    Language::Rust => "&mut overflow",
                };
                let arguments = format!("{}, {}, {place}", self.integer(left), self.integer(right));
                self.call(symbol(*operation), &arguments)
            }
            Node::Not(_) | Node::And(..) | Node::Or(..) | Node::Binary(..) => {
                let condition = self.condition(expression);
                match self.language {
                    Language::C(_) => format!("(uint64_t){condition}"),
                    Language::Rust => format!("u64::from({condition})"),
                }
            }
        }
    }

    fn loaded(&self, load: &Load) -> String {
        if load.source == Source::Write {
            return match (load.offset, self.language) {
                (source::WRITER, _) => self.literal(owner::VF.into()),
                (_, Language::C(_)) => "(uint64_t)length".to_owned(),
                (_, Language::Rust) => "(length as u64)".to_owned(),
            };
        }
        let place = match load.source {
            Source::Block => self.place(load.offset.into()),
            _ => load.offset.to_string(),
        };
        let whole = self.load("image", &place, load.integer);
        if load.integer.signed {
            let arguments = format!("{whole}, {}", load.integer.width());
            return self.call("extend", &arguments);
        }
        if load.is_whole() {
            return whole;
        }
        format!(
            "(({whole} >> {}) & {})",
            load.shift,
            self.literal(load.mask)
        )
    }
}

/// The symbol of an operation, or the name of the function that checks it for an overflow.
const fn symbol(operation: Binary) -> &'static str {
    match operation {
        Binary::Add => "add",
        Binary::Subtract => "subtract",
        Binary::Multiply => "multiply",
        Binary::SignedAdd => "add_signed",
        Binary::SignedSubtract => "subtract_signed",
        Binary::SignedMultiply => "multiply_signed",
        Binary::BitAnd => "&",
        Binary::BitOr => "|",
        Binary::Equal => "==",
        Binary::NotEqual => "!=",
        Binary::Less => "<",
        Binary::LessOrEqual => "<=",
        Binary::Greater => ">",
        Binary::GreaterOrEqual => ">=",
    }
}
