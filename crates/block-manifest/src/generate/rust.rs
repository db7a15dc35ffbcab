//! Generates the Rust module.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::checks::{self, JUDGES, Language};
use super::default_bytes::default_bytes;
use super::identifier::{Names, camel, snake, upper};
use super::markdown::{
    entry_in_words, kind_in_words, list_in_words, owner_in_words, rules_in_words,
};
use super::record::{
    Content, Member, Record, arrays, defaults, element_members, entries, entry_members, records,
};
use super::style::Style;
use crate::diagnostic::Span;
use crate::model::{Block, Entry, Enum, Field, Layout, List, Manifest};
use crate::types::{Integer, Type};

/// Before each item: a driver may use a part of the module, and an included file cannot have an
/// attribute for the whole of it.
const MAY_BE_UNUSED: &str = "#[allow(dead_code)]";

/// The functions that judge a write call these.
const FUNCTIONS: &str = "\
#[allow(dead_code)]
fn load_le(bytes: &[u8], place: usize, width: usize) -> u64 {
    let bytes = bytes[place..place + width].iter().rev();
    bytes.fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[allow(dead_code)]
fn load_be(bytes: &[u8], place: usize, width: usize) -> u64 {
    let bytes = bytes[place..place + width].iter();
    bytes.fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[allow(dead_code)]
fn noted((value, overflows): (u64, bool), overflow: &mut bool) -> u64 {
    *overflow |= overflows;
    value
}

#[allow(dead_code)]
fn add(a: u64, b: u64, overflow: &mut bool) -> u64 {
    noted(a.overflowing_add(b), overflow)
}

#[allow(dead_code)]
fn subtract(a: u64, b: u64, overflow: &mut bool) -> u64 {
    noted(a.overflowing_sub(b), overflow)
}

#[allow(dead_code)]
fn multiply(a: u64, b: u64, overflow: &mut bool) -> u64 {
    noted(a.overflowing_mul(b), overflow)
}

#[allow(dead_code)]
fn crc32(bytes: &[u8], length: usize) -> u64 {
    let mut sum = u32::MAX;
    for byte in &bytes[..length] {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = sum >> 1 ^ if sum & 1 == 1 { 0xEDB8_8320 } else { 0 };
        }
    }
    u64::from(!sum)
}
";

/// The functions that judge a write call these, too, if something in the manifest is signed. They
/// compute with the bits of signed integers.
const SIGNED_FUNCTIONS: &str = "
#[allow(dead_code)]
fn extend(value: u64, width: usize) -> u64 {
    let sign = 1 << (8 * width - 1);
    (value ^ sign).wrapping_sub(sign)
}

#[allow(dead_code)]
fn add_signed(a: u64, b: u64, overflow: &mut bool) -> u64 {
    let (sum, overflows) = (a as i64).overflowing_add(b as i64);
    noted((sum as u64, overflows), overflow)
}

#[allow(dead_code)]
fn subtract_signed(a: u64, b: u64, overflow: &mut bool) -> u64 {
    let (difference, overflows) = (a as i64).overflowing_sub(b as i64);
    noted((difference as u64, overflows), overflow)
}

#[allow(dead_code)]
fn multiply_signed(a: u64, b: u64, overflow: &mut bool) -> u64 {
    let (product, overflows) = (a as i64).overflowing_mul(b as i64);
    noted((product as u64, overflows), overflow)
}
";

pub(super) fn module(manifest: &Manifest, style: &Style) -> String {
    let mut writer = Writer {
        text: String::new(),
        types: Names::default(),
        modules: Names::default(),
        elements: HashMap::new(),
    };
    writer.manifest(manifest, style);
    writer.text
}

struct Writer {
    text: String,
    /// Names of structures.
    types: Names,
    /// Names of modules.
    modules: Names,
    /// The structures that the elements of arrays are, by the spans of the arrays.
    elements: HashMap<Span, String>,
}

impl Writer {
    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    /// A line that begins an item of the module.
    fn item(&mut self, line: impl AsRef<str>) {
        self.line(MAY_BE_UNUSED);
        self.line(line);
    }

    fn doc(&mut self, indent: &str, text: &str) {
        for line in text.trim().lines() {
            self.line(format!("{indent}/// {line}").trim_end());
        }
    }

    fn manifest(&mut self, manifest: &Manifest, style: &Style) {
        let device = manifest.device();
        if let Some(license) = style.license_line() {
            self.line(format!("// {license}"));
        }
        // Plain comments, so that the file can be included anywhere.
        self.line(format!("// VF configuration blocks of {}. Generated from its block manifest: change that instead.", device.name));
        self.line("");
        self.doc("", "PCI vendor ID of the PF.");
        self.item(format!(
            "pub const VENDOR_ID: u16 = 0x{:04X};",
            device.vendor_id
        ));
        self.doc("", "PCI device ID of the PF.");
        self.item(format!(
            "pub const DEVICE_ID: u16 = 0x{:04X};",
            device.device_id()
        ));
        if device.device_ids.len() > 1 {
            self.doc("", "Every PCI device ID that the PF may have.");
            let ids = device.device_ids.iter();
            let ids: Vec<String> = ids.map(|id| format!("0x{id:04X}")).collect();
            self.item(format!(
                "pub const DEVICE_IDS: [u16; {}] = [{}];",
                ids.len(),
                ids.join(", ")
            ));
        }
        let own = ["VENDOR_ID", "DEVICE_ID", "DEVICE_IDS"];
        let mut names = Names::default();
        for name in own {
            names.unique(name.to_owned());
        }
        for constant in manifest.constants() {
            let name = names.unique(upper(&constant.name));
            self.doc("", &format!("`{}`", constant.name));
            let ty = if constant.value < 0 { "i64" } else { "u64" };
            let value = literal(constant.value);
            self.item(format!("pub const {name}: {ty} = {value};"));
        }
        for known in manifest.enums() {
            self.enumeration(known, manifest);
        }
        for block in manifest.blocks() {
            for (layout, array) in arrays(block) {
                self.structure(block, layout, array);
            }
            for (layout, list, entry) in entries(block) {
                self.entry(block, layout, list, entry);
            }
            let records = records(block);
            for record in &records {
                self.record(block, record, &records);
            }
        }
        if manifest.blocks().iter().any(checks::is_judged) {
            self.line("");
            self.line(FUNCTIONS.trim_end());
            if manifest.blocks().iter().any(checks::has_signed) {
                self.line(SIGNED_FUNCTIONS.trim_end());
            }
        }
    }

    /// The structure of an array's elements.
    fn structure(&mut self, block: &Block, layout: Option<&Layout>, array: &Field) {
        let layout = layout.map_or(String::new(), |layout| camel(&layout.name));
        let name = format!("{}{layout}{}", camel(&block.name), camel(&array.name));
        let name = self.types.unique(name);
        self.elements.insert(array.span.clone(), name.clone());
        self.line("");
        self.doc(
            "",
            &format!("An element of `{}` in block `{}`.", array.name, block.name),
        );
        let members = element_members(array);
        let length = array.ty.element_length();
        self.declaration(&name, &members);
        self.item(format!("impl {name} {{"));
        self.doc("    ", "The length of an element in bytes.");
        self.line(format!("    pub const LENGTH: usize = {length};"));
        self.values(&members);
        self.conversions("element", length, &members);
        self.line("}");
        let about = "The defaults of the manifest.";
        self.default(&name, about, &defaults(&members));
    }

    /// The structure of an entry of a list.
    fn entry(&mut self, block: &Block, layout: Option<&Layout>, list: &List, entry: &Entry) {
        let layout = layout.map_or(String::new(), |layout| camel(&layout.name));
        let name = format!("{}{layout}{}", camel(&block.name), camel(&entry.name));
        let name = self.types.unique(name);
        self.line("");
        let mut said = format!(
            "An entry of `{}` in block `{}`: {}.\n\n{}",
            list.name,
            block.name,
            entry.tag.text,
            entry_in_words(entry)
        );
        for rule in &entry.structure.require {
            let _ = write!(said, "\n\nRequired: `{}`.", rule.text);
        }
        self.doc("", &said);
        let members = entry_members(list, entry);
        self.declaration(&name, &members);
        self.item(format!("impl {name} {{"));
        self.doc("    ", "The tag of such an entry.");
        self.line(format!(
            "    pub const TAG: {} = 0x{:X};",
            integer_type(list.tag_type),
            entry.tag.value
        ));
        self.doc("    ", "The length of such an entry in bytes.");
        self.line(format!("    pub const LENGTH: usize = {};", entry.length));
        self.values(&members);
        self.conversions("entry", entry.length, &members);
        self.line("}");
        let about = "Tag, length and the defaults of the manifest.";
        self.default(&name, about, &defaults(&members));
    }

    fn declaration(&mut self, name: &str, members: &[Member<'_>]) {
        self.line("#[derive(Clone, Copy, Debug, PartialEq, Eq)]");
        self.item(format!("pub struct {name} {{"));
        for member in members {
            self.member(member);
        }
        self.line("}");
        self.line("");
    }

    fn enumeration(&mut self, known: &Enum, manifest: &Manifest) {
        let name = self.modules.unique(snake(&known.name));
        let ty = enumeration_type(known, manifest);
        self.line("");
        self.doc("", &format!("Values of `{}`.", known.name));
        self.item(format!("pub mod {name} {{"));
        for member in &known.members {
            self.doc("    ", &format!("`{}`", member.name));
            self.line(format!(
                "    pub const {}: {ty} = {};",
                upper(&member.name),
                literal(member.value)
            ));
        }
        self.line("}");
    }

    fn record(&mut self, block: &Block, record: &Record<'_>, records: &[Record<'_>]) {
        let mut name = camel(&block.name);
        let mut doc = format!(
            "Block {} `{}`: {}.\n",
            block.id,
            block.name,
            kind_in_words(block)
        );
        let own_doc = block.doc.as_deref().unwrap_or("");
        if let Some(layout) = record.layout {
            name += &camel(&layout.name);
            let when = layout
                .when
                .as_ref()
                .map_or("no other layout is chosen".to_owned(), |when| {
                    format!("`{}`", when.text)
                });
            doc = format!(
                "Block {} `{}` when {when}.\n\n{}",
                block.id,
                block.name,
                layout.doc.as_deref().unwrap_or("")
            );
        } else if block.layouts.is_empty() {
            let _ = write!(doc, "\n{own_doc}");
        } else {
            let _ = write!(
                doc,
                "\n{own_doc}\n\nThese are the fields that all of its layouts share."
            );
        }
        let rules = record
            .layout
            .map_or(&block.require, |layout| &layout.require);
        for rule in rules {
            let _ = write!(doc, "\n\nRequired: `{}`.", rule.text);
        }
        let name = self.types.unique(name);
        self.line("");
        self.doc("", &doc);
        self.declaration(&name, &record.members);
        self.item(format!("impl {name} {{"));
        self.constants(block);
        self.values(&record.members);
        self.conversions("block", block.max_length, &record.members);
        if record.layout.is_none() && checks::is_judged(block) {
            self.judgement(block, records);
        }
        self.line("}");
        let about = match record.layout {
            None => "The defaults of the manifest.",
            Some(_) => "The defaults of the manifest, with the values that choose this layout.",
        };
        self.default(&name, about, &default_bytes(block, record));
    }

    fn member(&mut self, member: &Member<'_>) {
        let doc = match member.content {
            Content::Gap(gap) => gap.meaning().to_owned(),
            Content::Header(header) => header.meaning.to_owned(),
            Content::List(list) => {
                let doc = list.doc.as_deref().unwrap_or("");
                let owner = owner_in_words(list.owner);
                let said = format!("{doc} {owner} {}", list_in_words(list));
                said.trim().to_owned()
            }
            Content::Field(field) => {
                let doc = field.doc.as_deref().unwrap_or("");
                let said = format!(
                    "{doc} {} {}",
                    owner_in_words(field.owner),
                    rules_in_words(field)
                );
                said.trim().to_owned()
            }
        };
        self.doc("    ", &doc);
        let ty = self.member_type(member);
        self.line(format!("    pub {}: {ty},", member.name));
    }

    /// The structure that the elements of a member are, and the member's field.
    fn element<'m>(&self, member: &Member<'m>) -> Option<(String, &'m Field)> {
        let field = member.field()?;
        let name = self.elements.get(&field.span)?;
        Some((name.clone(), field))
    }

    fn member_type(&self, member: &Member<'_>) -> String {
        match (self.element(member), integers(member)) {
            (Some((name, array)), _) => format!("[{name}; {}]", array.ty.elements()),
            (None, Some((integer, None))) => integer_type(integer),
            (None, Some((integer, Some(elements)))) => {
                format!("[{}; {elements}]", integer_type(integer))
            }
            (None, None) => format!("[u8; {}]", member.length),
        }
    }

    fn constants(&mut self, block: &Block) {
        self.doc("    ", "The block ID.");
        self.line(format!("    pub const BLOCK_ID: u32 = {};", block.id));
        self.doc("    ", "The shortest write in bytes.");
        self.line(format!(
            "    pub const MIN_LENGTH: usize = {};",
            block.min_length
        ));
        self.doc("    ", "The length of the block in bytes.");
        self.line(format!(
            "    pub const LENGTH: usize = {};",
            block.max_length
        ));
        if let Some(mask) = block.invalidation_mask() {
            self.doc("    ", "The block in the mask of an invalidation.");
            self.line(format!(
                "    pub const INVALIDATION_MASK: u64 = 0x{mask:X};"
            ));
        }
    }

    /// The limits and the bits of fields.
    fn values(&mut self, members: &[Member<'_>]) {
        for field in members.iter().filter_map(Member::field) {
            self.limits(field);
            self.bits(field);
        }
    }

    fn limits(&mut self, field: &Field) {
        let limits = [
            ("smallest", "MIN", field.valid.min),
            ("largest", "MAX", field.valid.max),
        ];
        for (what, suffix, limit) in limits {
            let Some(limit) = limit else { continue };
            self.doc("    ", &format!("The {what} value of `{}`.", field.name));
            self.line(format!(
                "    pub const {}_{suffix}: {} = {};",
                upper(&field.name),
                integer_type(field.ty.element()),
                literal(limit)
            ));
        }
    }

    fn bits(&mut self, field: &Field) {
        let ty = integer_type(field.ty.element());
        for bits in &field.bits {
            let name = format!("{}_{}", upper(&field.name), upper(&bits.name));
            let place = format!("`{}` in `{}`.", bits.name, field.name);
            self.doc("    ", &format!("Lowest bit of {place}"));
            self.line(format!("    pub const {name}_SHIFT: u32 = {};", bits.low));
            self.doc("    ", &format!("Bits of {place}"));
            self.line(format!(
                "    pub const {name}_MASK: {ty} = 0x{:X};",
                bits.mask()
            ));
        }
    }

    /// The conversions of `what` to and from its bytes.
    fn conversions(&mut self, what: &str, length: u8, members: &[Member<'_>]) {
        self.line("");
        self.doc("    ", &format!("The bytes of the {what}."));
        self.line("    #[must_use]");
        self.line(format!("    pub fn to_bytes(&self) -> [u8; {length}] {{"));
        self.line(format!("        let mut bytes = [0; {length}];"));
        for member in members {
            self.store(member);
        }
        self.line("        bytes\n    }\n");
        self.doc("    ", &format!("The {what} whose bytes these are."));
        self.line("    #[must_use]");
        self.line(format!(
            "    pub fn from_bytes(bytes: &[u8; {length}]) -> Self {{"
        ));
        self.line("        Self {");
        for member in members {
            self.load(member);
        }
        self.line("        }\n    }");
    }

    /// The function that judges a write.
    fn judgement(&mut self, block: &Block, records: &[Record<'_>]) {
        let (min, max) = (block.min_length, block.max_length);
        self.line("");
        self.doc(
            "    ",
            &format!(
                "Judges a write before it is sent. {JUDGES}\n\n# Errors\n\nWhat is wrong with it."
            ),
        );
        self.line("    #[allow(unused, clippy::all, clippy::pedantic)]");
        self.line(format!(
            "    pub fn check(sent: &[u8]) -> Result<(), &'static str> {{\n        \
             let length = sent.len();\n        \
             if !({min}..={max}).contains(&length) {{\n            \
             return Err(\"length: must be from {min} to {max}\");\n        \
             }}\n        \
             let mut bytes = [0; {max}];\n        \
             bytes[..length].copy_from_slice(sent);\n        \
             let image = &bytes[..];\n        \
             let (mut value, mut count, mut layout, mut overflow) = (0, 0, 0, false);"
        ));
        if arrays(block).next().is_some() {
            self.line("        let mut elements = 0;");
        }
        if block.lists().next().is_some() {
            self.line(
                "        let (mut at, mut size, mut tag, mut known, mut seen) = (0, 0, 0, 0, 0_u64);",
            );
        }
        self.text
            .push_str(&checks::statements(Language::Rust, block, records));
        self.line("        Ok(())\n    }");
    }

    fn store(&mut self, member: &Member<'_>) {
        let Member { name, offset, .. } = member;
        let end = offset + member.length;
        if let Some((_, array)) = self.element(member) {
            let length = array.ty.element_length();
            let bytes = format!("bytes[{offset}..{end}].chunks_exact_mut({length})");
            self.line(format!(
                "        for (bytes, element) in {bytes}.zip(&self.{name}) {{"
            ));
            self.line("            bytes.copy_from_slice(&element.to_bytes());");
            self.line("        }");
            return;
        }
        let Some((integer, elements)) = integers(member) else {
            self.line(format!(
                "        bytes[{offset}..{end}].copy_from_slice(&self.{name});"
            ));
            return;
        };
        let to = format!("to_{}_bytes", order(integer));
        if elements.is_none() {
            let bytes = format!("self.{name}.{to}()");
            self.line(format!(
                "        bytes[{offset}..{end}].copy_from_slice(&{bytes});"
            ));
            return;
        }
        let bytes = format!(
            "bytes[{offset}..{end}].chunks_exact_mut({})",
            integer.width()
        );
        self.line(format!(
            "        for (bytes, value) in {bytes}.zip(self.{name}) {{"
        ));
        self.line(format!("            bytes.copy_from_slice(&value.{to}());"));
        self.line("        }");
    }

    fn load(&mut self, member: &Member<'_>) {
        let Member {
            name,
            offset,
            length,
            ..
        } = member;
        if let Some((element, array)) = self.element(member) {
            let length = array.ty.element_length();
            let bytes =
                format!("core::array::from_fn(|byte| bytes[{offset} + {length} * index + byte])");
            let value = format!("{element}::from_bytes(&{bytes})");
            self.line(format!(
                "            {name}: core::array::from_fn(|index| {value}),"
            ));
            return;
        }
        let Some((integer, elements)) = integers(member) else {
            self.line(format!(
                "            {name}: core::array::from_fn(|index| bytes[{offset} + index]),"
            ));
            return;
        };
        let (ty, order, width) = (integer_type(integer), order(integer), integer.width());
        let value = if elements.is_none() {
            let bytes: Vec<String> = (*offset..offset + length)
                .map(|index| format!("bytes[{index}]"))
                .collect();
            format!("{ty}::from_{order}_bytes([{}])", bytes.join(", "))
        } else {
            let bytes =
                format!("core::array::from_fn(|byte| bytes[{offset} + {width} * index + byte])");
            format!("core::array::from_fn(|index| {ty}::from_{order}_bytes({bytes}))")
        };
        self.line(format!("            {name}: {value},"));
    }

    fn default(&mut self, name: &str, about: &str, bytes: &[u8]) {
        self.line("");
        self.doc("", about);
        self.line(format!("impl Default for {name} {{"));
        self.line("    fn default() -> Self {");
        if bytes.iter().all(|byte| *byte == 0) {
            self.line(format!("        Self::from_bytes(&[0; {}])", bytes.len()));
        } else {
            self.line(format!("        Self::from_bytes(&{bytes:?})"));
        }
        self.line("    }\n}");
    }
}

/// The integers of a member and, for an array, their number; `None` for plain bytes.
fn integers(member: &Member<'_>) -> Option<(Integer, Option<u8>)> {
    if let Content::Header(header) = &member.content {
        return Some((header.integer, None));
    }
    match member.field()?.ty {
        Type::Integer(integer) => Some((integer, None)),
        Type::Array(integer, elements) if integer != Integer::U8 => Some((integer, Some(elements))),
        Type::Array(..) | Type::Bytes(_) | Type::Ascii(_) | Type::Structures { .. } => None,
    }
}

fn integer_type(integer: Integer) -> String {
    let sign = if integer.signed { "i" } else { "u" };
    format!("{sign}{}", integer.bits())
}

/// Hexadecimal, or decimal for a negative number.
fn literal(value: i128) -> String {
    if value < 0 {
        value.to_string()
    } else {
        format!("0x{value:X}")
    }
}

const fn order(integer: Integer) -> &'static str {
    if integer.big_endian { "be" } else { "le" }
}

/// The type of the fields whose values the enumeration names, or one of 64 bits when they
/// differ.
fn enumeration_type(known: &Enum, manifest: &Manifest) -> String {
    let fields = manifest.blocks().iter().flat_map(|block| {
        block
            .fields
            .iter()
            .chain(block.layouts.iter().flat_map(|layout| &layout.fields))
    });
    let fields = fields.flat_map(|field| {
        let inner = field.structure.iter().flat_map(|inner| &inner.fields);
        std::iter::once(field).chain(inner)
    });
    let of_entries = manifest
        .blocks()
        .iter()
        .flat_map(entries)
        .flat_map(|(.., entry)| &entry.structure.fields);
    let fields = fields.chain(of_entries);
    let named = |field: &&Field| {
        field
            .valid
            .one_of
            .as_ref()
            .is_some_and(|one_of| one_of.enumeration.as_ref() == Some(&known.name))
    };
    let mut types = fields
        .filter(named)
        .map(|field| integer_type(field.ty.element()));
    match types.next() {
        Some(first) if types.all(|other| other == first) => first,
        _ if known.members.iter().any(|member| member.value < 0) => "i64".to_owned(),
        _ => "u64".to_owned(),
    }
}
