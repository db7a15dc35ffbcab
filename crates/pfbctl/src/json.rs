//! Prints JSON: one document of a command, or one line of an endless one.

use std::fmt::Write as _;
use std::io::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use crate::failure::Failure;
use crate::printable::is_unprintable;

/// Prints a document, indented.
pub(crate) fn document(out: &mut dyn Write, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
    Ok(writeln!(out, "{}", escaped(&text))?)
}

/// Prints one line of JSON Lines, and flushes it for the program that reads it.
pub(crate) fn line(out: &mut dyn Write, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(std::io::Error::from)?;
    writeln!(out, "{}", escaped(&text))?;
    Ok(out.flush()?)
}

/// Escapes what a terminal would execute or hide. JSON has such characters in strings only, where
/// `\u` may replace any of them; line breaks within strings are escaped already.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character != '\n' && is_unprintable(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(character);
        }
    }
    text
}

/// An ID of 16 bits, as `0x1414`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(pub(crate) u16);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("0x{:04X}", self.0))
    }
}

/// A checksum or a status, as `0xC000003F`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u32);

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("0x{:08X}", self.0))
    }
}

/// A time, as `2026-11-28T12:00:00.000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) DateTime<Utc>);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.to_rfc3339_opts(SecondsFormat::Millis, true);
        serializer.serialize_str(&text)
    }
}

/// Bytes, as two hexadecimal digits each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Id, Word, document, line};

    #[test]
    fn a_terminal_executes_nothing_of_a_document_and_a_parser_reads_all_of_it() {
        let text = "a\u{1b}[2J\u{9b}\u{202e}\u{e0001}\n\"é";
        let (mut whole, mut single) = (Vec::new(), Vec::new());
        document(&mut whole, &text).expect("written");
        line(&mut single, &text).expect("written");
        for out in [whole, single] {
            let written = String::from_utf8(out).expect("text");
            let shown = written.trim_end();
            assert!(
                !shown.chars().any(crate::printable::is_unprintable),
                "{shown}"
            );
            assert_eq!(serde_json::from_str::<String>(shown).expect("JSON"), text);
        }
    }

    #[test]
    fn numbers_that_people_know_in_hexadecimal_are_written_so() {
        let mut out = Vec::new();
        let values = (Id(0xb1), Word(0xC000_003F), Bytes(vec![0, 0xAB]));
        line(&mut out, &values).expect("written");
        assert_eq!(out, b"[\"0x00B1\",\"0xC000003F\",\"00ab\"]\n");
    }
}
