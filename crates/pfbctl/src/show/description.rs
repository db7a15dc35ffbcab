//! A manifest or a block table as `pfbctl show --json` prints it. docs/json.md documents the
//! serialized names; they are only added to.

use block_manifest::keys::{self, ServedAgain, word};
use block_manifest::{Block, Condition, Entry, Enum, Field, Layout, List, Manifest, SequenceKind};
use block_table::{Access, Companion, Kind, OnReset, Reset, ShortRead, Table, WhenFull};
use serde::Serialize;

use crate::json::{Bytes, Id, Word};

/// A manifest, or what a block table says about one.
#[derive(Debug, Serialize)]
pub(super) struct Description {
    device: Identity,
    limits: Option<Limits>,
    table: TableSize,
    blocks: Vec<BlockDescription>,
    /// None for a block table, which has no names of values.
    enums: Option<Vec<Enumeration>>,
    /// The same.
    constants: Option<Vec<Member>>,
}

#[derive(Debug, Serialize)]
struct Identity {
    name: String,
    vendor_id: Id,
    device_ids: Vec<Id>,
    max_vfs: u16,
    reset: &'static str,
    /// In milliseconds, if resets are acknowledged.
    reset_timeout: Option<u16>,
}

#[derive(Debug, Serialize)]
struct Limits {
    writes_per_second: u32,
    burst: u32,
}

#[derive(Debug, Serialize)]
struct TableSize {
    bytes: usize,
    crc: Word,
}

/// A block, with the words of the manifest language.
#[derive(Debug, Serialize)]
struct BlockDescription {
    id: u32,
    name: String,
    kind: Option<&'static str>,
    vf_access: Option<&'static str>,
    min_length: usize,
    max_length: usize,
    notify: bool,
    short_read: Option<&'static str>,
    on_reset: Option<&'static str>,
    /// None for a register, as the next one.
    depth: Option<usize>,
    when_full: Option<&'static str>,
    /// None if no companion handles the block.
    companion: Option<&'static str>,
    #[serde(flatten)]
    content: Option<Content>,
}

/// What only a manifest says about a block.
#[derive(Debug, Serialize)]
struct Content {
    doc: Option<String>,
    uses: Vec<String>,
    require: Vec<String>,
    fields: Vec<FieldDescription>,
    layouts: Vec<LayoutDescription>,
    list: Option<ListDescription>,
}

#[derive(Debug, Serialize)]
struct LayoutDescription {
    name: String,
    doc: Option<String>,
    /// None for the layout that applies if no other one does.
    when: Option<String>,
    require: Vec<String>,
    fields: Vec<FieldDescription>,
    list: Option<ListDescription>,
}

#[derive(Debug, Serialize)]
struct ListDescription {
    name: String,
    doc: Option<String>,
    offset: u8,
    /// The bytes from there to the end of the block.
    length: u8,
    owner: &'static str,
    tag_type: String,
    length_type: String,
    length_counts: Option<&'static str>,
    /// The tag that ends the entries; none if they end with the bytes that are sent.
    end: Option<u64>,
    behind: Option<&'static str>,
    unknown: Option<&'static str>,
    except: u64,
    entries: Vec<EntryDescription>,
}

