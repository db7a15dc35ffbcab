//! Finds bytes that a manifest allows, whatever its rules.
//!
//! A draft begins with values that each field allows by itself. While a rule over several fields
//! does not hold, one of its fields gets another value: if the rule compares the field with a
//! value, one that satisfies the comparison, otherwise another of the field's values. Finally the
//! block table judges the draft with the code of the driver; a refused draft is discarded.

mod plan;

use std::collections::BTreeSet;

use block_manifest::expression::{Binary, Expression, Load, Node, Source};
use block_manifest::{
    Behind, Bits, Block, Condition, Count, Field, Mac, Owner, SequenceKind, Type, low_bits,
};
use block_table::format::source;
use block_table::{Image, MAX_BLOCK_LENGTH, Rule, Write, Writer, crc32};

use crate::value;
use plan::Plan;

/// How often a draft is restarted, and how often one is changed.
const ATTEMPTS: u64 = 24;
const REPAIRS: u32 = 200;

/// The requirements of a draft.
pub(crate) struct Goal<'a> {
    /// The block, in the manifest.
    pub(crate) block: &'a Block,
    /// The same block, in the block table.
    pub(crate) compiled: block_table::Block<'a>,
    /// The write, of any length.
    pub(crate) write: Write<'a>,
    /// The wanted layout, if the block has layouts.
    pub(crate) layout: Option<usize>,
    /// Drafts with different turns get different values where the manifest leaves a choice.
    pub(crate) turn: u64,
}

impl Goal<'_> {
    /// Valid bytes, as many as the block has unless its rules ask for fewer. `None` if there are none,
    /// or none was found.
    pub(crate) fn find_bytes(&self) -> Option<Vec<u8>> {
        let length = usize::from(self.block.max_length);
        if self.block.is_opaque() {
            let text = format!("pf_broker {}", self.turn);
            let mut bytes = text.into_bytes();
            bytes.resize(length, 0);
            return self.accepts(&bytes).is_ok().then_some(bytes);
        }
        let arrays = value::fields(self.block, self.layout);
        let parts = value::parts(&arrays);
        let of_elements = element_rules(&arrays);
        let list = value::list(self.block, self.layout);
        let list = list.filter(|list| owned_by(self.write.writer, list.owner));
        (0..ATTEMPTS).find_map(|attempt| {
            let plan = list.map(|list| Plan::new(list, self.block, self.turn, attempt));
            let mut fields = parts.clone();
            fields.extend(plan.iter().flat_map(Plan::fields));
            let mut rules = of_elements.clone();
            let of_entries = plan.iter().flat_map(Plan::rules);
            rules.extend(of_entries.map(|expression| ElementRule {
                element: None,
                expression,
            }));
            let content = Content {
                arrays: &arrays,
                fields: &fields,
                rules: &rules,
                plan: plan.as_ref(),
            };
            let mut draft = Draft::new(self, content, attempt);
            let found = (0..REPAIRS).any(|_| draft.is_done() || !draft.repair());
            (found && draft.is_done()).then(|| draft.bytes().to_vec())
        })
    }

    /// The block table's result for these bytes.
    fn accepts(&self, bytes: &[u8]) -> Result<Image, block_table::Violation> {
        self.compiled.check_sent(self.write.writer, bytes)?;
        let mut image = [0; MAX_BLOCK_LENGTH];
        image[..bytes.len()].copy_from_slice(bytes);
        let write = Write {
            length: bytes.len(),
            ..self.write
        };
        self.compiled.admit_in_place(&write, &mut image)?;
        Ok(image)
    }

    fn owns(&self, field: &Field) -> bool {
        owns(self.write.writer, field)
    }
}

/// What the bytes of a draft consist of.
#[derive(Clone, Copy)]
struct Content<'w> {
    /// The fields of the wanted layout, arrays of structures as a whole.
    arrays: &'w [&'w Field],
    /// The fields that hold values.
    fields: &'w [Field],
    /// The rules of elements and entries.
    rules: &'w [ElementRule<'w>],
    /// The entries of the list.
    plan: Option<&'w Plan<'w>>,
}

