//! Reads the tables of the language, key by key.

use block_table::MAX_NAME_LENGTH;
use toml::de::DeTable;

use super::fields::{fields, knows_fields, plain_fields};
use super::headers;
use super::list::{knows_lists, lists};
use super::names::{check_name, name};
use super::reader::{Input, Reader, integer, written};
use super::{Block, Constant, Device, Enum, File, Group, Layout, Limits};
use crate::diagnostic::{Diagnostic, Located, Sink, Span, counted, printable};
use crate::keys;

/// Reads `text`. Reports and omits what cannot be read.
pub(crate) fn file(text: &str, sink: &Sink) -> File {
    let (document, errors) = DeTable::parse_recoverable(text);
    let errors = errors
        .iter()
        .map(|error| (error.message(), error.span().unwrap_or(0..text.len())));
    report_syntax(errors.collect(), text, sink);
    let without_constants = Input {
        constants: &[],
        sink,
    };
    let reader = Reader::new(document.get_ref(), &keys::FILE, 0..0, without_constants);
    let constants = reader
        .table("const")
        .map(|(table, _)| constants(table, without_constants))
        .unwrap_or_default();
    let input = Input {
        constants: &constants,
        sink,
    };
    let no_blocks = document.get_ref().get("block").filter(|value| {
        value
            .get_ref()
            .as_array()
            .is_some_and(|blocks| blocks.is_empty())
    });
    if let Some(value) = no_blocks {
        sink.error(
            "the manifest has no blocks",
            &value.span(),
            "expected at least one `[[block]]`",
        );
    }
    let device = reader
        .table("device")
        .map(|(table, span)| device(table, span, input));
    let limits = reader
        .table("limits")
        .map(|(table, span)| limits(table, span, input));
    let enums = reader
        .table("enum")
        .map(|(table, _)| enums(table, input))
        .unwrap_or_default();
    let groups = reader
        .table("group")
        .map(|(table, _)| groups(table, input))
        .unwrap_or_default();
    let blocks = reader.tables("block").into_iter();
    let blocks = blocks
        .map(|(table, span)| block(table, span, input))
        .collect();
    File {
        device,
        limits,
        enums,
        knows_enums: reader.sees_table("enum"),
        groups,
        knows_groups: reader.sees_table("group"),
        blocks,
        knows_constants: reader.sees_table("const"),
        constants,
    }
}

/// Reports the parser's errors. If a table occurs twice because of a wrong header, that header is
/// reported instead.
fn report_syntax(errors: Vec<(&str, Span)>, text: &str, sink: &Sink) {
    let repeats = |(message, _): &(&str, Span)| *message == "duplicate key";
    let mut errors = without_repeated_tables(errors, text);
    if errors.iter().any(repeats) {
        let misplaced = headers::misplaced(text);
        if !misplaced.is_empty() {
            errors.retain(|error| !repeats(error));
            sink.set_incomplete();
        }
        for diagnostic in misplaced {
            sink.report(diagnostic);
        }
    }
    for (message, span) in errors {
        sink.set_incomplete();
        sink.error(format!("not TOML: {message}"), &span, "");
    }
}

/// Omits the parser's errors about the keys of a table that occurs twice: one error about the
/// table's header is enough.
fn without_repeated_tables<'e>(errors: Vec<(&'e str, Span)>, text: &str) -> Vec<(&'e str, Span)> {
    let mut repeated = 0..0;
    let outside = errors.into_iter().filter(|(message, span)| {
        if *message != "duplicate key" {
            return true;
        }
        let is_header = text
            .get(..span.start)
            .is_some_and(|before| before.trim_end_matches([' ', '\t']).ends_with('['));
        let inside = repeated.contains(&span.start);
        if is_header {
            let next = text[span.start..].find("\n[");
            repeated = span.start..next.map_or(text.len(), |next| span.start + next);
        }
        is_header || !inside
    });
    outside.collect()
}

fn device(table: &DeTable<'_>, span: Span, input: Input<'_>) -> Device {
    let reader = Reader::new(table, &keys::DEVICE, span, input);
    let name = reader.string("name").filter(|name| {
        let fits = (1..=MAX_NAME_LENGTH).contains(&name.value.len())
            && !name.value.chars().any(char::is_control);
        if !fits {
            let message = format!(
                "the device's name has {}, and must have 1 to {MAX_NAME_LENGTH} without control characters",
                counted(name.value.len(), "byte")
            );
            input.sink.error(message, &name.span, "");
        }
        fits
    });
    Device {
        name,
        vendor_id: reader.integer("vendor-id"),
        device_ids: reader.one_or_more("device-id"),
        max_vfs: reader.integer("max-vfs"),
        reset: reader.written("reset", reader.choice("reset", &keys::RESET)),
        reset_timeout: reader.integer("reset-timeout"),
        header: reader.span,
    }
}

fn limits(table: &DeTable<'_>, span: Span, input: Input<'_>) -> Limits {
    let reader = Reader::new(table, &keys::LIMITS, span, input);
    Limits {
        writes_per_second: reader.integer("writes-per-second"),
        burst: reader.integer("burst"),
    }
}

fn constants(table: &DeTable<'_>, input: Input<'_>) -> Vec<Constant> {
    let named = Reader::entries(table).into_iter().map(|(name, value)| {
        check_name(&name, "a constant", input);
        let number = integer(value);
        if number.is_none() {
            let message = format!(
                "constant `{}` is {}, and must be an integer from {} to {}",
                printable(&name.value),
                written(value),
                i64::MIN,
                u64::MAX
            );
            input
                .sink
                .error(message, &value.span(), "expected an integer");
        }
        Constant {
            name,
            value: number,
        }
    });
    named.collect()
}