#[derive(Debug, Serialize)]
struct EntryDescription {
    name: String,
    doc: Option<String>,
    tag: u64,
    once: bool,
    behind: Option<&'static str>,
    /// The bytes that it has at least, with tag and length.
    length: u8,
    fields: Vec<FieldDescription>,
    require: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FieldDescription {
    name: String,
    doc: Option<String>,
    offset: u8,
    #[serde(rename = "type")]
    ty: String,
    owner: &'static str,
    default: Bytes,
    valid: Valid,
    bits: Vec<Bits>,
    /// The number of its elements that count.
    count: Option<String>,
    /// What follows the counted elements.
    behind: Option<&'static str>,
    /// How many structures there are, if it is an array of structures.
    elements: Option<u8>,
    /// The fields of a structure.
    fields: Vec<Self>,
    /// The rules of each counted structure.
    require: Vec<String>,
    sequence: Option<&'static str>,
    on_reset: Option<&'static str>,
    /// Whether it is a CRC-32.
    checksum: bool,
    /// The bytes that it is the CRC-32 of.
    covers: Option<&'static str>,
}

/// Rules of a value; each may be absent.
#[derive(Debug, Serialize)]
struct Valid {
    equals: Option<i128>,
    one_of: Option<Vec<i128>>,
    /// The enumeration that `one_of` is.
    r#enum: Option<String>,
    none_of: Option<Vec<i128>>,
    /// The enumeration that `none_of` is.
    none_of_enum: Option<String>,
    min: Option<i128>,
    max: Option<i128>,
    mask: Option<u64>,
    multiple_of: Option<u64>,
    mac: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Bits {
    name: String,
    low: u8,
    high: u8,
    valid: Valid,
}

impl Valid {
    fn new(valid: &block_manifest::Valid) -> Self {
        let one_of = valid.one_of.as_ref();
        let none_of = valid.none_of.as_ref();
        Self {
            equals: valid.equals,
            one_of: one_of.map(|one_of| one_of.values.clone()),
            r#enum: one_of.and_then(|one_of| one_of.enumeration.clone()),
            none_of: none_of.map(|none_of| none_of.values.clone()),
            none_of_enum: none_of.and_then(|none_of| none_of.enumeration.clone()),
            min: valid.min,
            max: valid.max,
            mask: valid.mask,
            multiple_of: valid.multiple_of,
            mac: valid.mac.and_then(|mac| word(&keys::MAC, &mac)),
        }
    }
}

#[derive(Debug, Serialize)]
struct Enumeration {
    name: String,
    members: Vec<Member>,
}

#[derive(Debug, Serialize)]
struct Member {
    name: String,
    value: i128,
}

impl Description {
    /// The blocks of a table that `is_chosen` selects by ID and name.
    pub(super) fn of_table(table: &Table<'_>, is_chosen: impl Fn(u32, &str) -> bool) -> Self {
        let device = table.device();
        let (reset, reset_timeout) = match table.reset() {
            Reset::Immediate => (ServedAgain::ByReset, None),
            Reset::Acknowledged { timeout } => (ServedAgain::ByAcknowledgement, Some(timeout)),
        };
        let reset = word(&keys::RESET, &reset).unwrap_or_default();
        let blocks = table.blocks();
        let chosen = blocks.filter(|block| is_chosen(block.id(), block.name()));
        Self {
            device: Identity {
                name: device.name.to_owned(),
                vendor_id: Id(device.vendor_id),
                device_ids: device.device_ids().map(Id).collect(),
                max_vfs: device.max_vfs,
                reset,
                reset_timeout,
            },
            limits: table.limits().map(|limits| Limits {
                writes_per_second: limits.writes_per_second,
                burst: limits.burst,
            }),
            table: TableSize {
                bytes: table.as_bytes().len(),
                crc: Word(table.crc()),
            },
            blocks: chosen
                .map(|block| BlockDescription::of_table(&block))
                .collect(),
            enums: None,
            constants: None,
        }
    }

