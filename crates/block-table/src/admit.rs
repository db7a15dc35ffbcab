//! Validates a write before its commit: merges it, selects the layout and applies every rule.

use crate::MAX_BLOCK_LENGTH;
use crate::checksum::crc32;
use crate::expression::evaluate;
use crate::format::{
    LayoutRecord, MAX_USES, NO_CHECKSUM, RuleRecord, Shape, block_flag, context, covered, list,
    operand, owner, rule,
};
use crate::image::{Image, ZERO, first_common_bit, has, merge};
use crate::rule::{Judgement, constrained_writer};
use crate::table::Block;
use crate::violation::{Rule, Violation};
use crate::writer::{History, Write, Writer};

/// The layout of an image: `Ok(None)` when the block has no layouts at all.
type Choice<'a> = Result<Option<&'a LayoutRecord>, Violation>;

impl<'a> Block<'a> {
    /// Whether a write may be `length` bytes long.
    #[must_use]
    #[inline]
    pub fn accepts_length(&self, length: usize) -> bool {
        (self.min_length()..=self.max_length()).contains(&length)
    }

    /// Checks the checksum, which covers the bytes as they were sent.
    ///
    /// # Errors
    /// [`Rule::Checksum`] when `writer` owns the checksum field and its value is not the CRC-32 of
    /// all bytes before it, or of all after it, as its block says, or when `sent` is too short to
    /// hold it.
    #[inline]
    pub fn check_sent(&self, writer: Writer, sent: &[u8]) -> Result<(), Violation> {
        let record = self.record;
        let offset = record.checksum_offset;
        if offset == NO_CHECKSUM || record.checksum_owner & writer.owner() == 0 {
            return Ok(());
        }
        let wrong = Violation::new(Rule::Checksum, offset);
        let (before, rest) = sent.split_at_checked(usize::from(offset)).ok_or(wrong)?;
        let (bytes, after) = rest.split_first_chunk::<4>().ok_or(wrong)?;
        let covered = match record.checksum_covered {
            covered::REST => after,
            _ => before,
        };
        let little = record.checksum_operand & operand::BIG_ENDIAN == 0;
        let claimed = if little {
            u32::from_le_bytes(*bytes)
        } else {
            u32::from_be_bytes(*bytes)
        };
        if crc32(covered) == claimed {
            Ok(())
        } else {
            Err(wrong)
        }
    }

    /// The index of the layout that `image` has, among the layouts in the manifest's order; `None`
    /// when it has none.
    #[must_use]
    pub fn layout_of(&self, image: &Image) -> Option<usize> {
        let chosen = self.chosen(image).ok()??;
        self.layouts()
            .iter()
            .position(|layout| core::ptr::eq(layout, chosen))
    }

    /// Merges what `writer` sent into the block and applies every rule but the checksum to the
    /// result.
    ///
    /// `sent` is at most 128 bytes, and zeros follow it up to the end of the block. `committed` and
    /// `history` are those of a [`Write`]. The blocks that this one uses have their defaults.
    ///
    /// The rules are applied in this order: fields of the block; the choice of the layout; reserved
    /// bits; fields of the layout, then its `require`; `require` of the block; sequences.
    ///
    /// A write that chooses another layout than the committed one starts the other side's fields of
    /// the new layout at their defaults, so bytes that one side wrote as one field never become a
    /// field of the other side.
    ///
    /// # Errors
    /// The first rule that the merged image breaks. The caller must not commit anything then.
    #[inline]
    pub fn admit(
        &self,
        writer: Writer,
        sent: &[u8],
        committed: &Image,
        history: History,
    ) -> Result<Image, Violation> {
        let mut image = [0; MAX_BLOCK_LENGTH];
        for (byte, sent) in image.iter_mut().zip(sent) {
            *byte = *sent;
        }
        let mut write = Write::new(writer, sent.len(), committed, history);
        write.used = self.defaults_of_used();
        self.admit_in_place(&write, &mut image)?;
        Ok(image)
    }

    /// The default images of the blocks that this one uses, as [`Write::used`] has them.
    #[must_use]
    pub fn defaults_of_used(&self) -> [&'a Image; MAX_USES] {
        let mut used = [&ZERO; MAX_USES];
        for (image, index) in used.iter_mut().zip(self.uses()) {
            if let Some(other) = self.table.blocks.get(index) {
                *image = self.table.image(other.shape.default);
            }
        }
        used
    }

    /// Like [`admit`](Self::admit), but in place: `image` holds the sent bytes, followed by zeros,
    /// and receives the image to commit. Returning an image in a `Result` would copy it, which
    /// costs store-forwarding stalls.
    ///
    /// # Errors
    /// As for [`admit`](Self::admit); the content of `image` is unspecified then.
    pub fn admit_in_place(&self, write: &Write<'_>, image: &mut Image) -> Result<(), Violation> {
        let Write {
            writer, committed, ..
        } = *write;
        let layouts = self.layouts();
        let shape = self.record.shape;
        if !self.written_whole_by(writer) {
            *image = merge(image, committed, self.writable(shape, writer));
        }
        let check = |image: &Image, rules: &[_]| {
            Judgement {
                table: self.table,
                image,
                whole: image,
                write,
            }
            .check(rules)
        };
        check(image, self.table.rules(self.record.rules))?;
        let layout = self.choose(layouts, image)?;
        let mut reserved = self.table.image(shape.reserved);
        if let Some(layout) = layout {
            if !self.written_whole_by(writer) {
                *image = self.merge_layout(layout, image, committed, writer);
            }
            reserved = self.table.image(layout.shape.reserved);
        }
        if let Some(offset) = first_common_bit(image, reserved) {
            return Err(Violation::new(Rule::Reserved, offset));
        }
        if let Some(layout) = layout {
            check(image, self.table.rules(layout.rules))?;
        }
        check(image, self.table.rules(self.record.last_rules))
    }

