//! The sections of a table, written element by element.

use std::collections::HashMap;

use zerocopy::little_endian::{U16, U64};

use super::condition;
use super::error::{EncodeError, count16, count32};
use super::source::{BlockSource, Checksum, Entry, Field, Layout, List, Rule, Shape};
use crate::expression::context_of;
use crate::format::{
    self, BlockRecord, Instruction, LayoutRecord, MAX_USES, NO_BLOCK, NO_CHECKSUM, RuleRecord,
    Span, Text, block_flag, rule,
};
use crate::image::{place, unused_bits};
use crate::{Access, Image, Kind, ShortRead, WhenFull, Work};

/// The sections after the blocks, while they are written.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) layouts: Vec<LayoutRecord>,
    pub(super) rules: Vec<RuleRecord>,
    pub(super) instructions: Vec<Instruction>,
    pub(super) values: Vec<U64>,
    pub(super) images: Vec<Image>,
    known_images: HashMap<Image, u16>,
    pub(super) strings: Vec<u8>,
}

impl Writer {
    pub(super) fn block(&mut self, block: &BlockSource) -> Result<BlockRecord, EncodeError> {
        // The verifier expects each section's elements in this order.
        let rules = self.rule_list(&block.rules)?;
        let first_layout = self.layouts.len();
        for layout in &block.layouts {
            let record = self.layout(layout)?;
            self.layouts.push(record);
        }
        let layouts = span(first_layout, block.layouts.len(), "layouts")?;
        let last_rules = self.rule_list(&block.last_rules)?;
        let checksum = block.checksum.unwrap_or(Checksum {
            offset: NO_CHECKSUM,
            operand: 0,
            owner: 0,
            covered: 0,
        });
        let mut record = BlockRecord {
            id: block.id.into(),
            name: self.text(&block.name)?,
            kind: match block.kind {
                Kind::Register => format::block_kind::REGISTER,
                Kind::Stream => format::block_kind::STREAM,
            },
            access: match block.vf_access {
                Access::None => format::access::NONE,
                Access::ReadOnly => format::access::READ_ONLY,
                Access::WriteOnly => format::access::WRITE_ONLY,
                Access::ReadWrite => format::access::READ_WRITE,
            },
            flags: flags(block),
            min_length: block.min_length,
            max_length: block.max_length,
            checksum_offset: checksum.offset,
            checksum_operand: checksum.operand,
            checksum_owner: checksum.owner,
            checksum_covered: checksum.covered,
            depth: block.depth.into(),
            shape: self.shape(&block.shape)?,
            common: self.image(&block.common)?,
            rules,
            layouts,
            last_rules,
            work: 0.into(),
            uses: uses(&block.uses)?,
        };
        record.work = self.work(&record).total().into();
        Ok(record)
    }

    /// The work of a write of the block `record`, whose elements are written.
    pub(super) fn work(&self, record: &BlockRecord) -> Work {
        let layouts = elements(&self.layouts, record.layouts);
        Work::of(record, layouts, |rules| elements(&self.rules, rules))
    }

    fn layout(&mut self, layout: &Layout) -> Result<LayoutRecord, EncodeError> {
        let (key, when) = condition::split(&layout.when);
        Ok(LayoutRecord {
            key,
            when: self.code(when)?,
            shape: self.shape(&layout.shape)?,
            rules: self.rule_list(&layout.rules)?,
        })
    }

    fn rule_list(&mut self, rules: &[Rule]) -> Result<Span, EncodeError> {
        let first = self.rules.len();
        self.append(rules)?;
        span(first, self.rules.len() - first, "rules")
    }

    /// Appends `rules`; those of elements follow their own. Returns how many it appended.
    fn append(&mut self, rules: &[Rule]) -> Result<usize, EncodeError> {
        let first = self.rules.len();
        for rule in &condition::joined(rules) {
            let record = self.rule(rule)?;
            let at = self.rules.len();
            self.rules.push(record);
            let inner = match rule {
                Rule::Each { rules, .. } => self.append(rules)?,
                Rule::List(list) => self.entries(list)?,
                _ => continue,
            };
            self.rules[at].a = (inner as u64).into();
        }
        Ok(self.rules.len() - first)
    }

