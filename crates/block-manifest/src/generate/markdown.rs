//! Generates the reference in Markdown, and the phrases that the other generators share with it.

use std::fmt::Write as _;

use block_table::{Access, Companion, Kind, OnReset, Reset, ShortRead, WhenFull};

use super::style::Style;
use crate::describe::number;
use crate::diagnostic::counted;
use crate::model::{
    Behind, Block, Condition, Covered, Device, Entry, Field, Layout, LengthCounts, List, Manifest,
    Owner, SequenceKind, Tag, Unknown,
};

pub(super) fn reference(manifest: &Manifest, style: &Style) -> String {
    let mut text = String::new();
    let device = manifest.device();
    if let Some(license) = style.license_line() {
        let _ = writeln!(text, "<!-- {license} -->");
    }
    let _ = writeln!(
        text,
        "# VF configuration blocks of {}\n",
        escaped(&device.name)
    );
    let _ = writeln!(
        text,
        "Generated from the block manifest: change that instead.\n"
    );
    let _ = writeln!(
        text,
        "PF {}, at most {} VFs.",
        pci_ids(device),
        device.max_vfs
    );
    if let Some(limits) = manifest.limits() {
        let _ = writeln!(
            text,
            "Each VF may write {} times a second, and {} times at once after a pause.",
            limits.writes_per_second, limits.burst
        );
    }
    if let Reset::Acknowledged { timeout } = device.reset {
        let _ = writeln!(
            text,
            "After a reset a VF is served once host software has acknowledged it, or after {timeout} ms."
        );
    }
    let _ = writeln!(
        text,
        "\n| ID | block | kind | VF | length |\n|---:|---|---|---|---|"
    );
    for block in manifest.blocks() {
        let name = escaped(&block.name);
        let kind = if block.kind == Kind::Stream {
            "stream"
        } else {
            "register"
        };
        let _ = writeln!(
            text,
            "| {} | {name} | {kind} | {} | {} |",
            block.id,
            access(block.vf_access),
            length(block)
        );
    }
    named_values(manifest, &mut text);
    for block in manifest.blocks() {
        write_block(block, &mut text);
    }
    text
}

fn named_values(manifest: &Manifest, text: &mut String) {
    if !manifest.constants().is_empty() {
        let _ = writeln!(text, "\n## Constants\n\n| name | value |\n|---|---:|");
    }
    for constant in manifest.constants() {
        let value = number(constant.value);
        let _ = writeln!(text, "| `{}` | {value} |", constant.name);
    }
    for known in manifest.enums() {
        let _ = writeln!(
            text,
            "\n## Values of `{}`\n\n| name | value |\n|---|---:|",
            known.name
        );
        for member in &known.members {
            let _ = writeln!(text, "| `{}` | {} |", member.name, number(member.value));
        }
    }
}

fn write_block(block: &Block, text: &mut String) {
    let _ = writeln!(text, "\n## Block {}: {}\n", block.id, escaped(&block.name));
    if let Some(doc) = &block.doc {
        let _ = writeln!(text, "{doc}\n");
    }
    let _ = writeln!(
        text,
        "{}. {}.",
        capitalized(&kind_in_words(block)),
        length_in_words(block)
    );
    conditions(&block.require, "In every write", text);
    if block.is_opaque() {
        let _ = writeln!(
            text,
            "\nThe block is opaque: any bytes, set by {}.",
            owner(block.opaque_owner())
        );
        return;
    }
    if block.layouts.is_empty() {
        picture(block, None, text);
    }
    fields(&block.fields, text);
    if let Some(list) = &block.list {
        write_list(list, text);
    }
    for layout in &block.layouts {
        let when = layout
            .when
            .as_ref()
            .map_or("no other layout is chosen".to_owned(), |when| {
                format!("`{}`", when.text)
            });
        let _ = writeln!(
            text,
            "\n### Layout {}: when {when}\n",
            escaped(&layout.name)
        );
        if let Some(doc) = &layout.doc {
            let _ = writeln!(text, "{doc}");
        }
        conditions(&layout.require, "In this layout", text);
        picture(block, Some(layout), text);
        if layout.fields.is_empty() && layout.list.is_none() {
            let _ = writeln!(text, "\nNo fields beyond those of the block.");
        } else {
            fields(&layout.fields, text);
        }
        if let Some(list) = &layout.list {
            write_list(list, text);
        }
    }
    let _ = writeln!(text, "\nBytes that no field covers are zero.");
}

/// A list with its entries.
fn write_list(list: &List, text: &mut String) {
    let end = usize::from(list.offset) + usize::from(list.length) - 1;
    let _ = writeln!(
        text,
        "\nBytes {}–{end} are the entries `{}`. {} {}",
        list.offset,
        list.name,
        owner_in_words(list.owner),
        list_in_words(list)
    );
    if let Some(doc) = &list.doc {
        let _ = writeln!(text, "\n{doc}");
    }
    for entry in &list.entries {
        let _ = writeln!(
            text,
            "\n#### Entry {}: tag {}, from {}\n",
            escaped(&entry.name),
            tag(&entry.tag),
            counted(entry.length.into(), "byte")
        );
        let _ = writeln!(text, "{}", entry_in_words(entry));
        conditions(&entry.structure.require, "In each such entry", text);
        if entry.structure.fields.is_empty() {
            continue;
        }
        header(text);
        for field in &entry.structure.fields {
            row(field, &field.name, "+", text);
        }
    }
}

