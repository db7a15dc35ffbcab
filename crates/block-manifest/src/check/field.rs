//! One field: owner, default, bits, sequence and checksum.

use block_table::{Access, Kind};

use super::Context;
use super::place::name;
use crate::diagnostic::{Diagnostic, Located};
use crate::model::{Bits, Field, Owner, Valid};
use crate::syntax;
use crate::types::{Integer, Type};

/// What a field needs to know about its block.
#[derive(Clone, Copy)]
pub(super) struct Surroundings {
    pub(super) kind: Kind,
    pub(super) access: Access,
    pub(super) min_length: u8,
    /// Whether the field belongs to a layout.
    pub(super) in_layout: bool,
}

/// The field `written` at `offset`; `None` when it has no name or no type. Its count is filled in by [`super::block`].
pub(super) fn check(
    written: &syntax::Field,
    offset: u8,
    around: Surroundings,
    context: Context<'_>,
) -> Option<Field> {
    let name = written.name.as_ref()?;
    let ty = written.ty.as_ref()?.value;
    let bits = bits(written, ty, context);
    let mut field = Field {
        name: name.value.clone(),
        doc: written.doc.clone(),
        offset,
        ty,
        owner: owner(written, around, context),
        default: vec![0; ty.length()],
        valid: Valid::default(),
        bits,
        count: None,
        sequence: sequence(written, ty, around, context),
        is_checksum: checksum(written, ty, offset, around, context),
        span: name.span.clone(),
    };
    let errors = context.sink.error_count();
    field.valid = context.valid(&written.valid, ty, field.defined_bits());
    if let Some(default) = &written.default
        && let Some(bytes) = context.default_bytes(default, &field, written.count.is_some(), errors)
    {
        field.default = bytes;
    }
    Some(field)
}

fn owner(written: &syntax::Field, around: Surroundings, context: Context<'_>) -> Owner {
    let Some(owner) = &written.owner else {
        return if around.access == Access::ReadOnly {
            Owner::Pf
        } else {
            Owner::Vf
        };
    };
    let report = |why: &str| {
        let message = format!(
            "field `{}` cannot belong to \"{}\"",
            name(written),
            owner.value.as_str()
        );
        context
            .sink
            .report(Diagnostic::error(message, &owner.span, why));
    };
    if owner.value.has_vf() && around.access == Access::ReadOnly {
        report("the block is read-only for the VF");
    } else if owner.value.has_pf() && around.kind == Kind::Stream {
        report("only the VF writes a stream");
    }
    owner.value
}

fn bits(written: &syntax::Field, ty: Type, context: Context<'_>) -> Vec<Bits> {
    let Some(bits) = &written.bits else {
        return Vec::new();
    };
    let Type::Integer(integer) = ty else {
        let message = format!(
            "field `{}` is {ty}, and only a single integer has bits",
            name(written)
        );
        context.sink.error(message, &bits.span, "not an integer");
        return Vec::new();
    };
    if bits.value.is_empty() {
        context.sink.error(
            format!("`bits` of field `{}` names no bits", name(written)),
            &bits.span,
            "all bits would be reserved",
        );
    }
    super::names::unique(
        bits.value.iter().map(|bits| &bits.name),
        "bit",
        context.sink,
    );
    let mut taken: Vec<&syntax::Bits> = Vec::new();
    for range in &bits.value {
        let bit_name = &range.name.value;
        if range.high >= integer.bits() {
            let message = format!(
                "bits `{bit_name}` end at bit {}, and {integer} has bits 0 to {}",
                range.high,
                integer.bits() - 1
            );
            context
                .sink
                .error(message, &range.span, "outside of the integer");
        }
        if let Some(other) = taken
            .iter()
            .find(|other| other.low <= range.high && range.low <= other.high)
        {
            let message = format!("bits `{bit_name}` overlap bits `{}`", other.name.value);
            let diagnostic = Diagnostic::error(
                message,
                &range.span,
                format!("bits {} to {}", range.low, range.high),
            );
            context.sink.report(
                diagnostic.related(&other.span, format!("bits {} to {}", other.low, other.high)),
            );
        }
        taken.push(range);
    }
    bits.value
        .iter()
        .map(|range| Bits {
            name: range.name.value.clone(),
            low: range.low,
            high: range.high,
        })
        .collect()
}

fn sequence(
    written: &syntax::Field,
    ty: Type,
    around: Surroundings,
    context: Context<'_>,
) -> Option<crate::model::SequenceKind> {
    let sequence = written.sequence.as_ref()?;
    let name = name(written);
    if !matches!(ty, Type::Integer(_)) {
        context.sink.error(
            format!("field `{name}` is {ty}, and only a single integer is a sequence"),
            &sequence.span,
            "not an integer",
        );
    }
    if around.in_layout {
        let diagnostic = Diagnostic::error(
            format!("field `{name}` is a sequence within a layout"),
            &sequence.span,
            "not allowed here",
        );
        context.sink.report(diagnostic.note("from one write to the next the layout may change: a sequence is a field of the block itself"));
    }
    if written.valid.equals.is_some() {
        context.sink.error(
            format!("sequence `{name}` has one valid value only, and can never move on"),
            &sequence.span,
            "never holds twice",
        );
    }
    Some(sequence.value)
}

