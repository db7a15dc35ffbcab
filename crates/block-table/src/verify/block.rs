//! Verification of block and layout records.

use super::outcome::{Outcome, ensure, refuse};
use super::reach::{Context, Reach, Sources};
use super::{Verifier, claim_span};
use crate::error::Flaw;
use crate::format::{
    BlockRecord, KeyRecord, LAST_KEY_START, LayoutRecord, MAX_USES, NO_BLOCK, NO_CHECKSUM, Shape,
    Span, access, block_flag, block_kind, covered, operand, owner,
};
use crate::image::Image;
use crate::table::{Access, Block};
use crate::{
    INVALIDATABLE_BLOCKS, MAX_BLOCK_LENGTH, MAX_DEPTH, MAX_LAYOUTS, MAX_RULES, MAX_WORK, Work,
    Writer,
};

impl<'v> Verifier<'v> {
    pub(super) fn block(&mut self, record: &BlockRecord) -> Outcome {
        let at = self.at(record);
        self.name(record.name, record)?;
        let (min, max) = (record.min_length, record.max_length);
        let lengths = min >= 1 && min <= max && usize::from(max) <= MAX_BLOCK_LENGTH;
        ensure(lengths, Flaw::BlockLength, at)?;
        self.kind(record)?;
        self.shape(at, record.shape, max)?;
        self.checksum(record)?;
        let common = self.byte_mask(record.common.get(), at)?;
        let whole = Reach::whole(max);
        let before_layout = if record.layouts.count.get() == 0 {
            whole
        } else {
            Reach::common(max, common)
        };
        let context = Some(Context {
            was: before_layout,
            used: self.used(record)?,
        });
        let rules = Sources {
            block: before_layout,
            whole: None,
            context,
            shape: record.shape,
        };
        self.rules(record.rules, rules, at)?;
        ensure(
            usize::from(record.layouts.count.get()) <= MAX_LAYOUTS,
            Flaw::TooManyLayouts,
            at,
        )?;
        let claimed = claim_span(
            &mut self.next.layouts,
            record.layouts,
            self.table.layouts.len(),
        );
        ensure(claimed, Flaw::Span, at)?;
        let block = Block {
            table: self.table,
            record,
        };
        let rules = Sources {
            block: whole,
            ..rules
        };
        for layout in block.layouts() {
            self.key(layout, max, common)?;
            self.when(layout, before_layout)?;
            self.shape(self.at(layout), layout.shape, max)?;
            self.masks_agree(record, layout, common)?;
            let rules = Sources {
                shape: layout.shape,
                ..rules
            };
            self.rules(layout.rules, rules, self.at(layout))?;
        }
        self.rules(record.last_rules, rules, at)?;
        let work = Work::of(record, block.layouts(), |rules| self.table.rules(rules)).total();
        ensure(
            work == record.work.get() && work <= MAX_WORK,
            Flaw::Work,
            at,
        )?;
        self.writes_all(&block, record)?;
        self.keeps(&block, record)
    }

    fn kind(&self, record: &BlockRecord) -> Outcome {
        let at = self.at(record);
        let known = matches!(
            record.access,
            access::NONE | access::READ_ONLY | access::WRITE_ONLY | access::READ_WRITE
        );
        ensure(known, Flaw::Access, at)?;
        let depth = record.depth.get();
        let forbidden = match record.kind {
            block_kind::REGISTER => {
                ensure(depth == 0, Flaw::Depth, at)?;
                block_flag::DROP_OLDEST
            }
            block_kind::STREAM => {
                ensure(record.access == access::WRITE_ONLY, Flaw::StreamAccess, at)?;
                ensure((1..=MAX_DEPTH).contains(&depth), Flaw::Depth, at)?;
                block_flag::NOTIFY | block_flag::SHORT_READ | block_flag::KEEP
            }
            _ => return refuse(Flaw::Kind, at),
        };
        ensure(record.flags & forbidden == 0, Flaw::Flags, at)?;
        let access = Access::of(record.access);
        let handed = |flag, allowed| record.flags & flag == 0 || allowed;
        ensure(
            handed(block_flag::COMPANION_WRITE, access.writable())
                && handed(block_flag::COMPANION_READ, access.readable()),
            Flaw::Companion,
            at,
        )?;
        let notifies = record.flags & block_flag::NOTIFY != 0;
        ensure(
            !notifies || record.id.get() < INVALIDATABLE_BLOCKS,
            Flaw::Notify,
            at,
        )
    }