/// A tag with its number.
fn tag(tag: &Tag) -> String {
    let value = number(tag.value.into());
    if tag.text.starts_with(|letter: char| letter.is_ascii_digit()) {
        value
    } else {
        format!("`{}` ({value})", tag.text)
    }
}

/// What the entries of a list are, in sentences.
pub(super) fn list_in_words(list: &List) -> String {
    let counts = match list.length_counts {
        LengthCounts::Entry => "",
        LengthCounts::Value => " of the value",
    };
    let end = match (&list.end, list.behind) {
        (None, _) => "They end with the bytes that are sent.".to_owned(),
        (Some(end), Behind::Zero) => format!("The tag {} ends them; zeros follow.", tag(end)),
        (Some(end), Behind::Any) => format!("The tag {} ends them; any bytes follow.", tag(end)),
    };
    let except = format!("{:#X}", list.except);
    let unknown = match (list.unknown, list.except) {
        (Unknown::Refuse, 0) => String::new(),
        (Unknown::Skip, 0) => "Other tags are skipped.".to_owned(),
        (Unknown::Refuse, _) => format!("Other tags with a bit of {except} are skipped."),
        (Unknown::Skip, _) => format!("Other tags without a bit of {except} are skipped."),
    };
    let words = format!(
        "Each is a tag ({}), a length{counts} ({}) and a value. {end} {unknown}",
        list.tag_type, list.length_type
    );
    words.trim_end().to_owned()
}

/// What an entry is for, how often it may occur, and what follows its fields.
pub(super) fn entry_in_words(entry: &Entry) -> String {
    let doc = entry.doc.as_deref().unwrap_or("");
    let times = if entry.once { "At most one; " } else { "" };
    let behind = match entry.behind {
        Behind::Zero => "zeros may follow its fields.",
        Behind::Any => "any bytes may follow its fields.",
    };
    let words = capitalized(&format!("{times}{behind}"));
    format!("{doc} {words}").trim().to_owned()
}

/// Where the fields are.
fn picture(block: &Block, layout: Option<&Layout>, text: &mut String) {
    let lines = block.byte_map(layout).join("\n");
    let _ = writeln!(text, "\n```text\n{lines}\n```");
}

fn conditions(require: &[Condition], when: &str, text: &mut String) {
    for condition in require {
        let _ = writeln!(text, "\n{when}: `{}`.", condition.text);
    }
}

fn fields(fields: &[Field], text: &mut String) {
    if fields.is_empty() {
        return;
    }
    header(text);
    for field in fields {
        row(field, &field.name, "", text);
        for inner in field.structure.iter().flat_map(|inner| &inner.fields) {
            row(
                inner,
                &format!("{}[].{}", field.name, inner.name),
                "+",
                text,
            );
        }
    }
}

/// The first lines of a table of fields.
fn header(text: &mut String) {
    let _ = writeln!(
        text,
        "\n| bytes | field | type | set by | default | meaning |\n|---|---|---|---|---|---|"
    );
}

/// The row of a field. `from` stands before its bytes: a `+` if they count from the first byte of an
/// element.
fn row(field: &Field, name: &str, from: &str, text: &mut String) {
    let bytes = match field.end() - usize::from(field.offset) {
        1 => format!("{from}{}", field.offset),
        _ => format!("{from}{}–{from}{}", field.offset, field.end() - 1),
    };
    let meaning = format!(
        "{} {}",
        field.doc.as_deref().unwrap_or(""),
        rules_in_words(field)
    );
    let _ = writeln!(
        text,
        "| {bytes} | `{name}` | {} | {} | {} | {} |",
        field.ty,
        owner(field.owner),
        default(field),
        escaped(meaning.trim())
    );
}