    /// Adds what the manifest of the table says: its blocks have the same order and IDs.
    pub(super) fn with_manifest(mut self, manifest: &Manifest) -> Self {
        for described in &mut self.blocks {
            let mut blocks = manifest.blocks().iter();
            let block = blocks.find(|block| block.id == described.id);
            described.content = block.map(Content::new);
        }
        self.enums = Some(manifest.enums().iter().map(Enumeration::new).collect());
        self.constants = Some(manifest.constants().iter().map(Member::new).collect());
        self
    }
}

impl BlockDescription {
    fn of_table(block: &block_table::Block<'_>) -> Self {
        let is_stream = block.kind() == Kind::Stream;
        Self {
            id: block.id(),
            name: block.name().to_owned(),
            kind: word::<Kind>(&keys::KIND, &block.kind()),
            vf_access: word::<Access>(&keys::VF_ACCESS, &block.vf_access()),
            min_length: block.min_length(),
            max_length: block.max_length(),
            notify: block.notify(),
            short_read: word::<ShortRead>(&keys::SHORT_READ, &block.short_read()),
            on_reset: word::<OnReset>(&keys::ON_RESET, &block.on_reset()),
            depth: is_stream.then(|| block.depth()),
            when_full: word::<WhenFull>(&keys::WHEN_FULL, &block.when_full()).filter(|_| is_stream),
            companion: word::<Companion>(&keys::COMPANION, &block.companion()),
            content: None,
        }
    }
}

impl Content {
    fn new(block: &Block) -> Self {
        Self {
            doc: block.doc.clone(),
            uses: block.uses.clone(),
            require: texts(&block.require),
            fields: block.fields.iter().map(FieldDescription::new).collect(),
            layouts: block.layouts.iter().map(LayoutDescription::new).collect(),
            list: block.list.as_ref().map(ListDescription::new),
        }
    }
}

impl LayoutDescription {
    fn new(layout: &Layout) -> Self {
        Self {
            name: layout.name.clone(),
            doc: layout.doc.clone(),
            when: layout.when.as_ref().map(|when| when.text.clone()),
            require: texts(&layout.require),
            fields: layout.fields.iter().map(FieldDescription::new).collect(),
            list: layout.list.as_ref().map(ListDescription::new),
        }
    }
}

impl ListDescription {
    fn new(list: &List) -> Self {
        let end = list.end.as_ref();
        Self {
            name: list.name.clone(),
            doc: list.doc.clone(),
            offset: list.offset,
            length: list.length,
            owner: list.owner.as_str(),
            tag_type: list.tag_type.to_string(),
            length_type: list.length_type.to_string(),
            length_counts: word(&keys::LENGTH_COUNTS, &list.length_counts),
            end: end.map(|end| end.value),
            behind: end.and_then(|_| word(&keys::BEHIND, &list.behind)),
            unknown: word(&keys::UNKNOWN, &list.unknown),
            except: list.except,
            entries: list.entries.iter().map(EntryDescription::new).collect(),
        }
    }
}

impl EntryDescription {
    fn new(entry: &Entry) -> Self {
        let fields = entry.structure.fields.iter();
        Self {
            name: entry.name.clone(),
            doc: entry.doc.clone(),
            tag: entry.tag.value,
            once: entry.once,
            behind: word(&keys::BEHIND, &entry.behind),
            length: entry.length,
            fields: fields.map(FieldDescription::new).collect(),
            require: texts(&entry.structure.require),
        }
    }
}

fn texts(conditions: &[Condition]) -> Vec<String> {
    let texts = conditions.iter().map(|condition| condition.text.clone());
    texts.collect()
}

impl FieldDescription {
    fn new(field: &Field) -> Self {
        let structure = field.structure.as_ref();
        let bits = field.bits.iter().map(|bits| Bits {
            name: bits.name.clone(),
            low: bits.low,
            high: bits.high,
            valid: Valid::new(&bits.valid),
        });
        Self {
            name: field.name.clone(),
            doc: field.doc.clone(),
            offset: field.offset,
            ty: field.ty.to_string(),
            owner: field.owner.as_str(),
            default: Bytes(field.default.clone()),
            valid: Valid::new(&field.valid),
            bits: bits.collect(),
            count: field.count.as_ref().map(|count| count.text.clone()),
            behind: field
                .count
                .as_ref()
                .and_then(|count| word(&keys::BEHIND, &count.behind)),
            elements: structure.map(|_| field.ty.elements()),
            fields: structure.map_or_else(Vec::new, |structure| {
                structure.fields.iter().map(Self::new).collect()
            }),
            require: structure.map_or_else(Vec::new, |structure| texts(&structure.require)),
            sequence: field.sequence.map(SequenceKind::as_str),
            on_reset: field
                .on_reset
                .and_then(|on_reset| word::<OnReset>(&keys::ON_RESET, &on_reset)),
            checksum: field.checksum.is_some(),
            covers: field
                .checksum
                .and_then(|covered| word(&keys::COVERED, &covered)),
        }
    }
}

impl Member {
    fn new(member: &block_manifest::Member) -> Self {
        Self {
            name: member.name.clone(),
            value: member.value,
        }
    }
}

impl Enumeration {
    fn new(enumeration: &Enum) -> Self {
        let members = enumeration.members.iter().map(Member::new);
        Self {
            name: enumeration.name.clone(),
            members: members.collect(),
        }
    }
}
