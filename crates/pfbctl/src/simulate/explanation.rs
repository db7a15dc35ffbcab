//! Why a write or a publish of a trace was refused: the field, its place and value, and the rule.
//!
//! A refused operation changes nothing, so it is judged once more on what the blocks hold.

use std::fmt::Write as _;

use block_broker::refusal_of;
use block_manifest::expression::Expression;
use block_manifest::{Block, Covered, Field, Manifest, Type};
use block_table::format::MAX_USES;
use block_table::{History, Image, Kind, MAX_BLOCK_LENGTH, Rule, Violation, Write, Writer, crc32};
use block_trace::{Operation, Target};
use pf_broker_abi::Refusal;

use crate::draft::{owned_by, owns};
use crate::entries;
use crate::fields::image_of;
use crate::simulation::Simulation;
use crate::style::counted;
use crate::value;

/// The reason in words, as exactly as the operation allows.
pub(super) fn explain(
    manifest: &Manifest,
    simulation: &Simulation<'_>,
    operation: &Operation,
    refusal: Refusal,
) -> String {
    let (writer, vf, id, sent) = match operation {
        Operation::Write { vf, block, data } => (Writer::Vf, *vf, *block, data),
        Operation::Publish {
            vf, block, data, ..
        } => {
            let vf = match vf {
                Target::Vf(vf) => *vf,
                Target::All => 0,
            };
            (Writer::Pf, vf, *block, data)
        }
        _ => return refusal.sentence().to_owned(),
    };
    let block = manifest.blocks().iter().find(|block| block.id == id);
    let Some(block) = block else {
        return refusal.sentence().to_owned();
    };
    let committed = simulation.register(vf, id);
    let committed = committed.unwrap_or_else(|_| default_image(simulation, block));
    let used = used(manifest, simulation, vf, block);
    let mut write = Write::new(writer, sent.len(), &committed, History::EMPTY);
    for (place, image) in write.used.iter_mut().zip(&used) {
        *place = image;
    }
    let judged = Judged {
        manifest,
        block,
        image: merged(block, writer, sent, &committed),
        write,
        sent,
    };
    let reason = judged.reason(simulation, refusal);
    let reason = reason.unwrap_or_else(|| refusal.sentence().to_owned());
    format!("block {}: {reason}", block.name)
}

/// The defaults of a stream, which holds no value.
fn default_image(simulation: &Simulation<'_>, block: &Block) -> Image {
    let table = simulation.table();
    let compiled = table.find(block.id).and_then(|place| table.block(place));
    compiled.map_or([0; MAX_BLOCK_LENGTH], |block| *block.default_image())
}

/// The values of the blocks that a block uses.
fn used(manifest: &Manifest, simulation: &Simulation<'_>, vf: u16, block: &Block) -> Vec<Image> {
    let images = block.uses.iter().take(MAX_USES).map(|name| {
        let other = manifest.blocks().iter().find(|other| other.name == *name);
        let image = other.and_then(|other| simulation.register(vf, other.id).ok());
        image.unwrap_or([0; MAX_BLOCK_LENGTH])
    });
    images.collect()
}

/// The block with what is sent in the place of the writer's fields.
fn merged(block: &Block, writer: Writer, sent: &[u8], committed: &Image) -> Image {
    let mut image = image_of(sent);
    let layout = value::layout_of(block, &image);
    for field in value::fields(block, layout) {
        if !owns(writer, field) {
            let bytes = usize::from(field.offset)..field.end();
            image[bytes.clone()].copy_from_slice(&committed[bytes]);
        }
    }
    if let Some(list) = value::list(block, layout)
        && !owned_by(writer, list.owner)
    {
        let bytes = usize::from(list.offset)..usize::from(block.max_length);
        image[bytes.clone()].copy_from_slice(&committed[bytes]);
    }
    image
}

/// A write that was refused.
struct Judged<'j> {
    manifest: &'j Manifest,
    block: &'j Block,
    /// The block, merged with what is sent.
    image: Image,
    write: Write<'j>,
    sent: &'j [u8],
}