/// The default of a field: a number, or the bytes of an array that has one.
fn default(field: &Field) -> String {
    if field.ty.elements() == 1 && field.structure.is_none() {
        return number(field.ty.element().decode(&field.default));
    }
    if field.default.iter().all(|byte| *byte == 0) {
        return "zeros".to_owned();
    }
    let bytes = field.default.iter();
    bytes
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The rules of a field in sentences.
pub(super) fn rules_in_words(field: &Field) -> String {
    let mut sentences = Vec::new();
    if field.ty.element().big_endian {
        sentences.push("Big-endian.".to_owned());
    }
    for bits in &field.bits {
        let place = if bits.low == bits.high {
            format!("Bit {}", bits.low)
        } else {
            format!("Bits {} to {}", bits.low, bits.high)
        };
        sentences.push(if bits.valid.is_any() {
            format!("{place}: {}.", bits.name)
        } else {
            format!("{place}: {}, which must be {}.", bits.name, bits.valid)
        });
    }
    if !field.bits.is_empty() {
        sentences.push("Other bits are zero.".to_owned());
    }
    if let Some(count) = &field.count {
        let after = match count.behind {
            Behind::Zero => "and zeros",
            Behind::Any => "and any bytes",
        };
        sentences.push(format!("`{}` elements, {after} after them.", count.text));
    }
    for rule in field.structure.iter().flat_map(|inner| &inner.require) {
        sentences.push(format!("In each element: `{}`.", rule.text));
    }
    if !field.valid.is_any() {
        let subject = if field.ty.elements() == 1 {
            "Must be"
        } else {
            "Each must be"
        };
        sentences.push(format!("{subject} {}.", field.valid));
    }
    let sequence = field.sequence.map(|sequence| match sequence {
        SequenceKind::Strict => "Greater in each write than in the one before.",
        SequenceKind::NonDecreasing => "Never less than in the write before.",
        SequenceKind::Serial => "Greater in each write than in the one before, wrapping around.",
        SequenceKind::Next => "One more in each write than in the one before, wrapping around.",
    });
    sentences.extend(sequence.map(str::to_owned));
    let after_reset = field.on_reset.map(|on_reset| match on_reset {
        OnReset::Default => "Returns to its default at a reset of the VF.",
        OnReset::Keep => "Survives a reset of the VF.",
    });
    sentences.extend(after_reset.map(str::to_owned));
    sentences.extend(field.checksum.map(|covered| match covered {
        Covered::Before => format!("CRC-32 (ISO-HDLC) of bytes 0 to {}.", field.offset - 1),
        Covered::Rest => format!("CRC-32 (ISO-HDLC) of the bytes from {}.", field.end()),
    }));
    sentences.join(" ")
}

/// Kind and access of a block, as a phrase.
pub(super) fn kind_in_words(block: &Block) -> String {
    let mut words = match block.kind {
        Kind::Register => format!("a register that the VF {}", may(block.vf_access)),
        Kind::Stream => {
            let when_full = if block.when_full == WhenFull::DropOldest {
                "the oldest is dropped"
            } else {
                "further ones are refused"
            };
            format!(
                "a stream of messages from the VF; {} are kept, then {when_full}",
                block.depth
            )
        }
    };
    if block.notify {
        words.push_str(", with a notification when the host changes it");
    }
    if block.short_read == ShortRead::Prefix {
        words.push_str("; a shorter read gets its first bytes");
    }
    if block.on_reset == OnReset::Keep {
        words.push_str("; what the host set survives a reset of the VF");
    }
    if !block.uses.is_empty() {
        let names: Vec<String> = block.uses.iter().map(|name| format!("`{name}`")).collect();
        words.push_str("; its rules read the host's state in ");
        words.push_str(&names.join(", "));
    }
    words.push_str(match block.companion {
        Companion::None => "",
        Companion::Write => "; the PF's driver handles each write, and may decline it",
        Companion::Read => "; the PF's driver supplies the host's fields for each read",
        Companion::ReadWrite => {
            "; the PF's driver handles each write, and may decline it, and supplies the host's \
             fields for each read"
        }
    });
    words
}

fn may(access: Access) -> &'static str {
    match access {
        Access::None => "cannot access",
        Access::ReadOnly => "reads",
        Access::WriteOnly => "writes",
        Access::ReadWrite => "reads and writes",
    }
}

const fn access(access: Access) -> &'static str {
    match access {
        Access::None => "none",
        Access::ReadOnly => "read-only",
        Access::WriteOnly => "write-only",
        Access::ReadWrite => "read-write",
    }
}

/// Who sets a field, as a sentence.
pub(super) const fn owner_in_words(owner: Owner) -> &'static str {
    match owner {
        Owner::Vf => "Set by the VF.",
        Owner::Pf => "Set by the host.",
        Owner::Both => "Set by the VF and by the host.",
    }
}

const fn owner(owner: Owner) -> &'static str {
    match owner {
        Owner::Vf => "VF",
        Owner::Pf => "host",
        Owner::Both => "both",
    }
}

fn length(block: &Block) -> String {
    if block.min_length == block.max_length {
        block.max_length.to_string()
    } else {
        format!("{}–{}", block.min_length, block.max_length)
    }
}

fn length_in_words(block: &Block) -> String {
    if block.min_length == block.max_length {
        return format!("A write has {}", counted(block.max_length.into(), "byte"));
    }
    format!(
        "A write has {} to {} bytes, and zeros fill the rest",
        block.min_length, block.max_length
    )
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// Text that is safe in a cell of a table.
fn pci_ids(device: &Device) -> String {
    let ids = device.device_ids.iter();
    let ids: Vec<String> = ids
        .map(|id| format!("{:04X}:{id:04X}", device.vendor_id))
        .collect();
    ids.join(", ")
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
