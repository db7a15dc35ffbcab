//! One block, checked as a whole.

use block_table::{Access, Companion, Kind, MAX_BLOCK_LENGTH, MAX_LAYOUTS};

use super::condition::BELONGS_TO_A_LAYOUT;
use super::context::{Context, Writes};
use super::field::BlockContext;
use super::fields::{Fields, names_in_entries, names_within};
use super::groups::stand_ins;
use super::layout::{self, LayoutContext};
use super::{count, elements, list, properties};
use crate::diagnostic::{Diagnostic, Located};
use crate::expression::scope::UsedBlock;
use crate::keys;
use crate::model::{Block, Condition, Field, Layout, List};
use crate::syntax;

/// The longest possible block.
const LONGEST: u8 = 128;
const _: () = assert!(LONGEST as usize == MAX_BLOCK_LENGTH);
/// The lengths with which the fields of a block without valid lengths are checked.
const ANY_LENGTH: (u8, u8) = (LONGEST, LONGEST);

/// A block whose fields are checked, and whose rules are not yet: they may read other blocks.
pub(super) struct Begun<'w> {
    pub(super) written: &'w syntax::Block,
    /// The shortest and the longest write, if they are valid.
    lengths: Option<(u8, u8)>,
    around: BlockContext,
    pub(super) fields: Fields,
}

impl Begun<'_> {
    /// Whether it is a register that no VF writes.
    pub(super) fn is_published(&self) -> bool {
        self.around.kind == Kind::Register && !self.around.access.writable()
    }
}

/// Checks everything of the block `written` but its rules.
pub(super) fn begin<'w>(written: &'w syntax::Block, context: Context<'_>) -> Begun<'w> {
    let lengths = properties::check(written, context);
    let access = written.vf_access.as_ref().map(|access| access.value);
    let around = BlockContext {
        kind: value(written.kind.value(), keys::KIND[0].1),
        access: access.unwrap_or(Access::ReadWrite),
        min_length: lengths.unwrap_or(ANY_LENGTH).0,
        length: lengths.unwrap_or(ANY_LENGTH).1.into(),
        in_layout: false,
        in_structure: false,
    };
    let longest = lengths.unwrap_or(ANY_LENGTH).1;
    Begun {
        written,
        lengths,
        around,
        fields: Fields::check(written, longest.into(), around, context),
    }
}

/// Checks the rules of a block, and returns it if it is valid. `used` are the blocks in its `uses`.
pub(super) fn finish(
    begun: &Begun<'_>,
    used: &[UsedBlock<'_>],
    context: Context<'_>,
) -> Option<Block> {
    let Begun {
        written,
        lengths,
        around,
        ..
    } = *begun;
    let writes = Writes {
        lengths: lengths.unwrap_or((1, LONGEST)),
        by_vf: around.access.writable(),
        by_pf: around.kind == Kind::Register,
        used,
        whole: &[],
    };
    let context = Context { writes, ..context };
    let mut fields = begun.fields.clone();
    let length = lengths.unwrap_or(ANY_LENGTH).1;
    let (require, list) = own_rules(begun, &mut fields, length, context);
    let frame = LayoutContext {
        written,
        around,
        length,
        fields: &fields,
        require: &require,
    };
    let layouts = layout::check(&frame, context);
    let block = assemble(
        written,
        lengths?,
        Parts {
            kind: around.kind,
            access: written.vf_access.as_ref()?.value,
            require,
            fields: fields.all,
            layouts,
            list,
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
    list: Option<List>,
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
        uses: written.uses.iter().map(|name| name.value.clone()).collect(),
        require: parts.require,
        fields: parts.fields,
        layouts: parts.layouts,
        list: parts.list,
        span: written.header.clone(),
    })
}

fn value<T: Copy>(written: Option<&Located<T>>, default: T) -> T {
    written.map_or(default, |written| written.value)
}

/// The rules over the block's own fields, and its list: resolves their counts and reads `require`.
fn own_rules(
    begun: &Begun<'_>,
    fields: &mut Fields,
    length: u8,
    context: Context<'_>,
) -> (Vec<Condition>, Option<List>) {
    let written = begun.written;
    let mut hidden = names_within(&written.layouts, BELONGS_TO_A_LAYOUT);
    hidden.extend(names_in_entries(&written.lists));
    hidden.extend(stand_ins(&written.fields));
    let scope = context.scope(&fields.scope, &hidden, written.knows_fields);
    let visible: Vec<&Field> = fields.all.iter().collect();
    let counts = count::resolve(&written.fields, &visible, scope, context);
    let judging = context.judging(scope, fields.scope.len());
    let require = context.requirements(&written.require, judging, &visible, &[], "every write");
    if layouts_take_every_write(written) {
        context.warn_of_overflows(&require, &[], &visible);
    }
    count::assign(counts, &mut fields.all);
    let around = elements::Around {
        before: &[],
        own_fields: fields.scope.len(),
        siblings: &fields.scope,
        others: &[],
        hidden: &hidden,
        knows_fields: written.knows_fields,
    };
    elements::finish(&written.fields, &mut fields.all, &around, context);
    let frame = list::Frame {
        lists: &written.lists,
        next: fields.layouts_start,
        length,
        block: begun.around,
        first_layout: written.layouts.first(),
    };
    let visible: Vec<&Field> = fields.all.iter().collect();
    let list = list::check(&frame, &visible, &around, context);
    if let Some(layout) = written.layouts.get(MAX_LAYOUTS) {
        let message = format!(
            "the block has {} layouts, and may have {MAX_LAYOUTS}",
            written.layouts.len()
        );
        context.sink.error(message, &layout.header, "one too many");
    }
    at_most_one_checksum(&fields.all, context);
    (require, list)
}

/// Whether no condition or rule of a layout refuses a write, so that the rules of the block decide.
fn layouts_take_every_write(written: &syntax::Block) -> bool {
    let Some(last) = written.layouts.last() else {
        return true;
    };
    let is_else = last
        .when
        .as_ref()
        .is_some_and(|when| when.value.trim() == "else");
    is_else
        && written
            .layouts
            .iter()
            .all(|layout| layout.require.is_empty())
}

fn at_most_one_checksum(fields: &[Field], context: Context<'_>) {
    let mut checksums = fields.iter().filter(|field| field.checksum.is_some());
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
