//! Judges a write field by field from the model, as a slow and plain reference.

#[path = "list.rs"]
mod list;

use block_manifest::expression::Expression;
use block_manifest::expression::Source;
use block_manifest::{
    Behind, Bits, Block, Condition, Covered, Field, Layout, List, Mac, Owner, SequenceKind,
    Structure, Type, low_bits,
};
use block_table::{Image, OnReset, Rule, Writer, crc32};

/// The writers since the last reset.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wrote {
    vf: bool,
    pf: bool,
}

impl Wrote {
    pub(crate) fn add(&mut self, writer: Writer) {
        match writer {
            Writer::Vf => self.vf = true,
            Writer::Pf => self.pf = true,
        }
    }
}

fn integer(image: &Image, offset: usize, ty: Type) -> i128 {
    let element = ty.element();
    let bytes = &image[offset..offset + usize::from(element.width())];
    let join = |value: i128, byte: &u8| value << 8 | i128::from(*byte);
    let value = if element.big_endian {
        bytes.iter().fold(0, join)
    } else {
        bytes.iter().rev().fold(0, join)
    };
    let numbers = 1 << element.bits();
    if element.signed && value >= numbers / 2 {
        value - numbers
    } else {
        value
    }
}

fn elements(image: &Image, field: &Field) -> Vec<i128> {
    let width = usize::from(field.ty.element().width());
    (0..usize::from(field.ty.elements()))
        .map(|index| integer(image, usize::from(field.offset) + index * width, field.ty))
        .collect()
}

/// A write: what is known beside its bytes and the block.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'f> {
    pub(crate) writer: Writer,
    pub(crate) length: usize,
    pub(crate) committed: &'f Image,
    pub(crate) wrote: Wrote,
    /// The only block that others use.
    pub(crate) used: &'f Image,
}

fn holds(condition: &Condition, image: &Image, facts: Option<Facts<'_>>) -> Result<bool, Rule> {
    let value = evaluate(&condition.expression, image, image, facts)?;
    Ok(value != 0)
}

/// The value of an expression over `image`, the block or an element of `whole`.
fn evaluate(
    expression: &Expression,
    image: &Image,
    whole: &Image,
    facts: Option<Facts<'_>>,
) -> Result<i128, Rule> {
    let value = expression.evaluate(&|load| {
        let facts = || facts.expect("a layout follows from the block alone");
        let image = match load.source {
            Source::Block => image,
            Source::Whole => whole,
            Source::Was => facts().committed,
            Source::Used(0) => facts().used,
            Source::Used(place) => panic!("no block is used at place {place}"),
            Source::Write => {
                return match (load.name.as_str(), facts().writer) {
                    ("length", _) => facts().length as i128,
                    ("writer", Writer::Vf) => 1,
                    ("writer", Writer::Pf) => 2,
                    (other, _) => panic!("{other}"),
                };
            }
        };
        let whole = integer(image, load.offset.into(), Type::Integer(load.integer));
        if load.integer.signed {
            return whole;
        }
        (whole >> load.shift) & i128::from(load.mask)
    });
    value.ok_or(Rule::Overflow)
}

fn owns(owner: Owner, writer: Writer) -> bool {
    matches!(
        (owner, writer),
        (Owner::Both, _) | (Owner::Vf, Writer::Vf) | (Owner::Pf, Writer::Pf)
    )
}

fn layout<'b>(block: &'b Block, image: &Image) -> Result<Option<&'b Layout>, Rule> {
    if block.layouts.is_empty() {
        return Ok(None);
    }
    for layout in &block.layouts {
        let chosen = match &layout.when {
            Some(when) => holds(when, image, None)?,
            None => true,
        };
        if chosen {
            return Ok(Some(layout));
        }
    }
    Err(Rule::Layout)
}

fn put_defaults(image: &mut Image, fields: &[Field], list: Option<&List>) {
    for field in fields {
        image[field.offset.into()..field.end()].copy_from_slice(&field.default);
    }
    if let Some(list) = list {
        image[bytes_of(list)].copy_from_slice(&list.default);
    }
}

fn bytes_of(list: &List) -> std::ops::Range<usize> {
    let start = usize::from(list.offset);
    start..start + usize::from(list.length)
}

/// The image of a block before any write.
pub(crate) fn default_image(block: &Block) -> Image {
    let mut image = [0; 128];
    put_defaults(&mut image, &block.fields, block.list.as_ref());
    if let Ok(Some(layout)) = layout(block, &image) {
        put_defaults(&mut image, &layout.fields, layout.list.as_ref());
    }
    image
}

