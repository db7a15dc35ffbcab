//! Places fields: offsets, overlaps, and bytes that no field covers.

use block_table::MAX_BLOCK_LENGTH;

use super::context::Context;
use crate::diagnostic::{Diagnostic, Located, Span, counted};
use crate::model::Field;
use crate::syntax::{self, Written};

/// Follows the fields of a list from one to the next.
#[derive(Clone, Copy)]
pub(super) struct Cursor {
    /// The end of the field before; `None` if it is invalid, which is reported already.
    next: Option<usize>,
    /// The first byte of the group whose fields follow.
    group: Option<usize>,
}

impl Cursor {
    /// Before a field that lies at `next` if it has no offset.
    pub(super) const fn at(next: Option<usize>) -> Self {
        Self { next, group: None }
    }

    /// The first byte of `field` and the one after it, as far as offset and type are known.
    pub(super) fn place(&mut self, field: &syntax::Field) -> Option<(usize, usize)> {
        let written = match &field.offset {
            Written::Value(offset) => Some(usize::from(offset.value)),
            Written::Absent => self.next,
            Written::Unreadable => None,
        };
        let member = field.member.as_ref();
        self.group = match member {
            Some(member) if !member.is_first => self.group,
            _ => written,
        };
        let start = self
            .group
            .map(|start| start + member.map_or(0, |member| member.start));
        let length = field.ty.as_ref().map(|ty| ty.value.length());
        let end = start.zip(length).map(|(start, length)| start + length);
        self.next = match member {
            // The group ends with the last byte of its fields, not with the last of them.
            Some(member) => end.and(self.group).map(|start| start + member.length),
            None => end,
        };
        start.zip(end)
    }
}

/// Finds the offsets of fields, one after the other.
pub(super) struct Placer<'c> {
    context: Context<'c>,
    /// The length of the block.
    length: usize,
    cursor: Cursor,
    /// Where the first field lies, if its place may surprise.
    pub(super) first_hint: Option<&'c str>,
}

impl<'c> Placer<'c> {
    pub(super) const fn new(context: Context<'c>, length: usize, next: Option<usize>) -> Self {
        Self {
            context,
            length,
            cursor: Cursor::at(next),
            first_hint: None,
        }
    }

    /// The end of the last field.
    pub(super) const fn end(&self) -> Option<usize> {
        self.cursor.next
    }

    /// From here on each field must have an `offset`.
    pub(super) const fn forget(&mut self) {
        self.cursor = Cursor::at(None);
    }

    /// The offset of `field`, if it and its type are valid; reports a field that exceeds the block.
    /// The offset of a field that follows an invalid one, and has no `offset` itself, is unknown.
    pub(super) fn place(&mut self, field: &syntax::Field) -> Option<u8> {
        let hint = self.first_hint.take();
        let (start, end) = self.cursor.place(field)?;
        if end > self.length {
            self.forget();
            self.outside(field, start, end, hint);
            return None;
        }
        u8::try_from(start).ok()
    }

    fn outside(&self, field: &syntax::Field, start: usize, end: usize, hint: Option<&str>) {
        let name = name(field);
        let definition = field.member.as_ref().map(|member| &member.definition);
        // The type in a group is right: the use is not.
        let ty = match definition {
            Some(_) => field.name.as_ref().map(|name| &name.span),
            None => field.ty.as_ref().map(|ty| &ty.span),
        };
        let offset = field.offset.value().map(|offset| &offset.span);
        let place = offset.or(ty);
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
        let diagnostic = defined(diagnostic, definition);
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
        let diagnostic = defined(diagnostic, field.definition.as_ref());
        let hint = first_hint.filter(|_| index == 0);
        context.sink.report(noted(diagnostic, hint));
    }
}

/// Adds the place where a group defines the field.
fn defined(diagnostic: Diagnostic, definition: Option<&Span>) -> Diagnostic {
    match definition {
        Some(definition) => diagnostic.related(definition, "the field in the group"),
        None => diagnostic,
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
