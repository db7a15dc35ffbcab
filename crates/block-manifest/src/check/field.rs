//! One field: its owner, default, bits, sequence and checksum.

use block_table::{Access, Kind, MAX_BLOCK_LENGTH, OnReset};

use super::context::Context;
use super::names;
use super::place::{Placer, name, overlaps};
use super::structure;
use super::valid::Numbers;
use crate::diagnostic::{Diagnostic, Located, counted, printable};
use crate::domain::Domain;
use crate::model::{Bits, Covered, Field, Owner, SequenceKind, Structure, Valid};
use crate::syntax::{self, Written};
use crate::types::{Integer, Type, low_bits};

/// The properties of a block that its fields depend on.
#[derive(Clone, Copy)]
pub(super) struct BlockContext {
    pub(super) kind: Kind,
    pub(super) access: Access,
    pub(super) min_length: u8,
    /// The bytes of the block.
    pub(super) length: usize,
    /// Whether the field belongs to a layout.
    pub(super) in_layout: bool,
    /// Whether the field belongs to a structure.
    pub(super) in_structure: bool,
}

/// The field `written` at `offset`; `None` when its name, type or offset is not known. Its count is
/// filled in by [`super::count`].
pub(super) fn check(
    written: &syntax::Field,
    offset: Option<u8>,
    around: BlockContext,
    context: Context<'_>,
) -> Option<Field> {
    let what = format!("field `{}`", as_written(written));
    let owner = owner(written.owner.as_ref(), &what, around, context);
    structure::keys(written, around.in_structure, context);
    let inner = inner(written, around, context);
    let ty = written.ty.as_ref()?.value;
    if structure::is_array(written) && !matches!(ty, Type::Structures { .. }) {
        return None;
    }
    let mut field = Field {
        name: name(written).to_owned(),
        doc: written.doc.clone(),
        offset: offset.unwrap_or(0),
        ty,
        owner,
        default: vec![0; ty.length()],
        valid: Valid::default(),
        bits: Vec::new(),
        count: None,
        structure: None,
        sequence: None,
        on_reset: on_reset(written, owner, context),
        checksum: written.check.as_ref().map(|check| check.value),
        definition: written
            .member
            .as_ref()
            .map(|member| member.definition.clone()),
        span: written
            .name
            .as_ref()
            .map_or_else(|| written.header.clone(), |name| name.span.clone()),
    };
    if let Type::Structures { .. } = ty {
        field.checksum = None;
        let of_array = |inner| Field { owner, ..inner };
        field.structure = Some(Structure {
            fields: inner.into_iter().map(of_array).collect(),
            require: Vec::new(),
        });
    } else if field.checksum.is_some() {
        checksum(written, ty, offset, around, context);
        conflicts_with_checksum(written, context);
    } else {
        rules(&mut field, written, around, context);
    }
    (offset.is_some() && written.name.is_some()).then_some(field)
}

/// The fields of a structure, as far as they are valid.
fn inner(written: &syntax::Field, around: BlockContext, context: Context<'_>) -> Vec<Field> {
    let around = BlockContext {
        in_structure: true,
        ..around
    };
    structure_fields(&written.inner, Some(0), around, context)
}

/// The fields of a structure, of an entry or of a group, as far as they are valid. They begin at
/// `start`, if that is known.
pub(super) fn structure_fields(
    written: &[syntax::Field],
    start: Option<usize>,
    around: BlockContext,
    context: Context<'_>,
) -> Vec<Field> {
    names::unique(names::of_fields(written), "field", context.sink);
    let mut placer = Placer::new(context, MAX_BLOCK_LENGTH, start);
    let mut fields = Vec::new();
    for inner in written {
        let offset = placer.place(inner);
        fields.extend(check(inner, offset, around, context));
    }
    overlaps(&fields, &[], None, context);
    fields
}

/// The values that a field may have, and its default.
fn rules(field: &mut Field, written: &syntax::Field, around: BlockContext, context: Context<'_>) {
    let errors = context.sink.error_count();
    let sound = || context.sink.error_count() == errors;
    field.bits = bits(written, field.ty, context);
    field.valid = context.valid(&written.valid, field.ty, field.defined_bits());
    if sound() && !field.bits.is_empty() && Domain::of(field).is_empty() {
        never_holds_with_bits(field, written, context);
    }
    let judged = sound();
    if let Some(default) = &written.default
        && let Some(bytes) = context.default_bytes(default, field, written.count.is_some(), judged)
    {
        field.default = bytes;
    }
    field.sequence = sequence(written, field, judged, around, context);
}