/// The block after a reset that finds it as `committed`.
pub(crate) fn reset(block: &Block, committed: &Image) -> Image {
    if block.is_opaque() {
        let stays = block.opaque_owner() == Owner::Pf && block.on_reset == OnReset::Keep;
        return if stays { *committed } else { [0; 128] };
    }
    let mut image = default_image(block);
    keep(
        &mut image,
        block,
        &block.fields,
        block.list.as_ref(),
        committed,
    );
    let Ok(Some(after)) = layout(block, &image) else {
        return image;
    };
    for (at, byte) in image.iter_mut().enumerate() {
        let mut own = block.fields.iter();
        if !own.any(|field| (usize::from(field.offset)..field.end()).contains(&at)) {
            *byte = 0;
        }
    }
    put_defaults(&mut image, &after.fields, after.list.as_ref());
    let before = layout(block, committed);
    if before.is_ok_and(|before| before.is_some_and(|before| std::ptr::eq(before, after))) {
        keep(
            &mut image,
            block,
            &after.fields,
            after.list.as_ref(),
            committed,
        );
    }
    image
}

/// Copies the fields and the list that stay at a reset.
fn keep(
    image: &mut Image,
    block: &Block,
    fields: &[Field],
    list: Option<&List>,
    committed: &Image,
) {
    let stays = |list: &&List| list.owner == Owner::Pf && block.on_reset == OnReset::Keep;
    if let Some(list) = list.filter(stays) {
        image[bytes_of(list)].copy_from_slice(&committed[bytes_of(list)]);
    }
    for field in fields {
        let on_reset = field.on_reset.unwrap_or(block.on_reset);
        if field.owner == Owner::Pf && on_reset == OnReset::Keep {
            let bytes = usize::from(field.offset)..field.end();
            image[bytes.clone()].copy_from_slice(&committed[bytes]);
        }
    }
}

/// The block after the write, or the first broken rule in the documented order.
pub(crate) fn judge(block: &Block, sent: &[u8], facts: Facts<'_>) -> Result<Image, Rule> {
    let Facts {
        writer,
        committed,
        wrote,
        ..
    } = facts;
    let mut image = [0; 128];
    image[..sent.len()].copy_from_slice(sent);
    if block.is_opaque() {
        return Ok(if owns(block.opaque_owner(), writer) {
            image
        } else {
            *committed
        });
    }
    for field in block
        .fields
        .iter()
        .filter(|field| !owns(field.owner, writer))
    {
        let bytes = usize::from(field.offset)..field.end();
        image[bytes.clone()].copy_from_slice(&committed[bytes]);
    }
    let foreign = |list: &&List| !owns(list.owner, writer);
    if let Some(list) = block.list.as_ref().filter(foreign) {
        image[bytes_of(list)].copy_from_slice(&committed[bytes_of(list)]);
    }
    fields(&block.fields, &image, &image, facts)?;
    if let Some(list) = &block.list {
        list::judge(list, &image, facts)?;
    }
    let chosen = layout(block, &image)?;
    let mut all: Vec<&Field> = block.fields.iter().collect();
    if let Some(chosen) = chosen {
        let same = layout(block, committed)
            .is_ok_and(|before| before.is_some_and(|before| std::ptr::eq(before, chosen)));
        for field in chosen
            .fields
            .iter()
            .filter(|field| !owns(field.owner, writer))
        {
            let bytes = usize::from(field.offset)..field.end();
            if same {
                image[bytes.clone()].copy_from_slice(&committed[bytes]);
            } else {
                image[bytes].copy_from_slice(&field.default);
            }
        }
        if let Some(list) = chosen.list.as_ref().filter(foreign) {
            let bytes = bytes_of(list);
            let before = if same {
                &committed[bytes.clone()]
            } else {
                &list.default
            };
            image[bytes].copy_from_slice(before);
        }
        all.extend(&chosen.fields);
    }
    let list = chosen.map_or(block.list.as_ref(), |chosen| chosen.list.as_ref());
    reserved(&all, list, &image)?;
    if let Some(chosen) = chosen {
        fields(&chosen.fields, &image, &image, facts)?;
        if let Some(list) = &chosen.list {
            list::judge(list, &image, facts)?;
        }
        require(&chosen.require, &image, facts)?;
    }
    require(&block.require, &image, facts)?;
    for field in &block.fields {
        sequence(field, writer, &image, committed, wrote)?;
    }
    Ok(image)
}

