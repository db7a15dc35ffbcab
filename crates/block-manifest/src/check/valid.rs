//! `valid` rules: their values, and whether any value meets them.

use block_table::MAX_VALUES;

use super::Context;
use crate::diagnostic::{Diagnostic, Located, Span};
use crate::expression::analysis::Domain;
use crate::model::{Field, OneOf, Valid};
use crate::syntax;
use crate::types::{Integer, Type};

/// Domains up to this size are listed value by value.
const MAX_LISTED: u64 = 1 << 16;

impl Context<'_> {
    /// The number that `value` is: an integer, or `"enumeration.name"`.
    pub(super) fn number(&self, value: &Located<syntax::Value>) -> Option<u64> {
        match &value.value {
            syntax::Value::Number(number) => Some(*number),
            syntax::Value::Text(name) => self.named_number(name, &value.span),
            syntax::Value::List(_) => {
                self.sink.error(
                    "an array stands where one integer is expected",
                    &value.span,
                    "expected an integer",
                );
                None
            }
        }
    }

    fn named_number(&self, name: &str, span: &Span) -> Option<u64> {
        let written = name.escape_debug();
        let Some((first, part)) = name.split_once('.') else {
            let diagnostic = Diagnostic::error(
                format!("\"{written}\" is not an integer"),
                span,
                "expected an integer",
            );
            self.sink
                .report(diagnostic.help("a named value is written \"enumeration.name\""));
            return None;
        };
        let Some(known) = self.enums.iter().find(|known| known.name == first) else {
            let names = self.enums.iter().map(|known| known.name.as_str());
            let diagnostic = Diagnostic::error(
                format!("unknown enumeration in \"{written}\""),
                span,
                "no such enumeration",
            );
            self.sink.report(diagnostic.did_you_mean(first, names));
            return None;
        };
        let member = known.members.iter().find(|member| member.name == part);
        if member.is_none() {
            let names = || known.members.iter().map(|member| member.name.as_str());
            let diagnostic = Diagnostic::error(
                format!("enumeration `{first}` has no `{}`", part.escape_debug()),
                span,
                "no such value",
            );
            self.sink.report(
                diagnostic
                    .did_you_mean(part, names())
                    .note(format!("`{first}` has {}", crate::listed(names()))),
            );
        }
        member.map(|member| member.value)
    }

    /// A number that an integer of the type can hold.
    pub(super) fn fitting_number(
        &self,
        value: &Located<syntax::Value>,
        integer: Integer,
    ) -> Option<u64> {
        let number = self.number(value)?;
        if number > integer.max() {
            let message = format!("{number} does not fit into {integer}");
            self.sink.error(
                message,
                &value.span,
                format!("{integer} holds 0 to {}", integer.max()),
            );
            return None;
        }
        Some(number)
    }

    /// The rules of a field of type `ty`, of whose bits only `defined` may be set.
    pub(super) fn valid(&self, written: &syntax::Valid, ty: Type, defined: u64) -> Valid {
        if matches!(ty, Type::Bytes(_) | Type::Ascii(_)) {
            if let Some(rule) = written.given().next() {
                let diagnostic = Diagnostic::error(
                    format!("{ty} has no integers for `valid` to judge"),
                    &rule.span,
                    "cannot be checked",
                );
                self.sink.report(
                    diagnostic.help(format!("use u8[{}] for bytes with rules", ty.elements())),
                );
            }
            return Valid::default();
        }
        let errors = self.sink.error_count();
        let integer = ty.element();
        let number =
            |value: &Option<Located<syntax::Value>>| self.fitting_number(value.as_ref()?, integer);
        let valid = Valid {
            equals: number(&written.equals),
            one_of: written
                .one_of
                .as_ref()
                .and_then(|values| self.one_of(values, integer)),
            min: number(&written.min),
            max: number(&written.max),
            mask: number(&written.mask),
            multiple_of: number(&written.multiple_of),
        };
        if let (Some(one_of), Some(written)) = (&valid.one_of, &written.one_of)
            && one_of.values.len() > MAX_VALUES
        {
            let message = format!(
                "`one-of` has {} values, and may have {MAX_VALUES}",
                one_of.values.len()
            );
            self.sink.error(message, &written.span, "too many");
        }
        if self.sink.error_count() == errors && !some_value_fits(&valid, integer, defined) {
            self.never_holds(written, integer);
        }
        valid
    }

    fn never_holds(&self, written: &syntax::Valid, integer: Integer) {
        let rules: Vec<_> = written.given().collect();
        let Some((first, others)) = rules.split_first() else {
            return;
        };
        let message = format!("no {integer} meets this `valid`: the rule can never hold");
        let label = if others.is_empty() {
            "met by no value"
        } else {
            "together they are met by no value"
        };
        let diagnostic = Diagnostic::error(message, &first.span, label);
        self.sink
            .report(others.iter().fold(diagnostic, |diagnostic, rule| {
                diagnostic.related(&rule.span, "and this")
            }));
    }

    fn one_of(&self, values: &Located<syntax::Value>, integer: Integer) -> Option<OneOf> {
        match &values.value {
            syntax::Value::Text(name) => self.one_of_enum(name, &values.span, integer),
            syntax::Value::List(listed) => {
                let numbers: Vec<_> = listed
                    .iter()
                    .map(|value| self.fitting_number(value, integer))
                    .collect();
                Some(OneOf {
                    enumeration: None,
                    values: numbers.into_iter().collect::<Option<_>>()?,
                })
            }
            syntax::Value::Number(number) => {
                let diagnostic = Diagnostic::error(
                    format!("`one-of` is {number}, and should be an array or an enumeration"),
                    &values.span,
                    "one integer",
                );
                self.sink.report(
                    diagnostic.help(format!("write `equals = {number}` for a single value")),
                );
                None
            }
        }
    }

    fn one_of_enum(&self, name: &str, span: &Span, integer: Integer) -> Option<OneOf> {
        let Some(known) = self.enums.iter().find(|known| known.name == name) else {
            let names = self.enums.iter().map(|known| known.name.as_str());
            let diagnostic = Diagnostic::error(
                format!("unknown enumeration \"{}\"", name.escape_debug()),
                span,
                "no such enumeration",
            );
            self.sink.report(diagnostic.did_you_mean(name, names));
            return None;
        };
        if let Some(member) = known
            .members
            .iter()
            .find(|member| member.value > integer.max())
        {
            let message = format!(
                "`{name}.{}` is {}, which does not fit into {integer}",
                member.name, member.value
            );
            self.sink.error(
                message,
                span,
                format!("{integer} holds 0 to {}", integer.max()),
            );
            return None;
        }
        Some(OneOf {
            enumeration: Some(name.to_owned()),
            values: known.members.iter().map(|member| member.value).collect(),
        })
    }
}

