//! The meaning of the names in an expression.

use block_table::format::source;

use super::scope::{
    Beyond, LENGTH, STANDS_FOR_A_GROUP, Scope, ScopeField, UsedBlock, WAS, WRITER, WRITERS,
    of_elements,
};
use super::{Load, Node, Source};
use crate::diagnostic::{Diagnostic, Sink, Span, listed, printable};
use crate::types::{Integer, Type};

/// Resolves names in a scope, and reports those that have no meaning there.
pub(super) struct Names<'s> {
    scope: Scope<'s>,
    sink: &'s Sink,
}

impl<'s> Names<'s> {
    pub(super) const fn new(scope: Scope<'s>, sink: &'s Sink) -> Self {
        Self { scope, sink }
    }

    /// The meaning of `name`; `None` if it is not known, which is reported here or at its
    /// declaration.
    pub(super) fn resolve(&self, name: &str, span: &Span) -> Option<Node> {
        let start = name.split('.').next().unwrap_or_default();
        if self.scope.is_in_both(start) {
            let message = format!("`{start}` is a field of an element or entry, and of the block");
            self.sink.error(message, span, "could be either");
            return None;
        }
        let Some((first, part)) = name.split_once('.') else {
            return self.plain(name, span);
        };
        let declared = self.scope.declares(first);
        if let Some((place, used)) = self.scope.used(first) {
            if declared {
                let message =
                    format!("`{first}` is a block in `uses` and has another meaning here");
                self.sink.error(message, span, "could be either");
                return None;
            }
            let fields = Fields::of_used(used)?;
            return self
                .field_in(&fields, part, name, span)
                .map(|load| from(Source::Used(place), load));
        }
        match first {
            _ if declared => self.known_part(name, first, part, span),
            WAS => {
                let own = self.beyond(name, span)?.own_fields;
                let fields = Fields::before_the_write(self.scope, own);
                self.field_in(&fields, part, name, span)
                    .map(|load| from(Source::Was, load))
            }
            WRITER => {
                self.beyond(name, span)?;
                let side = WRITERS.iter().find(|(side, _)| *side == part);
                if side.is_none() {
                    let sides = WRITERS.iter().map(|(side, _)| *side);
                    self.sink.report(
                        Diagnostic::error(
                            format!("`{WRITER}` has no `{}`", printable(part)),
                            span,
                            "unknown",
                        )
                        .note(format!("`{WRITER}` has {}", listed(sides))),
                    );
                }
                side.map(|(_, value)| Node::Constant((*value).into()))
            }
            _ => self.known_part(name, first, part, span),
        }
    }

