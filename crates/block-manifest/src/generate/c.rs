//! Generates the C header.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::checks::{self, JUDGES, Language};
use super::default_bytes::default_bytes;
use super::identifier::{Names, snake, upper};
use super::markdown::{
    entry_in_words, kind_in_words, list_in_words, owner_in_words, rules_in_words,
};
use super::record::{
    Content, Member, Record, arrays, element_members, entries, entry_members, records,
};
use super::style::Style;
use crate::diagnostic::Span;
use crate::model::{Block, Condition, Entry, Field, Layout, List, Manifest};
use crate::types::{Integer, Type};

/// Columns of a comment.
const COLUMNS: usize = 98;

/// The includes and macros of the header.
const PROLOGUE: &str = "\
#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>
#else
#include <stddef.h>
#include <stdint.h>
#endif

#if defined(__cplusplus) || defined(__KERNEL__) || (defined(_MSC_VER) && !defined(__clang__))
#define {P}_ASSERT(condition) static_assert(condition, #condition)
#else
#define {P}_ASSERT(condition) _Static_assert(condition, #condition)
#endif
";

/// Macros for integers whose byte order the kernel of Linux checks.
const BYTE_ORDERS: &str = "\
#ifdef __KERNEL__
#define {P}_LE(bits) __le##bits
#define {P}_BE(bits) __be##bits
#else
#define {P}_LE(bits) uint##bits##_t
#define {P}_BE(bits) uint##bits##_t
#endif
";

/// The same macros for signed integers, whose byte order the kernel checks like that of unsigned
/// ones.
const SIGNED_BYTE_ORDERS: &str = "\
#ifdef __KERNEL__
#define {P}_SIGNED_LE(bits) __le##bits
#define {P}_SIGNED_BE(bits) __be##bits
#else
#define {P}_SIGNED_LE(bits) int##bits##_t
#define {P}_SIGNED_BE(bits) int##bits##_t
#endif
";

/// The functions that judge a write call these, too, if something in the manifest is signed. They
/// compute with the bits of signed integers.
const SIGNED_FUNCTIONS: &str = "
static inline uint64_t {p}_extend(uint64_t value, size_t width)
{
	uint64_t sign = (uint64_t)1 << (8 * width - 1);

	return (value ^ sign) - sign;
}

static inline uint64_t {p}_add_signed(uint64_t a, uint64_t b, int *overflow)
{
	uint64_t sum = a + b;

	*overflow |= ((a ^ sum) & (b ^ sum)) >> 63 != 0;
	return sum;
}

static inline uint64_t {p}_subtract_signed(uint64_t a, uint64_t b, int *overflow)
{
	uint64_t difference = a - b;

	*overflow |= ((a ^ b) & (a ^ difference)) >> 63 != 0;
	return difference;
}

static inline uint64_t {p}_multiply_signed(uint64_t a, uint64_t b, int *overflow)
{
	uint64_t negative = (a ^ b) >> 63;
	uint64_t size = {p}_multiply(a >> 63 ? 0 - a : a, b >> 63 ? 0 - b : b, overflow);

	*overflow |= size > 0x7FFFFFFFFFFFFFFFull + negative;
	return negative ? 0 - size : size;
}
";

/// The functions that judge a write call these.
const FUNCTIONS: &str = "\
static inline uint64_t {p}_load_le(const uint8_t *bytes, size_t place, size_t width)
{
	uint64_t value = 0;

	while (width-- > 0)
		value = value << 8 | bytes[place + width];
	return value;
}

static inline uint64_t {p}_load_be(const uint8_t *bytes, size_t place, size_t width)
{
	uint64_t value = 0;
	size_t index;

	for (index = 0; index < width; index++)
		value = value << 8 | bytes[place + index];
	return value;
}

static inline uint64_t {p}_add(uint64_t a, uint64_t b, int *overflow)
{
	*overflow |= a + b < a;
	return a + b;
}

static inline uint64_t {p}_subtract(uint64_t a, uint64_t b, int *overflow)
{
	*overflow |= a < b;
	return a - b;
}

static inline uint64_t {p}_multiply(uint64_t a, uint64_t b, int *overflow)
{
	uint64_t a_high = a >> 32, b_high = b >> 32;
	uint64_t cross = a_high * (uint32_t)b + b_high * (uint32_t)a;

	*overflow |= (a_high != 0 && b_high != 0) || cross >> 32 != 0 || a * b < cross << 32;
	return a * b;
}

