//! Lists of entries with a tag and a length: the last thing of a block or of a layout.

use block_table::MAX_ENTRIES;

use super::context::Context;
use super::elements::{self, Around, Part};
use super::field::{self, BlockContext};
use super::names;
use super::valid::Numbers;
use crate::diagnostic::{Diagnostic, Located, Span, counted, printable};
use crate::keys;
use crate::model::{Entry, Field, List, Structure, Tag, Unknown};
use crate::syntax::{self, Written};
use crate::types::{Integer, low_bits};

/// Where a list is, as it is written.
pub(super) struct Frame<'f> {
    /// The lists of the block or of the layout.
    pub(super) lists: &'f [syntax::List],
    /// The end of the field before; `None` if it is invalid, which is reported already.
    pub(super) next: Option<usize>,
    /// The length of the block in bytes.
    pub(super) length: u8,
    pub(super) block: BlockContext,
    /// A layout of a block whose own list this is.
    pub(super) first_layout: Option<&'f syntax::Layout>,
}

/// The list of a block or a layout, if there is one and it is valid. `fields` are those that it may
/// not overlap.
pub(super) fn check(
    frame: &Frame<'_>,
    fields: &[&Field],
    around: &Around<'_>,
    context: Context<'_>,
) -> Option<List> {
    let (written, others) = frame.lists.split_first()?;
    exclusive(written, others, frame, context);
    let name = name(written, fields, context);
    let what = format!("list `{name}`");
    let owner = field::owner(written.owner.as_ref(), &what, frame.block, context);
    let tag_type = written.tag_type.as_ref().map(|ty| ty.value);
    let length_type = written.length_type.as_ref().map(|ty| ty.value);
    let header = tag_type
        .zip(length_type)
        .map(|(tag, length)| tag.width() + length.width());
    let place = place(written, frame, header, fields, context);
    let end = written
        .end
        .value()
        .and_then(|end| tag(end, tag_type, context));
    let except = written
        .except
        .as_ref()
        .and_then(|bits| tag(bits, tag_type, context));
    useful(written, context);
    let entries = Entries {
        visible: fields,
        header,
        tag_type,
        room: place.map(|(_, length)| length),
        block: frame.block,
    };
    let entries = entries.check(written, around, context);
    let (offset, length) = place?;
    if written.end.is_unreadable() || written.end.value().is_some() && end.is_none() {
        return None;
    }
    let of_list = |entry: Entry| Entry {
        structure: Structure {
            fields: entry
                .structure
                .fields
                .into_iter()
                .map(|inner| Field { owner, ..inner })
                .collect(),
            ..entry.structure
        },
        ..entry
    };
    let mut list = List {
        name,
        doc: written.doc.clone(),
        offset,
        length,
        owner,
        tag_type: tag_type?,
        length_type: length_type?,
        length_counts: written
            .length_counts
            .as_ref()
            .map_or(keys::LENGTH_COUNTS[0].1, |counts| counts.value),
        end,
        behind: written
            .behind
            .as_ref()
            .map_or(keys::BEHIND[0].1, |behind| behind.value),
        unknown: written
            .unknown
            .value()
            .map_or(keys::UNKNOWN[0].1, |unknown| unknown.value),
        except: except.map_or(0, |bits| bits.value),
        entries: entries.into_iter().map(of_list).collect(),
        default: Vec::new(),
        span: written.header.clone(),
    };
    list.default = list.end_bytes();
    list.default.resize(length.into(), 0);
    Some(list)
}

/// Reports a second list, and one of a block with layouts.
fn exclusive(
    written: &syntax::List,
    others: &[syntax::List],
    frame: &Frame<'_>,
    context: Context<'_>,
) {
    if let Some(second) = others.first() {
        let diagnostic = Diagnostic::error(
            "there are two lists",
            &second.header,
            "after the end of the first one nothing follows",
        );
        context
            .sink
            .report(diagnostic.related(&written.header, "the first one"));
    }
    if let Some(layout) = frame.first_layout {
        let diagnostic = Diagnostic::error(
            "a block with layouts has no list of its own",
            &written.header,
            "the bytes after the fields belong to the layouts",
        );
        context.sink.report(
            diagnostic
                .related(&layout.header, "a layout")
                .help("write `[[block.layout.list]]` after the layout that has the list"),
        );
    }
}