/// One attempt.
struct Draft<'w> {
    goal: &'w Goal<'w>,
    /// The fields of the wanted layout, arrays of structures as a whole.
    arrays: &'w [&'w Field],
    /// The fields that hold values.
    fields: Vec<&'w Field>,
    /// The rules of elements and entries.
    rules: &'w [ElementRule<'w>],
    /// The entries of the list.
    plan: Option<&'w Plan<'w>>,
    /// Constants of the block's expressions and their neighbours.
    constants: BTreeSet<i128>,
    /// The block as it would be with this write.
    image: Image,
    /// How many bytes of it are sent.
    length: usize,
    random: fastrand::Rng,
}

impl<'w> Draft<'w> {
    fn new(goal: &'w Goal<'w>, content: Content<'w>, attempt: u64) -> Self {
        let Content {
            arrays,
            fields,
            rules,
            plan,
        } = content;
        let mut constants = BTreeSet::new();
        for condition in conditions(goal.block) {
            collect_constants(&condition.expression, &mut constants);
        }
        for rule in rules {
            collect_constants(&rule.expression, &mut constants);
        }
        let mut draft = Self {
            goal,
            arrays,
            fields: fields.iter().collect(),
            rules,
            plan,
            constants,
            image: *goal.write.committed,
            length: goal.block.max_length.into(),
            random: fastrand::Rng::with_seed(goal.turn.wrapping_mul(ATTEMPTS) + attempt),
        };
        draft.image[usize::from(goal.block.max_length)..].fill(0);
        draft.initialize(attempt == 0);
        draft
    }

    /// Sets each field to a value that it allows by itself: a plain one in the first draft.
    fn initialize(&mut self, plain: bool) {
        if value::layout_of(self.goal.block, self.goal.write.committed) != self.goal.layout {
            self.image = [0; MAX_BLOCK_LENGTH];
            for field in self.arrays {
                self.image[usize::from(field.offset)..field.end()].copy_from_slice(&field.default);
            }
        }
        if let Some(plan) = self.plan {
            plan.clear(&mut self.image);
        }
        for (index, field) in self.fields.clone().into_iter().enumerate() {
            if self.goal.owns(field) {
                self.assign(field, index as u64, plain);
            }
        }
        self.normalize();
    }

    fn assign(&mut self, field: &Field, index: u64, plain: bool) {
        let start = usize::from(field.offset);
        let element = field.ty.element();
        match field.ty {
            Type::Ascii(length) => {
                let text = format!("{} {}", field.name, self.goal.turn);
                let text = text.as_bytes();
                let length = text.len().min(usize::from(length));
                self.image[start..field.end()].fill(0);
                self.image[start..start + length].copy_from_slice(&text[..length]);
            }
            // The parts of a field have no structures.
            Type::Structures { .. } => {}
            Type::Bytes(_) | Type::Integer(_) | Type::Array(..) => {
                let mut choices = self.choices(field);
                // Zero is the least informative value.
                if plain && choices.iter().any(|&value| value != 0) {
                    choices.retain(|&value| value != 0);
                }
                for number in 0..field.ty.elements() {
                    let at = start + usize::from(number) * usize::from(element.width());
                    let pick = if plain {
                        self.goal.turn + index + u64::from(number)
                    } else {
                        self.random.u64(..)
                    };
                    let choice = usize::try_from(pick % choices.len().max(1) as u64);
                    let value = choice.ok().and_then(|choice| choices.get(choice));
                    value::put(&mut self.image, at, element, value.copied().unwrap_or(0));
                }
                // The lowest bit of the first byte says whether it is the address of a group.
                match field.valid.mac {
                    Some(Mac::Multicast) => self.image[start] |= 1,
                    Some(Mac::Unicast) => self.image[start] = self.image[start] & 0xFC | 2,
                    Some(Mac::Nonzero) => self.image[start] |= 2,
                    None => {}
                }
            }
        }
    }