/// Whether the bytes of a write have the checksum that they should have.
pub(crate) fn is_sealed(block: &Block, writer: Writer, sent: &[u8]) -> bool {
    let mut checksums = block.fields.iter();
    checksums.all(|field| {
        let (start, end) = (usize::from(field.offset), field.end());
        let sum = match field.checksum {
            Some(Covered::Before) => crc32(&sent[..start]),
            Some(Covered::Rest) => crc32(&sent[end..]),
            None => return true,
        };
        !owns(field.owner, writer) || field.ty.element().encode(sum.into()) == sent[start..end]
    })
}

/// Writes the checksums of `block` into `sent`.
pub(crate) fn seal(block: &Block, sent: &mut [u8]) {
    for field in &block.fields {
        let (before, rest) = sent.split_at_mut(field.offset.into());
        let (sum, after) = rest.split_at_mut(field.ty.length());
        let value = match field.checksum {
            Some(Covered::Before) => crc32(before),
            Some(Covered::Rest) => crc32(after),
            None => continue,
        };
        sum.copy_from_slice(&field.ty.element().encode(value.into()));
    }
}

fn reserved(fields: &[&Field], list: Option<&List>, image: &Image) -> Result<(), Rule> {
    for (offset, byte) in image.iter().enumerate() {
        let covered = fields
            .iter()
            .any(|field| (usize::from(field.offset)..field.end()).contains(&offset))
            || list.is_some_and(|list| bytes_of(list).contains(&offset));
        if !covered && *byte != 0 {
            return Err(Rule::Reserved);
        }
    }
    let undefined = |field: &&&Field| {
        field.structure.is_none()
            && elements(image, field).iter().any(|value| {
                low_bits(*value) & field.ty.element().mask() & !field.defined_bits() != 0
            })
    };
    if fields.iter().any(|field| undefined(&field)) {
        Err(Rule::Reserved)
    } else {
        Ok(())
    }
}

/// Judges the fields of `image`, the block or an element of `whole`.
fn fields(fields: &[Field], image: &Image, whole: &Image, facts: Facts<'_>) -> Result<(), Rule> {
    for field in fields {
        let mut counted = usize::from(field.ty.elements());
        if let Some(count) = &field.count {
            let number = evaluate(&count.expression, image, whole, None)?;
            if number < 0 || number > counted as i128 {
                return Err(Rule::Count);
            }
            counted = usize::try_from(number).expect("at most 128");
            let length = usize::from(field.ty.element_length());
            let behind = usize::from(field.offset) + counted * length..field.end();
            if count.behind == Behind::Zero && image[behind].iter().any(|byte| *byte != 0) {
                return Err(Rule::Count);
            }
        }
        if let Some(structure) = &field.structure {
            let length = usize::from(field.ty.element_length());
            for index in 0..counted {
                let start = usize::from(field.offset) + index * length;
                let mut element = [0; 128];
                element[..length].copy_from_slice(&image[start..start + length]);
                one_element(structure, length, &element, whole, facts)?;
            }
            continue;
        }
        let mut values = elements(image, field);
        values.truncate(counted);
        if let Type::Ascii(_) = field.ty {
            let end = values
                .iter()
                .position(|byte| *byte == 0)
                .unwrap_or(values.len());
            if values[..end]
                .iter()
                .any(|byte| !(0x20..0x7F).contains(byte))
                || values[end..].iter().any(|byte| *byte != 0)
            {
                return Err(Rule::Text);
            }
        }
        if let Some(mac) = field.valid.mac {
            let group = values[0] % 2 == 1;
            let some = values.iter().sum::<i128>() > 0;
            let fits = match mac {
                Mac::Unicast => some && !group,
                Mac::Multicast => group,
                Mac::Nonzero => some,
            };
            if !fits {
                return Err(Rule::Value);
            }
        }
        if values.iter().any(|value| !field.valid.allows(*value)) {
            return Err(Rule::Value);
        }
        let judged = |bits: &Bits, value: i128| {
            let ones = i128::from(u64::MAX >> (63 - (bits.high - bits.low)));
            bits.valid.allows(value >> bits.low & ones)
        };
        if field.bits.iter().any(|bits| !judged(bits, values[0])) {
            return Err(Rule::Value);
        }
    }
    Ok(())
}

fn one_element(
    structure: &Structure,
    length: usize,
    element: &Image,
    whole: &Image,
    facts: Facts<'_>,
) -> Result<(), Rule> {
    fields(&structure.fields, element, whole, facts)?;
    let all: Vec<&Field> = structure.fields.iter().collect();
    assert!(all.iter().all(|field| field.end() <= length));
    reserved(&all, None, element)?;
    judged(&structure.require, element, whole, facts)
}

