//! Generates the function that judges a write before the VF sends it, in C and in Rust: the same
//! statements with other spellings.

mod list;
mod terms;

use std::fmt::Write as _;

use block_table::Access;

use super::record::{Content, Gap, Member, Record, element_members};
use crate::expression::{Expression, Source};
use crate::model::{
    Behind, Block, Condition, Count, Covered, Entry, Field, Layout, Mac, OneOf, Structure, Valid,
};
use crate::types::{Integer, Type, low_bits};

/// What a function judges, for its comment.
pub(super) const JUDGES: &str = "It reads the host's fields from the bytes, so read the block \
    before you change your fields. It judges neither sequences nor rules that read other blocks or \
    the values before the write.";

/// The language of a function.
#[derive(Clone, Copy, Debug)]
pub(super) enum Language<'p> {
    /// C, with the prefix of the functions that it calls.
    C(&'p str),
    /// Rust.
    Rust,
}

/// Whether a VF writes the block, so that there is something to judge.
pub(super) const fn is_judged(block: &Block) -> bool {
    matches!(block.vf_access, Access::WriteOnly | Access::ReadWrite)
}

/// Whether something in the block is signed.
pub(super) fn has_signed(block: &Block) -> bool {
    let layouts = || block.layouts.iter();
    let own = block.fields.iter();
    let fields: Vec<&Field> = own
        .chain(layouts().flat_map(|layout| &layout.fields))
        .collect();
    let structures = || fields.iter().filter_map(|field| field.structure.as_ref());
    let inner = structures().flat_map(|structure| &structure.fields);
    let all = || fields.iter().copied().chain(inner.clone());
    let counts = all().filter_map(|field| field.count.as_ref());
    let conditions = block
        .require
        .iter()
        .chain(layouts().flat_map(|layout| layout.when.iter().chain(&layout.require)))
        .chain(structures().flat_map(|structure| &structure.require));
    let mut expressions = counts
        .map(|count| &count.expression)
        .chain(conditions.map(|condition| &condition.expression));
    all().any(|field| field.ty.element().signed) || expressions.any(Expression::is_signed)
}

/// The statements of the function for `block`, whose structures are `records`. They read `length`,
/// `sent` (the bytes), `image` (the same, followed by zeros to the end of the block) and `overflow`
/// (false).
pub(super) fn statements<'p>(
    language: Language<'p>,
    block: &'p Block,
    records: &[Record<'p>],
) -> String {
    let mut checks = Checks {
        language,
        text: String::new(),
        depth: 1,
        within: None,
    };
    checks.block(block, records);
    checks.text
}

struct Checks<'p> {
    language: Language<'p>,
    text: String,
    /// How often lines are indented.
    depth: usize,
    /// The part of the block that is judged, unless it is the block.
    within: Option<Within<'p>>,
}

