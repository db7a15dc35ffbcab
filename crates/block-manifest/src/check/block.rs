//! One block.

use block_table::{
    Access, INVALIDATABLE_BLOCKS, Kind, MAX_BLOCK_LENGTH, MAX_LAYOUTS, OnReset, ShortRead, WhenFull,
};

use super::Context;
use super::condition::scope_field;
use super::field::{self, Surroundings};
use super::layout::{self, Frame};
use super::names;
use super::place::{Placer, needs_offset, overlaps};
use crate::diagnostic::{Diagnostic, Located, Span};
use crate::model::{Block, Count, Field, Layout};
use crate::syntax;
use crate::types::Type;

/// What no block is longer than.
const LONGEST: u8 = 128;
const _: () = assert!(LONGEST as usize == MAX_BLOCK_LENGTH);

/// Messages that a stream keeps when its manifest does not say.
const DEFAULT_DEPTH: u16 = 32;

/// The block `written`, as far as it can be made out.
pub(super) fn check(written: &syntax::Block, context: Context<'_>) -> Option<Block> {
    let kind = written
        .kind
        .as_ref()
        .map_or(Kind::Register, |kind| kind.value);
    let access = written.vf_access.as_ref().map(|access| access.value);
    let lengths = lengths(written, context);
    // Without lengths the fields are still looked at, as if the block were as long as it may be.
    let (min_length, max_length) = lengths.unwrap_or((1, LONGEST));
    match kind {
        Kind::Register => register(written, access, context),
        Kind::Stream => stream(written, context),
    }
    invalidatable(written, context);
    let around = Surroundings {
        kind,
        access: access.unwrap_or(Access::ReadWrite),
        min_length,
        in_layout: false,
    };
    let mut fields = Fields::check(written, usize::from(max_length), around, context);
    let scope: Vec<_> = fields.all.iter().map(scope_field).collect();
    let visible: Vec<&Field> = fields.all.iter().collect();
    let require = context.requirements(&written.require, &scope, &visible, &[]);
    if written.layouts.len() > MAX_LAYOUTS {
        let message = format!(
            "the block has {} layouts, and may have {MAX_LAYOUTS}",
            written.layouts.len()
        );
        context.sink.error(
            message,
            &written.layouts[MAX_LAYOUTS].header,
            "one too many",
        );
    }
    let frame = Frame {
        around,
        length: max_length.into(),
        start: fields.layouts_start,
        fields: &fields.all,
        before: fields.before,
        require: &require,
    };
    let mut layouts = layout::check(&written.layouts, &frame, context);
    counts(written, &mut fields.all, &mut layouts, context);
    one_checksum(&fields.all, context);
    Some(Block {
        id: written.id.as_ref()?.value,
        name: written.name.as_ref()?.value.clone(),
        doc: written.doc.clone(),
        kind,
        vf_access: access?,
        min_length: lengths?.0,
        max_length: lengths?.1,
        notify: value(written.notify.as_ref(), false),
        short_read: value(written.short_read.as_ref(), ShortRead::Refuse),
        on_reset: value(written.on_reset.as_ref(), OnReset::Default),
        depth: if kind == Kind::Stream {
            value(written.depth.as_ref(), DEFAULT_DEPTH)
        } else {
            0
        },
        when_full: value(written.when_full.as_ref(), WhenFull::Refuse),
        require,
        fields: fields.all,
        layouts,
        span: written.header.clone(),
    })
}

fn value<T: Copy>(written: Option<&Located<T>>, default: T) -> T {
    written.map_or(default, |written| written.value)
}

