//! `pfbctl show`: prints a manifest or a block table for reading.

mod description;

use std::io::Write;

use block_manifest::keys::{self, word};
use block_manifest::{
    Behind, Block, Covered, Field, Layout, LengthCounts, List, Manifest, Member, OneOf,
    SequenceKind, Unknown, Valid,
};
use block_table::{Access, Companion, Image, Kind, OnReset, Reset, ShortRead, Table, WhenFull};

use crate::cli;
use crate::failure::Failure;
use crate::json;
use crate::printable::{printable, printable_lines};
use crate::source::{self, Source};
use crate::style::{FAINT, HEADING, counted, dense, table};
use crate::value;
use description::Description;

/// `pfbctl show`.
pub(crate) fn run(arguments: &cli::Show, out: &mut dyn Write) -> Result<(), Failure> {
    let (chosen, json) = (arguments.block.as_deref(), arguments.form.json);
    let (bytes, manifest) = match source::load(&arguments.file)? {
        Source::Manifest(manifest) => (manifest.compile(), Ok(Some(*manifest))),
        Source::Table(bytes) => {
            source::verify(&arguments.file, &bytes)?;
            let manifest = source::embedded(&bytes);
            (bytes, manifest)
        }
    };
    let table = source::verify(&arguments.file, &bytes)?;
    require_choice(&table, chosen)?;
    if json {
        let mut described = describe(&table, chosen);
        if let Ok(Some(manifest)) = &manifest {
            described = described.with_manifest(manifest);
        }
        return json::document(out, &described);
    }
    match manifest {
        Ok(Some(manifest)) => show_manifest(&manifest, &table, chosen, out),
        Ok(None) => show_table(&table, "there is no manifest in it", out),
        Err(problem) => show_table(&table, &problem, out),
    }
}

fn describe(table: &Table<'_>, chosen: Option<&str>) -> Description {
    Description::of_table(table, |id, name| is_chosen(chosen, id, name))
}

/// Whether `--block` selects this block.
fn is_chosen(chosen: Option<&str>, id: u32, name: &str) -> bool {
    chosen.is_none_or(|chosen| chosen == name || chosen.parse() == Ok(id))
}

/// Refuses a `--block` that selects no block.
fn require_choice(table: &Table<'_>, chosen: Option<&str>) -> Result<(), Failure> {
    let blocks: Vec<_> = table.blocks().collect();
    let Some(chosen) = chosen else { return Ok(()) };
    if blocks
        .iter()
        .any(|block| is_chosen(Some(chosen), block.id(), block.name()))
    {
        return Ok(());
    }
    let names: Vec<(u32, &str)> = blocks
        .iter()
        .map(|block| (block.id(), block.name()))
        .collect();
    Err(source::no_block("--block", chosen, &names))
}

fn show_manifest(
    manifest: &Manifest,
    table: &Table<'_>,
    chosen: Option<&str>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    overview(table, chosen.is_none(), out)?;
    let blocks = manifest.blocks().iter();
    for block in blocks.filter(|block| is_chosen(chosen, block.id, &block.name)) {
        show_block(manifest, block, out)?;
    }
    if chosen.is_none() {
        show_named_values(manifest, out)?;
    }
    Ok(())
}

/// Shows a table without its manifest, and why.
fn show_table(table: &Table<'_>, problem: &str, out: &mut dyn Write) -> Result<(), Failure> {
    overview(table, true, out)?;
    writeln!(
        out,
        "\n{FAINT}This block table names no fields: {}.{FAINT:#}",
        printable(problem)
    )?;
    Ok(())
}

