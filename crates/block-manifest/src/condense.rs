//! Condenses a manifest to what its block table contains of it: everything but comments, `doc` keys
//! and white space.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The key that documents an element of an array of tables: a block, a layout or a field. In other
/// tables it is a name of the author's choice.
const DOCUMENTATION: &str = "doc";

/// The key of the groups.
const GROUPS: &str = "group";

/// A manifest of the same meaning as `text`, which is one; nothing if `text` is not TOML.
///
/// A condensed manifest is condensed to itself, so it compiles to the table that contains it.
pub(crate) fn condensed(text: &str) -> String {
    let mut out = String::new();
    if let Ok(document) = DeTable::parse(text) {
        write_table(&mut out, "", document.get_ref());
    }
    out
}

/// Writes the keys of the table `path`, and then the tables in its arrays. All of these have the
/// order of the text: a field without an offset follows the one before it.
fn write_table(out: &mut String, path: &str, table: &DeTable<'_>) {
    let mut tables = Vec::new();
    let mut groups = None;
    for (key, value) in entries(table) {
        if path.is_empty()
            && key == GROUPS
            && let Some(table) = value.get_ref().as_table()
        {
            groups = Some(table);
        } else if let Some(elements) = tables_of(value) {
            tables.extend(elements.into_iter().map(|element| (key, element)));
        } else if path.is_empty() || key != DOCUMENTATION {
            write_entry(out, key, value);
            out.push('\n');
        }
    }
    if let Some(groups) = groups {
        write_groups(out, groups);
    }
    tables.sort_by_key(|(_, (start, _))| *start);
    for (key, (_, table)) in tables {
        let mut path = path.to_owned();
        if !path.is_empty() {
            path.push('.');
        }
        write_key(&mut path, key);
        out.extend(["[[", &path, "]]\n"]);
        write_table(out, &path, table);
    }
}

/// Writes the groups, whose fields are tables in arrays like those of blocks.
fn write_groups(out: &mut String, groups: &DeTable<'_>) {
    for (name, group) in entries(groups) {
        let mut path = format!("{GROUPS}.");
        write_key(&mut path, name);
        if let Some(group) = group.get_ref().as_table() {
            write_table(out, &path, group);
        }
    }
}

/// The tables that an array consists of, with their places in the text.
fn tables_of<'d, 't>(value: &'d Spanned<DeValue<'t>>) -> Option<Vec<(usize, &'d DeTable<'t>)>> {
    let elements = value.get_ref().as_array()?.iter();
    let tables: Option<Vec<_>> = elements
        .map(|element| Some((element.span().start, element.get_ref().as_table()?)))
        .collect();
    tables.filter(|tables| !tables.is_empty())
}

/// The entries in the order of the text.
fn entries<'d, 't>(table: &'d DeTable<'t>) -> Vec<(&'d str, &'d Spanned<DeValue<'t>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let named = entries.into_iter();
    named
        .map(|(key, value)| (&**key.get_ref(), value))
        .collect()
}

fn write_entry(out: &mut String, key: &str, value: &Spanned<DeValue<'_>>) {
    write_key(out, key);
    out.push('=');
    write_value(out, value);
}

fn write_key(out: &mut String, key: &str) {
    let is_bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if !key.is_empty() && key.chars().all(is_bare) {
        out.push_str(key);
    } else {
        write_string(out, key);
    }
}

fn write_value(out: &mut String, value: &Spanned<DeValue<'_>>) {
    match value.get_ref() {
        DeValue::String(text) => write_string(out, text),
        DeValue::Integer(number) => out.push_str(&number.to_string()),
        DeValue::Float(number) => out.push_str(&number.to_string()),
        DeValue::Boolean(value) => out.push_str(&value.to_string()),
        DeValue::Datetime(time) => out.push_str(&time.to_string()),
        DeValue::Array(elements) => {
            write_list(out, ['[', ']'], elements.iter(), write_value);
        }
        DeValue::Table(table) => {
            let entries = entries(table).into_iter();
            write_list(out, ['{', '}'], entries, |out, (key, value)| {
                write_entry(out, key, value);
            });
        }
    }
}

fn write_list<T>(
    out: &mut String,
    [start, end]: [char; 2],
    elements: impl Iterator<Item = T>,
    write: impl Fn(&mut String, T),
) {
    out.push(start);
    for (index, element) in elements.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, element);
    }
    out.push(end);
}

fn write_string(out: &mut String, text: &str) {
    out.push_str(&toml::Value::from(text).to_string());
}
