//! Checks a block's own keys against each other: its lengths, its kind, and the keys of each kind.

use block_table::{Access, INVALIDATABLE_BLOCKS, Kind, OnReset, ShortRead};

use super::context::Context;
use crate::diagnostic::{Diagnostic, Located, Span};
use crate::keys;
use crate::syntax::{self, Written};

/// Checks them, and returns the shortest and the longest write if they are valid.
pub(super) fn check(written: &syntax::Block, context: Context<'_>) -> Option<(u8, u8)> {
    match &written.kind {
        Written::Absent => register(written, context),
        // The author may mean either kind, and neither allows this.
        Written::Unreadable => invalidatable(written, context),
        Written::Value(kind) => match kind.value {
            Kind::Register => register(written, context),
            Kind::Stream => stream(written, context),
        },
    }
    companion(written, context);
    lengths(written, context)
}

/// Reports a companion that handles what the VF may not do.
fn companion(written: &syntax::Block, context: Context<'_>) {
    let (Some(companion), Some(access)) = (&written.companion, &written.vf_access) else {
        return;
    };
    let (direction, label) = if companion.value.writes() && !access.value.writable() {
        ("writes", "the VF cannot write the block")
    } else if companion.value.reads() && !access.value.readable() {
        ("reads", "the VF cannot read the block")
    } else {
        return;
    };
    let diagnostic = Diagnostic::error(
        format!("the companion has no {direction} to handle"),
        &companion.span,
        label,
    );
    context
        .sink
        .report(diagnostic.related(&access.span, "the access of the VF"));
}

/// The shortest and the longest write.
fn lengths(written: &syntax::Block, context: Context<'_>) -> Option<(u8, u8)> {
    let keys = [&written.length, &written.min_length, &written.max_length];
    if keys.iter().any(|key| key.is_unreadable()) {
        return None;
    }
    match keys.map(Written::value) {
        [Some(length), None, None] => Some((length.value, length.value)),
        [None, Some(min), Some(max)] if min.value <= max.value => Some((min.value, max.value)),
        [None, Some(min), Some(max)] => {
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
        [Some(length), Some(other), _] | [Some(length), _, Some(other)] => {
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
        [None, Some(given), None] | [None, None, Some(given)] => {
            context.sink.error(
                "`min-length` and `max-length` need each other",
                &given.span,
                "given alone",
            );
            None
        }
        [None, None, None] => {
            if !context.sink.is_incomplete() {
                let diagnostic = Diagnostic::error(
                    "the block has no length",
                    &written.header,
                    "`length` is missing",
                );
                context
                    .sink
                    .report(diagnostic.help("give `length`, or `min-length` and `max-length`"));
            }
            None
        }
    }
}

/// Reports keys that a register cannot have.
fn register(written: &syntax::Block, context: Context<'_>) {
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
    let what = match written.vf_access.as_ref().map(|access| access.value) {
        Some(Access::WriteOnly) => "a write-only block",
        Some(Access::None) => "a block that no VF can access",
        Some(Access::ReadOnly | Access::ReadWrite) | None => {
            invalidatable(written, context);
            return;
        }
    };
    let report = |message: String, span| {
        context
            .sink
            .error(message, span, "the VF cannot read the block");
    };
    if let Some(span) = given(written.notify.as_ref(), true) {
        report(format!("{what} cannot notify the VF"), span);
    }
    if let Some(span) = given(written.short_read.as_ref(), ShortRead::Prefix) {
        report(format!("{what} has no short reads"), span);
    }
}

/// Reports keys that a stream cannot have.
fn stream(written: &syntax::Block, context: Context<'_>) {
    if let Some(access) = &written.vf_access
        && access.value != Access::WriteOnly
    {
        let words = keys::VF_ACCESS.iter();
        let word = words.filter(|(_, value)| *value == access.value);
        let message = format!(
            "the stream is \"{}\", and a stream is \"write-only\"",
            word.map(|(word, _)| *word).collect::<String>()
        );
        let diagnostic = Diagnostic::error(message, &access.span, "a VF cannot read a stream");
        context
            .sink
            .report(diagnostic.note("the VF's messages are drained by host software"));
    }
    for (key, span) in [
        ("notify", given(written.notify.as_ref(), true)),
        (
            "short-read",
            given(written.short_read.as_ref(), ShortRead::Prefix),
        ),
        ("on-reset", given(written.on_reset.as_ref(), OnReset::Keep)),
    ] {
        if let Some(span) = span {
            context.sink.error(
                format!("`{key}` has no meaning for a stream"),
                span,
                "host software publishes registers only",
            );
        }
    }
}

/// The span of a key that is given with this value.
fn given<T: Copy + PartialEq>(written: Option<&Located<T>>, value: T) -> Option<&Span> {
    written
        .filter(|written| written.value == value)
        .map(|written| &written.span)
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
