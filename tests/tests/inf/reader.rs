//! Reads an INF into sections, keys and values.

use std::collections::BTreeMap;

/// An INF as its sections. Section names and keys are compared without regard to case, as Windows
/// does.
pub(crate) struct Inf(pub(crate) BTreeMap<String, Vec<Entry>>);

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Left of the `=`, if there is one.
    pub(crate) key: Option<String>,
    /// The values, without quotation marks.
    pub(crate) values: Vec<String>,
}

impl Inf {
    pub(crate) fn parse(text: &str) -> Self {
        assert!(text.is_ascii(), "read by every installer alike");
        let mut sections: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        let mut current = None;
        for line in text.replace("\\\r\n", "").split("\r\n") {
            let line = without_comment(line).trim();
            if let Some(name) = line.strip_prefix('[') {
                let name = name
                    .strip_suffix(']')
                    .expect("a section ends with a bracket")
                    .to_lowercase();
                assert!(
                    sections.insert(name.clone(), vec![]).is_none(),
                    "[{name}] stands once"
                );
                current = Some(name);
            } else if !line.is_empty() {
                let section = current.as_ref().expect("entries stand in a section");
                sections
                    .get_mut(section)
                    .expect("it was inserted")
                    .push(entry(line));
            }
        }
        Self(sections)
    }

    pub(crate) fn section(&self, name: &str) -> &[Entry] {
        self.0
            .get(&name.to_lowercase())
            .unwrap_or_else(|| panic!("[{name}] is missing"))
    }

    /// The values of a key that occurs once in a section.
    pub(crate) fn values(&self, section: &str, key: &str) -> Vec<String> {
        let mut found = self.section(section).iter().filter(|entry| {
            entry
                .key
                .as_ref()
                .is_some_and(|name| name.eq_ignore_ascii_case(key))
        });
        let entry = found
            .next()
            .unwrap_or_else(|| panic!("[{section}] has no {key}"));
        assert!(found.next().is_none(), "[{section}] has {key} once");
        entry.values.clone()
    }

    pub(crate) fn value(&self, section: &str, key: &str) -> String {
        let values = self.values(section, key);
        assert_eq!(values.len(), 1, "[{section}] {key}");
        values[0].clone()
    }

    /// A value with its string token replaced.
    pub(crate) fn text(&self, value: &str) -> String {
        match value
            .strip_prefix('%')
            .and_then(|value| value.strip_suffix('%'))
        {
            Some(token) => self.value("Strings", token),
            None => value.to_owned(),
        }
    }
}

fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    for (at, character) in line.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ';' if !quoted => return &line[..at],
            _ => {}
        }
    }
    line
}

fn entry(line: &str) -> Entry {
    let (key, values) = match line.split_once('=') {
        Some((key, values)) if !key.contains('"') => (Some(key.trim().to_owned()), values),
        _ => (None, line),
    };
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for character in values.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().expect("there is one").push(character),
        }
    }
    Entry {
        key,
        values: fields.iter().map(|field| field.trim().to_owned()).collect(),
    }
}