static inline uint64_t {p}_crc32(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0xFFFFFFFFu;
	size_t index;
	int bit;

	for (index = 0; index < length; index++) {
		sum ^= bytes[index];
		for (bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320u : 0);
	}
	return sum ^ 0xFFFFFFFFu;
}
";

pub(super) fn header(manifest: &Manifest, style: &Style) -> String {
    let mut writer = Writer {
        text: String::new(),
        prefix: upper(style.prefix().unwrap_or(&manifest.device().name)),
        names: Names::default(),
        elements: HashMap::new(),
    };
    if let Some(license) = style.license_line() {
        writer.line(format!("/* {license} */"));
    }
    writer.manifest(manifest);
    writer.text
}

struct Writer {
    text: String,
    /// What every name begins with.
    prefix: String,
    /// Names of macros and structures.
    names: Names,
    /// The structures that the elements of arrays are, by the spans of the arrays.
    elements: HashMap<Span, String>,
}

impl Writer {
    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    /// A comment, on one line where it fits; nothing without a text.
    fn comment(&mut self, indent: &str, text: &str) {
        let text = text.trim().replace("*/", "* /");
        if text.is_empty() {
            return;
        }
        let width = COLUMNS - 8 * indent.len();
        let one_line = text.len() + "/*  */".len() <= width && !text.contains('\n');
        if one_line {
            self.line(format!("{indent}/* {text} */"));
            return;
        }
        self.line(format!("{indent}/*"));
        for line in textwrap::wrap(&text, width - " * ".len()) {
            self.line(format!("{indent} * {line}").trim_end());
        }
        self.line(format!("{indent} */"));
    }

    /// `#define NAME value`, with the prefix before NAME.
    fn define(&mut self, name: &str, value: impl AsRef<str>) {
        let name = self.names.unique(format!("{}_{name}", self.prefix));
        self.line(format!("#define {name} {}", value.as_ref()));
    }

    fn manifest(&mut self, manifest: &Manifest) {
        let prefix = self.prefix.clone();
        let device = manifest.device();
        self.comment("", &format!("VF configuration blocks of {}. Generated from its block manifest: change that instead.", device.name));
        self.line(format!(
            "#ifndef {prefix}_BLOCKS_H\n#define {prefix}_BLOCKS_H\n"
        ));
        self.line(PROLOGUE.replace("{P}", &prefix));
        self.line(BYTE_ORDERS.replace("{P}", &prefix));
        let has_signed = manifest.blocks().iter().any(checks::has_signed);
        if has_signed {
            self.line(SIGNED_BYTE_ORDERS.replace("{P}", &prefix));
        }
        self.comment("", "PCI IDs of the PF.");
        self.define("VENDOR_ID", format!("0x{:04X}u", device.vendor_id));
        self.define("DEVICE_ID", format!("0x{:04X}u", device.device_id()));
        if device.device_ids.len() > 1 {
            self.comment(
                "",
                "Every device ID that the PF may have, as the initializer of an array.",
            );
            let ids = device.device_ids.iter();
            let ids: Vec<String> = ids.map(|id| format!("0x{id:04X}u")).collect();
            self.define("DEVICE_IDS", format!("{{ {} }}", ids.join(", ")));
            self.define("DEVICE_ID_COUNT", format!("{}u", ids.len()));
        }
        if !manifest.constants().is_empty() {
            self.line("");
            self.comment("", "Constants.");
        }
        for constant in manifest.constants() {
            self.define(&upper(&constant.name), literal(constant.value));
        }
        for known in manifest.enums() {
            self.line("");
            self.comment("", &format!("Values of `{}`.", known.name));
            let has_negative = known.members.iter().any(|member| member.value < 0);
            let spelled = if has_negative {
                signed_literal
            } else {
                literal
            };
            for member in &known.members {
                self.define(
                    &format!("{}_{}", upper(&known.name), upper(&member.name)),
                    spelled(member.value),
                );
            }
        }
        if manifest.blocks().iter().any(checks::is_judged) {
            self.line("");
            let names = ["load_le", "load_be", "add", "subtract", "multiply", "crc32"];
            let of_signed = ["extend", "add_signed", "subtract_signed", "multiply_signed"];
            let of_signed = of_signed.iter().filter(|_| has_signed);
            let prefix = snake(&prefix);
            for name in names.iter().chain(of_signed) {
                self.names.unique(format!("{prefix}_{name}"));
            }
            self.line(FUNCTIONS.replace("{p}", &prefix).trim_end());
            if has_signed {
                self.line(SIGNED_FUNCTIONS.replace("{p}", &prefix).trim_end());
            }
        }
        self.line("\n#pragma pack(push, 1)");
        for block in manifest.blocks() {
            self.block(block);
        }
        let undefined = if has_signed {
            format!("#undef {prefix}_SIGNED_LE\n#undef {prefix}_SIGNED_BE\n")
        } else {
            String::new()
        };
        self.line(format!(
            "\n#pragma pack(pop)\n\n#undef {prefix}_ASSERT\n#undef {prefix}_LE\n#undef {prefix}_BE\n{undefined}\n#endif /* {prefix}_BLOCKS_H */"
        ));
    }