/// The shortest and the longest write.
fn lengths(written: &syntax::Block, context: Context<'_>) -> Option<(u8, u8)> {
    match (&written.length, &written.min_length, &written.max_length) {
        (Some(length), None, None) => Some((length.value, length.value)),
        (None, Some(min), Some(max)) if min.value <= max.value => Some((min.value, max.value)),
        (None, Some(min), Some(max)) => {
            let message = format!(
                "`min-length` {} is above `max-length` {}",
                min.value, max.value
            );
            context.sink.report(
                Diagnostic::error(message, &min.span, "no write could be this long")
                    .related(&max.span, "the longest write"),
            );
            None
        }
        (Some(length), Some(other), _) | (Some(length), _, Some(other)) => {
            let diagnostic = Diagnostic::error(
                "`length` excludes `min-length` and `max-length`",
                &other.span,
                "given beside `length`",
            );
            context
                .sink
                .report(diagnostic.related(&length.span, "every write has this length"));
            None
        }
        (None, one, other) => {
            if !written.has_length {
                let diagnostic = Diagnostic::error(
                    "the block has no length",
                    &written.header,
                    "`length` is missing",
                );
                context
                    .sink
                    .report(diagnostic.help("give `length`, or `min-length` and `max-length`"));
            } else if let Some(given) = one.as_ref().or(other.as_ref())
                && written.header.start < given.span.start
            {
                context.sink.error(
                    "`min-length` and `max-length` need each other",
                    &given.span,
                    "given alone",
                );
            }
            None
        }
    }
}

/// What makes no sense for a register.
fn register(written: &syntax::Block, access: Option<Access>, context: Context<'_>) {
    for (key, span) in [
        ("depth", span(written.depth.as_ref())),
        ("when-full", span(written.when_full.as_ref())),
    ] {
        if let Some(span) = span {
            context.sink.error(
                format!("a register has no `{key}`"),
                span,
                "only a stream keeps messages",
            );
        }
    }
    if access != Some(Access::WriteOnly) {
        return;
    }
    let unread = "the VF cannot read the block";
    if let Some(notify) = written.notify.as_ref().filter(|notify| notify.value) {
        context.sink.error(
            "a write-only block cannot notify the VF",
            &notify.span,
            unread,
        );
    }
    if let Some(short_read) = written
        .short_read
        .as_ref()
        .filter(|short_read| short_read.value == ShortRead::Prefix)
    {
        context.sink.error(
            "a write-only block has no short reads",
            &short_read.span,
            unread,
        );
    }
}

/// What makes no sense for a stream.
fn stream(written: &syntax::Block, context: Context<'_>) {
    if let Some(access) = written
        .vf_access
        .as_ref()
        .filter(|access| access.value != Access::WriteOnly)
    {
        let found = if access.value == Access::ReadOnly {
            "read-only"
        } else {
            "read-write"
        };
        let diagnostic = Diagnostic::error(
            format!("the stream is \"{found}\", and a stream is \"write-only\""),
            &access.span,
            "a VF cannot read a stream",
        );
        context
            .sink
            .report(diagnostic.note("the VF's messages are drained by the host side"));
    }
    let given = [
        (
            "notify",
            written
                .notify
                .as_ref()
                .filter(|notify| notify.value)
                .map(|notify| &notify.span),
        ),
        (
            "short-read",
            written
                .short_read
                .as_ref()
                .filter(|short| short.value == ShortRead::Prefix)
                .map(|short| &short.span),
        ),
        (
            "on-reset",
            written
                .on_reset
                .as_ref()
                .filter(|reset| reset.value == OnReset::Keep)
                .map(|reset| &reset.span),
        ),
    ];
    for (key, span) in given {
        if let Some(span) = span {
            context.sink.error(
                format!("`{key}` has no meaning for a stream"),
                span,
                "the host side publishes registers only",
            );
        }
    }
}

fn span<T>(written: Option<&Located<T>>) -> Option<&Span> {
    written.map(|written| &written.span)
}

fn invalidatable(written: &syntax::Block, context: Context<'_>) {
    if let (Some(id), Some(notify)) = (&written.id, &written.notify)
        && notify.value
        && id.value >= INVALIDATABLE_BLOCKS
    {
        let message = format!(
            "block {} cannot notify: its ID is above {}",
            id.value,
            INVALIDATABLE_BLOCKS - 1
        );
        let diagnostic =
            Diagnostic::error(message, &id.span, "has no bit in the invalidation mask")
                .related(&notify.span, "asks for invalidation");
        context.sink.report(
            diagnostic.note(
                "an invalidation carries a mask of 64 bits, one for each block ID from 0 to 63",
            ),
        );
    }
}

