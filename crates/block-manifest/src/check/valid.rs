//! Checks `valid` rules: their values, and whether any value satisfies them.

use block_table::MAX_VALUES;

use super::context::Context;
use crate::diagnostic::{Diagnostic, Located, Span, counted, listed, printable};
use crate::domain::{Domain, Next};
use crate::model::{Mac, OneOf, Valid};
use crate::syntax;
use crate::types::{Integer, Type, low_bits};

/// The numbers that a value may be.
pub(super) struct Numbers {
    smallest: i128,
    largest: i128,
    /// What holds them, for messages.
    name: String,
}

impl Numbers {
    /// Those of an integer type.
    pub(super) fn of(integer: Integer) -> Self {
        Self {
            smallest: integer.min(),
            largest: integer.max(),
            name: integer.to_string(),
        }
    }

    /// Those of `count` bits, 1 to 64.
    fn of_bits(count: u8) -> Self {
        Self {
            smallest: 0,
            largest: (u64::MAX >> (64 - count)).into(),
            name: format!("a number of {}", counted(count.into(), "bit")),
        }
    }

    fn have(&self, number: i128) -> bool {
        (self.smallest..=self.largest).contains(&number)
    }

    /// Which numbers they are, for messages.
    fn held(&self) -> String {
        let Self {
            smallest,
            largest,
            name,
        } = self;
        format!("{name} holds {smallest} to {largest}")
    }
}