    /// The bytes of the blocks that a block uses: different registers that no VF writes. So neither
    /// the block itself nor one that uses others for a write of its own is among them.
    fn used(&self, record: &BlockRecord) -> Outcome<[Reach<'v>; MAX_USES]> {
        let at = self.at(record);
        let mut reaches = [Reach::whole(0); MAX_USES];
        let mut ended = false;
        for (place, (reach, index)) in reaches.iter_mut().zip(&record.uses).enumerate() {
            ended |= index.get() == NO_BLOCK;
            if ended {
                ensure(index.get() == NO_BLOCK, Flaw::Uses, at)?;
                continue;
            }
            let Some(used) = self.table.blocks.get(usize::from(index.get())) else {
                return refuse(Flaw::Uses, at);
            };
            let repeated = record.uses.iter().take(place).any(|other| other == index);
            let published =
                used.kind == block_kind::REGISTER && !Access::of(used.access).writable();
            ensure(
                published && !repeated && used.id != record.id,
                Flaw::Uses,
                at,
            )?;
            *reach = Reach::whole(used.max_length);
        }
        Ok(reaches)
    }

    fn checksum(&self, record: &BlockRecord) -> Outcome {
        let (shape, owners) = (record.checksum_operand, record.checksum_owner);
        let covered = record.checksum_covered;
        let fits = if record.checksum_offset == NO_CHECKSUM {
            shape == 0 && owners == 0 && covered == 0
        } else {
            let four_bytes = shape & !operand::BIG_ENDIAN == 2;
            let end = usize::from(record.checksum_offset) + 4;
            let owned = |writer, mask: u16| {
                let byte = if owners & writer == 0 { 0 } else { 0xFF };
                let bytes = usize::from(record.checksum_offset)..end;
                let bytes = self.table.image(mask).get(bytes).unwrap_or(&[]);
                bytes.iter().all(|mask| *mask == byte)
            };
            four_bytes
                && matches!(covered, covered::BEFORE | covered::REST)
                && owners & !(owner::VF | owner::PF) == 0
                && owned(owner::VF, record.shape.vf.get())
                && owned(owner::PF, record.shape.pf.get())
                && end <= usize::from(record.min_length)
        };
        ensure(fits, Flaw::Checksum, self.at(record))
    }

    fn when(&mut self, layout: &LayoutRecord, reach: Reach<'_>) -> Outcome {
        let at = self.at(layout);
        let Span { start, count } = layout.when;
        if count.get() == 0 {
            let instructions = self.table.instructions.len();
            let claimed = claim_span(&mut self.next.instructions, layout.when, instructions);
            return ensure(claimed, Flaw::Span, at);
        }
        self.expression(
            start.get().into(),
            count.get().into(),
            Sources::block(reach),
            at,
        )
    }

    fn key(&self, layout: &LayoutRecord, length: u8, common: &Image) -> Outcome {
        let KeyRecord { start, mask, value } = layout.key;
        let (mask, value) = (mask.get(), value.get());
        // The bytes after these must not have bits of the mask.
        let in_block = u32::from(length.saturating_sub(start));
        let behind = u128::MAX.checked_shl(8 * in_block).unwrap_or(0);
        let fits = start <= LAST_KEY_START && value & !mask == 0 && mask & behind == 0;
        ensure(fits, Flaw::Key, self.at(layout))?;
        let compared = mask.to_le_bytes();
        let settled = compared
            .iter()
            .zip(common.iter().skip(start.into()))
            .all(|(mask, common)| mask & !common == 0);
        ensure(settled, Flaw::BeforeLayout, self.at(layout))
    }