fn require(conditions: &[Condition], image: &Image, facts: Facts<'_>) -> Result<(), Rule> {
    judged(conditions, image, image, facts)
}

/// Judges conditions over `image`, the block or an element of `whole`.
fn judged(
    conditions: &[Condition],
    image: &Image,
    whole: &Image,
    facts: Facts<'_>,
) -> Result<(), Rule> {
    for condition in conditions {
        let mut reads_others = false;
        condition
            .expression
            .for_each_load(&mut |load, _| reads_others |= matches!(load.source, Source::Used(_)));
        if reads_others && facts.writer == Writer::Pf {
            continue;
        }
        if evaluate(&condition.expression, image, whole, Some(facts))? == 0 {
            return Err(Rule::Require);
        }
    }
    Ok(())
}

fn sequence(
    field: &Field,
    writer: Writer,
    image: &Image,
    committed: &Image,
    wrote: Wrote,
) -> Result<(), Rule> {
    let Some(sequence) = field.sequence else {
        return Ok(());
    };
    let wrote_before = (field.owner.has_vf() && wrote.vf) || (field.owner.has_pf() && wrote.pf);
    // A field with the owner `both` constrains the VF only: it must not keep host software from
    // publishing.
    let constrained = match writer {
        Writer::Vf => field.owner.has_vf(),
        Writer::Pf => field.owner == Owner::Pf,
    };
    if !constrained || !wrote_before {
        return Ok(());
    }
    let (before, now) = (
        integer(committed, field.offset.into(), field.ty),
        integer(image, field.offset.into(), field.ty),
    );
    let ahead = (now - before).rem_euclid(1 << field.ty.element().bits());
    let good = match sequence {
        SequenceKind::Strict => now > before,
        SequenceKind::NonDecreasing => now >= before,
        SequenceKind::Serial => ahead != 0 && ahead < 1 << (field.ty.element().bits() - 1),
        SequenceKind::Next => ahead == 1,
    };
    if good { Ok(()) } else { Err(Rule::Sequence) }
}

/// Whether the writer's list in an image has an entry.
pub(crate) fn has_entries(block: &Block, image: &Image, writer: Writer) -> bool {
    let layout = layout(block, image).ok().flatten();
    let list = block
        .list_in(layout)
        .filter(|list| owns(list.owner, writer));
    let bytes = &image[..block.max_length.into()];
    list.is_some_and(|list| !list.find_entries(bytes).0.is_empty())
}

/// `random`, changed to what a writer might send: values that the fields' rules may allow, and
/// zeros between them.
pub(crate) fn plausible(block: &Block, random: &Image, length: usize, seed: u64) -> Image {
    if seed.is_multiple_of(5) || block.is_opaque() {
        return *random;
    }
    let mut image = [0; 128];
    let mut chosen: Vec<&Field> = block.fields.iter().collect();
    let layout = block
        .layouts
        .get(usize::try_from(seed / 7 % 4).unwrap_or(0));
    chosen.extend(layout.iter().flat_map(|layout| &layout.fields));
    for field in chosen.into_iter().flat_map(Field::parts) {
        plausible_field(&field, random, &mut image);
    }
    let list = layout.map_or(block.list.as_ref(), |layout| layout.list.as_ref());
    if let Some(list) = list {
        list::plausible(list, &mut image, random, length, seed);
    }
    image
}

/// Sets a field to values that its rules may allow.
fn plausible_field(field: &Field, random: &Image, image: &mut Image) {
    let width = usize::from(field.ty.element().width());
    for index in 0..usize::from(field.ty.elements()) {
        let at = usize::from(field.offset) + index * width;
        let raw = integer(random, at, field.ty);
        let valid = &field.valid;
        let listed = valid.one_of.as_ref().map(|one_of| {
            one_of.values[usize::try_from(low_bits(raw)).unwrap_or(0) % one_of.values.len()]
        });
        let value = valid.equals.or(listed).unwrap_or_else(|| {
            let element = field.ty.element();
            let bits = i128::from(field.defined_bits() & valid.mask.unwrap_or(u64::MAX));
            let value = if element.signed { raw } else { raw & bits };
            let min = valid.min.unwrap_or(element.min());
            let value = value.clamp(min, valid.max.unwrap_or(element.max()).max(min));
            value - value % i128::from(valid.multiple_of.unwrap_or(1))
        });
        let value = if let Type::Ascii(_) = field.ty {
            if raw % 3 == 0 { 0 } else { 0x20 + raw % 90 }
        } else {
            value
        };
        image[at..at + width].copy_from_slice(&field.ty.element().encode(value));
    }
}
