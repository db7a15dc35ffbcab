//! Places fields: offsets, overlaps, and bytes that no field covers.

use block_table::MAX_BLOCK_LENGTH;

use super::context::Context;
use crate::diagnostic::{Diagnostic, Located, Span, counted};
use crate::model::Field;
use crate::syntax::{self, Written};

/// Finds the offsets of fields, one after the other.
pub(super) struct Placer<'c> {
    context: Context<'c>,
    /// The length of the block.
    length: usize,
    /// The end of the field before; `None` if it is invalid, which is reported already.
    next: Option<usize>,
    /// Where the first field lies, if its place may surprise.
    pub(super) first_hint: Option<&'c str>,
}

impl<'c> Placer<'c> {
    pub(super) const fn new(context: Context<'c>, length: usize, next: Option<usize>) -> Self {
        Self {
            context,
            length,
            next,
            first_hint: None,
        }
    }

    /// The end of the last field.
    pub(super) const fn end(&self) -> Option<usize> {
        self.next
    }

    /// From here on each field must have an `offset`.
    pub(super) const fn forget(&mut self) {
        self.next = None;
    }

    /// The offset of `field`, if it and its type are valid; reports a field that exceeds the block.
    /// The offset of a field that follows an invalid one, and has no `offset` itself, is unknown.
    pub(super) fn place(&mut self, field: &syntax::Field) -> Option<u8> {
        let hint = self.first_hint.take();
        let start = match &field.offset {
            Written::Value(offset) => Some(usize::from(offset.value)),
            Written::Absent => self.next,
            Written::Unreadable => None,
        };
        let length = field.ty.as_ref().map(|ty| ty.value.length());
        self.next = start.zip(length).map(|(start, length)| start + length);
        let (start, end) = (start?, self.next?);
        if end > self.length {
            self.next = None;
            self.outside(field, start, end, hint);
            return None;
        }
        u8::try_from(start).ok()
    }

    fn outside(&self, field: &syntax::Field, start: usize, end: usize, hint: Option<&str>) {
        let name = name(field);
        let place = field
            .offset
            .value()
            .map(|offset| &offset.span)
            .or_else(|| field.ty.as_ref().map(|ty| &ty.span));
        let message = format!(
            "field `{name}` {}, and the block has {}",
            covered(start, end),
            counted(self.length, "byte")
        );
        let label = format!(
            "ends {} after the block",
            counted(end - self.length, "byte")
        );
        let diagnostic = Diagnostic::error(message, place.unwrap_or(&field.header), label);
        let diagnostic = if end > MAX_BLOCK_LENGTH {
            diagnostic.note(format!(
                "no block is longer than {MAX_BLOCK_LENGTH} bytes (VPCI_MAX_READ_WRITE_BLOCK_SIZE)"
            ))
        } else {
            diagnostic
        };
        self.context.sink.report(noted(diagnostic, hint));
    }
}

/// The name of a field, for messages.
pub(super) fn name(field: &syntax::Field) -> &str {
    field.name.as_ref().map_or("?", |name| name.value.as_str())
}

fn noted(diagnostic: Diagnostic, note: Option<&str>) -> Diagnostic {
    match note {
        Some(note) => diagnostic.note(note),
        None => diagnostic,
    }
}

/// Reports fields of `fields` that share bytes with one before them or with one of `others`;
/// `first_hint` says where the first one lies.
pub(super) fn overlaps(
    fields: &[Field],
    others: &[Field],
    first_hint: Option<&str>,
    context: Context<'_>,
) {
    for (index, field) in fields.iter().enumerate() {
        let before = others.iter().chain(&fields[..index]);
        let Some(other) = before.into_iter().find(|other| {
            usize::from(other.offset) < field.end() && usize::from(field.offset) < other.end()
        }) else {
            continue;
        };
        let message = format!("field `{}` overlaps field `{}`", field.name, other.name);
        let diagnostic = Diagnostic::error(message, &field.span, covers(field))
            .related(&other.span, covers(other));
        let hint = first_hint.filter(|_| index == 0);
        context.sink.report(noted(diagnostic, hint));
    }
}

fn covers(field: &Field) -> String {
    format!(
        "`{}` {}",
        field.name,
        covered(field.offset.into(), field.end())
    )
}

fn covered(start: usize, end: usize) -> String {
    if end - start == 1 {
        format!("is byte {start}")
    } else {
        format!("covers bytes {start} to {}", end - 1)
    }
}

/// Reports a field that follows the layouts in the manifest and has no offset.
pub(super) fn needs_offset(field: &syntax::Field, layout: &Span, context: Context<'_>) {
    if field.offset.is_absent() {
        let message = format!(
            "field `{}` follows the layouts and needs an `offset`",
            name(field)
        );
        let place = field
            .name
            .as_ref()
            .map_or(&field.header, |Located { span, .. }| span);
        let diagnostic = Diagnostic::error(message, place, "which layout it follows is open")
            .related(layout, "the first layout");
        context.sink.report(diagnostic);
    }
}