    /// Verifies that the layout has the owners and reserved bits of the block in the `common` bytes,
    /// which are judged before it is chosen, and that a write of either side brings all others,
    /// which are judged after it is.
    fn masks_agree(&self, record: &BlockRecord, layout: &LayoutRecord, common: &Image) -> Outcome {
        let agrees = |of: fn(&Shape) -> u16| {
            let block = self.table.image(of(&record.shape));
            let layout = self.table.image(of(&layout.shape));
            let mut bytes = block.iter().zip(layout).zip(common);
            bytes.all(|((block, layout), common)| (block ^ layout) & common == 0)
        };
        let brought = |of: fn(&Shape) -> u16| {
            let block = self.table.image(of(&record.shape));
            let mut bytes = block.iter().zip(common).take(record.max_length.into());
            bytes.all(|(block, common)| block | common == 0xFF)
        };
        let vf = |shape: &Shape| shape.vf.get();
        let pf = |shape: &Shape| shape.pf.get();
        let all = agrees(vf)
            && agrees(pf)
            && agrees(|shape| shape.reserved.get())
            && agrees(|shape| shape.kept.get())
            && brought(vf)
            && brought(pf);
        ensure(all, Flaw::LayoutMasks, self.at(layout))
    }

    /// Verifies the rule list `span`, which may read the bytes of `sources`; `at` is its owner.
    fn rules(&mut self, span: Span, sources: Sources<'_>, at: usize) -> Outcome {
        ensure(
            usize::from(span.count.get()) <= MAX_RULES,
            Flaw::TooManyRules,
            at,
        )?;
        let claimed = claim_span(&mut self.next.rules, span, self.table.rules.len());
        ensure(claimed, Flaw::Span, at)?;
        self.rule_list(self.table.rules(span), sources)
    }

    /// Verifies the five images of a shape of a block of `length` bytes.
    fn shape(&self, at: usize, shape: Shape, length: u8) -> Outcome {
        let default = self.existing_image(shape.default.get(), at)?;
        let reserved = self.existing_image(shape.reserved.get(), at)?;
        let vf = self.byte_mask(shape.vf.get(), at)?;
        let pf = self.byte_mask(shape.pf.get(), at)?;
        let length = usize::from(length);
        let behind = reserved.iter().skip(length).all(|byte| *byte == 0xFF);
        ensure(behind, Flaw::ReservedMask, at)?;
        let zero = default
            .iter()
            .zip(reserved)
            .all(|(byte, reserved)| byte & reserved == 0);
        ensure(zero, Flaw::DefaultImage, at)?;
        let owned = vf
            .iter()
            .zip(pf)
            .take(length)
            .all(|(vf, pf)| vf | pf == 0xFF);
        ensure(owned, Flaw::Mask, at)?;
        // What a tenant wrote never reaches the next one.
        let mut kept = self.byte_mask(shape.kept.get(), at)?.iter().enumerate();
        let published = kept.all(|(index, kept)| {
            let by_vf = vf.get(index).is_none_or(|byte| *byte != 0);
            *kept == 0 || index < length && !by_vf
        });
        ensure(published, Flaw::Kept, at)
    }

    fn byte_mask(&self, index: u16, at: usize) -> Outcome<&'v Image> {
        let mask = self.existing_image(index, at)?;
        ensure(
            mask.iter().all(|byte| matches!(byte, 0x00 | 0xFF)),
            Flaw::Mask,
            at,
        )?;
        Ok(mask)
    }

    fn existing_image(&self, index: u16, at: usize) -> Outcome<&'v Image> {
        match self.table.images.get(usize::from(index)) {
            Some(image) => Ok(image),
            None => refuse(Flaw::ImageIndex, at),
        }
    }

    /// With a wrong flag, one side's write would replace bytes of the other side.
    fn writes_all(&self, block: &Block<'_>, record: &BlockRecord) -> Outcome {
        let length = usize::from(record.max_length);
        let all = |index: u16| {
            self.table
                .image(index)
                .iter()
                .take(length)
                .all(|byte| *byte == 0xFF)
        };
        let vf = block.shapes().all(|shape| all(shape.vf.get()));
        let pf = block.shapes().all(|shape| all(shape.pf.get()));
        let agrees =
            vf == block.written_whole_by(Writer::Vf) && pf == block.written_whole_by(Writer::Pf);
        ensure(agrees, Flaw::WritesAll, self.at(record))
    }

    /// Without the flag, no byte would stay at a reset.
    fn keeps(&self, block: &Block<'_>, record: &BlockRecord) -> Outcome {
        let keeps = block
            .shapes()
            .any(|shape| self.table.image(shape.kept).contains(&0xFF));
        let flag = record.flags & block_flag::KEEP != 0;
        ensure(keeps == flag, Flaw::Kept, self.at(record))
    }
}
