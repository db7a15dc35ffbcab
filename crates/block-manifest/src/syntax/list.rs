//! Reads lists of entries.

use toml::de::DeTable;

use super::fields::{knows_fields, plain_fields};
use super::names::name;
use super::reader::{Input, Reader};
use super::{Entry, List};
use crate::diagnostic::{Diagnostic, Located, Span};
use crate::keys;
use crate::types::{Integer, Type};

/// The lists of a block or a layout.
pub(super) fn lists(reader: &Reader<'_, '_>, input: Input<'_>) -> Vec<List> {
    let lists = reader.tables("list").into_iter();
    lists
        .map(|(table, span)| list(table, span, input))
        .collect()
}

/// Whether `lists` has every list of a table, with the names of all fields.
pub(super) fn knows_lists(reader: &Reader<'_, '_>, lists: &[List]) -> bool {
    reader.sees_tables("list") && lists.iter().all(|list| list.knows_entries)
}

fn list(table: &DeTable<'_>, span: Span, input: Input<'_>) -> List {
    let reader = Reader::new(table, &keys::LIST, span, input);
    let entries = reader.tables("entry").into_iter();
    let entries: Vec<Entry> = entries
        .map(|(table, span)| entry(table, span, input))
        .collect();
    List {
        name: name(&reader, "a list", input),
        doc: reader.string("doc").map(|doc| doc.value),
        offset: reader.written("offset", reader.integer("offset")),
        tag_type: integer_type(&reader, "type", "tag", input),
        length_type: integer_type(&reader, "length", "length", input),
        length_counts: reader.choice("length-counts", &keys::LENGTH_COUNTS),
        owner: reader.choice("owner", &keys::OWNER),
        end: reader.written("end", reader.value("end")),
        behind: reader.choice("behind", &keys::BEHIND),
        unknown: reader.written("unknown", reader.choice("unknown", &keys::UNKNOWN)),
        except: reader.value("except"),
        knows_entries: reader.sees_tables("entry")
            && entries.iter().all(|entry| entry.knows_fields),
        entries,
        header: reader.span,
    }
}

fn entry(table: &DeTable<'_>, span: Span, input: Input<'_>) -> Entry {
    let reader = Reader::new(table, &keys::ENTRY, span, input);
    let fields = plain_fields(&reader, &keys::ELEMENT, input);
    Entry {
        when: reader.value("when"),
        name: name(&reader, "an entry", input),
        doc: reader.string("doc").map(|doc| doc.value),
        once: reader.boolean("once"),
        behind: reader.choice("behind", &keys::BEHIND),
        require: reader.strings("require"),
        knows_fields: knows_fields(&reader, &fields),
        fields,
        header: reader.span,
    }
}

/// The integer type in `key`, that of `what` of each entry.
fn integer_type(
    reader: &Reader<'_, '_>,
    key: &'static str,
    what: &str,
    input: Input<'_>,
) -> Option<Located<Integer>> {
    let text = reader.string(key)?;
    match Type::parse(&text.value) {
        Ok(Type::Integer(integer)) if !integer.signed => {
            return Some(Located::new(integer, text.span));
        }
        Ok(ty) => {
            let message =
                format!("the {what} of an entry is {ty}, and must be a single unsigned integer");
            let diagnostic = Diagnostic::error(message, &text.span, "not an unsigned integer");
            input
                .sink
                .report(diagnostic.help("a type such as `u16` or `u16be`"));
        }
        Err(error) => input.sink.report(error.diagnostic(&text)),
    }
    None
}
