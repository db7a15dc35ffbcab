//! Reads named bits and the rules on values.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::names::check_name;
use super::reader::{Input, Reader};
use super::{Bits, Valid};
use crate::diagnostic::{Diagnostic, Located, Span, printable};
use crate::keys;

/// The highest bit of the widest integer.
const HIGHEST_BIT: u8 = 63;

pub(super) fn valid(table: &DeTable<'_>, span: Span, input: Input<'_>) -> Valid {
    let reader = Reader::new(table, &keys::VALID, span, input);
    Valid {
        mac: reader.choice("mac", &keys::MAC),
        ..rules(&reader)
    }
}

fn rules(reader: &Reader<'_, '_>) -> Valid {
    Valid {
        equals: reader.value("equals"),
        one_of: reader.value("one-of"),
        none_of: reader.value("none-of"),
        min: reader.value("min"),
        max: reader.value("max"),
        mask: reader.value("mask"),
        multiple_of: reader.value("multiple-of"),
        mac: None,
    }
}

pub(super) fn bits(table: &DeTable<'_>, input: Input<'_>) -> Vec<Bits> {
    let named = Reader::entries(table).into_iter().map(|(name, value)| {
        check_name(&name, "a bit", input);
        let Some(table) = value.get_ref().as_table() else {
            return Bits {
                range: range_of(&name, value, input),
                valid: Valid::default(),
                span: value.span(),
                name,
            };
        };
        let reader = Reader::new(table, &keys::BITS, value.span(), input);
        let at = reader.get("at");
        Bits {
            range: at.and_then(|at| range_of(&name, at, input)),
            valid: rules(&reader),
            span: at.map_or_else(|| value.span(), Spanned::span),
            name,
        }
    });
    named.collect()
}

/// The range of the bits `name`, if it can be read.
fn range_of(
    name: &Located<String>,
    value: &Spanned<DeValue<'_>>,
    input: Input<'_>,
) -> Option<(u8, u8)> {
    match bit_range(value, input) {
        Ok(range) => Some(range),
        Err(error) => {
            input.sink.report(error.diagnostic(name, &value.span()));
            None
        }
    }
}

/// Why bits cannot be read.
enum BitsError {
    /// They are written in another way.
    Form,
    /// There is no such bit.
    Beyond(u64),
    /// The first of a range is above the last.
    Reversed(u64, u64),
}

impl BitsError {
    fn diagnostic(&self, name: &Located<String>, span: &Span) -> Diagnostic {
        let name = printable(&name.value);
        match self {
            Self::Form => Diagnostic::error(
                format!("bits `{name}` are neither a bit number nor a range of them"),
                span,
                format!("expected 0 to {HIGHEST_BIT}, or a range such as \"1-3\""),
            ),
            Self::Beyond(bit) => Diagnostic::error(
                format!(
                    "bits `{name}` end at bit {bit}, and the widest integer has bits 0 to {HIGHEST_BIT}"
                ),
                span,
                "outside of every integer",
            ),
            Self::Reversed(first, last) => Diagnostic::error(
                format!("the range of bits `{name}` begins above its end"),
                span,
                "the lowest bit comes first",
            )
            .help(format!("write \"{last}-{first}\"")),
        }
    }
}

/// `3`, `"3"`, `"1-3"`, or a constant.
fn bit_range(value: &Spanned<DeValue<'_>>, input: Input<'_>) -> Result<(u8, u8), BitsError> {
    let number = |text: &str| {
        let digits = text.bytes().all(|digit| digit.is_ascii_digit());
        let number = text.parse::<u64>().ok();
        number.filter(|_| digits).ok_or(BitsError::Form)
    };
    let (low, high) = match value.get_ref() {
        DeValue::String(text) if input.constant(text).is_none() => match text.split_once('-') {
            Some((low, high)) => (number(low)?, number(high)?),
            None => (number(text)?, number(text)?),
        },
        _ => {
            let number = input.number(value).ok_or(BitsError::Form)?;
            let number = u64::try_from(number).map_err(|_| BitsError::Form)?;
            (number, number)
        }
    };
    if low > high {
        return Err(BitsError::Reversed(low, high));
    }
    let bit = |number| u8::try_from(number).ok().filter(|bit| *bit <= HIGHEST_BIT);
    bit(low).zip(bit(high)).ok_or(BitsError::Beyond(high))
}