    /// The image that the block has after a reset, when it had `committed` before.
    ///
    /// The bytes that the manifest keeps, all of host software alone, stay; those of a layout stay
    /// as long as the block keeps that layout. Every other byte returns to its default.
    #[must_use]
    pub fn reset_image(&self, committed: &Image) -> Image {
        if self.record.flags & block_flag::KEEP == 0 {
            *self.default_image()
        } else {
            self.returned(committed, |default, shape| {
                merge(committed, default, self.table.image(shape.kept))
            })
        }
    }

    /// `committed` with every byte that a VF can write at its default. Bytes that only host
    /// software writes stay; those of a layout stay as long as the block keeps that layout.
    #[must_use]
    pub fn without_vf(&self, committed: &Image) -> Image {
        self.returned(committed, |default, shape| {
            merge(default, committed, self.writable(shape, Writer::Vf))
        })
    }

    /// `committed` after `mixed` took the default in some bytes of a shape.
    fn returned(&self, committed: &Image, mixed: impl Fn(&Image, Shape) -> Image) -> Image {
        let image = mixed(self.default_image(), self.record.shape);
        let (Ok(Some(after)), before) = (self.chosen(&image), self.chosen(committed)) else {
            return image;
        };
        let layout_default = self.table.image(after.shape.default);
        let fresh = if before
            .is_ok_and(|before| before.is_some_and(|before| core::ptr::eq(before, after)))
        {
            mixed(layout_default, after.shape)
        } else {
            *layout_default
        };
        merge(&image, &fresh, self.table.image(self.record.common))
    }

    /// Whether a rule compares a publish with the block before it, so that an earlier publish can
    /// cause a refusal: a [`sequence`](crate::format::rule::SEQUENCE) on bytes of host software, or
    /// an expression that reads [the block before the write](crate::format::source::WAS).
    #[must_use]
    pub fn compares_publishes(&self) -> bool {
        self.has_rule(|record| match record.kind {
            rule::SEQUENCE => constrained_writer(record.second) == owner::PF,
            rule::REQUIRE_IN_CONTEXT => {
                record.detail & (context::WAS | context::USED) == context::WAS
            }
            _ => false,
        })
    }

    /// Whether rules judge more than the image: who writes, how many bytes, after which value, or
    /// beside which values of other blocks. A list without an end tag ends with the bytes that were
    /// sent. Sequences do not count.
    #[must_use]
    pub fn judges_in_context(&self) -> bool {
        self.has_rule(|record| match record.kind {
            rule::REQUIRE_IN_CONTEXT => true,
            rule::LIST => record.detail & list::END == 0,
            _ => false,
        })
    }

    fn has_rule(&self, found: impl Fn(&RuleRecord) -> bool) -> bool {
        let rules = [self.record.rules, self.record.last_rules];
        rules
            .into_iter()
            .chain(self.layouts().iter().map(|layout| layout.rules))
            .any(|span| self.table.rules(span).iter().any(&found))
    }

    /// [`choose`](Self::choose) outside of the path of every write, where it is not inlined.
    #[inline(never)]
    fn chosen(&self, image: &Image) -> Choice<'a> {
        self.choose(self.layouts(), image)
    }

    /// The layout of `image`, the first whose condition holds.
    #[inline]
    fn choose(&self, layouts: &'a [LayoutRecord], image: &Image) -> Choice<'a> {
        if layouts.is_empty() {
            return Ok(None);
        }
        for layout in layouts {
            if !has(image, &layout.key) {
                continue;
            }
            let code = self.table.span(layout.when);
            if code.is_empty() {
                return Ok(Some(layout));
            }
            match evaluate(code, image) {
                Ok(true) => return Ok(Some(layout)),
                Ok(false) => {}
                Err(_) => return Err(Violation::of_block(Rule::Overflow)),
            }
        }
        Err(Violation::of_block(Rule::Layout))
    }

    /// Merges the bytes of the chosen layout. In `merged` they still are the sent ones.
    fn merge_layout(
        &self,
        layout: &'a LayoutRecord,
        merged: &Image,
        committed: &Image,
        writer: Writer,
    ) -> Image {
        let stays = self
            .chosen(committed)
            .is_ok_and(|before| before.is_some_and(|before| core::ptr::eq(before, layout)));
        let base = if stays {
            committed
        } else {
            self.table.image(layout.shape.default)
        };
        let in_layout = merge(merged, base, self.writable(layout.shape, writer));
        merge(merged, &in_layout, self.table.image(self.record.common))
    }

    #[inline]
    fn writable(&self, shape: Shape, writer: Writer) -> &'a Image {
        self.table.image(match writer {
            Writer::Vf => shape.vf,
            Writer::Pf => shape.pf,
        })
    }
}