/// The device and one row for each block.
fn overview(table: &Table<'_>, blocks: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let device = table.device();
    let ids: Vec<String> = device
        .device_ids()
        .map(|id| format!("{:04x}:{id:04x}", device.vendor_id))
        .collect();
    writeln!(
        out,
        "{HEADING}{}{HEADING:#}  PF {}, up to {}",
        printable(device.name),
        ids.join(", "),
        counted(device.max_vfs.into(), "VF")
    )?;
    match table.limits() {
        Some(limits) => writeln!(
            out,
            "each VF writes {} times a second at most, {} at once after a pause",
            limits.writes_per_second, limits.burst
        )?,
        None => writeln!(out, "no limit on writes")?,
    }
    if let Reset::Acknowledged { timeout } = table.reset() {
        writeln!(
            out,
            "after a reset a VF is served once it is acknowledged, or after {timeout} ms"
        )?;
    }
    writeln!(
        out,
        "{FAINT}block table: {} bytes, CRC {:08x}{FAINT:#}",
        table.as_bytes().len(),
        table.crc()
    )?;
    if !blocks {
        return Ok(());
    }
    let mut rows = table_of_blocks();
    for block in table.blocks() {
        let (min, max) = (block.min_length(), block.max_length());
        rows.add_row([
            block.id().to_string(),
            printable(block.name()).into_owned(),
            kind_text(block.kind()).to_owned(),
            access_text(block.vf_access()).to_owned(),
            if min == max {
                max.to_string()
            } else {
                format!("{min}–{max}")
            },
            remarks(&block),
        ]);
    }
    dense(&mut rows, TEXT_OF_BLOCKS);
    writeln!(out, "\n{}", rows.trim_fmt())?;
    Ok(())
}

fn table_of_blocks() -> comfy_table::Table {
    table(["ID", "block", "kind", "VF access", "bytes", "remarks"])
}

/// The properties in which a block differs from the defaults.
fn remarks(block: &block_table::Block<'_>) -> String {
    let mut remarks = Vec::new();
    if block.kind() == Kind::Stream {
        remarks.push(format!(
            "{}, full: {}",
            counted(block.depth(), "message"),
            match block.when_full() {
                WhenFull::Refuse => "refuse",
                WhenFull::DropOldest => "drop the oldest",
            }
        ));
    }
    if block.notify() {
        remarks.push(format!("publishing sets invalidation bit {}", block.id()));
    }
    if block.short_read() == ShortRead::Prefix {
        remarks.push("short reads get a prefix".to_owned());
    }
    if block.on_reset() == OnReset::Keep {
        remarks.push("bytes of the PF survive a reset".to_owned());
    }
    if let Some(handled) = companion_text(block.companion()) {
        remarks.push(handled.to_owned());
    }
    remarks.join("; ")
}

/// What the companion handles, if anything.
const fn companion_text(companion: Companion) -> Option<&'static str> {
    match companion {
        Companion::None => None,
        Companion::Write => Some("the companion handles writes"),
        Companion::Read => Some("the companion handles reads"),
        Companion::ReadWrite => Some("the companion handles reads and writes"),
    }
}

/// One block: its rules, and for each of its layouts a byte map and a table of fields.
fn show_block(manifest: &Manifest, block: &Block, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(
        out,
        "\n{HEADING}block {}: {}{HEADING:#}  {}, VF {}, {}",
        block.id,
        block.name,
        kind_text(block.kind),
        access_text(block.vf_access),
        length_text(block),
    )?;
    if let Some(doc) = &block.doc {
        writeln!(out, "{}", printable_lines(doc))?;
    }
    if let Some(handled) = companion_text(block.companion) {
        writeln!(out, "{handled}")?;
    }
    if !block.uses.is_empty() {
        writeln!(out, "uses {}", block.uses.join(", "))?;
    }
    for require in &block.require {
        writeln!(out, "requires {}", require.text)?;
    }
    if block.is_opaque() {
        return draw(block, None, out);
    }
    if block.layouts.is_empty() {
        return show_fields(manifest, block, None, out);
    }
    for (index, layout) in block.layouts.iter().enumerate() {
        let when = layout
            .when
            .as_ref()
            .map_or("else".to_owned(), |when| format!("when {}", when.text));
        writeln!(out, "\n{HEADING}layout {}{HEADING:#}  {when}", layout.name)?;
        if let Some(doc) = &layout.doc {
            writeln!(out, "{}", printable_lines(doc))?;
        }
        for require in &layout.require {
            writeln!(out, "requires {}", require.text)?;
        }
        show_fields(manifest, block, Some(index), out)?;
    }
    Ok(())
}

