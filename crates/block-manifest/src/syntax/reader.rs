//! Typed access to a TOML table, which reports values that do not fit.

use std::fmt::Write as _;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Constant, Value, Written};
use crate::diagnostic::{Diagnostic, Located, Sink, Span, closest, counted, listed, printable};
use crate::keys::{Default, Key, Section, Values, Words};

/// The constants of the manifest, and the sink of errors.
#[derive(Clone, Copy)]
pub(super) struct Input<'s> {
    pub(super) constants: &'s [Constant],
    pub(super) sink: &'s Sink,
}

impl<'s> Input<'s> {
    pub(super) fn constant(self, name: &str) -> Option<&'s Constant> {
        let mut constants = self.constants.iter();
        constants.find(|constant| constant.name.value == name)
    }

    /// The number that `value` is: an integer, or the name of a constant.
    pub(super) fn number(self, value: &Spanned<DeValue<'_>>) -> Option<i128> {
        match value.get_ref() {
            DeValue::String(name) => self.constant(name)?.value,
            _ => integer(value),
        }
    }
}

/// A table with its permitted keys and the sink of its errors.
pub(super) struct Reader<'a, 't> {
    table: &'a DeTable<'t>,
    section: &'static Section,
    /// The span of the table's header.
    pub(super) span: Span,
    /// Known keys that a misspelt key probably means.
    misspelt: Vec<&'static str>,
    input: Input<'a>,
    sink: &'a Sink,
}

impl<'a, 't> Reader<'a, 't> {
    /// Reports unknown keys and missing required keys.
    pub(super) fn new(
        table: &'a DeTable<'t>,
        section: &'static Section,
        span: Span,
        input: Input<'a>,
    ) -> Self {
        let sink = input.sink;
        let mut reader = Self {
            table,
            section,
            span,
            misspelt: Vec::new(),
            input,
            sink,
        };
        for (key, _) in table {
            if section.key(key.get_ref()).is_none() {
                reader.unknown_key(key.get_ref(), &key.span());
                reader.misspelt.extend(meant(key.get_ref(), section));
            }
        }
        for key in section.keys {
            let missing = key.default == Default::Required && !table.contains_key(key.name);
            if missing && !reader.misspelt.contains(&key.name) && !sink.is_incomplete() {
                reader.missing(key);
            }
        }
        reader
    }

    fn unknown_key(&self, key: &str, span: &Span) {
        // After a header that is not TOML, keys belong to a table that they were not meant for.
        if self.sink.is_incomplete() {
            return;
        }
        let header = self.section.header;
        let known = || self.section.keys.iter().map(|known| known.name);
        let diagnostic = Diagnostic::error(
            format!("unknown key `{key}` in {header}"),
            span,
            "no such key",
        );
        let diagnostic = match meant(key, self.section) {
            Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
            None => diagnostic,
        };
        self.sink
            .report(diagnostic.note(format!("the keys of {header} are {}", listed(known()))));
    }

    /// Reports that `key` is missing, unless it or `instead` is there.
    pub(super) fn missing_without(&self, key: &'static str, instead: &'static str) {
        let given = self.has(key) || self.has(instead);
        if let Some(key) = self.section.key(key)
            && !given
            && !self.sink.is_incomplete()
        {
            self.missing(key);
        }
    }

    fn missing(&self, key: &Key) {
        let message = format!("missing key `{}` in {}", key.name, self.section.header);
        self.sink.report(Diagnostic::error(
            message,
            &self.span,
            format!("`{}` is required: {}", key.name, key.values),
        ));
    }

    /// Distinguishes an absent `key` from a value that could not be read.
    pub(super) fn written<T>(&self, key: &'static str, value: Option<Located<T>>) -> Written<T> {
        match value {
            Some(value) => Written::Value(value),
            None if self.is_attempted(key) => Written::Unreadable,
            None => Written::Absent,
        }
    }

