//! One block, checked as a whole.

use block_table::{Access, Companion, Kind, MAX_BLOCK_LENGTH, MAX_LAYOUTS};

use super::condition::BELONGS_TO_A_LAYOUT;
use super::context::Context;
use super::field::BlockContext;
use super::fields::{Fields, names_within};
use super::layout::{self, LayoutContext};
use super::{count, properties};
use crate::diagnostic::{Diagnostic, Located};
use crate::keys;
use crate::model::{Block, Condition, Field, Layout};
use crate::syntax;

/// The longest possible block.
const LONGEST: u8 = 128;
const _: () = assert!(LONGEST as usize == MAX_BLOCK_LENGTH);

/// The block `written`, if it is valid.
pub(super) fn check(written: &syntax::Block, context: Context<'_>) -> Option<Block> {
    let lengths = properties::check(written, context);
    // Without lengths the fields are still checked, as if every write had the maximum length.
    let (min_length, max_length) = lengths.unwrap_or((LONGEST, LONGEST));
    let access = written.vf_access.as_ref().map(|access| access.value);
    let around = BlockContext {
        kind: value(written.kind.value(), keys::KIND[0].1),
        access: access.unwrap_or(Access::ReadWrite),
        min_length,
        in_layout: false,
    };
    let mut fields = Fields::check(written, usize::from(max_length), around, context);
    let require = own_rules(written, &mut fields, context);
    let frame = LayoutContext {
        written,
        around,
        length: max_length.into(),
        fields: &fields,
        require: &require,
    };
    let layouts = layout::check(&frame, context);
    let block = assemble(
        written,
        lengths?,
        Parts {
            kind: around.kind,
            access: access?,
            require,
            fields: fields.all,
            layouts,
        },
    )?;
    something_to_read(written, &block, context);
    Some(block)
}

/// Reports a companion that handles reads of a block in which it can set no byte.
fn something_to_read(written: &syntax::Block, block: &Block, context: Context<'_>) {
    let Some(companion) = &written.companion else {
        return;
    };
    if block.vf_access.readable()
        && companion.value.reads()
        && !block.has_pf()
        && written.knows_fields
    {
        let diagnostic = Diagnostic::error(
            "the companion can set no byte of the block",
            &companion.span,
            "no field belongs to the PF",
        );
        context
            .sink
            .report(diagnostic.note("before a read the companion sets the fields of the PF"));
    }
}

/// The valid parts of a block.
struct Parts {
    kind: Kind,
    access: Access,
    require: Vec<Condition>,
    fields: Vec<Field>,
    layouts: Vec<Layout>,
}

fn assemble(
    written: &syntax::Block,
    (min_length, max_length): (u8, u8),
    parts: Parts,
) -> Option<Block> {
    Some(Block {
        id: written.id.as_ref()?.value,
        name: written.name.as_ref()?.value.clone(),
        doc: written.doc.clone(),
        kind: parts.kind,
        vf_access: parts.access,
        min_length,
        max_length,
        notify: value(written.notify.as_ref(), keys::NOTIFY),
        short_read: value(written.short_read.as_ref(), keys::SHORT_READ[0].1),
        on_reset: value(written.on_reset.as_ref(), keys::ON_RESET[0].1),
        depth: if parts.kind == Kind::Stream {
            value(written.depth.as_ref(), keys::DEPTH)
        } else {
            0
        },
        when_full: value(written.when_full.as_ref(), keys::WHEN_FULL[0].1),
        companion: value(written.companion.as_ref(), Companion::None),
        require: parts.require,
        fields: parts.fields,
        layouts: parts.layouts,
        span: written.header.clone(),
    })
}

fn value<T: Copy>(written: Option<&Located<T>>, default: T) -> T {
    written.map_or(default, |written| written.value)
}

/// The rules over the block's own fields: resolves their counts and reads `require`.
fn own_rules(written: &syntax::Block, fields: &mut Fields, context: Context<'_>) -> Vec<Condition> {
    let hidden = names_within(&written.layouts, BELONGS_TO_A_LAYOUT);
    let scope = context.scope(&fields.scope, &hidden, written.knows_fields);
    let visible: Vec<&Field> = fields.all.iter().collect();
    let counts = count::resolve(&written.fields, &visible, scope, context);
    let require = context.requirements(&written.require, scope, &visible, &[], "every write");
    count::assign(counts, &mut fields.all);
    if let Some(layout) = written.layouts.get(MAX_LAYOUTS) {
        let message = format!(
            "the block has {} layouts, and may have {MAX_LAYOUTS}",
            written.layouts.len()
        );
        context.sink.error(message, &layout.header, "one too many");
    }
    at_most_one_checksum(&fields.all, context);
    require
}

fn at_most_one_checksum(fields: &[Field], context: Context<'_>) {
    let mut checksums = fields.iter().filter(|field| field.is_checksum);
    if let (Some(first), Some(second)) = (checksums.next(), checksums.next()) {
        let diagnostic = Diagnostic::error(
            "the block has two checksums",
            &second.span,
            "the second one",
        );
        context
            .sink
            .report(diagnostic.related(&first.span, "the first one"));
    }
}