fn show_fields(
    manifest: &Manifest,
    block: &Block,
    layout: Option<usize>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let fields = value::fields(block, layout);
    let chosen = layout.and_then(|index| block.layouts.get(index));
    draw(block, chosen, out)?;
    let mut rows = table([
        "offset",
        "field",
        "type",
        "owner",
        "default",
        "values, and what it is",
    ]);
    for field in fields {
        let mut image = [0; block_table::MAX_BLOCK_LENGTH];
        image[usize::from(field.offset)..field.end()].copy_from_slice(&field.default);
        rows.add_row(row(manifest, field, &field.name, "", &image));
        for inner in field.structure.iter().flat_map(|inner| &inner.fields) {
            let name = format!("{}[].{}", field.name, inner.name);
            rows.add_row(inner_row(manifest, inner, &name));
        }
    }
    let list = value::list(block, layout);
    let entries = list.iter().flat_map(|list| &list.entries);
    for entry in entries {
        for inner in &entry.structure.fields {
            let name = format!("{}.{}", entry.name, inner.name);
            rows.add_row(inner_row(manifest, inner, &name));
        }
    }
    if !rows.is_empty() {
        dense(&mut rows, TEXT_OF_FIELDS);
        writeln!(out, "{}", rows.trim_fmt())?;
    }
    list.map_or(Ok(()), |list| show_list(list, out))
}

/// The column from which on those of blocks and of fields wrap: words, and no names or numbers.
const TEXT_OF_BLOCKS: usize = 5;
const TEXT_OF_FIELDS: usize = 5;

/// How a list ends, and its entries.
fn show_list(list: &List, out: &mut dyn Write) -> Result<(), Failure> {
    let counts = match list.length_counts {
        LengthCounts::Entry => "",
        LengthCounts::Value => " of the value",
    };
    let end = list.end.as_ref().map_or_else(
        || "with the bytes that are sent".to_owned(),
        |end| format!("with tag {}", end.text),
    );
    let behind = match (&list.end, list.behind) {
        (Some(_), Behind::Any) => ", any bytes after it",
        _ => "",
    };
    let other = match list.unknown {
        Unknown::Refuse => "refused",
        Unknown::Skip => "skipped",
    };
    let except = match list.except {
        0 => String::new(),
        bits => format!(", except those with a bit of {bits:#x}"),
    };
    writeln!(
        out,
        "list {}  tag {}, length{counts} {}; ends {end}{behind}; unknown tags are {other}{except}",
        list.name, list.tag_type, list.length_type
    )?;
    if let Some(doc) = &list.doc {
        writeln!(out, "{}", printable_lines(doc))?;
    }
    for entry in &list.entries {
        let mut remarks = vec![format!("from {}", counted(entry.length.into(), "byte"))];
        remarks.extend(entry.once.then(|| "at most once".to_owned()));
        remarks.extend((entry.behind == Behind::Any).then(|| "any bytes after them".to_owned()));
        let rules = entry.structure.require.iter();
        remarks.extend(rules.map(|rule| format!("requires {}", rule.text)));
        let doc = entry.doc.as_deref().unwrap_or_default();
        let about = printable_lines(doc);
        writeln!(
            out,
            "  entry {}: tag {}, {}{}{about}",
            entry.name,
            entry.tag.text,
            remarks.join("; "),
            if about.is_empty() { "" } else { ". " }
        )?;
    }
    Ok(())
}

/// The row of a field of a structure or an entry.
fn inner_row(manifest: &Manifest, inner: &Field, name: &str) -> [String; 6] {
    let mut image = [0; block_table::MAX_BLOCK_LENGTH];
    image[usize::from(inner.offset)..inner.end()].copy_from_slice(&inner.default);
    row(manifest, inner, name, "+", &image)
}

/// The row of a field, whose default is in `image`. Before its offset stands a `+` if it counts from
/// the first byte of an element.
fn row(manifest: &Manifest, field: &Field, name: &str, from: &str, image: &Image) -> [String; 6] {
    [
        format!("{from}{:#04x}", field.offset),
        name.to_owned(),
        field.ty.to_string(),
        field.owner.as_str().to_owned(),
        value::text(manifest, field, image),
        meaning(field),
    ]
}

fn draw(block: &Block, layout: Option<&Layout>, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out)?;
    for line in block.byte_map(layout) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// The rules of a field's value, and below them what the manifest says about it.
fn meaning(field: &Field) -> String {
    let rules = rules_text(field);
    let about = printable_lines(field.doc.as_deref().unwrap_or_default());
    match (rules.is_empty(), about.is_empty()) {
        (false, false) => format!("{rules}\n{about}"),
        _ => rules + &about,
    }
}