    fn block(&mut self, block: &Block) {
        self.line("");
        let doc = block.doc.as_deref().unwrap_or("");
        let said = format!(
            "Block {} \"{}\", {}. {doc}",
            block.id,
            block.name,
            kind_in_words(block)
        );
        self.comment("", &with_rules(&said, &block.require));
        let name = upper(&block.name);
        self.define(&format!("{name}_BLOCK_ID"), format!("{}u", block.id));
        if block.min_length != block.max_length {
            self.define(
                &format!("{name}_MIN_LENGTH"),
                format!("{}u", block.min_length),
            );
        }
        self.define(&format!("{name}_LENGTH"), format!("{}u", block.max_length));
        if let Some(mask) = block.invalidation_mask() {
            self.define(&format!("{name}_INVALIDATION_MASK"), literal(mask.into()));
        }
        for field in &block.fields {
            self.limits(&name, field);
        }
        for layout in &block.layouts {
            let name = format!("{name}_{}", upper(&layout.name));
            for field in &layout.fields {
                self.limits(&name, field);
            }
        }
        let inner = block.layouts.iter().flat_map(|layout| &layout.fields);
        for field in block.fields.iter().chain(inner) {
            self.bits(&name, field);
        }
        for (layout, array) in arrays(block) {
            self.structure(block, layout, array);
        }
        for (layout, list, entry) in entries(block) {
            self.entry(block, layout, list, entry);
        }
        let records = records(block);
        for record in &records {
            self.record(block, record);
        }
        if checks::is_judged(block) {
            self.judgement(block, &records);
        }
    }