/// Reports rules of an integer that exclude those of its named bits.
fn never_holds_with_bits(field: &Field, written: &syntax::Field, context: Context<'_>) {
    let name = &field.name;
    let message = format!("no value of field `{name}` meets its rules and those of its bits");
    let bits = written.bits.value().map(|bits| &bits.span);
    let span = written.valid.place().or(bits).unwrap_or(&field.span);
    let diagnostic = Diagnostic::error(message, span, "together they are met by no value");
    context.sink.report(match bits {
        Some(bits) if bits != span => diagnostic.related(bits, "the rules of the bits"),
        _ => diagnostic,
    });
}

/// The owner of `what`: as it is written, or that of the block.
pub(super) fn owner(
    written: Option<&Located<Owner>>,
    what: &str,
    around: BlockContext,
    context: Context<'_>,
) -> Owner {
    let Some(owner) = written else {
        return if around.access.writable() {
            Owner::Vf
        } else {
            Owner::Pf
        };
    };
    let report = |why: &str| {
        let message = format!("{what} cannot belong to \"{}\"", owner.value.as_str());
        context
            .sink
            .report(Diagnostic::error(message, &owner.span, why));
    };
    if owner.value.has_vf() && !around.access.writable() {
        report(if around.access == Access::None {
            "the block is state of the host: no VF can access it"
        } else {
            "the block is read-only for the VF"
        });
    } else if owner.value.has_pf() && around.kind == Kind::Stream {
        report("only the VF writes a stream");
    }
    owner.value
}

/// The name of the field that has the keys of `written`: for those of a group the one that uses it.
fn as_written(written: &syntax::Field) -> &str {
    let member = written.member.as_ref();
    member.map_or_else(|| name(written), |member| &member.user)
}

/// What the field says of its value after a reset. Reports a field that stays although a VF can
/// write it.
fn on_reset(written: &syntax::Field, owner: Owner, context: Context<'_>) -> Option<OnReset> {
    let given = written.on_reset.as_ref()?;
    if owner.has_vf() && given.value == OnReset::Keep {
        let diagnostic = Diagnostic::error(
            format!("field `{}` cannot stay at a reset", as_written(written)),
            &given.span,
            format!("it belongs to \"{}\"", owner.as_str()),
        );
        context.sink.report(diagnostic.note(
            "everything that a VF can write returns to its default: no tenant reads what another wrote",
        ));
    }
    Some(given.value)
}

