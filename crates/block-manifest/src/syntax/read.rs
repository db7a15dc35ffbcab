//! Reads the tables of the language, key by key.

use block_table::MAX_NAME_LENGTH;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::headers;
use super::reader::{Input, Reader, integer, written};
use super::{
    Bits, Block, Constant, Device, Entry, Enum, Field, File, Group, Layout, Limits, List, Valid,
    Written,
};
use crate::diagnostic::{Diagnostic, Located, Sink, Span, counted, printable};
use crate::keys;
use crate::model::Covered;
use crate::types::{Integer, Type};

/// The highest bit of the widest integer.
const HIGHEST_BIT: u8 = 63;

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

/// The fields of a structure or of a group, which have the keys of `section`.
fn plain_fields(
    reader: &Reader<'_, '_>,
    section: &'static keys::Section,
    input: Input<'_>,
) -> Vec<Field> {
    let fields = reader.tables("field").into_iter();
    fields
        .map(|(table, span)| {
            let reader = Reader::new(table, section, span, input);
            reader.missing_without("type", "use");
            plain_field(&reader, input)
        })
        .collect()
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

/// The lists of a block or a layout.
fn lists(reader: &Reader<'_, '_>, input: Input<'_>) -> Vec<List> {
    let lists = reader.tables("list").into_iter();
    lists
        .map(|(table, span)| list(table, span, input))
        .collect()
}

/// Whether `lists` has every list of a table, with the names of all fields.
fn knows_lists(reader: &Reader<'_, '_>, lists: &[List]) -> bool {
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

/// Whether `fields` has every field of a table, with its name.
fn knows_fields(reader: &Reader<'_, '_>, fields: &[Field]) -> bool {
    reader.sees_tables("field") && fields.iter().all(|field| field.name.is_some())
}

fn fields(reader: &Reader<'_, '_>, input: Input<'_>) -> Vec<Field> {
    reader
        .tables("field")
        .into_iter()
        .map(|(table, span)| field(table, span, input))
        .collect()
}

fn field(table: &DeTable<'_>, span: Span, input: Input<'_>) -> Field {
    let reader = Reader::new(table, &keys::FIELD, span, input);
    let inner = plain_fields(&reader, &keys::ELEMENT, input);
    let elements = reader.written("elements", reader.integer("elements"));
    let field = plain_field(&reader, input);
    Field {
        owner: reader.choice("owner", &keys::OWNER),
        sequence: reader.choice("sequence", &keys::SEQUENCE),
        on_reset: reader.choice("on-reset", &keys::ON_RESET),
        check: checksum(&reader, input),
        elements,
        knows_inner: knows_fields(&reader, &inner),
        inner,
        require: reader.strings("require"),
        ..field
    }
}

/// What a checksum is of: a word, or a table that says more.
fn checksum(reader: &Reader<'_, '_>, input: Input<'_>) -> Option<Located<Covered>> {
    let value = reader.get("check")?;
    if value.get_ref().is_str() {
        return reader.choice("check", &keys::CHECK);
    }
    let Some(table) = value.get_ref().as_table() else {
        reader.wrong_kind("check", value, "a string or a table");
        return None;
    };
    let covering = Reader::new(table, &keys::COVERING, value.span(), input);
    let covered = covering.choice("crc32", &keys::COVERED)?;
    Some(Located::new(covered.value, value.span()))
}

/// The keys that a field has in a block, in a layout and in a structure.
fn plain_field(reader: &Reader<'_, '_>, input: Input<'_>) -> Field {
    let bits = reader
        .table("bits")
        .map(|(table, span)| Located::new(bits(table, input), span));
    Field {
        name: name(reader, "a field", input),
        doc: reader.string("doc").map(|doc| doc.value),
        offset: reader.written("offset", reader.integer("offset")),
        ty: reader
            .string("type")
            .map(|text| with_number(text, input))
            .and_then(|text| match Type::parse(&text.value) {
                Ok(ty) => Some(Located::new(ty, text.span)),
                Err(error) => {
                    input.sink.report(error.diagnostic(&text));
                    None
                }
            }),
        has_type: reader.has("type"),
        group: reader.written("use", reader.string("use")),
        member: None,
        owner: None,
        default: reader.value("default"),
        valid: reader
            .table("valid")
            .map(|(table, span)| valid(table, span, input))
            .unwrap_or_default(),
        bits: reader.written("bits", bits),
        count: reader.string("count"),
        behind: reader.choice("behind", &keys::BEHIND),
        elements: Written::Absent,
        inner: Vec::new(),
        knows_inner: true,
        require: Vec::new(),
        sequence: None,
        on_reset: None,
        check: None,
        header: reader.span.clone(),
    }
}

/// The text of a type, with the value of a constant that is its number of elements.
fn with_number(text: Located<String>, input: Input<'_>) -> Located<String> {
    let constant = text.value.split_once('[').and_then(|(element, rest)| {
        let constant = input.constant(rest.strip_suffix(']')?)?;
        Some(format!("{element}[{}]", constant.value?))
    });
    Located {
        value: constant.unwrap_or(text.value),
        span: text.span,
    }
}

fn valid(table: &DeTable<'_>, span: Span, input: Input<'_>) -> Valid {
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

fn bits(table: &DeTable<'_>, input: Input<'_>) -> Vec<Bits> {
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

/// The name of a table. An invalid name is reported and still used to resolve references.
fn name(reader: &Reader<'_, '_>, what: &str, input: Input<'_>) -> Option<Located<String>> {
    let name = reader.string("name")?;
    check_name(&name, what, input);
    Some(name)
}

/// Reports a `name` that cannot stand in an expression and in generated code.
fn check_name(name: &Located<String>, what: &str, input: Input<'_>) {
    let text = &name.value;
    let letters = text
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'));
    let joined = text
        .split('-')
        .skip(1)
        .all(|part| part.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_'));
    let begins = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    let fits = letters && joined && begins && text.len() <= MAX_NAME_LENGTH;
    if !fits {
        let message = format!("`{}` cannot be the name of {what}", printable(text));
        let rule = format!(
            "a name has 1 to {MAX_NAME_LENGTH} ASCII letters, digits, `_` and `-`, begins with a letter or `_`, and so does each part after a `-`"
        );
        input
            .sink
            .report(Diagnostic::error(message, &name.span, "not a name").note(rule));
    }
}