    /// What this expression may read beside the block. Reports `name`, which needs that, if it may
    /// read nothing else.
    fn beyond(&self, name: &str, span: &Span) -> Option<Beyond<'s>> {
        if self.scope.beyond.is_none() {
            let message = format!("`{name}` cannot be used here");
            self.sink.report(
                Diagnostic::error(message, span, "not a part of the block").note(self.scope.alone),
            );
        }
        self.scope.beyond
    }

    /// A value of an enumeration, or bits of a field.
    fn known_part(&self, name: &str, first: &str, part: &str, span: &Span) -> Option<Node> {
        let member = self.scope.enumeration(first).and_then(|known| {
            let mut members = known.members.iter();
            members.find(|(member, _)| member.value == part)
        });
        let field = self.scope.field(first);
        let bits = field
            .and_then(|field| Some((field, field.bits.iter().find(|(bits, _)| bits == part)?)));
        match (member, bits) {
            (Some(_), Some(_)) => {
                let message = format!(
                    "`{name}` is a value of enumeration `{first}` and bits of field `{first}`"
                );
                self.sink.error(message, span, "could be either");
                None
            }
            (Some((_, value)), None) => value.map(Node::Constant),
            (None, Some((field, (_, range)))) => load(field, Some((*range)?), name).map(Node::Load),
            (None, None) => {
                self.unknown_part(first, part, span);
                None
            }
        }
    }

    /// The meaning of a name without parts: a field or a constant.
    fn plain(&self, name: &str, span: &Span) -> Option<Node> {
        let Some(constant) = self.scope.constant(name) else {
            if !self.scope.declares(name) && matches!(name, LENGTH | WRITER | WAS) {
                return self.built_in(name, span);
            }
            return self.field(name, span).map(Node::Load);
        };
        if self.scope.field(name).is_some() {
            let message = format!("`{name}` is a field and a constant");
            self.sink.report(
                Diagnostic::error(message, span, "could be either")
                    .related(&constant.name.span, "the constant"),
            );
            return None;
        }
        constant.value.map(Node::Constant)
    }

    /// A fact about the write.
    fn built_in(&self, name: &str, span: &Span) -> Option<Node> {
        self.beyond(name, span)?;
        if name == WAS {
            let diagnostic = Diagnostic::error(
                format!("`{WAS}` is the block before the write, and not a number"),
                span,
                "needs a field",
            );
            self.sink
                .report(diagnostic.help(format!("write `{WAS}.FIELD`")));
            return None;
        }
        Some(Node::Load(Load {
            name: name.to_owned(),
            source: Source::Write,
            offset: if name == LENGTH {
                source::LENGTH
            } else {
                source::WRITER
            },
            integer: Integer::U8,
            shift: 0,
            mask: Integer::U8.mask(),
        }))
    }

    /// The integer `part`, or bits of it, among `fields`.
    fn field_in(&self, fields: &Fields<'_>, part: &str, name: &str, span: &Span) -> Option<Load> {
        let (first, bits) = match part.split_once('.') {
            Some((first, bits)) => (first, Some(bits)),
            None => (part, None),
        };
        let Some(field) = fields.visible.iter().find(|field| field.name == first) else {
            if let Some((_, reason)) = fields.hidden.iter().find(|(hidden, _)| hidden == first) {
                let message = format!("`{}` cannot be used here", printable(name));
                self.sink.error(message, span, *reason);
            } else if fields.complete {
                let message = format!("{} has no field `{}`", fields.whose, printable(first));
                let names = fields.visible.iter().map(|field| field.name.as_str());
                let diagnostic = Diagnostic::error(message, span, "unknown field");
                self.sink.report(diagnostic.did_you_mean(first, names));
            }
            return None;
        };
        let Some(bits) = bits else {
            return self.whole(field, name, span);
        };
        if let Some((_, range)) = field.bits.iter().find(|(known, _)| known == bits) {
            return load(field, Some((*range)?), name);
        }
        if field.knows_bits {
            let message = format!("`{first}` has no bits `{}`", printable(bits));
            let names = field.bits.iter().map(|(name, _)| name.as_str());
            let diagnostic = Diagnostic::error(message, span, "unknown bits");
            self.sink.report(diagnostic.did_you_mean(bits, names));
        }
        None
    }

    /// Reports `first.part`, unless it may name what could not be read.
    fn unknown_part(&self, first: &str, part: &str, span: &Span) {
        let field = self.scope.field(first);
        let known = self.scope.enumeration(first);
        let unreadable = field.is_some_and(|field| !field.knows_bits)
            || known.is_some_and(|known| known.members.is_empty());
        if unreadable {
            return;
        }
        if let Some(array) = field.filter(|field| field.inner.iter().any(|inner| inner == part)) {
            self.sink.report(of_elements(part, &array.name, span));
            return;
        }
        let members = known.iter().flat_map(|known| &known.members);
        let bits = field.iter().flat_map(|field| &field.bits);
        let parts: Vec<&str> = members
            .map(|(member, _)| member.value.as_str())
            .chain(bits.map(|(bits, _)| bits.as_str()))
            .collect();
        if !parts.is_empty() {
            let message = format!("`{first}` has no `{part}`");
            let diagnostic = Diagnostic::error(message, span, "unknown")
                .did_you_mean(part, parts.iter().copied());
            self.sink
                .report(diagnostic.note(format!("`{first}` has {}", listed(parts.into_iter()))));
        } else if let Some(diagnostic) = self.scope.hidden_field(first, span) {
            self.sink.report(diagnostic);
        } else if self.scope.beyond.is_none() && self.scope.is_block(first) {
            self.beyond(&format!("{first}.{part}"), span);
        } else if field.is_some() || self.scope.knows_fields && self.scope.knows_enums {
            let enums = self.scope.enums.iter();
            let with_bits = self
                .scope
                .fields
                .iter()
                .filter(|field| !field.bits.is_empty());
            let names = enums
                .map(|known| known.name.value.as_str())
                .chain(with_bits.map(|field| field.name.as_str()));
            let message = format!("`{first}` is neither an enumeration nor a field with bits");
            let diagnostic = Diagnostic::error(message, span, "unknown");
            self.sink.report(if self.scope.is_block(first) {
                diagnostic.help(format!(
                    "`{first}` is a block: add it to the `uses` of this one"
                ))
            } else {
                diagnostic.did_you_mean(first, names)
            });
        }
    }

    fn field(&self, name: &str, span: &Span) -> Option<Load> {
        let Some(field) = self.scope.field(name) else {
            if let Some(diagnostic) = self.scope.unknown_field(name, span) {
                self.sink.report(diagnostic);
            }
            return None;
        };
        self.whole(field, name, span)
    }

    /// A whole field, which must be a single integer.
    fn whole(&self, field: &ScopeField, name: &str, span: &Span) -> Option<Load> {
        if let Some(ty) = field.ty
            && !matches!(ty, Type::Integer(_))
        {
            let message =
                format!("field `{name}` is {ty}, and expressions are over single integers");
            self.sink.error(message, span, "not an integer");
        }
        load(field, None, name)
    }
}