/// Whether some value meets the rules, as far as that can be told in a bounded time; true when it cannot.
fn some_value_fits(valid: &Valid, integer: Integer, defined: u64) -> bool {
    let (min, max) = match values(valid, integer, defined) {
        Domain::Values(values) => return !values.is_empty(),
        Domain::Interval(min, max) => (min, max),
    };
    let divisor = valid.multiple_of.unwrap_or(1);
    let Some(first) = min.checked_next_multiple_of(divisor) else {
        return false;
    };
    // A mask leaves gaps in which multiples may lie, so multiples are tried one after the other, up to a bound.
    let multiple = |index: u64| {
        first
            .checked_add(index.checked_mul(divisor)?)
            .filter(|value| *value <= max)
    };
    let found = (0..MAX_LISTED)
        .map_while(multiple)
        .any(|value| valid.allows(value) && value & !defined == 0);
    found || multiple(MAX_LISTED).is_some()
}

/// The values that `field`, a single integer, may have.
pub(crate) fn domain(field: &Field) -> Domain {
    values(&field.valid, field.ty.element(), field.defined_bits())
}

fn values(valid: &Valid, integer: Integer, defined: u64) -> Domain {
    let allowed = |value: &u64| valid.allows(*value) && value & !defined == 0;
    if let Some(equals) = valid.equals {
        return Domain::Values([equals].into_iter().filter(allowed).collect());
    }
    if let Some(one_of) = &valid.one_of {
        return Domain::Values(one_of.values.iter().copied().filter(allowed).collect());
    }
    let bits = defined & valid.mask.unwrap_or(u64::MAX);
    let min = valid.min.unwrap_or(0);
    let max = valid.max.unwrap_or_else(|| integer.max()).min(bits);
    if min > max {
        return Domain::Values(Vec::new());
    }
    if max - min < MAX_LISTED {
        return Domain::Values((min..=max).filter(allowed).collect());
    }
    if bits.count_ones() <= MAX_LISTED.ilog2() {
        return Domain::Values(subsets(bits).filter(allowed).collect());
    }
    Domain::Interval(min, max)
}

/// Every value that has only bits of `mask`, ascending.
fn subsets(mask: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(0u64), move |value| {
        let next = value.wrapping_sub(mask) & mask;
        (next != 0).then_some(next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const U16: Integer = Integer {
        width_log: 1,
        big_endian: false,
    };
    const U64: Integer = Integer {
        width_log: 3,
        big_endian: false,
    };

    #[test]
    fn subsets_of_a_mask_are_all_there_once() {
        assert_eq!(
            subsets(0b1010).collect::<Vec<_>>(),
            [0, 0b10, 0b1000, 0b1010]
        );
        assert_eq!(subsets(0).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn rules_that_exclude_each_other_are_found_in_small_and_large_types() {
        let never = [
            Valid {
                min: Some(5),
                max: Some(4),
                ..Valid::default()
            },
            Valid {
                equals: Some(5),
                multiple_of: Some(2),
                ..Valid::default()
            },
            Valid {
                min: Some(4097),
                max: Some(8191),
                multiple_of: Some(4096),
                ..Valid::default()
            },
            Valid {
                min: Some(1),
                mask: Some(0),
                ..Valid::default()
            },
            Valid {
                one_of: Some(OneOf {
                    enumeration: None,
                    values: Vec::new(),
                }),
                ..Valid::default()
            },
            Valid {
                multiple_of: Some(0),
                ..Valid::default()
            },
        ];
        for valid in never {
            for integer in [U16, U64] {
                assert!(
                    !some_value_fits(&valid, integer, integer.max()),
                    "{integer}: {valid:?}"
                );
            }
        }
        let sometimes = [
            Valid::default(),
            Valid {
                min: Some(4097),
                max: Some(8192),
                multiple_of: Some(4096),
                ..Valid::default()
            },
            Valid {
                mask: Some(0x8000),
                min: Some(1),
                ..Valid::default()
            },
            Valid {
                min: Some(0x8001),
                ..Valid::default()
            },
        ];
        for valid in sometimes {
            for integer in [U16, U64] {
                assert!(
                    some_value_fits(&valid, integer, integer.max()),
                    "{integer}: {valid:?}"
                );
            }
        }
    }
}