/// The named bits. If some of them are invalid there are none, and all bits are one integer.
fn bits(written: &syntax::Field, ty: Type, context: Context<'_>) -> Vec<Bits> {
    let Written::Value(bits) = &written.bits else {
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
    if integer.signed {
        let message = format!(
            "field `{}` is {ty}, and only an unsigned integer has bits",
            name(written)
        );
        let unsigned = ty.to_string().replacen('i', "u", 1);
        let diagnostic = Diagnostic::error(message, &bits.span, "the integer is signed");
        context
            .sink
            .report(diagnostic.help(format!("give the field the type {unsigned}")));
        return Vec::new();
    }
    if bits.value.is_empty() {
        context.sink.error(
            format!("`bits` of field `{}` names no bits", name(written)),
            &bits.span,
            "all bits would be reserved",
        );
    }
    let all_names = bits.value.iter().map(|bits| &bits.name);
    super::names::unique(all_names, "bit", context.sink);
    let within = bits_within(&bits.value, integer, context);
    let readable = bits.value.iter().map(|bits| {
        let (low, high) = bits.range?;
        Some(Bits {
            name: bits.name.value.clone(),
            low,
            high,
            valid: context.valid_bits(&bits.valid, high - low + 1),
        })
    });
    // All of them are checked before one that cannot be read ends the collection.
    let readable: Vec<Option<Bits>> = readable.collect();
    let readable: Option<Vec<Bits>> = readable.into_iter().collect();
    readable.filter(|_| within).unwrap_or_default()
}

/// Reports bits that the integer does not have and bits with two names; true when there are none.
fn bits_within(bits: &[syntax::Bits], integer: Integer, context: Context<'_>) -> bool {
    let errors = context.sink.error_count();
    let mut taken: Vec<(&syntax::Bits, (u8, u8))> = Vec::new();
    for range in bits {
        let Some((low, high)) = range.range else {
            continue;
        };
        let bit_name = &range.name.value;
        if high >= integer.bits() {
            let message = format!(
                "bits `{bit_name}` end at bit {high}, and {integer} has bits 0 to {}",
                integer.bits() - 1
            );
            context
                .sink
                .error(message, &range.span, "outside of the integer");
        }
        let overlapping = taken
            .iter()
            .find(|(_, (other_low, other_high))| *other_low <= high && low <= *other_high);
        if let Some((other, (other_low, other_high))) = overlapping {
            let message = format!("bits `{bit_name}` overlap bits `{}`", other.name.value);
            let diagnostic =
                Diagnostic::error(message, &range.span, format!("bits {low} to {high}"));
            context.sink.report(
                diagnostic.related(&other.span, format!("bits {other_low} to {other_high}")),
            );
        }
        taken.push((range, (low, high)));
    }
    context.sink.error_count() == errors
}

/// How the value advances. The rules are only compared with it if they are `judged` to be right.
fn sequence(
    written: &syntax::Field,
    field: &Field,
    judged: bool,
    around: BlockContext,
    context: Context<'_>,
) -> Option<SequenceKind> {
    let sequence = written.sequence.as_ref()?;
    let name = &field.name;
    let report = |message: String, label: &str| {
        let diagnostic = Diagnostic::error(message, &sequence.span, label);
        context.sink.report(if around.in_layout {
            diagnostic.note("from one write to the next the layout may change: a sequence is a field of the block itself")
        } else {
            diagnostic
        });
    };
    if !matches!(field.ty, Type::Integer(_)) {
        report(
            format!(
                "field `{name}` is {}, and only a single integer is a sequence",
                field.ty
            ),
            "not an integer",
        );
    } else if around.in_layout {
        report(
            format!("field `{name}` is a sequence within a layout"),
            "not allowed here",
        );
    } else if judged && Domain::of(field).is_single() {
        report(
            format!("sequence `{name}` has one valid value only, and can never move on"),
            "never holds twice",
        );
    }
    Some(sequence.value)
}

/// Reports keys that contradict a checksum, whose value follows from other bytes.
fn conflicts_with_checksum(written: &syntax::Field, context: Context<'_>) {
    let Some(check) = &written.check else { return };
    let given = [
        ("bits", written.bits.value().map(|bits| &bits.span)),
        ("valid", written.valid.place()),
        (
            "sequence",
            written.sequence.as_ref().map(|sequence| &sequence.span),
        ),
    ];
    for (key, span) in given {
        if let Some(span) = span {
            let message = format!(
                "checksum `{}` has `{key}`, and its value is the CRC-32 of the bytes {} it",
                name(written),
                match check.value {
                    Covered::Before => "before",
                    Covered::Rest => "after",
                }
            );
            context.sink.error(message, span, "excluded by `check`");
        }
    }
}

/// Reports a checksum that could not be checked.
fn checksum(
    written: &syntax::Field,
    ty: Type,
    offset: Option<u8>,
    around: BlockContext,
    context: Context<'_>,
) {
    let Some(check) = &written.check else {
        return;
    };
    let name = name(written);
    let report = |message: String, label: &str| context.sink.error(message, &check.span, label);
    if !matches!(
        ty,
        Type::Integer(Integer {
            width_log: 2,
            signed: false,
            ..
        })
    ) {
        report(
            format!("field `{name}` is {ty}, and a CRC-32 is u32 or u32be"),
            "not 32 bits",
        );
    } else if around.in_layout {
        report(
            format!("field `{name}` is a checksum within a layout"),
            "a checksum is a field of the block itself",
        );
    } else if offset == Some(0) && check.value == Covered::Before {
        let message = format!("checksum `{name}` at offset 0 covers no bytes");
        let leading = "`check = { crc32 = \"rest\" }` covers the bytes after it";
        let diagnostic = Diagnostic::error(message, &check.span, "nothing before it");
        context.sink.report(diagnostic.help(leading));
    } else if let Some(offset) = offset
        && usize::from(offset) + 4 > usize::from(around.min_length)
    {
        let message = format!(
            "checksum `{name}` ends at byte {}, and a write may be {} long",
            offset + 3,
            counted(around.min_length.into(), "byte")
        );
        report(message, "a short write would not carry it");
    } else if let Some(offset) = offset
        && check.value == Covered::Rest
        && usize::from(offset) + 4 == around.length
    {
        let message = format!("checksum `{name}` at the end of the block covers no bytes");
        let trailing = "`check = \"crc32\"` covers the bytes before it";
        let diagnostic = Diagnostic::error(message, &check.span, "nothing after it");
        context.sink.report(diagnostic.help(trailing));
    }
}

impl Context<'_> {
    /// The bytes of a default for `field`, which must satisfy its rules if these are `judged` to be
    /// right.
    fn default_bytes(
        &self,
        default: &Located<syntax::Value>,
        field: &Field,
        is_counted: bool,
        judged: bool,
    ) -> Option<Vec<u8>> {
        if let Type::Ascii(length) = field.ty {
            return self.default_text(default, field, length);
        }
        let values = self.default_values(default, field)?;
        if judged {
            for (value, place) in &values {
                // Elements after a count are zero, whatever the rules are for the counted ones.
                if !(is_counted && *value == 0) {
                    self.default_allowed(*value, place, field);
                }
            }
        }
        let integer = field.ty.element();
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|(value, _)| integer.encode(*value))
            .collect();
        if let Some(mac) = field.valid.mac.filter(|mac| judged && !mac.allows(&bytes)) {
            let message = format!("the default of `{}` breaks its own rules", field.name);
            let rule = Valid {
                mac: Some(mac),
                ..Valid::default()
            };
            self.sink.report(
                Diagnostic::error(message, &default.span, "not a valid address")
                    .note(format!("`{}` must be {rule}", field.name)),
            );
        }
        Some(bytes)
    }

    /// The default of each element, with its span.
    fn default_values<'d>(
        &self,
        default: &'d Located<syntax::Value>,
        field: &Field,
    ) -> Option<Vec<(i128, &'d Located<syntax::Value>)>> {
        let ty = field.ty;
        let elements = usize::from(ty.elements());
        let syntax::Value::List(values) = &default.value else {
            let number = self.fitting_number(default, &Numbers::of(ty.element()))?;
            return Some(vec![(number, default); elements]);
        };
        if matches!(ty, Type::Integer(_)) {
            self.sink.error(
                format!("the default of `{}` is an array", field.name),
                &default.span,
                format!("expected one {ty}"),
            );
            return None;
        }
        if values.len() != elements {
            let message = format!(
                "the default of `{}` has {}, and {ty} has {elements}",
                field.name,
                counted(values.len(), "element")
            );
            let label = format!(
                "expected {}, or one integer for all",
                counted(elements, "element")
            );
            self.sink.error(message, &default.span, label);
            return None;
        }
        let numbers = Numbers::of(ty.element());
        let numbers: Vec<_> = values
            .iter()
            .map(|value| Some((self.fitting_number(value, &numbers)?, value)))
            .collect();
        numbers.into_iter().collect()
    }

    fn default_allowed(&self, value: i128, place: &Located<syntax::Value>, field: &Field) {
        let message = format!(
            "the default {value} of `{}` breaks its own rules",
            field.name
        );
        if low_bits(value) & field.ty.element().mask() & !field.defined_bits() != 0 {
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
        } else if let Some(bits) = field.bits.iter().find(|bits| !bits.allow(value)) {
            self.sink.report(
                Diagnostic::error(message, &place.span, "not a valid value of its bits").note(
                    format!("`{}.{}` must be {}", field.name, bits.name, bits.valid),
                ),
            );
        }
    }

    fn default_text(
        &self,
        default: &Located<syntax::Value>,
        field: &Field,
        length: u8,
    ) -> Option<Vec<u8>> {
        let syntax::Value::Text(text) = &default.value else {
            self.sink.error(
                format!("the default of `{}` is not a string", field.name),
                &default.span,
                format!("expected a string for {}", field.ty),
            );
            return None;
        };
        let printable_ascii = text.bytes().all(|byte| matches!(byte, 0x20..=0x7E));
        if !printable_ascii || text.len() > usize::from(length) {
            let message = format!(
                "the default \"{}\" is not up to {length} printable ASCII characters",
                printable(text)
            );
            self.sink
                .error(message, &default.span, counted(text.len(), "byte"));
            return None;
        }
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(length.into(), 0);
        Some(bytes)
    }
}