/// The fields of the block itself.
struct Fields {
    all: Vec<Field>,
    /// How many stand before the layouts.
    before: usize,
    /// Where the layouts' fields begin.
    layouts_start: Option<usize>,
}

impl Fields {
    fn check(
        written: &syntax::Block,
        length: usize,
        around: Surroundings,
        context: Context<'_>,
    ) -> Self {
        names::unique(
            written
                .fields
                .iter()
                .filter_map(|field| field.name.as_ref()),
            "field",
            context.sink,
        );
        let mut placer = Placer::new(context, length, Some(0));
        let mut fields = Self {
            all: Vec::new(),
            before: 0,
            layouts_start: Some(0),
        };
        let first_layout = written.layouts.first().map(|layout| &layout.header);
        let mut behind = false;
        for field in &written.fields {
            let layout = first_layout.filter(|layout| layout.start < field.header.start);
            if let Some(layout) = layout.filter(|_| !behind) {
                behind = true;
                placer.forget();
                needs_offset(field, layout, context);
            }
            if let Some(offset) = placer.place(field) {
                fields
                    .all
                    .extend(field::check(field, offset, around, context));
            }
            if !behind {
                fields.before = fields.all.len();
                fields.layouts_start = placer.end();
            }
        }
        overlaps(&fields.all, &[], context);
        fields
    }
}

/// Resolves the fields that count others.
fn counts(
    written: &syntax::Block,
    fields: &mut [Field],
    layouts: &mut [Layout],
    context: Context<'_>,
) {
    let own = fields.to_vec();
    resolve_counts(fields, &written.fields, &own, context);
    for layout in layouts {
        let syntax = written
            .layouts
            .iter()
            .find(|syntax| syntax.header == layout.span);
        if let Some(syntax) = syntax {
            let visible = [own.as_slice(), &layout.fields].concat();
            resolve_counts(&mut layout.fields, &syntax.fields, &visible, context);
        }
    }
}

/// Gives each of `fields` the count that its syntax names, one of the `visible` fields.
fn resolve_counts(
    fields: &mut [Field],
    written: &[syntax::Field],
    visible: &[Field],
    context: Context<'_>,
) {
    for field in fields {
        let of_field = |name: &Located<String>| name.span == field.span;
        let syntax = written
            .iter()
            .find(|written| written.name.as_ref().is_some_and(of_field));
        field.count = syntax.and_then(|written| count(written, visible, context));
    }
}

fn count(written: &syntax::Field, visible: &[Field], context: Context<'_>) -> Option<Count> {
    let count = written.count.as_ref()?;
    let ty = written.ty.as_ref()?.value;
    let name = super::place::name(written);
    if matches!(ty, Type::Integer(_) | Type::Ascii(_)) {
        context.sink.error(
            format!("field `{name}` is {ty}, and only arrays and bytes have a `count`"),
            &count.span,
            "nothing to count",
        );
        return None;
    }
    let Some(counter) = visible.iter().find(|field| field.name == count.value) else {
        let names = visible.iter().map(|field| field.name.as_str());
        let diagnostic = Diagnostic::error(
            format!("unknown field `{}`", count.value.escape_debug()),
            &count.span,
            "no field has this name",
        );
        context
            .sink
            .report(diagnostic.did_you_mean(&count.value, names));
        return None;
    };
    let Type::Integer(integer) = counter.ty else {
        let message = format!(
            "field `{}` is {}, and a count is a single integer",
            counter.name, counter.ty
        );
        context.sink.report(
            Diagnostic::error(message, &count.span, "not an integer")
                .related(&counter.span, "declared here"),
        );
        return None;
    };
    Some(Count {
        name: counter.name.clone(),
        offset: counter.offset,
        integer,
    })
}

fn one_checksum(fields: &[Field], context: Context<'_>) {
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