/// The fields of a block at another time, or of another block.
struct Fields<'f> {
    /// Whose fields they are, for messages.
    whose: String,
    visible: &'f [ScopeField],
    /// Fields that may not be named, with the reason.
    hidden: Vec<(String, &'static str)>,
    /// Whether every field is in one of these lists.
    complete: bool,
}

impl<'f> Fields<'f> {
    /// The fields that the block itself has, which are `own` in number.
    fn before_the_write(scope: Scope<'f>, own: usize) -> Self {
        let (visible, of_layout) = scope.fields.split_at(own.min(scope.fields.len()));
        let (users, others): (Vec<_>, Vec<_>) = scope
            .hidden
            .iter()
            .partition(|(_, reason)| *reason == STANDS_FOR_A_GROUP);
        let others = others.into_iter().map(|(name, _)| name);
        let before = scope
            .element
            .map_or(of_layout.len(), |start| start.saturating_sub(own));
        let (of_layout, of_element) = of_layout.split_at(before.min(of_layout.len()));
        let elements = of_element.iter().map(|field| {
            (
                field.name.clone(),
                "it belongs to an element or entry, which may be another one than before the write",
            )
        });
        let of_layout = of_layout.iter().map(|field| &field.name);
        let hidden = of_layout.chain(others).map(|name| {
            (
                name.clone(),
                "it belongs to a layout, which may change from one write to the next",
            )
        });
        Self {
            whose: "the block itself".to_owned(),
            visible,
            hidden: elements
                .chain(hidden)
                .chain(users.into_iter().cloned())
                .collect(),
            complete: scope.knows_fields,
        }
    }

    /// The fields of a used block; `None` if the block could not be read.
    fn of_used(used: &'f UsedBlock<'_>) -> Option<Self> {
        let fields = used.fields.as_ref()?;
        Some(Self {
            whose: format!("block `{}`", used.name),
            visible: fields.own,
            hidden: fields
                .of_layouts
                .iter()
                .map(|name| {
                    (
                        name.clone(),
                        "it belongs to a layout of that block, which may have another one",
                    )
                })
                .collect(),
            complete: fields.complete,
        })
    }
}

fn from(source: Source, load: Load) -> Node {
    Node::Load(Load { source, ..load })
}

/// The load of a single integer, or of some of its bits, if the field is valid.
fn load(field: &ScopeField, bits: Option<(u8, u8)>, name: &str) -> Option<Load> {
    let Some(Type::Integer(integer)) = field.ty else {
        return None;
    };
    let (shift, mask) = bits.map_or((0, integer.mask()), |(low, high)| {
        (low, u64::MAX >> (63 - (high - low)))
    });
    Some(Load {
        name: name.to_owned(),
        source: field.source,
        offset: field.offset?,
        integer,
        shift,
        mask,
    })
}
