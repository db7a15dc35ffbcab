//! An event that was written, and its line in the log.

use alloc::{borrow::ToOwned as _, string::String, vec::Vec};
use core::{
    fmt::{self, Write as _},
    str::FromStr,
};

use thiserror::Error;

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number that is shown in decimal.
    Unsigned(u64),
    /// A number that is shown in hexadecimal.
    Hexadecimal(u64),
    /// Text.
    Text(String),
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its level, `TRACE_LEVEL_*`.
    pub level: u8,
    /// Names and values of its fields, in order.
    pub fields: Vec<(String, Value)>,
}

impl Event {
    /// The value of a field.
    #[must_use]
    pub fn value(&self, field: &str) -> Option<&Value> {
        let mut fields = self.fields.iter();
        fields.find_map(|(name, value)| (name == field).then_some(value))
    }

    /// The value of a field that is a number.
    #[must_use]
    pub fn number(&self, field: &str) -> Option<u64> {
        match self.value(field)? {
            Value::Unsigned(number) | Value::Hexadecimal(number) => Some(*number),
            Value::Text(_) => None,
        }
    }

    /// The value of a field that is text.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        match self.value(field)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// What stands in front of an event's line, where other lines stand beside it.
const MARK: &str = "event ";

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{} level {}:", self.name, self.level)?;
        for (place, (name, value)) in self.fields.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma} {name} {value}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(number) => write!(f, "{number}"),
            Self::Hexadecimal(number) => write!(f, "{number:#010x}"),
            Self::Text(text) => {
                f.write_char('"')?;
                for character in text.chars() {
                    match character {
                        '"' | '\\' => write!(f, "\\{character}")?,
                        // A line stays one line.
                        '\n' => f.write_str("\\n")?,
                        '\r' => f.write_str("\\r")?,
                        other => f.write_char(other)?,
                    }
                }
                f.write_char('"')
            }
        }
    }
}

/// A line is no event's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{line:?} is no event")]
pub struct NoEventError {
    line: String,
}

impl FromStr for Event {
    type Err = NoEventError;

    fn from_str(line: &str) -> Result<Self, NoEventError> {
        read(line).ok_or_else(|| NoEventError {
            line: line.to_owned(),
        })
    }
}

fn read(line: &str) -> Option<Event> {
    let (head, mut rest) = line.strip_prefix(MARK)?.split_once(':')?;
    let (name, level) = head.split_once(" level ")?;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (field, behind) = rest.strip_prefix(' ')?.split_once(' ')?;
        let (value, behind) = value(behind)?;
        fields.push((field.to_owned(), value));
        rest = match behind.strip_prefix(',') {
            Some(rest) if !rest.is_empty() => rest,
            None if behind.is_empty() => behind,
            _ => return None,
        };
    }
    Some(Event {
        name: name.to_owned(),
        level: level.parse().ok()?,
        fields,
    })
}

/// Takes a value off the front.
fn value(text: &str) -> Option<(Value, &str)> {
    if let Some(rest) = text.strip_prefix('"') {
        return quoted(rest).map(|(text, rest)| (Value::Text(text), rest));
    }
    let (number, rest) = text.split_at(text.find(',').unwrap_or(text.len()));
    let value = match number.strip_prefix("0x") {
        Some(digits) => Value::Hexadecimal(u64::from_str_radix(digits, 16).ok()?),
        None => Value::Unsigned(number.parse().ok()?),
    };
    Some((value, rest))
}

/// Takes the rest of a text and its closing quotation mark off the front.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut read = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((read, characters.as_str())),
            '\\' => read.push(match characters.next()? {
                'n' => '\n',
                'r' => '\r',
                other => other,
            }),
            other => read.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString as _, vec::Vec};

    use proptest::{collection::vec, prelude::*};

    use super::{Event, Value};

    const LINE: &str = "event StartFailed level 2: Vf 65535, Status 0xc000000d, First 0, \
                        Sentence \"The value \\\"NumVFs\\\", is 0.\"";

    #[test]
    fn a_line_reads_back_as_its_event() {
        let event: Event = LINE.parse().unwrap();
        assert_eq!((event.name.as_str(), event.level), ("StartFailed", 2));
        assert_eq!(event.number("Vf"), Some(65535));
        assert_eq!(event.number("Status"), Some(0xC000_000D));
        assert_eq!(event.text("Sentence"), Some("The value \"NumVFs\", is 0."));
        assert_eq!(event.number("Sentence"), None);
        assert_eq!(event.text("Second"), None);
        assert_eq!(event.to_string(), LINE);
    }

    #[test]
    fn other_lines_are_no_events() {
        for line in ["", "driver gone", "event X", "event X level 1: Vf 1,"] {
            assert!(line.parse::<Event>().is_err(), "{line}");
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<u64>().prop_map(Value::Unsigned),
            any::<u64>().prop_map(Value::Hexadecimal),
            ".*".prop_map(Value::Text),
            "[\"\\\\,\r\n ]*".prop_map(Value::Text),
        ]
    }

    proptest! {
        #[test]
        fn every_event_reads_back_from_its_line(
            name in "[A-Za-z]+",
            level in 1..=5_u8,
            fields in vec(("[A-Za-z]+", any_value()), 0..4),
        ) {
            let event = Event { name, level, fields: fields.into_iter().collect::<Vec<_>>() };
            let line = event.to_string();
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(line.parse(), Ok(event));
        }
    }
}