/// The given name, or the first free one.
fn name(written: &syntax::List, fields: &[&Field], context: Context<'_>) -> String {
    let is_taken = |name: &str| {
        let name = names::normalized(name);
        let mut fields = fields.iter();
        fields.find(|field| names::normalized(&field.name) == name)
    };
    if let Some(name) = &written.name {
        if let Some(field) = is_taken(&name.value) {
            let message = format!("`{}` is a field and the list", printable(&name.value));
            let diagnostic = Diagnostic::error(message, &name.span, "used again");
            context
                .sink
                .report(diagnostic.related(&field.span, "the field"));
        }
        return name.value.clone();
    }
    let numbered = (2..).map(|number| format!("list_{number}"));
    [keys::LIST_NAME, "list"]
        .map(str::to_owned)
        .into_iter()
        .chain(numbered)
        .find(|name| is_taken(name).is_none())
        .unwrap_or_default()
}

/// The offset of the list and the bytes from there to the end of the block. Reports a list without
/// room for an entry, and fields that it overlaps.
fn place(
    written: &syntax::List,
    frame: &Frame<'_>,
    header: Option<u8>,
    fields: &[&Field],
    context: Context<'_>,
) -> Option<(u8, u8)> {
    let (start, span) = match &written.offset {
        Written::Value(offset) => (usize::from(offset.value), &offset.span),
        Written::Absent => (frame.next?, &written.header),
        Written::Unreadable => return None,
    };
    let block = usize::from(frame.length);
    let room = block.saturating_sub(start);
    if room < usize::from(header?) {
        let message = format!(
            "the list begins at byte {start}, and the block has {}",
            counted(block, "byte")
        );
        let label = format!(
            "tag and length of an entry take {}",
            counted(header?.into(), "byte")
        );
        context.sink.error(message, span, label);
        return None;
    }
    if let Some(field) = fields.iter().find(|field| field.end() > start) {
        let message = format!("field `{}` overlaps the list", field.name);
        let label = format!("the list covers bytes {start} to {}", block - 1);
        let diagnostic = Diagnostic::error(message, span, label);
        context.sink.report(
            diagnostic
                .related(
                    &field.span,
                    format!("ends with byte {}", field.end() - 1),
                )
                .note("a list is the last thing in its block: its entries may fill all bytes after it"),
        );
        return None;
    }
    Some((u8::try_from(start).ok()?, u8::try_from(room).ok()?))
}

/// A tag, or bits of one, as it is written.
fn tag(
    value: &Located<syntax::Value>,
    tag_type: Option<Integer>,
    context: Context<'_>,
) -> Option<Tag> {
    // The type is unsigned.
    let number = low_bits(context.fitting_number(value, &Numbers::of(tag_type?))?);
    let text = match &value.value {
        syntax::Value::Text(name) => name.clone(),
        _ => number.to_string(),
    };
    Some(Tag {
        text,
        value: number,
    })
}

/// Reports keys that have no effect, and a list that admits no entry.
fn useful(written: &syntax::List, context: Context<'_>) {
    let sink = context.sink;
    if let (Some(behind), true) = (&written.behind, written.end.is_absent()) {
        let diagnostic = Diagnostic::error(
            "the list has `behind` and no `end`",
            &behind.span,
            "behind what?",
        );
        sink.report(
            diagnostic.note("without an end tag the entries end with the bytes that are sent"),
        );
    }
    let refuses = match &written.unknown {
        Written::Value(unknown) => unknown.value == Unknown::Refuse,
        Written::Absent => true,
        Written::Unreadable => false,
    };
    if written.entries.is_empty() && written.knows_entries && refuses && written.except.is_none() {
        let diagnostic = Diagnostic::error(
            "the list has no entries",
            &written.header,
            "every entry would be refused",
        );
        sink.report(
            diagnostic.help("add `[[block.list.entry]]` tables after it, or `unknown = \"skip\"`"),
        );
    }
    if let Some(entry) = written.entries.get(MAX_ENTRIES) {
        let message = format!(
            "the list has {} kinds of entries, and may have {MAX_ENTRIES}",
            written.entries.len()
        );
        sink.error(message, &entry.header, "one too many");
    }
}

/// What the entries of a list have in common.
struct Entries<'f> {
    /// The fields of the block before the list.
    visible: &'f [&'f Field],
    /// The bytes of tag and length.
    header: Option<u8>,
    tag_type: Option<Integer>,
    /// The bytes of the list.
    room: Option<u8>,
    block: BlockContext,
}