fn checksum(
    written: &syntax::Field,
    ty: Type,
    offset: u8,
    around: Surroundings,
    context: Context<'_>,
) -> bool {
    let Some(check) = &written.check else {
        return false;
    };
    let name = name(written);
    let report = |message: String, label: &str| context.sink.error(message, &check.span, label);
    if !matches!(ty, Type::Integer(Integer { width_log: 2, .. })) {
        report(
            format!("field `{name}` is {ty}, and a CRC-32 is u32 or u32be"),
            "not 32 bits",
        );
    } else if around.in_layout {
        report(
            format!("field `{name}` is a checksum within a layout"),
            "a checksum is a field of the block itself",
        );
    } else if offset == 0 {
        report(
            format!("checksum `{name}` at offset 0 covers no bytes"),
            "nothing before it",
        );
    } else if usize::from(offset) + 4 > usize::from(around.min_length) {
        let message = format!(
            "checksum `{name}` ends at byte {}, and a write may be {} bytes long",
            offset + 3,
            around.min_length
        );
        report(message, "a short write would not carry it");
    }
    true
}

impl Context<'_> {
    /// The bytes of a default for `field`. When `errors` have been reported since, its rules are not used.
    fn default_bytes(
        &self,
        default: &Located<syntax::Value>,
        field: &Field,
        counted: bool,
        errors: usize,
    ) -> Option<Vec<u8>> {
        let integer = field.ty.element();
        let elements = usize::from(field.ty.elements());
        let values: Vec<(u64, &Located<syntax::Value>)> = match (&default.value, field.ty) {
            (syntax::Value::Text(text), Type::Ascii(length)) => {
                return self.default_text(text, length, default);
            }
            (_, Type::Ascii(_)) => {
                self.sink.error(
                    format!("the default of `{}` is not a string", field.name),
                    &default.span,
                    format!("expected a string for {}", field.ty),
                );
                return None;
            }
            (syntax::Value::List(_), Type::Integer(_)) => {
                self.sink.error(
                    format!("the default of `{}` is an array", field.name),
                    &default.span,
                    format!("expected one {}", field.ty),
                );
                return None;
            }
            (syntax::Value::List(values), _) if values.len() != elements => {
                let message = format!(
                    "the default of `{}` has {} elements, and {} has {elements}",
                    field.name,
                    values.len(),
                    field.ty
                );
                self.sink.error(
                    message,
                    &default.span,
                    format!("expected {elements} elements, or one integer for all"),
                );
                return None;
            }
            (syntax::Value::List(values), _) => {
                let numbers: Vec<_> = values
                    .iter()
                    .map(|value| Some((self.fitting_number(value, integer)?, value)))
                    .collect();
                numbers.into_iter().collect::<Option<_>>()?
            }
            _ => vec![(self.fitting_number(default, integer)?, default); elements],
        };
        if self.sink.error_count() == errors {
            for (value, place) in &values {
                // Elements behind a count are zero, whatever the rules say about the counted ones.
                if !(counted && *value == 0) {
                    self.default_allowed(*value, place, field);
                }
            }
        }
        Some(
            values
                .iter()
                .flat_map(|(value, _)| integer.encode(*value))
                .collect(),
        )
    }

    fn default_allowed(&self, value: u64, place: &Located<syntax::Value>, field: &Field) {
        let message = format!(
            "the default {value} of `{}` breaks its own rules",
            field.name
        );
        if value & !field.defined_bits() != 0 {
            self.sink.error(
                message,
                &place.span,
                "sets a reserved bit: one that `bits` does not name",
            );
        } else if !field.valid.allows(value) {
            self.sink.report(
                Diagnostic::error(message, &place.span, "not a valid value")
                    .note(format!("`{}` must be {}", field.name, field.valid)),
            );
        }
    }

    fn default_text(
        &self,
        text: &str,
        length: u8,
        place: &Located<syntax::Value>,
    ) -> Option<Vec<u8>> {
        let printable = text.bytes().all(|byte| matches!(byte, 0x20..=0x7E));
        if !printable || text.len() > usize::from(length) {
            let message = format!(
                "the default \"{}\" is not up to {length} printable ASCII characters",
                text.escape_debug()
            );
            self.sink
                .error(message, &place.span, format!("{} bytes", text.len()));
            return None;
        }
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(length.into(), 0);
        Some(bytes)
    }
}