    /// Whether `key` is present, even if it is misspelt or unreadable.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.is_attempted(key)
    }

    fn is_attempted(&self, key: &'static str) -> bool {
        self.table.contains_key(key) || self.misspelt.contains(&key)
    }

    /// Whether everything under `key` can be read: it is absent or a table.
    pub(super) fn sees_table(&self, key: &'static str) -> bool {
        self.sees(key, DeValue::is_table)
    }

    /// Whether everything under `key` can be read: it is absent or an array of tables.
    pub(super) fn sees_tables(&self, key: &'static str) -> bool {
        self.sees(key, |value| {
            value
                .as_array()
                .is_some_and(|tables| tables.iter().all(|table| table.get_ref().is_table()))
        })
    }

    fn sees(&self, key: &'static str, fits: impl Fn(&DeValue<'t>) -> bool) -> bool {
        self.get(key).is_none_or(|value| fits(value.get_ref()))
            && !self.misspelt.contains(&key)
            && !self.sink.is_incomplete()
    }

    /// The value of `key`, unless it is absent or not TOML.
    pub(super) fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'t>>> {
        debug_assert!(
            self.section.key(key).is_some(),
            "`{key}` is not in the key table"
        );
        self.table.get(key).filter(|value| !is_placeholder(value))
    }

    pub(super) fn wrong_kind(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        if self.sink.is_incomplete() {
            return;
        }
        let found = value.get_ref().type_str();
        let message = format!(
            "`{key}` is {} {found}, and should be {wanted}",
            article(found)
        );
        self.sink
            .error(message, &value.span(), format!("expected {wanted}"));
    }

    pub(super) fn string(&self, key: &'static str) -> Option<Located<String>> {
        let value = self.get(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_kind(key, value, "a string");
            return None;
        };
        Some(Located::new(text.to_owned(), value.span()))
    }

    pub(super) fn boolean(&self, key: &'static str) -> Option<Located<bool>> {
        let value = self.get(key)?;
        let Some(boolean) = value.get_ref().as_bool() else {
            self.wrong_kind(key, value, "`true` or `false`");
            return None;
        };
        Some(Located::new(boolean, value.span()))
    }

    /// The range that the key table has for `key`.
    fn range(&self, key: &'static str) -> (u64, u64) {
        match self.section.key(key).map(|key| key.values) {
            Some(
                Values::Integers(min, max)
                | Values::Hexadecimal(min, max)
                | Values::OneOrMore(min, max, _),
            ) => (min, max),
            other => {
                debug_assert!(false, "`{key}` is no integer in the key table: {other:?}");
                (0, 0)
            }
        }
    }

    /// An integer within the range of its key.
    pub(super) fn integer<T: TryFrom<u64>>(&self, key: &'static str) -> Option<Located<T>> {
        self.integer_at(key, self.get(key)?, "an integer")
    }

    /// The same for a value that is already found.
    fn integer_at<T: TryFrom<u64>>(
        &self,
        key: &'static str,
        value: &Spanned<DeValue<'_>>,
        wanted: &str,
    ) -> Option<Located<T>> {
        let constant = value
            .get_ref()
            .as_str()
            .and_then(|name| self.input.constant(name));
        if constant.is_some_and(|constant| constant.value.is_none()) {
            // Reported where it is defined.
            return None;
        }
        if constant.is_none() && !value.get_ref().is_integer() {
            self.no_integer(key, value, wanted);
            return None;
        }
        let (min, max) = self.range(key);
        let given = self.input.number(value);
        let number = given
            .and_then(|number| u64::try_from(number).ok())
            .filter(|number| (min..=max).contains(number))
            .and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            let shown = match (constant, given) {
                (Some(constant), Some(given)) => format!("`{}` = {given}", constant.name.value),
                _ => written(value),
            };
            let message = format!("`{key}` is {shown}, and must be from {min} to {max}");
            self.sink
                .error(message, &value.span(), format!("not from {min} to {max}"));
        }
        number.map(|number| Located::new(number, value.span()))
    }

    /// Reports a value that is neither an integer nor the name of one.
    fn no_integer(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let known = || self.input.constants.iter();
        let name = value.get_ref().as_str().filter(|name| {
            name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        });
        let Some(name) = name.filter(|_| known().next().is_some()) else {
            self.wrong_kind(key, value, wanted);
            return;
        };
        let message = format!("`{key}` is \"{}\", which is no constant", printable(name));
        let names = known().map(|constant| constant.name.value.as_str());
        self.sink.report(
            Diagnostic::error(message, &value.span(), "expected an integer or a constant")
                .did_you_mean(name, names),
        );
    }

    /// An integer within the range of its key, or an array of different ones.
    pub(super) fn one_or_more<T: TryFrom<u64> + PartialEq>(
        &self,
        key: &'static str,
    ) -> Option<Vec<Located<T>>> {
        let value = self.get(key)?;
        let Some(elements) = value.get_ref().as_array() else {
            let one = self.integer_at(key, value, "an integer or an array of integers");
            return one.map(|number| vec![number]);
        };
        let most = match self.section.key(key).map(|key| key.values) {
            Some(Values::OneOrMore(_, _, most)) => most,
            _ => 1,
        };
        let mut is_sound = (1..=most).contains(&elements.len());
        if !is_sound {
            let message = format!(
                "`{key}` has {}, and must have 1 to {most}",
                counted(elements.len(), "element")
            );
            self.sink
                .error(message, &value.span(), format!("not 1 to {most} elements"));
        }
        let mut numbers: Vec<Located<T>> = Vec::new();
        for element in elements {
            let Some(number) = self.integer_at::<T>(key, element, "an integer") else {
                is_sound = false;
                continue;
            };
            if let Some(first) = numbers.iter().find(|other| other.value == number.value) {
                let message = format!("`{key}` has {} twice", written(element));
                self.sink.report(
                    Diagnostic::error(message, &number.span, "here again")
                        .related(&first.span, "first here"),
                );
                is_sound = false;
            }
            numbers.push(number);
        }
        is_sound.then_some(numbers)
    }

    /// One of several words.
    pub(super) fn choice<T: Copy, const N: usize>(
        &self,
        key: &'static str,
        words: &Words<T, N>,
    ) -> Option<Located<T>> {
        let text = self.string(key)?;
        let found = words.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            let known = || words.iter().map(|(word, _)| *word);
            let message = format!(
                "`{key}` is \"{}\", and must be {}",
                printable(&text.value),
                alternatives(known())
            );
            self.sink.report(
                Diagnostic::error(message, &text.span, "not one of them")
                    .did_you_mean(&text.value, known()),
            );
        }
        found.map(|(_, value)| Located::new(*value, text.span))
    }

    /// A table within this one.
    pub(super) fn table(&self, key: &'static str) -> Option<(&'a DeTable<'t>, Span)> {
        let value = self.get(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_kind(key, value, "a table");
            return None;
        };
        Some((table, value.span()))
    }

    /// The tables of an array of tables.
    pub(super) fn tables(&self, key: &'static str) -> Vec<(&'a DeTable<'t>, Span)> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_kind(
                key,
                value,
                "an array of tables: write its header in double brackets",
            );
            return Vec::new();
        };
        let tables = array.iter().filter_map(|element| {
            let table = element.get_ref().as_table();
            if table.is_none() {
                self.wrong_kind(key, element, "a table");
            }
            Some((table?, element.span()))
        });
        tables.collect()
    }

    /// The strings of an array.
    pub(super) fn strings(&self, key: &'static str) -> Vec<Located<String>> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_kind(key, value, "an array of strings");
            return Vec::new();
        };
        let strings = array.iter().filter_map(|element| {
            let text = element.get_ref().as_str();
            if text.is_none() {
                self.wrong_kind(key, element, "a string");
            }
            Some(Located::new(text?.to_owned(), element.span()))
        });
        strings.collect()
    }

    /// A value of a field, whatever the field's type.
    pub(super) fn value(&self, key: &'static str) -> Option<Located<Value>> {
        self.any_value(key, self.get(key)?)
    }

    fn any_value(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Located<Value>> {
        let found = match value.get_ref() {
            DeValue::Integer(_) => {
                let number = self.any_integer(key, value)?;
                Value::Number(number)
            }
            DeValue::String(text) => Value::Text(text.clone().into_owned()),
            DeValue::Array(elements) => {
                let elements: Vec<_> = elements
                    .iter()
                    .map(|element| self.any_value(key, element))
                    .collect();
                Value::List(elements.into_iter().collect::<Option<_>>()?)
            }
            _ => {
                self.wrong_kind(key, value, "a number, the name of one, or an array");
                return None;
            }
        };
        Some(Located::new(found, value.span()))
    }

    fn any_integer(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<i128> {
        let number = integer(value);
        if number.is_none() {
            let message = format!(
                "`{key}` is {}, and integers of the language have 64 bits",
                written(value)
            );
            self.sink.error(
                message,
                &value.span(),
                format!("not from {} to {}", i64::MIN, u64::MAX),
            );
        }
        number
    }

    /// The entries of a table with keys of the author's choice, in the order of the text.
    pub(super) fn entries(
        table: &'a DeTable<'t>,
    ) -> Vec<(Located<String>, &'a Spanned<DeValue<'t>>)> {
        let entries = table.iter().filter(|(_, value)| !is_placeholder(value));
        let mut entries: Vec<_> = entries
            .map(|(key, value)| (Located::new(key.get_ref().to_string(), key.span()), value))
            .collect();
        entries.sort_by_key(|(key, _)| key.span.start);
        entries
    }
}

/// The key of `section` that an unknown one probably means: that of another word for it, or the most
/// similar one.
fn meant(key: &str, section: &'static Section) -> Option<&'static str> {
    const OTHER_WORDS: [(&str, &str); 3] = [
        ("description", "doc"),
        ("comment", "doc"),
        ("access", "vf-access"),
    ];
    let known = || section.keys.iter().map(|known| known.name);
    let other = OTHER_WORDS.iter().find(|(word, _)| *word == key);
    other
        .and_then(|(_, meant)| known().find(|known| known == meant))
        .or_else(|| closest(key, known()))
}

/// Where the text is not TOML, the parser leaves a value without a span; the error is reported
/// already.
fn is_placeholder(value: &Spanned<DeValue<'_>>) -> bool {
    value.span().is_empty()
}

/// The value of an integer that fits into 64 bits, signed or unsigned.
pub(super) fn integer(value: &Spanned<DeValue<'_>>) -> Option<i128> {
    let integer = value.get_ref().as_integer()?;
    let number = i128::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    (i64::MIN.into()..=u64::MAX.into())
        .contains(&number)
        .then_some(number)
}

/// An integer as it is written, without separators.
pub(super) fn written(value: &Spanned<DeValue<'_>>) -> String {
    value.get_ref().as_integer().map_or_else(
        || value.get_ref().type_str().to_owned(),
        ToString::to_string,
    )
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    }
}

/// The words as a choice: `"a", "b" or "c"`.
fn alternatives<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<&str> = words.collect();
    let mut text = String::new();
    for (index, word) in words.iter().enumerate() {
        let separator = match index {
            0 => "",
            _ if index + 1 == words.len() => " or ",
            _ => ", ",
        };
        let _ = write!(text, "{separator}\"{word}\"");
    }
    text
}