/// All rules of a field's value.
fn rules_text(field: &Field) -> String {
    let mut rules = valid_text(&field.valid);
    rules.extend(field.bits.iter().map(|bits| {
        let rules = valid_text(&bits.valid);
        let rules = if rules.is_empty() {
            String::new()
        } else {
            format!(" ({})", rules.join(", "))
        };
        if bits.low == bits.high {
            format!("bit {}: {}{rules}", bits.low, bits.name)
        } else {
            format!("bits {}–{}: {}{rules}", bits.low, bits.high, bits.name)
        }
    }));
    rules.extend(field.count.as_ref().map(|count| {
        let behind = match count.behind {
            Behind::Zero => "",
            Behind::Any => ", any bytes after them",
        };
        format!("`{}` elements{behind}", count.text)
    }));
    let structure = field.structure.iter();
    rules.extend(
        structure
            .flat_map(|structure| &structure.require)
            .map(|rule| format!("in each {}", rule.text)),
    );
    rules.extend(field.sequence.map(|sequence| {
        match sequence {
            SequenceKind::Strict => "grows with every write",
            SequenceKind::NonDecreasing => "never falls",
            SequenceKind::Serial => "grows with every write, wrapping",
            SequenceKind::Next => "grows by one with every write, wrapping",
        }
        .to_owned()
    }));
    let after_reset = field.on_reset.map(|on_reset| match on_reset {
        OnReset::Default => "default after a reset",
        OnReset::Keep => "survives a reset",
    });
    rules.extend(after_reset.map(str::to_owned));
    rules.extend(field.checksum.map(|covered| {
        match covered {
            Covered::Before => "CRC-32 of the bytes before",
            Covered::Rest => "CRC-32 of the bytes after",
        }
        .to_owned()
    }));
    rules.join("; ")
}

fn valid_text(valid: &Valid) -> Vec<String> {
    let mut rules = Vec::new();
    rules.extend(valid.equals.map(|value| format!("= {value}")));
    let sets = [("one", &valid.one_of), ("none", &valid.none_of)];
    rules.extend(sets.into_iter().filter_map(|(quantity, set)| {
        let set = set.as_ref()?;
        Some(format!("{quantity} of {}", values_text(set)))
    }));
    rules.extend(match (valid.min, valid.max) {
        (Some(min), Some(max)) => Some(format!("{min} to {max}")),
        (Some(min), None) => Some(format!("at least {min}")),
        (None, Some(max)) => Some(format!("at most {max}")),
        (None, None) => None,
    });
    let mac = valid.mac.and_then(|mac| word(&keys::MAC, &mac));
    rules.extend(mac.map(|mac| format!("{mac} MAC address")));
    rules.extend(valid.mask.map(|mask| format!("bits of {mask:#x}")));
    rules.extend(
        valid
            .multiple_of
            .map(|divisor| format!("multiple of {divisor}")),
    );
    rules
}

fn values_text(set: &OneOf) -> String {
    if let Some(name) = &set.enumeration {
        return format!("enum {name}");
    }
    let values: Vec<String> = set.values.iter().map(i128::to_string).collect();
    values.join(", ")
}

fn show_named_values(manifest: &Manifest, out: &mut dyn Write) -> Result<(), Failure> {
    let named = |members: &[Member]| {
        let members = members.iter();
        let members = members.map(|member| format!("{} = {}", member.name, member.value));
        members.collect::<Vec<String>>().join(", ")
    };
    if !manifest.constants().is_empty() {
        let constants = named(manifest.constants());
        writeln!(out, "\n{HEADING}constants{HEADING:#}  {constants}")?;
    }
    for enumeration in manifest.enums() {
        writeln!(
            out,
            "\n{HEADING}enum {}{HEADING:#}  {}",
            enumeration.name,
            named(&enumeration.members)
        )?;
    }
    Ok(())
}

fn kind_text(kind: Kind) -> &'static str {
    match kind {
        Kind::Register => "register",
        Kind::Stream => "stream",
    }
}

fn access_text(access: Access) -> &'static str {
    match access {
        Access::None => "has no access",
        Access::ReadOnly => "reads",
        Access::WriteOnly => "writes",
        Access::ReadWrite => "reads and writes",
    }
}

fn length_text(block: &Block) -> String {
    if block.min_length == block.max_length {
        counted(block.max_length.into(), "byte")
    } else {
        format!("{} to {} bytes", block.min_length, block.max_length)
    }
}