impl Context<'_> {
    /// The number that `value` is: an integer, `"enumeration.name"`, or a constant.
    pub(super) fn number(&self, value: &Located<syntax::Value>) -> Option<i128> {
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

    fn named_number(&self, name: &str, span: &Span) -> Option<i128> {
        let written = printable(name);
        if is_range(name) {
            self.sink.report(not_a_range(name, span));
            return None;
        }
        let mut constants = self.constants.iter();
        if let Some(constant) = constants.find(|constant| constant.name.value == name) {
            return constant.value;
        }
        let Some((first, part)) = name.split_once('.') else {
            if !self.knows_constants {
                return None;
            }
            let names = self.constants.iter();
            let names = names.map(|constant| constant.name.value.as_str());
            let diagnostic = Diagnostic::error(
                format!("\"{written}\" is not an integer"),
                span,
                "expected an integer",
            );
            let diagnostic = diagnostic.did_you_mean(name, names);
            self.sink
                .report(diagnostic.help("a named value is written \"enumeration.name\""));
            return None;
        };
        let Some(known) = self.enumeration(first) else {
            if self.knows_enums {
                let names = self.enums.iter().map(|known| known.name.value.as_str());
                let diagnostic = Diagnostic::error(
                    format!("unknown enumeration in \"{written}\""),
                    span,
                    "no such enumeration",
                );
                self.sink.report(diagnostic.did_you_mean(first, names));
            }
            return None;
        };
        let mut members = known.members.iter();
        if let Some((_, value)) = members.find(|(member, _)| member.value == part) {
            return *value;
        }
        // An enumeration without values could not be read, which is reported already.
        if !known.members.is_empty() {
            let names = || {
                let members = known.members.iter();
                members.map(|(member, _)| member.value.as_str())
            };
            let diagnostic = Diagnostic::error(
                format!("enumeration `{first}` has no `{}`", printable(part)),
                span,
                "no such value",
            );
            self.sink.report(
                diagnostic
                    .did_you_mean(part, names())
                    .note(format!("`{first}` has {}", listed(names()))),
            );
        }
        None
    }

    fn enumeration(&self, name: &str) -> Option<&syntax::Enum> {
        self.enums.iter().find(|known| known.name.value == name)
    }

    /// One of the `numbers`.
    pub(super) fn fitting_number(
        &self,
        value: &Located<syntax::Value>,
        numbers: &Numbers,
    ) -> Option<i128> {
        let number = self.number(value)?;
        if !numbers.have(number) {
            let message = format!("{number} does not fit into {}", numbers.name);
            self.sink.error(message, &value.span, numbers.held());
            return None;
        }
        Some(number)
    }

    /// The rules of a field of type `ty`, of whose bits only `defined` may be set.
    pub(super) fn valid(&self, written: &syntax::Valid, ty: Type, defined: u64) -> Valid {
        if let Some(mac) = &written.mac
            && ty != Type::Bytes(Mac::LENGTH)
        {
            let diagnostic = Diagnostic::error(
                format!("{ty} is no MAC address"),
                &mac.span,
                "a MAC address has six bytes",
            );
            self.sink
                .report(diagnostic.help(format!("give the field the type bytes[{}]", Mac::LENGTH)));
            return Valid::default();
        }
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
            return Valid {
                mac: written.mac.as_ref().map(|mac| mac.value),
                ..Valid::default()
            };
        }
        self.rules(written, &Numbers::of(ty.element()), defined)
    }

    /// The rules of `count` named bits.
    pub(super) fn valid_bits(&self, written: &syntax::Valid, count: u8) -> Valid {
        let numbers = Numbers::of_bits(count);
        self.rules(written, &numbers, low_bits(numbers.largest))
    }

    fn rules(&self, written: &syntax::Valid, numbers: &Numbers, defined: u64) -> Valid {
        let errors = self.sink.error_count();
        let number =
            |value: &Option<Located<syntax::Value>>| self.fitting_number(value.as_ref()?, numbers);
        let valid = Valid {
            equals: number(&written.equals),
            one_of: self.value_set("one-of", written.one_of.as_ref(), numbers),
            none_of: self.value_set("none-of", written.none_of.as_ref(), numbers),
            min: number(&written.min),
            max: number(&written.max),
            mask: number(&written.mask).map(low_bits),
            multiple_of: number(&written.multiple_of).map(low_bits),
            mac: None,
        };
        self.rules_on_bits(written, numbers);
        let range = (numbers.smallest, numbers.largest);
        if self.sink.error_count() == errors
            && Domain::new(&valid, range, defined).first() == Next::Nothing
        {
            self.never_holds(written, numbers);
        }
        valid
    }

    /// Reports rules of unsigned integers on `numbers` that may be negative.
    fn rules_on_bits(&self, written: &syntax::Valid, numbers: &Numbers) {
        if numbers.smallest >= 0 {
            return;
        }
        let rules = [
            ("mask", &written.mask),
            ("multiple-of", &written.multiple_of),
        ];
        for (key, rule) in rules {
            if let Some(rule) = rule {
                let message = format!(
                    "`{key}` is a rule of unsigned integers, and not of {}",
                    numbers.name
                );
                self.sink
                    .error(message, &rule.span, "the integer is signed");
            }
        }
    }

    fn never_holds(&self, written: &syntax::Valid, numbers: &Numbers) {
        let rules: Vec<_> = written.given().collect();
        let Some((first, others)) = rules.split_first() else {
            return;
        };
        let message = format!(
            "no {} meets this `valid`: the rule can never hold",
            numbers.name.trim_start_matches("a ")
        );
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

    /// The values of `key`: `one-of` or `none-of`.
    fn value_set(
        &self,
        key: &str,
        written: Option<&Located<syntax::Value>>,
        numbers: &Numbers,
    ) -> Option<OneOf> {
        let values = written?;
        let set = match &values.value {
            syntax::Value::Text(name) => self.one_of_enum(name, &values.span, numbers)?,
            syntax::Value::List(listed) => {
                let numbers: Vec<_> = listed
                    .iter()
                    .map(|value| self.fitting_number(value, numbers))
                    .collect();
                OneOf {
                    enumeration: None,
                    values: numbers.into_iter().collect::<Option<_>>()?,
                }
            }
            syntax::Value::Number(number) => {
                let diagnostic = Diagnostic::error(
                    format!("`{key}` is {number}, and should be an array or an enumeration"),
                    &values.span,
                    "one integer",
                );
                let single = if key == "one-of" {
                    format!("equals = {number}")
                } else {
                    format!("{key} = [{number}]")
                };
                self.sink
                    .report(diagnostic.help(format!("write `{single}` for a single value")));
                return None;
            }
        };
        let count = set.values.len();
        if count > MAX_VALUES {
            let message = format!("`{key}` has {count} values, and may have {MAX_VALUES}");
            self.sink.error(message, &values.span, "too many");
        } else if count == 0 && key == "none-of" {
            let message = format!("`{key}` has no values");
            self.sink.error(message, &values.span, "excludes nothing");
        }
        Some(set)
    }

    fn one_of_enum(&self, name: &str, span: &Span, numbers: &Numbers) -> Option<OneOf> {
        if is_range(name) {
            self.sink.report(not_a_range(name, span));
            return None;
        }
        let Some(known) = self.enumeration(name) else {
            if self.knows_enums {
                let names = self.enums.iter().map(|known| known.name.value.as_str());
                let diagnostic = Diagnostic::error(
                    format!("unknown enumeration \"{}\"", printable(name)),
                    span,
                    "no such enumeration",
                );
                self.sink.report(diagnostic.did_you_mean(name, names));
            }
            return None;
        };
        let members = known.members.iter();
        let values: Option<Vec<i128>> = members.map(|(_, value)| *value).collect();
        let values = values.filter(|values| !values.is_empty())?;
        let unfit = known
            .members
            .iter()
            .zip(&values)
            .find(|(_, value)| !numbers.have(**value));
        if let Some(((member, _), value)) = unfit {
            let message = format!(
                "`{name}.{}` is {value}, which does not fit into {}",
                member.value, numbers.name
            );
            self.sink.report(
                Diagnostic::error(message, span, numbers.held())
                    .related(&member.span, format!("`{}` is {value}", member.value)),
            );
            return None;
        }
        Some(OneOf {
            enumeration: Some(name.to_owned()),
            values,
        })
    }
}

/// Whether `text` is a range of numbers, which the language writes with two keys.
fn is_range(text: &str) -> bool {
    let digits = |part: &str| {
        let part = part.trim();
        !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit())
    };
    ["..=", "..", "-"].into_iter().any(|between| {
        text.split_once(between)
            .is_some_and(|(low, high)| digits(low) && digits(high))
    })
}

fn not_a_range(text: &str, span: &Span) -> Diagnostic {
    let message = format!("\"{}\" is not an integer", printable(text));
    Diagnostic::error(message, span, "a range in a string")
        .help("a range of values is written `min = …, max = …`")
}