impl Entries<'_> {
    fn check(
        &self,
        written: &syntax::List,
        around: &Around<'_>,
        context: Context<'_>,
    ) -> Vec<Entry> {
        let given = written.entries.iter();
        let given = given.filter_map(|entry| entry.name.as_ref());
        names::unique(given.clone(), "entry", context.sink);
        let given: Vec<String> = given.map(|name| names::normalized(&name.value)).collect();
        let mut entries: Vec<Entry> = Vec::new();
        for entry in &written.entries {
            let mut taken = given.clone();
            taken.extend(entries.iter().map(|known| names::normalized(&known.name)));
            let Some(checked) = self.one(entry, &taken, around, context) else {
                continue;
            };
            let mut others = entries.iter();
            if let Some(other) = others.find(|other| other.tag.value == checked.tag.value) {
                let message = format!(
                    "the entries `{}` and `{}` have the tag {}",
                    other.name, checked.name, checked.tag.value
                );
                let diagnostic = Diagnostic::error(message, place_of(entry), "the same tag");
                context
                    .sink
                    .report(diagnostic.related(&other.span, "this tag"));
            }
            entries.push(checked);
        }
        entries
    }

    /// One entry, with the rules over it. Its name is none of `taken`, unless it is given.
    fn one(
        &self,
        written: &syntax::Entry,
        taken: &[String],
        around: &Around<'_>,
        context: Context<'_>,
    ) -> Option<Entry> {
        let tag = written
            .when
            .as_ref()
            .and_then(|when| tag(when, self.tag_type, context));
        let mut fields = self.fields(written, context);
        let part = Part {
            name: "",
            fields: &written.fields,
            knows_fields: written.knows_fields,
            require: &written.require,
            writes: "every write with such an entry",
        };
        let require = elements::rules(
            &part,
            &mut fields,
            around,
            elements::within(self.visible, context),
        );
        let header = self.header?;
        let end = fields.iter().map(Field::end).max().unwrap_or(0);
        let length = u8::try_from(end).ok()?.max(header);
        let tag = tag?;
        let name = match &written.name {
            Some(name) => name.value.clone(),
            None => derived_name(&tag, taken),
        };
        if let Some(room) = self.room.filter(|room| *room < length) {
            let message = format!(
                "entry `{name}` has {}, and the list has {room}",
                counted(length.into(), "byte")
            );
            let label = "can never be sent";
            context.sink.error(message, place_of(written), label);
        }
        Some(Entry {
            name,
            doc: written.doc.clone(),
            tag,
            once: written.once.as_ref().map_or(keys::ONCE, |once| once.value),
            behind: written
                .behind
                .as_ref()
                .map_or(keys::BEHIND[0].1, |behind| behind.value),
            length,
            structure: Structure { fields, require },
            span: place_of(written).clone(),
        })
    }

    /// The fields of an entry, as far as they are valid. Reports one that overlaps tag and length.
    fn fields(&self, written: &syntax::Entry, context: Context<'_>) -> Vec<Field> {
        let block = BlockContext {
            in_structure: true,
            ..self.block
        };
        let header = self.header.map(usize::from);
        let fields = field::structure_fields(&written.fields, header, block, context);
        for field in &fields {
            if let Some(header) = header.filter(|header| usize::from(field.offset) < *header) {
                let message = format!("field `{}` overlaps tag and length", field.name);
                let label = format!("begins at byte {}", field.offset);
                let diagnostic = Diagnostic::error(message, &field.span, label);
                context.sink.report(diagnostic.note(format!(
                    "offsets count from the first byte of an entry, whose tag and length take {}",
                    counted(header, "byte")
                )));
            }
        }
        fields
    }
}

/// The name of a value of an enumeration or of a constant, or a number.
fn derived_name(tag: &Tag, taken: &[String]) -> String {
    let named = tag.text.rsplit('.').next().unwrap_or_default();
    let is_name = named.starts_with(|letter: char| !letter.is_ascii_digit());
    let is_free = !taken.contains(&names::normalized(named));
    if is_name && is_free {
        named.to_owned()
    } else {
        format!("entry_{}", tag.value)
    }
}

/// Where an entry is reported.
fn place_of(written: &syntax::Entry) -> &Span {
    written
        .when
        .as_ref()
        .map_or(&written.header, |when| &when.span)
}