    /// Values that a field may have: those that its rules name, and some of their neighbours.
    fn choices(&self, field: &Field) -> Vec<i128> {
        let element = field.ty.element();
        let valid = &field.valid;
        if let Some(sequence) = field.sequence {
            let before = value::integer(
                self.goal.write.committed,
                usize::from(field.offset),
                element,
            );
            return vec![match sequence {
                SequenceKind::Serial | SequenceKind::Next if before == element.max() => {
                    element.min()
                }
                _ => before + 1,
            }];
        }
        let mut choices: Vec<i128> = Vec::new();
        choices.extend(valid.equals);
        choices.extend(valid.one_of.iter().flat_map(|one_of| &one_of.values));
        let least = valid.min.unwrap_or(0);
        let step = i128::from(valid.multiple_of.unwrap_or(1).max(1));
        let first = least + (-least).rem_euclid(step);
        choices.extend((1..=4).map(|times| first + times * step));
        choices.extend([first, 0]);
        choices.extend(valid.max);
        // The least that the rules of its bits allow, and the same with other bits.
        let bits = field.bits.iter();
        let least = bits.fold(0, |value, bits| value | least_of(bits) << bits.low);
        choices.push(least.into());
        for bits in &field.bits {
            choices.extend([1 << bits.low, bits.mask().into()]);
            let others = least & !bits.mask();
            let named = bits.valid.one_of.iter().flat_map(|one_of| &one_of.values);
            let edges = [bits.valid.max, bits.valid.equals];
            let values = named.copied().chain(edges.into_iter().flatten());
            choices.extend(values.map(|value| i128::from(others | low_bits(value) << bits.low)));
        }
        if let Some(mask) = valid.mask {
            choices.extend([mask, mask & mask.wrapping_neg()].map(i128::from));
        }
        choices.extend(&self.constants);
        let mut seen = BTreeSet::new();
        choices.retain(|&value| self.allows(field, value) && seen.insert(value));
        choices
    }

    /// Whether a field allows a value by itself, including the elements that it counts.
    fn allows(&self, field: &Field, value: i128) -> bool {
        let counted = self
            .arrays
            .iter()
            .copied()
            .chain(self.fields.iter().copied());
        let fits = |array: &Field| {
            let count = array.count.as_ref().and_then(Count::load);
            count.is_none_or(|count| {
                count.offset != field.offset
                    || (0..=array.ty.elements().into()).contains(&count.part_of(value))
            })
        };
        field.allows(value) && counted.into_iter().all(fits)
    }

    /// Clears the elements after a count and the fields after the bytes that are sent, and sets the
    /// checksums.
    fn normalize(&mut self) {
        let inner = self.fields.clone();
        // Elements of structures are cleared before the structures.
        for field in inner.into_iter().chain(self.arrays.iter().copied()) {
            if !self.goal.owns(field) {
                continue;
            }
            if let Some(count) = &field.count
                && count.behind == Behind::Zero
            {
                let width = usize::from(field.ty.element_length());
                let used = self.counted(field).saturating_mul(width);
                let start = usize::from(field.offset)
                    .saturating_add(used)
                    .min(field.end());
                self.image[start..field.end()].fill(0);
            }
        }
        if let Some(plan) = self.plan {
            plan.write(&mut self.image);
            self.length = plan.sent().unwrap_or(self.length);
        }
        for field in &self.fields {
            if self.goal.owns(field) {
                let sent = usize::from(field.offset).max(self.length);
                self.image[sent.min(field.end())..field.end()].fill(0);
            }
        }
        let writer = self.goal.write.writer;
        seal(&mut self.image, self.length, &self.fields, writer);
    }

    /// How many elements of an array count, as far as that can be computed.
    fn counted(&self, array: &Field) -> usize {
        let count = array.count.as_ref().map(|count| {
            let number = count.expression.evaluate(&|load| self.load(load));
            number.and_then(|number| usize::try_from(number).ok())
        });
        let all = usize::from(array.ty.elements());
        count.map_or(all, |count| count.unwrap_or(usize::MAX))
    }

    /// The bytes that are sent.
    fn bytes(&self) -> &[u8] {
        &self.image[..self.length]
    }

    /// The value of a load in the draft.
    fn load(&self, load: &Load) -> i128 {
        let write = Write {
            length: self.length,
            ..self.goal.write
        };
        value::load(&self.image, &write, load)
    }

    /// Whether the block table accepts the draft, with the wanted layout.
    fn is_done(&self) -> bool {
        self.goal
            .accepts(self.bytes())
            .is_ok_and(|image| value::layout_of(self.goal.block, &image) == self.goal.layout)
    }

    /// Sets one field to another value. False if there is no field to try.
    fn repair(&mut self) -> bool {
        let mended = match self.broken_rule() {
            Some((expression, wanted)) => self.repair_rule(expression, wanted),
            None => self.repair_field(),
        };
        self.normalize();
        mended
    }