    /// Appends the entries of a list, ascending by their tags. Returns how many rules it appended.
    fn entries(&mut self, list: &List) -> Result<usize, EncodeError> {
        let first = self.rules.len();
        let mut entries: Vec<&Entry> = list.entries.iter().collect();
        entries.sort_by_key(|entry| entry.tag);
        for entry in entries {
            let length = Field {
                elements: entry.length,
                ..Field::default()
            };
            let record = rule_record(rule::ENTRY, length, 0, entry.tag);
            let at = self.rules.len();
            self.rules.push(RuleRecord {
                detail: entry.flags,
                ..without_place(record)
            });
            let inner = self.append(&entry.rules)?;
            self.rules[at].a = (inner as u64).into();
        }
        Ok(self.rules.len() - first)
    }

    fn rule(&mut self, source: &Rule) -> Result<RuleRecord, EncodeError> {
        let record = rule_record;
        Ok(match source {
            Rule::Range(field, min, max) => record(rule::RANGE, *field, *min, *max),
            Rule::SignedRange(field, min, max) => {
                let all_bits = u64::MAX >> unused_bits(field.operand);
                let distance = max.wrapping_sub(*min) & all_bits;
                record(rule::SIGNED_RANGE, *field, *min, distance)
            }
            Rule::Mask(field, mask) => record(rule::MASK, *field, *mask, 0),
            Rule::Multiple(field, divisor) => record(rule::MULTIPLE, *field, *divisor, 0),
            Rule::OneOf(field, values) => {
                let kinds = [rule::ONE_OF_NEAR, rule::ONE_OF_LISTED];
                let (kind, a, b) = self.value_set(values, kinds)?;
                record(kind, *field, a, b)
            }
            Rule::NoneOf(field, values) => {
                let kinds = [rule::NONE_OF_NEAR, rule::NONE_OF_LISTED];
                let (kind, a, b) = self.value_set(values, kinds)?;
                record(kind, *field, a, b)
            }
            Rule::Text(field) => record(rule::TEXT, *field, 0, 0),
            Rule::Count {
                field,
                offset,
                operand,
            } => RuleRecord {
                detail: *offset,
                second: *operand,
                ..record(rule::COUNT, *field, 0, 0)
            },
            Rule::CountByCode {
                field,
                number,
                at,
                clear,
            } => {
                let code = self.code(number)?;
                let (start, count) = (code.start.get().into(), code.count.get().into());
                RuleRecord {
                    detail: *at,
                    second: *clear,
                    ..without_place(record(rule::COUNT_BY_CODE, *field, start, count))
                }
            }
            Rule::Each { field, length, .. } => RuleRecord {
                detail: *length,
                ..without_place(record(rule::EACH, *field, 0, 0))
            },
            Rule::List(list) => {
                let end = list.end.map_or(0, |_| format::list::END);
                let record = record(rule::LIST, list.field, 0, list.end.unwrap_or(0));
                RuleRecord {
                    detail: list.flags | end,
                    second: list.length,
                    mask: list.except.into(),
                    ..without_place(record)
                }
            }
            Rule::Mac(field, kind) => RuleRecord {
                detail: *kind,
                ..record(rule::MAC, *field, 0, 0)
            },
            Rule::Clear(field, mask) => record(rule::CLEAR, *field, *mask, 0),
            Rule::Require(code) => {
                let context = context_of(code);
                let kind = match context {
                    None => rule::REQUIRE,
                    Some(_) => rule::REQUIRE_IN_CONTEXT,
                };
                let code = self.code(code)?;
                let (start, count) = (code.start.get().into(), code.count.get().into());
                RuleRecord {
                    detail: context.unwrap_or(0),
                    ..record(kind, Field::default(), start, count)
                }
            }
            Rule::Bits { low, count, rule } => {
                let whole = self.rule(rule)?;
                let unused = 64_u32.saturating_sub((*count).into());
                RuleRecord {
                    shift: whole.shift.saturating_add(*low),
                    mask: u64::MAX.checked_shr(unused).unwrap_or(0).into(),
                    ..whole
                }
            }
            Rule::Sequence { field, kind, owner } => RuleRecord {
                detail: *kind,
                second: *owner,
                ..record(rule::SEQUENCE, *field, 0, 0)
            },
        })
    }