/// A part of a block that is repeated.
#[derive(Clone, Copy)]
enum Within<'p> {
    /// An element of an array of structures.
    Element(&'p Field),
    /// An entry of a list.
    Entry(&'p Entry),
}

impl<'p> Checks<'p> {
    fn line(&mut self, line: &str) {
        let indent = match self.language {
            Language::C(_) => "\t".repeat(self.depth),
            Language::Rust => "    ".repeat(self.depth + 1),
        };
        let _ = writeln!(self.text, "{indent}{line}");
    }

    /// Refuses the write unless `condition` holds.
    fn require(&mut self, condition: &str, problem: &str) {
        match self.language {
            Language::C(_) => {
                self.line(&format!("if (!({condition}))"));
                self.line(&format!("\treturn {problem:?};"));
            }
            Language::Rust => {
                self.line(&format!("if !({condition}) {{"));
                self.line(&format!("    return Err({problem:?});"));
                self.line("}");
            }
        }
    }

    /// The beginning of a block of statements that is executed if `condition` holds.
    fn begin_if(&mut self, condition: &str) {
        self.line(&match self.language {
            Language::C(_) => format!("if ({condition}) {{"),
            Language::Rust => format!("if {condition} {{"),
        });
        self.depth += 1;
    }

    /// The name of a field, for messages.
    fn name(&self, field: &Field) -> String {
        match self.within {
            Some(Within::Element(array)) => format!("{}[].{}", array.name, field.name),
            Some(Within::Entry(entry)) => format!("{}.{}", entry.name, field.name),
            None => field.name.clone(),
        }
    }

    /// The place of byte `offset` of the block, or of the element that is judged.
    fn place(&self, offset: usize) -> String {
        match self.within {
            Some(Within::Element(array)) => {
                let start = usize::from(array.offset) + offset;
                format!("{start} + {} * element", array.ty.element_length())
            }
            Some(Within::Entry(..)) => format!("at + {offset}"),
            None => offset.to_string(),
        }
    }

    /// The beginning of a loop with `index` from `start` to `end`, which is not included.
    fn begin_loop(&mut self, start: &str, end: &str) {
        self.line(&match self.language {
            Language::C(_) => format!("for (index = {start}; index < {end}; index++) {{"),
            Language::Rust => format!("for index in {start}..{end} {{"),
        });
        self.depth += 1;
    }

    fn end(&mut self) {
        self.depth -= 1;
        self.line("}");
    }

    fn assign(&mut self, name: &str, value: &str) {
        self.line(&format!("{name} = {value};"));
    }

    fn block(&mut self, block: &'p Block, records: &[Record<'p>]) {
        if let Some(field) = block.fields.iter().find(|field| field.checksum.is_some()) {
            self.checksum(field);
        }
        for field in &block.fields {
            self.field(field);
        }
        if let Some(list) = &block.list {
            self.list(list);
        }
        if block.layouts.is_empty() {
            for record in records {
                self.gaps(&record.members);
            }
        } else {
            self.layouts(block, records);
        }
        for rule in &block.require {
            self.rule(rule);
        }
    }

    fn checksum(&mut self, field: &Field) {
        if !field.owner.has_vf() {
            return;
        }
        let covered = match (field.checksum, self.language) {
            (Some(Covered::Rest), Language::C(_)) => {
                format!("sent + {0}, length - {0}", field.end())
            }
            (Some(Covered::Rest), Language::Rust) => {
                format!("&sent[{0}..], length - {0}", field.end())
            }
            _ => format!("sent, {}", field.offset),
        };
        let sum = self.call("crc32", &covered);
        let claimed = self.load("sent", &field.offset.to_string(), field.ty.element());
        let condition = format!("length >= {} && {sum} == {claimed}", field.end());
        self.require(&condition, &format!("{}: not the CRC-32", field.name));
    }

    fn layouts(&mut self, block: &Block, records: &[Record<'p>]) {
        for (index, layout) in block.layouts.iter().enumerate() {
            let number = index + 1;
            let condition = match &layout.when {
                Some(when) => format!("layout == 0 && {}", self.condition(&when.expression)),
                None => "layout == 0".to_owned(),
            };
            self.begin_if(&condition);
            self.assign("layout", &number.to_string());
            self.end();
            self.overflow(&format!("layout {}: its condition overflows", layout.name));
        }
        self.require("layout != 0", "no layout has this message");
        for record in records {
            let Some(layout) = record.layout else {
                continue;
            };
            let number = block
                .layouts
                .iter()
                .position(|other| std::ptr::eq(other, layout));
            self.begin_if(&format!(
                "layout == {}",
                number.map_or(0, |index| index + 1)
            ));
            self.layout(layout, record);
            self.end();
        }
    }

    fn layout(&mut self, layout: &'p Layout, record: &Record<'p>) {
        self.gaps(&record.members);
        for field in &layout.fields {
            self.field(field);
        }
        if let Some(list) = &layout.list {
            self.list(list);
        }
        for rule in &layout.require {
            self.rule(rule);
        }
    }

    /// Bytes that no field covers.
    fn gaps(&mut self, members: &[Member<'_>]) {
        for member in members {
            if !matches!(member.content, Content::Gap(Gap::Zero)) {
                continue;
            }
            let (start, end) = (member.offset, member.offset + member.length);
            self.begin_loop(&self.place(start), &self.place(end));
            let of = match self.within {
                Some(Within::Element(array)) => format!(" of an element of {}", array.name),
                Some(Within::Entry(entry)) => format!(" of an entry {}", entry.name),
                None => String::new(),
            };
            let problem = format!("bytes {start} to {}{of}: not zero", end - 1);
            self.require("image[index] == 0", &problem);
            self.end();
        }
    }

    fn field(&mut self, field: &'p Field) {
        if let Some(structure) = &field.structure {
            self.structures(field, structure);
            return;
        }
        let integer = field.ty.element();
        if matches!(field.ty, Type::Ascii(_)) {
            self.text(field);
        }
        if let Some(mac) = field.valid.mac {
            self.mac(field, mac);
        }
        let mut conditions = values("value", &field.valid, integer);
        if field.defined_bits() != integer.mask() {
            conditions.push(format!(
                "(value & {}) == 0",
                self.literal(!field.defined_bits())
            ));
        }
        for bits in &field.bits {
            let value = format!(
                "((value >> {}) & {})",
                bits.low,
                self.literal(bits.mask() >> bits.low)
            );
            let largest = bits.mask() >> bits.low;
            conditions.extend(unsigned_values(&value, &bits.valid, largest.into()));
        }
        let mut end = field.ty.elements().to_string();
        if let Some(count) = &field.count {
            let counted = self.count(field, count);
            if count.behind == Behind::Zero {
                self.begin_loop(counted, &end);
                self.element(field);
                let name = self.name(field);
                let problem = format!("{name}: elements after the count are not zero");
                self.require("value == 0", &problem);
                self.end();
            }
            counted.clone_into(&mut end);
        }
        if conditions.is_empty() {
            return;
        }
        let problem = if field.valid.is_any() {
            format!("{}: bits that are not allowed", self.name(field))
        } else {
            format!("{}: must be {}", self.name(field), field.valid)
        };
        self.begin_loop("0", &end);
        self.element(field);
        self.require(&conditions.join(" && "), &problem);
        self.end();
    }

    /// Computes and judges the count of a field, and returns it as a place in a loop.
    fn count(&mut self, field: &Field, count: &Count) -> &'static str {
        let value = self.integer(&count.expression);
        self.assign("count", &value);
        if count.load().is_none() {
            self.overflow(&format!("{}: overflows", count.text));
        }
        let elements = field.ty.elements();
        let problem = format!("{}: more than {elements} elements", count.text);
        self.require(&format!("count <= {elements}"), &problem);
        match self.language {
            Language::C(_) => "(size_t)count",
            Language::Rust => "(count as usize)",
        }
    }

    /// The structures of an array.
    fn structures(&mut self, array: &'p Field, structure: &'p Structure) {
        let mut end = array.ty.elements().to_string();
        if let Some(count) = &array.count {
            let counted = self.count(array, count);
            // The count of an array in the structure is another one.
            self.assign("elements", counted);
            if count.behind == Behind::Zero {
                let start = format!(
                    "{} + {} * elements",
                    array.offset,
                    array.ty.element_length()
                );
                self.begin_loop(&start, &array.end().to_string());
                let problem = format!("{}: elements after the count are not zero", array.name);
                self.require("image[index] == 0", &problem);
                self.end();
            }
            "elements".clone_into(&mut end);
        }
        self.line(&match self.language {
            Language::C(_) => format!("for (element = 0; element < {end}; element++) {{"),
            Language::Rust => format!("for element in 0..{end} {{"),
        });
        self.depth += 1;
        self.within = Some(Within::Element(array));
        for field in &structure.fields {
            self.field(field);
        }
        self.gaps(&element_members(array));
        for rule in &structure.require {
            self.rule(rule);
        }
        self.within = None;
        self.end();
    }

    /// Loads the element of the loop.
    fn element(&mut self, field: &Field) {
        let integer = field.ty.element();
        let place = self.place(field.offset.into());
        let place = format!("{place} + {} * index", integer.width());
        let value = self.load("image", &place, integer);
        self.assign("value", &value);
    }

    fn mac(&mut self, field: &Field, mac: Mac) {
        let start = self.place(field.offset.into());
        let bytes: Vec<String> = (0..usize::from(Mac::LENGTH))
            .map(|byte| format!("image[{}]", self.place(usize::from(field.offset) + byte)))
            .collect();
        let nonzero = format!("({}) != 0", bytes.join(" | "));
        let group = format!("(image[{start}] & 1)");
        let condition = match mac {
            Mac::Unicast => format!("{group} == 0 && {nonzero}"),
            Mac::Multicast => format!("{group} != 0"),
            Mac::Nonzero => nonzero,
        };
        let problem = format!("{}: must be {}", self.name(field), field.valid);
        self.require(&condition, &problem);
    }

    fn text(&mut self, field: &Field) {
        let start = self.place(field.offset.into());
        self.begin_loop(&start, &self.place(field.end()));
        let condition = format!(
            "image[index] == 0 || (image[index] >= 0x20 && image[index] <= 0x7E && \
             (index == {start} || image[index - 1] != 0))"
        );
        let problem = format!(
            "{}: not printable ASCII with zeros after it",
            self.name(field)
        );
        self.require(&condition, &problem);
        self.end();
    }

    /// A rule, if the bytes decide it.
    fn rule(&mut self, rule: &Condition) {
        let mut decided = true;
        rule.expression.for_each_load(&mut |load, _| {
            decided &= matches!(load.source, Source::Block | Source::Whole | Source::Write);
        });
        if !decided {
            return;
        }
        let condition = self.condition(&rule.expression);
        self.require(&condition, &rule.text);
        self.overflow(&format!("{}: overflows", rule.text));
    }

    fn overflow(&mut self, problem: &str) {
        self.require("!overflow", problem);
    }
}

/// The conditions of `valid` on `value`, the bits of an `integer`, in either language.
fn values(value: &str, valid: &Valid, integer: Integer) -> Vec<String> {
    if !integer.signed {
        return unsigned_values(value, valid, integer.max());
    }
    // From the smallest value on, numbers have the order of the signed ones.
    let smallest = integer.min();
    let bits = |value: i128| low_bits(value) & integer.mask();
    let moved = |value: i128| Some(value - smallest);
    let sets = |set: &OneOf| OneOf {
        values: set.values.iter().map(|value| bits(*value).into()).collect(),
        ..set.clone()
    };
    let by_bits = Valid {
        equals: valid.equals.map(|equals| bits(equals).into()),
        one_of: valid.one_of.as_ref().map(sets),
        none_of: valid.none_of.as_ref().map(sets),
        ..Valid::default()
    };
    let by_order = Valid {
        min: valid.min.and_then(moved),
        max: valid.max.and_then(moved),
        ..Valid::default()
    };
    let largest = integer.mask().into();
    let ordered = format!("({value} ^ 0x{:X})", bits(smallest));
    let mut conditions = unsigned_values(value, &by_bits, largest);
    conditions.extend(unsigned_values(&ordered, &by_order, largest));
    conditions
}

/// The conditions of `valid` on `value`, an integer from 0 to `largest`, in either language.
fn unsigned_values(value: &str, valid: &Valid, largest: i128) -> Vec<String> {
    let mut conditions = Vec::new();
    let mut add = |condition: String| conditions.push(condition);
    if let Some(equals) = valid.equals {
        add(format!("{value} == 0x{equals:X}"));
    }
    if let Some(min) = valid.min.filter(|min| *min > 0) {
        add(format!("{value} >= 0x{min:X}"));
    }
    if let Some(max) = valid.max.filter(|max| *max < largest) {
        add(format!("{value} <= 0x{max:X}"));
    }
    if let Some(mask) = valid.mask {
        add(format!("({value} | 0x{mask:X}) == 0x{mask:X}"));
    }
    if let Some(divisor) = valid.multiple_of {
        add(format!("{value} % 0x{divisor:X} == 0"));
    }
    if let Some(one_of) = &valid.one_of {
        let cases = one_of.values.iter();
        let cases: Vec<String> = cases.map(|case| format!("{value} == 0x{case:X}")).collect();
        add(format!("({})", cases.join(" || ")));
    }
    if let Some(none_of) = &valid.none_of {
        let cases = none_of.values.iter();
        let cases: Vec<String> = cases.map(|case| format!("{value} != 0x{case:X}")).collect();
        add(format!("({})", cases.join(" && ")));
    }
    conditions
}