impl Judged<'_> {
    /// The reason, if it is found.
    fn reason(&self, simulation: &Simulation<'_>, refusal: Refusal) -> Option<String> {
        match refusal {
            Refusal::Length => Some(self.length()),
            Refusal::Checksum => self.checksum(),
            Refusal::Sequence => self.sequence(),
            Refusal::Require | Refusal::Overflow => self.condition(refusal),
            Refusal::Count => self.count(),
            Refusal::Reserved | Refusal::Value | Refusal::Text => {
                let violation = self.violation(simulation, refusal)?;
                Some(self.place(violation.offset.into(), refusal))
            }
            Refusal::List => self.list(self.violation(simulation, refusal)?),
            _ => None,
        }
    }

    fn length(&self) -> String {
        let (min, max) = (self.block.min_length, self.block.max_length);
        let sent = self.sent.len();
        if min == max {
            return format!("{sent} bytes were sent: must be {max}");
        }
        format!("{sent} bytes were sent: must be from {min} to {max}")
    }

    fn checksum(&self) -> Option<String> {
        let field = self
            .block
            .fields
            .iter()
            .find(|field| field.checksum.is_some())?;
        let covered = self.sent.get(field.covered(self.sent.len()))?;
        let place = match field.checksum? {
            Covered::Before => "before",
            Covered::Rest => "after",
        };
        let text = self.text(field);
        let sum = crc32(covered);
        Some(format!(
            "{text}: the CRC-32 of the bytes {place} it is {sum:#x}"
        ))
    }

    fn sequence(&self) -> Option<String> {
        let mut fields = self.block.fields.iter();
        let (field, kind) = fields.find_map(|field| Some((field, field.sequence?)))?;
        let mut text = self.text(field);
        // A stream does not hold the message before.
        if self.block.kind == Kind::Register {
            text += " after ";
            text += &value::text(self.manifest, field, self.write.committed);
        }
        Some(format!("{text}: sequence = \"{}\"", kind.as_str()))
    }

    /// The first rule over several fields that does not hold.
    fn condition(&self, refusal: Refusal) -> Option<String> {
        let layout = value::layout_of(self.block, &self.image);
        let of_elements = self.rules_of_elements(layout);
        let layout = layout.and_then(|index| self.block.layouts.get(index));
        let of_layout = layout.iter().flat_map(|layout| &layout.require);
        let mut rules = of_elements
            .iter()
            .map(|(place, text, rule)| (&**place, *text, rule))
            .chain(
                of_layout
                    .chain(&self.block.require)
                    .map(|rule| ("", &*rule.text, &rule.expression)),
            );
        let (place, text, rule) = rules.find(|(.., rule)| self.fails(rule, refusal))?;
        let mut values: Vec<String> = Vec::new();
        rule.for_each_load(&mut |load, _| {
            let value = value::load(&self.image, &self.write, load);
            let text = format!("{} = {value}", load.name);
            if !values.contains(&text) {
                values.push(text);
            }
        });
        let problem = match refusal {
            Refusal::Overflow => "overflows",
            _ => "does not hold",
        };
        let mut reason = format!("{place}`{text}` {problem}");
        if !values.is_empty() {
            let _ = write!(reason, ": {}", values.join(", "));
        }
        Some(reason)
    }

    /// The rules of each counted structure and each entry, with its name and the rule's text.
    fn rules_of_elements(&self, layout: Option<usize>) -> Vec<(String, &str, Expression)> {
        let mut rules = Vec::new();
        for field in value::fields(self.block, layout) {
            let Some(structure) = &field.structure else {
                continue;
            };
            let elements = field.ty.elements();
            let count = self.count_of(field).unwrap_or(elements.into());
            for index in (0..elements).take_while(|index| i128::from(*index) < count) {
                let place = format!("{}[{index}]: ", field.name);
                let texts = structure.require.iter().map(|rule| &*rule.text);
                let texts = texts.zip(field.element_rules(index));
                rules.extend(texts.map(|(text, rule)| (place.clone(), text, rule)));
            }
        }
        let list = value::list(self.block, layout);
        for placed in list.map_or_else(Vec::new, |list| entries::placed(list, self.sent)) {
            let Some(entry) = placed.found.entry else {
                continue;
            };
            let place = format!("{} ({}): ", placed.name, entry.name);
            let texts = entry.structure.require.iter().map(|rule| &*rule.text);
            let texts = texts.zip(entry.structure.rules_at(placed.found.start));
            rules.extend(texts.map(|(text, rule)| (place.clone(), text, rule)));
        }
        rules
    }

    /// How many elements of an array count, if that is not all of them.
    fn count_of(&self, field: &Field) -> Option<i128> {
        let load = |load: &_| value::load(&self.image, &self.write, load);
        field.count.as_ref()?.expression.evaluate(&load)
    }

    fn fails(&self, rule: &Expression, refusal: Refusal) -> bool {
        let load = |load: &_| value::load(&self.image, &self.write, load);
        match rule.evaluate(&load) {
            None => refusal == Refusal::Overflow,
            Some(0) => refusal == Refusal::Require,
            Some(_) => false,
        }
    }

    /// The array whose count is too large, or with elements after the count.
    fn count(&self) -> Option<String> {
        let layout = value::layout_of(self.block, &self.image);
        let fields = value::fields(self.block, layout);
        let mut parts = value::parts(&fields);
        parts.extend(entries::parts(value::list(self.block, layout), self.sent));
        let mut all = fields.into_iter().chain(&parts);
        all.find_map(|field| self.wrong_count(field, self.count_of(field)?))
    }

    fn wrong_count(&self, field: &Field, count: i128) -> Option<String> {
        let (name, elements) = (&field.name, field.ty.elements());
        if count > elements.into() {
            let problem = format!("{name} has {count} elements: must be at most {elements}");
            return Some(problem);
        }
        if count < 0 {
            return Some(format!("{name} has {count} elements: must be at least 0"));
        }
        let count = u8::try_from(count).ok()?;
        let start = usize::from(field.element_offset(count));
        let after = self.image.get(start..field.end())?;
        let place = after.iter().position(|byte| *byte != 0)?;
        let (elements, place) = (counted(count.into(), "element"), start + place);
        let byte = self.image.get(place)?;
        Some(format!(
            "{name} has {elements}: byte {place} after them is {byte:#04x}"
        ))
    }

    /// The rule that is broken, if it is that of the refusal.
    fn violation(&self, simulation: &Simulation<'_>, refusal: Refusal) -> Option<Violation> {
        let table = simulation.table();
        let compiled = table.block(table.find(self.block.id)?)?;
        let mut image = image_of(self.sent);
        let violation = compiled.admit_in_place(&self.write, &mut image).err()?;
        (refusal_of(violation) == refusal).then_some(violation)
    }

    /// The entry that is wrong, and why.
    fn list(&self, violation: Violation) -> Option<String> {
        let Rule::List(fault) = violation.rule else {
            return None;
        };
        let layout = value::layout_of(self.block, &self.image);
        let list = value::list(self.block, layout)?;
        let offset = usize::from(violation.offset);
        let place = entries::place(list, self.sent, offset);
        let text = entries::fault_text(fault);
        Some(match self.sent.get(offset) {
            Some(byte) => format!("{place}: {text} (byte {offset} is {byte:#04x})"),
            None => format!("{place}: {text}"),
        })
    }

    /// What is at an offset, and what may be there.
    fn place(&self, offset: usize, refusal: Refusal) -> String {
        let layout = value::layout_of(self.block, &self.image);
        let fields = value::fields(self.block, layout);
        let mut parts = value::parts(&fields);
        let list = value::list(self.block, layout);
        parts.extend(entries::parts(list, self.sent));
        let covers = |field: &&Field| (usize::from(field.offset)..field.end()).contains(&offset);
        let Some(field) = parts.iter().find(covers) else {
            let byte = self.image.get(offset).copied().unwrap_or_default();
            let place = match list.filter(|list| usize::from(list.offset) <= offset) {
                Some(list) => format!("{}, ", entries::place(list, self.sent, offset)),
                None => String::new(),
            };
            return format!(
                "{place}byte {offset} is {byte:#04x}: no field covers it, so it must be zero"
            );
        };
        let text = self.text(field);
        match refusal {
            Refusal::Reserved => {
                let names: Vec<&str> = field.bits.iter().map(|bits| &*bits.name).collect();
                format!("{text}: bits other than {} must be zero", names.join(", "))
            }
            Refusal::Text => format!("{text}: must be printable ASCII with zeros after it"),
            _ => format!("{text}: {}", rule_at(field, &self.image, offset)),
        }
    }

    /// A field with its place and its value.
    fn text(&self, field: &Field) -> String {
        let text = value::text(self.manifest, field, &self.image);
        let end = field.end() - 1;
        match field.offset {
            offset if usize::from(offset) == end => {
                format!("{} (byte {end}) is {text}", field.name)
            }
            offset => format!("{} (bytes {offset} to {end}) is {text}", field.name),
        }
    }
}

/// The rule that the element at an offset breaks.
fn rule_at(field: &Field, image: &Image, offset: usize) -> String {
    if let Type::Integer(integer) | Type::Array(integer, _) = field.ty {
        let value = value::integer(image, offset, integer);
        let broken = field.bits.iter().find(|bits| !bits.allow(value));
        if let Some(bits) = broken.filter(|_| field.valid.allows(value)) {
            return format!("{} must be {}", bits.name, bits.valid);
        }
    }
    format!("must be {}", field.valid)
}