    /// A bitmap when the values lie within 64 of each other, a sorted list otherwise.
    fn value_set(
        &mut self,
        values: &[u64],
        [near, listed]: [u8; 2],
    ) -> Result<(u8, u64, u64), EncodeError> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let first = sorted.first().copied().unwrap_or(0);
        if sorted.last().is_some_and(|last| last - first < 64) {
            let bits = sorted
                .iter()
                .fold(0, |bits, value| bits | 1 << (value - first));
            return Ok((near, first, bits));
        }
        let span = span(self.values.len(), sorted.len(), "values")?;
        self.values.extend(sorted.into_iter().map(U64::new));
        Ok((listed, span.start.get().into(), span.count.get().into()))
    }

    fn code(&mut self, code: &[Instruction]) -> Result<Span, EncodeError> {
        let span = span(self.instructions.len(), code.len(), "instructions")?;
        self.instructions.extend_from_slice(code);
        Ok(span)
    }

    fn shape(&mut self, shape: &Shape) -> Result<format::Shape, EncodeError> {
        Ok(format::Shape {
            default: self.image(&shape.default)?,
            vf: self.image(&shape.vf)?,
            pf: self.image(&shape.pf)?,
            reserved: self.image(&shape.reserved)?,
            kept: self.image(&shape.kept)?,
        })
    }

    /// The index of `image`; equal images are stored once.
    fn image(&mut self, image: &Image) -> Result<U16, EncodeError> {
        if let Some(index) = self.known_images.get(image) {
            return Ok(U16::new(*index));
        }
        let index = u16::try_from(self.images.len())
            .map_err(|_| EncodeError::TooMany("different images"))?;
        self.images.push(*image);
        self.known_images.insert(*image, index);
        Ok(U16::new(index))
    }

    pub(super) fn text(&mut self, text: &str) -> Result<Text, EncodeError> {
        let start = count32(self.strings.len(), "bytes of names")?;
        self.strings.extend_from_slice(text.as_bytes());
        Ok(Text {
            start,
            length: count16(text.len(), "bytes of one name")?,
        })
    }
}

fn rule_record(kind: u8, field: Field, a: u64, b: u64) -> RuleRecord {
    let (start, shift) = place(field.offset, field.operand);
    let all_bits = u64::MAX >> unused_bits(field.operand);
    RuleRecord {
        kind: if field.counted {
            kind | rule::COUNTED
        } else {
            kind
        },
        offset: field.offset,
        operand: field.operand,
        elements: field.elements,
        start,
        shift,
        detail: 0,
        second: 0,
        // A rule without a field, which has no elements, has no bits either.
        mask: if field.elements == 0 { 0 } else { all_bits }.into(),
        a: a.into(),
        b: b.into(),
    }
}

/// The record of a rule that reads no integer of its field.
fn without_place(record: RuleRecord) -> RuleRecord {
    RuleRecord {
        start: 0,
        shift: 0,
        mask: 0.into(),
        ..record
    }
}

/// The elements of a span that was written.
fn elements<T>(section: &[T], span: Span) -> &[T] {
    let start = usize::try_from(span.start.get()).unwrap_or(usize::MAX);
    let rest = section.get(start..).unwrap_or_default();
    rest.get(..span.count.get().into()).unwrap_or_default()
}

fn span(start: usize, count: usize, what: &'static str) -> Result<Span, EncodeError> {
    Ok(Span {
        start: count32(start, what)?,
        count: count16(count, what)?,
    })
}

fn uses(indices: &[u16]) -> Result<[U16; MAX_USES], EncodeError> {
    let mut uses = [U16::new(NO_BLOCK); MAX_USES];
    if indices.len() > uses.len() {
        return Err(EncodeError::TooMany("used blocks"));
    }
    for (place, index) in uses.iter_mut().zip(indices) {
        place.set(*index);
    }
    Ok(uses)
}

fn flags(block: &BlockSource) -> u8 {
    let length = usize::from(block.max_length);
    let shapes =
        || std::iter::once(&block.shape).chain(block.layouts.iter().map(|layout| &layout.shape));
    let whole = |mask: fn(&Shape) -> &Image| {
        shapes().all(|shape| mask(shape).iter().take(length).all(|byte| *byte == 0xFF))
    };
    let keeps = shapes().any(|shape| shape.kept.contains(&0xFF));
    let flags = [
        (block.notify, block_flag::NOTIFY),
        (
            block.short_read == ShortRead::Prefix,
            block_flag::SHORT_READ,
        ),
        (keeps, block_flag::KEEP),
        (
            block.when_full == WhenFull::DropOldest,
            block_flag::DROP_OLDEST,
        ),
        (whole(|shape| &shape.vf), block_flag::VF_WRITES_ALL),
        (whole(|shape| &shape.pf), block_flag::PF_WRITES_ALL),
        (block.companion.writes(), block_flag::COMPANION_WRITE),
        (block.companion.reads(), block_flag::COMPANION_READ),
    ];
    flags
        .iter()
        .filter(|(set, _)| *set)
        .fold(0, |flags, (_, flag)| flags | flag)
}