fn enums(table: &DeTable<'_>, input: Input<'_>) -> Vec<Enum> {
    let named = Reader::entries(table).into_iter().map(|(name, value)| {
        check_name(&name, "an enumeration", input);
        let members = if let Some(table) = value.get_ref().as_table() {
            members(&name, table, input)
        } else {
            let message = format!(
                "enumeration `{}` is not a table of named values",
                printable(&name.value)
            );
            input.sink.error(message, &value.span(), "expected a table");
            Vec::new()
        };
        Enum { name, members }
    });
    named.collect()
}

fn members(
    name: &Located<String>,
    table: &DeTable<'_>,
    input: Input<'_>,
) -> Vec<(Located<String>, Option<i128>)> {
    let members = Reader::entries(table).into_iter().map(|(member, value)| {
        check_name(&member, "a named value", input);
        let number = input.number(value);
        if number.is_none() {
            let message = format!(
                "`{}.{}` is {}, and must be an integer from {} to {}",
                printable(&name.value),
                printable(&member.value),
                written(value),
                i64::MIN,
                u64::MAX
            );
            input
                .sink
                .error(message, &value.span(), "expected an integer");
        }
        (member, number)
    });
    let members: Vec<_> = members.collect();
    report_range(name, &members, input);
    if members.is_empty() {
        input.sink.error(
            format!("enumeration `{}` has no values", printable(&name.value)),
            &name.span,
            "expected `name = value` below",
        );
    }
    members
}

fn groups(table: &DeTable<'_>, input: Input<'_>) -> Vec<Group> {
    let named = Reader::entries(table).into_iter().map(|(name, value)| {
        check_name(&name, "a group", input);
        let Some(table) = value.get_ref().as_table() else {
            let message = format!("group `{}` is not a table", printable(&name.value));
            let expected = "expected a table with fields";
            input.sink.error(message, &value.span(), expected);
            return Group {
                name,
                fields: Vec::new(),
                knows_fields: false,
            };
        };
        let reader = Reader::new(table, &keys::GROUP, name.span.clone(), input);
        let fields = plain_fields(&reader, &keys::MEMBER, input);
        Group {
            knows_fields: reader.has("field") && knows_fields(&reader, &fields),
            fields,
            name,
        }
    });
    named.collect()
}

/// Reports values of an enumeration that no integer can have together.
fn report_range(
    name: &Located<String>,
    members: &[(Located<String>, Option<i128>)],
    input: Input<'_>,
) {
    let find = |wanted: fn(i128) -> bool| {
        let mut members = members.iter();
        members.find(|(_, value)| value.is_some_and(wanted))
    };
    let negative = find(|value| value < 0);
    let large = find(|value| value > i64::MAX.into());
    if let (Some((negative, _)), Some((large, _))) = (negative, large) {
        let name = printable(&name.value);
        let message = format!(
            "`{name}.{}` is negative, and no integer holds it and `{name}.{}`",
            printable(&negative.value),
            printable(&large.value)
        );
        let diagnostic = Diagnostic::error(message, &negative.span, "negative");
        input
            .sink
            .report(diagnostic.related(&large.span, format!("more than {}", i64::MAX)));
    }
}

fn block(table: &DeTable<'_>, span: Span, input: Input<'_>) -> Block {
    let reader = Reader::new(table, &keys::BLOCK, span, input);
    let fields = fields(&reader, input);
    let layouts: Vec<Layout> = reader
        .tables("layout")
        .into_iter()
        .map(|(table, span)| layout(table, span, input))
        .collect();
    let lists = lists(&reader, input);
    Block {
        id: reader.integer("id"),
        name: name(&reader, "a block", input),
        doc: reader.string("doc").map(|doc| doc.value),
        kind: reader.written("kind", reader.choice("kind", &keys::KIND)),
        vf_access: reader.choice("vf-access", &keys::VF_ACCESS),
        length: reader.written("length", reader.integer("length")),
        min_length: reader.written("min-length", reader.integer("min-length")),
        max_length: reader.written("max-length", reader.integer("max-length")),
        notify: reader.boolean("notify"),
        short_read: reader.choice("short-read", &keys::SHORT_READ),
        on_reset: reader.choice("on-reset", &keys::ON_RESET),
        depth: reader.integer("depth"),
        when_full: reader.choice("when-full", &keys::WHEN_FULL),
        companion: reader.choice("companion", &keys::COMPANION),
        uses: reader.strings("uses"),
        require: reader.strings("require"),
        knows_fields: knows_fields(&reader, &fields)
            && reader.sees_tables("layout")
            && layouts.iter().all(|layout| layout.knows_fields)
            && knows_lists(&reader, &lists),
        fields,
        layouts,
        lists,
        header: reader.span,
    }
}

fn layout(table: &DeTable<'_>, span: Span, input: Input<'_>) -> Layout {
    let reader = Reader::new(table, &keys::LAYOUT, span, input);
    let fields = fields(&reader, input);
    let lists = lists(&reader, input);
    Layout {
        name: name(&reader, "a layout", input),
        doc: reader.string("doc").map(|doc| doc.value),
        when: reader.string("when"),
        require: reader.strings("require"),
        knows_fields: knows_fields(&reader, &fields) && knows_lists(&reader, &lists),
        fields,
        lists,
        header: reader.span,
    }
}