    /// The function that judges a write.
    fn judgement(&mut self, block: &Block, records: &[Record<'_>]) {
        let prefix = snake(&self.prefix);
        let name = format!("{prefix}_{}_problem", snake(&block.name));
        let name = self.names.unique(name);
        let (min, max) = (block.min_length, block.max_length);
        self.line("");
        let about = format!(
            "Judges a write of block \"{}\" before it is sent: NULL if it is valid, or else what is \
             wrong. {JUDGES}",
            block.name
        );
        self.comment("", &about);
        let (mut declared, mut unused) = (String::new(), String::new());
        if arrays(block).next().is_some() {
            declared.push_str("\tsize_t element, elements = 0;\n");
            unused.push_str("\t(void)element, (void)elements;\n");
        }
        if block.lists().next().is_some() {
            declared.push_str(
                "\tsize_t at = 0, size = 0;\n\tuint64_t tag = 0, seen = 0;\n\tint known = 0;\n",
            );
            unused.push_str("\t(void)at, (void)size, (void)tag, (void)seen, (void)known;\n");
        }
        self.line(format!(
            "static inline const char *{name}(const void *block, size_t length)\n\
             {{\n\
             \tconst uint8_t *sent = (const uint8_t *)block;\n\
             \tuint8_t image[{max}] = {{ 0 }};\n\
             \tuint64_t value = 0, count = 0;\n\
             \tsize_t index;\n\
             {declared}\tint layout = 0, overflow = 0;\n\n\
             \t(void)image, (void)value, (void)count, (void)layout, (void)overflow;\n\
             {unused}\tif (length < {min} || length > {max})\n\
             \t\treturn \"length: must be from {min} to {max}\";\n\
             \tfor (index = 0; index < length; index++)\n\
             \t\timage[index] = sent[index];"
        ));
        let statements = checks::statements(Language::C(&prefix), block, records);
        self.text.push_str(&statements);
        self.line("\treturn NULL;\n}");
    }

    /// The smallest and the largest value of a field, and its default, where the manifest has them.
    fn limits(&mut self, owner: &str, field: &Field) {
        let name = format!("{owner}_{}", upper(&field.name));
        let default = match field.ty {
            Type::Integer(integer) => Some(integer.decode(&field.default)),
            Type::Array(..) | Type::Bytes(_) | Type::Ascii(_) | Type::Structures { .. } => None,
        };
        for (suffix, value) in [
            ("MIN", field.valid.min),
            ("MAX", field.valid.max),
            ("DEFAULT", default.filter(|value| *value != 0)),
        ] {
            if let Some(value) = value {
                let value = if field.ty.element().signed {
                    signed_literal(value)
                } else {
                    literal(value)
                };
                self.define(&format!("{name}_{suffix}"), value);
            }
        }
        for inner in field.structure.iter().flat_map(|inner| &inner.fields) {
            self.limits(&name, inner);
        }
    }

    fn bits(&mut self, block: &str, field: &Field) {
        for bits in &field.bits {
            let name = format!("{block}_{}_{}", upper(&field.name), upper(&bits.name));
            self.define(&format!("{name}_SHIFT"), format!("{}u", bits.low));
            self.define(&format!("{name}_MASK"), literal(bits.mask().into()));
        }
        for inner in field.structure.iter().flat_map(|inner| &inner.fields) {
            self.bits(&format!("{block}_{}", upper(&field.name)), inner);
        }
    }

    /// The structure of an array's elements.
    fn structure(&mut self, block: &Block, layout: Option<&Layout>, array: &Field) {
        let mut name = format!("{}_{}", snake(&self.prefix), snake(&block.name));
        if let Some(layout) = layout {
            let _ = write!(name, "_{}", snake(&layout.name));
        }
        let name = self.names.unique(format!("{name}_{}", snake(&array.name)));
        self.elements.insert(array.span.clone(), name.clone());
        self.line("");
        self.comment(
            "",
            &format!(
                "An element of `{}` in block \"{}\".",
                array.name, block.name
            ),
        );
        self.declaration(&name, array.ty.element_length(), &element_members(array));
    }

    /// The tag and the structure of an entry of a list.
    fn entry(&mut self, block: &Block, layout: Option<&Layout>, list: &List, entry: &Entry) {
        let mut name = snake(&block.name);
        if let Some(layout) = layout {
            let _ = write!(name, "_{}", snake(&layout.name));
        }
        let name = format!("{name}_{}", snake(&entry.name));
        let of_macros = name.to_ascii_uppercase();
        let name = self.names.unique(format!("{}_{name}", snake(&self.prefix)));
        self.line("");
        let said = format!(
            "An entry of `{}` in block \"{}\": {}. {}",
            list.name,
            block.name,
            entry.tag.text,
            entry_in_words(entry)
        );
        self.comment("", &with_rules(&said, &entry.structure.require));
        self.define(&format!("{of_macros}_TAG"), literal(entry.tag.value.into()));
        for field in &entry.structure.fields {
            self.limits(&of_macros, field);
            self.bits(&of_macros, field);
        }
        self.declaration(&name, entry.length, &entry_members(list, entry));
    }

    fn record(&mut self, block: &Block, record: &Record<'_>) {
        let mut name = format!("{}_{}", snake(&self.prefix), snake(&block.name));
        if let Some(layout) = record.layout {
            name = format!("{name}_{}", snake(&layout.name));
        }
        let name = self.names.unique(name);
        self.line("");
        if let Some(layout) = record.layout {
            self.comment("", &about_layout(block, layout));
        } else if !block.layouts.is_empty() {
            self.comment(
                "",
                &format!("What all layouts of block \"{}\" share.", block.name),
            );
        }
        self.declaration(&name, block.max_length, &record.members);
        if record.layout.is_some() || block.layouts.is_empty() {
            self.defaults(block, record, &name);
        }
    }

    /// A structure of `length` bytes, with assertions of its layout.
    fn declaration(&mut self, name: &str, length: u8, members: &[Member<'_>]) {
        self.line(format!("struct {name} {{"));
        for member in members {
            self.member(member);
        }
        self.line("};");
        let assert = format!("{}_ASSERT", self.prefix);
        self.line(format!("{assert}(sizeof(struct {name}) == {length});"));
        for member in members {
            self.line(format!(
                "{assert}(offsetof(struct {name}, {}) == {});",
                member.name, member.offset
            ));
        }
    }

    /// The bytes with which a structure begins, without the zeros at their end.
    fn defaults(&mut self, block: &Block, record: &Record<'_>, name: &str) {
        let bytes = default_bytes(block, record);
        let Some(last) = bytes.iter().rposition(|byte| *byte != 0) else {
            return;
        };
        let bytes: Vec<String> = bytes[..=last]
            .iter()
            .map(|byte| format!("0x{byte:02X}"))
            .collect();
        self.comment(
            "",
            &format!(
                "The bytes of its defaults, as the initializer of `uint8_t[{}]`.",
                block.max_length
            ),
        );
        let value = textwrap::wrap(&bytes.join(", "), COLUMNS - 16).join(" \\\n\t");
        let name = self
            .names
            .unique(format!("{}_DEFAULTS", name.to_ascii_uppercase()));
        self.line(format!("#define {name} {{ \\\n\t{value} }}"));
    }

    fn member(&mut self, member: &Member<'_>) {
        let field = match member.content {
            Content::Field(field) => field,
            Content::Header(header) => {
                self.comment("\t", header.meaning);
                let ty = self.integer_type(header.integer);
                self.line(format!("\t{ty} {};", member.name));
                return;
            }
            Content::List(list) => {
                let doc = list.doc.as_deref().unwrap_or("");
                let owner = owner_in_words(list.owner);
                self.comment("\t", &format!("{doc} {owner} {}", list_in_words(list)));
                self.line(format!("\tuint8_t {}[{}];", member.name, member.length));
                return;
            }
            Content::Gap(gap) => {
                self.comment("\t", gap.meaning());
                self.line(format!("\tuint8_t {}[{}];", member.name, member.length));
                return;
            }
        };
        let mut notes: Vec<String> = field.doc.iter().cloned().collect();
        notes.push(owner_in_words(field.owner).to_owned());
        notes.push(rules_in_words(field));
        self.comment("\t", &notes.join(" "));
        let ty = match self.elements.get(&field.span) {
            Some(structure) => format!("struct {structure}"),
            None => self.integer_type(field.ty.element()),
        };
        let mut declaration = format!("\t{ty} {}", member.name);
        if !matches!(field.ty, Type::Integer(_)) {
            let _ = write!(declaration, "[{}]", field.ty.elements());
        }
        self.line(declaration + ";");
    }

    fn integer_type(&self, integer: Integer) -> String {
        let order = if integer.big_endian { "BE" } else { "LE" };
        match (integer.bits(), integer.signed) {
            (8, false) => "uint8_t".to_owned(),
            (8, true) => "int8_t".to_owned(),
            (bits, false) => format!("{}_{order}({bits})", self.prefix),
            (bits, true) => format!("{}_SIGNED_{order}({bits})", self.prefix),
        }
    }
}

/// When a layout is chosen, what it is for, and its rules.
fn about_layout(block: &Block, layout: &Layout) -> String {
    let when = layout.when.as_ref();
    let when = when.map_or("no other layout is chosen", |when| when.text.as_str());
    let doc = layout.doc.as_deref().unwrap_or("");
    let said = format!("Block \"{}\" when {when}. {doc}", block.name);
    with_rules(&said, &layout.require)
}

/// A text with the rules of a write, each on lines of its own.
fn with_rules(text: &str, rules: &[Condition]) -> String {
    let mut text = text.trim().to_owned();
    for rule in rules {
        let _ = write!(text, "\nRequired: {}.", rule.text);
    }
    text
}

/// An unsigned literal, or a signed one of a negative number.
fn literal(value: i128) -> String {
    if value < 0 {
        signed_literal(value)
    } else if u32::try_from(value).is_ok() {
        format!("0x{value:X}u")
    } else {
        format!("0x{value:X}ull")
    }
}

/// A signed literal: a comparison with an unsigned one would not be signed.
fn signed_literal(value: i128) -> String {
    let long = if i32::try_from(value).is_ok_and(|value| value > i32::MIN) {
        ""
    } else {
        "ll"
    };
    if value == i64::MIN.into() {
        // The number without its sign is too large for a literal.
        format!("({}ll - 1)", i64::MIN + 1)
    } else if value < 0 {
        format!("({value}{long})")
    } else {
        format!("{value}{long}")
    }
}