    /// A rule over several fields with another result than the wanted one, and the wanted one.
    fn broken_rule(&mut self) -> Option<(&'w Expression, bool)> {
        let block = self.goal.block;
        let layout = self.goal.layout.unwrap_or(0);
        let others = block
            .layouts
            .iter()
            .take(layout)
            .filter_map(|other| other.when.as_ref());
        let chosen = block.layouts.get(layout);
        let wanted = block
            .require
            .iter()
            .chain(chosen.iter().flat_map(|layout| &layout.require));
        let wanted = wanted.chain(chosen.and_then(|layout| layout.when.as_ref()));
        let rules = wanted
            .map(|rule| (rule, true))
            .chain(others.map(|rule| (rule, false)));
        let broken: Vec<_> = rules
            .map(|(rule, wanted)| (&rule.expression, wanted))
            .chain(
                self.rules
                    .iter()
                    .filter(|rule| {
                        let element = rule.element;
                        element.is_none_or(|(array, index)| index < self.counted(array))
                    })
                    .map(|rule| (&rule.expression, true)),
            )
            .filter(|(rule, wanted)| self.holds(rule) != *wanted)
            .collect();
        self.one_of(&broken)
    }

    /// Gives a rule the wanted result by changing one of its fields, if possible.
    fn repair_rule(&mut self, expression: &'w Expression, wanted: bool) -> bool {
        match &expression.node {
            Node::Not(inner) => self.repair_rule(inner, !wanted),
            Node::And(left, right) | Node::Or(left, right) => {
                let sides = [&**left, &**right];
                let wrong: Vec<_> = sides
                    .into_iter()
                    .filter(|side| self.holds(side) != wanted)
                    .collect();
                match self.one_of(&wrong) {
                    Some(side) => self.repair_rule(side, wanted),
                    None => false,
                }
            }
            Node::Binary(operation, left, right) if operation.compares() && self.random.bool() => {
                let near = |other: &Expression| other.evaluate(&|field| self.load(field));
                let pairs = [(&**left, near(right)), (&**right, near(left))];
                let pairs: Vec<_> = pairs
                    .into_iter()
                    .filter_map(|(side, value)| match (&side.node, value) {
                        (Node::Load(field), Some(value)) => Some((field, value)),
                        _ => None,
                    })
                    .collect();
                // Equality needs the value itself, every other comparison the value or a neighbour.
                let nearby: &[i128] = match (operation, wanted) {
                    (Binary::Equal, true) | (Binary::NotEqual, false) => &[0],
                    _ => &[0, 1, -1],
                };
                let offset = self.one_of(nearby).unwrap_or(0);
                match self.one_of(&pairs) {
                    Some((field, value)) => self.set(field, value + offset),
                    None => self.change_any(expression),
                }
            }
            _ => self.change_any(expression),
        }
    }

    /// Sets one field of an expression to another value.
    fn change_any(&mut self, expression: &'w Expression) -> bool {
        let mut loads: Vec<&'w Load> = Vec::new();
        expression.for_each_load(&mut |load, _| loads.push(load));
        let Some(load) = self.one_of(&loads) else {
            return false;
        };
        if is_length(load) {
            let block = self.goal.block;
            let possible = usize::from(block.min_length)..=usize::from(block.max_length);
            self.length = self.random.usize(possible);
        }
        let Some(field) = self.field_of(load) else {
            return true;
        };
        let choices = self.choices(field);
        if let Some(value) = self.one_of(&choices) {
            value::put(
                &mut self.image,
                usize::from(field.offset),
                field.ty.element(),
                value,
            );
        }
        true
    }

    /// Sets the bits of a load, if its field is the writer's and allows the value, or the length.
    fn set(&mut self, load: &Load, value: i128) -> bool {
        if is_length(load) {
            let block = self.goal.block;
            let possible = usize::from(block.min_length)..=usize::from(block.max_length);
            let length = usize::try_from(value).ok();
            self.length = length
                .filter(|length| possible.contains(length))
                .unwrap_or(self.length);
        }
        if let Some(field) = self.field_of(load) {
            let offset = usize::from(field.offset);
            let element = field.ty.element();
            let whole = if load.is_whole() {
                value
            } else {
                let before = low_bits(value::integer(&self.image, offset, element));
                let others = before & !(load.mask << load.shift);
                (others | (low_bits(value) & load.mask) << load.shift).into()
            };
            if self.allows(field, whole) {
                value::put(&mut self.image, offset, element, whole);
            }
        }
        true
    }

    /// Sets the field that the block table complains about to another value.
    fn repair_field(&mut self) -> bool {
        let Err(violation) = self.goal.accepts(self.bytes()) else {
            return false;
        };
        let own: Vec<_> = self
            .fields
            .iter()
            .copied()
            .filter(|field| self.goal.owns(field))
            .collect();
        let at = usize::from(violation.offset);
        let named = own.iter().copied().find(|field| {
            (usize::from(field.offset)..field.end()).contains(&at)
                && !matches!(
                    violation.rule,
                    Rule::Require | Rule::Layout | Rule::Overflow
                )
        });
        let Some(field) = named.or_else(|| self.one_of(&own)) else {
            return false;
        };
        self.assign(field, 0, false);
        true
    }

    /// The field that a load loads, if it is the writer's.
    fn field_of(&self, load: &Load) -> Option<&'w Field> {
        let mut fields = self.fields.iter().copied();
        fields.find(|field| {
            load.source == Source::Block && field.offset == load.offset && self.goal.owns(field)
        })
    }

    fn holds(&self, expression: &Expression) -> bool {
        let value = expression.evaluate(&|field| self.load(field));
        value.is_some_and(|value| value != 0)
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        self.random.choice(choices.iter().copied())
    }
}

/// A rule over one element of an array of structures, or over an entry, as a rule over the block.
#[derive(Clone)]
struct ElementRule<'a> {
    /// The array and the index of the element; none for an entry.
    element: Option<(&'a Field, usize)>,
    expression: Expression,
}

/// The rules over each element of `arrays`.
fn element_rules<'a>(arrays: &[&'a Field]) -> Vec<ElementRule<'a>> {
    let mut rules = Vec::new();
    for array in arrays
        .iter()
        .copied()
        .filter(|array| array.structure.is_some())
    {
        for index in 0..array.ty.elements() {
            let expressions = array.element_rules(index).into_iter();
            rules.extend(expressions.map(|expression| ElementRule {
                element: Some((array, index.into())),
                expression,
            }));
        }
    }
    rules
}

/// Whether a load is the number of bytes that are sent.
fn is_length(load: &Load) -> bool {
    load.source == Source::Write && load.offset == source::LENGTH
}

/// Whether a writer sets a field.
pub(crate) fn owns(writer: Writer, field: &Field) -> bool {
    owned_by(writer, field.owner)
}

/// Whether a writer sets what has this owner.
pub(crate) fn owned_by(writer: Writer, owner: Owner) -> bool {
    match writer {
        Writer::Vf => owner.has_vf(),
        Writer::Pf => owner.has_pf(),
    }
}

/// Sets a writer's checksums in a write of the first `length` bytes.
pub(crate) fn seal(image: &mut Image, length: usize, fields: &[&Field], writer: Writer) {
    for field in fields
        .iter()
        .filter(|field| field.checksum.is_some() && owns(writer, field))
    {
        let sum = crc32(&image[field.covered(length)]);
        value::put(image, field.offset.into(), field.ty.element(), sum.into());
    }
}

/// Every condition of a block.
fn conditions(block: &Block) -> impl Iterator<Item = &Condition> {
    let layouts = block
        .layouts
        .iter()
        .flat_map(|layout| layout.when.iter().chain(&layout.require));
    block.require.iter().chain(layouts)
}

/// The constants of an expression, with the values next to them.
fn collect_constants(expression: &Expression, constants: &mut BTreeSet<i128>) {
    match &expression.node {
        Node::Constant(value) => {
            constants.extend([value - 1, *value, value + 1]);
        }
        Node::Load(_) => {}
        Node::Not(inner) => collect_constants(inner, constants),
        Node::Binary(_, left, right) | Node::And(left, right) | Node::Or(left, right) => {
            collect_constants(left, constants);
            collect_constants(right, constants);
        }
    }
}

/// The least value that the rules of named bits allow, or zero if it is far from zero.
fn least_of(bits: &Bits) -> u64 {
    let valid = &bits.valid;
    let named = valid.one_of.iter().flat_map(|one_of| &one_of.values);
    let first = valid.equals.or(named.min().copied()).or(valid.min);
    let mut tried = (low_bits(first.unwrap_or(0))..).take(0x1_0000);
    tried
        .find(|value| bits.allow((value << bits.low).into()))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
