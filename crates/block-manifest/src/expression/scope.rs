//! The names that an expression may use.

use block_table::format::owner;

use super::Source;
use crate::diagnostic::{Diagnostic, Span, printable};
use crate::model::Field;
use crate::syntax::{Constant, Enum};
use crate::types::Type;

/// The number of bytes that were sent.
pub(super) const LENGTH: &str = "length";
/// The side that writes, and the values that it is compared with.
pub(super) const WRITER: &str = "writer";
pub(super) const WRITERS: [(&str, u8); 2] = [("vf", owner::VF), ("pf", owner::PF)];
/// What the fields of the block before the write follow.
pub(super) const WAS: &str = "was";

/// Why an expression may not name a field that uses a group.
pub(crate) const STANDS_FOR_A_GROUP: &str =
    "it stands for the fields of a group: their names begin with its own and `_`";

/// The names that have a meaning of their own, unless a field, an enumeration or a constant has
/// them.
const BUILT_IN: [&str; 3] = [LENGTH, WRITER, WAS];

/// A field that an expression may name, as far as it is valid.
#[derive(Clone, Debug)]
pub(crate) struct ScopeField {
    pub(crate) name: String,
    pub(crate) offset: Option<u8>,
    pub(crate) ty: Option<Type>,
    /// Its named bits, each with its range.
    pub(crate) bits: Vec<(String, Option<(u8, u8)>)>,
    /// Whether all of them are known.
    pub(crate) knows_bits: bool,
    /// Where it is read: a rule of an element reads the fields of the block there.
    pub(crate) source: Source,
    /// The names of the fields of its elements, if these are structures.
    pub(crate) inner: Vec<String>,
}

/// The names that an expression may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'s> {
    /// The fields; those of a layout follow those of its block.
    pub(crate) fields: &'s [ScopeField],
    /// Fields of the block that this expression may not name, with the reason.
    pub(crate) hidden: &'s [(String, &'static str)],
    /// Whether every field of the block is in one of these lists.
    pub(crate) knows_fields: bool,
    pub(crate) constants: &'s [Constant],
    /// Whether every constant is in that list.
    pub(crate) knows_constants: bool,
    pub(crate) enums: &'s [Enum],
    /// Whether every enumeration is in that list.
    pub(crate) knows_enums: bool,
    /// What the expression may read beside the block; `None` for nothing.
    pub(crate) beyond: Option<Beyond<'s>>,
    /// Why it may read nothing else.
    pub(crate) alone: &'static str,
    /// Where the fields of the element begin, if it is over one: they are the last ones.
    pub(crate) element: Option<usize>,
    /// The names of all blocks.
    pub(crate) blocks: &'s [String],
}

/// What an expression may read beside the block, merged with what is written: the write, the block
/// before it, and other blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beyond<'s> {
    /// How many of the scope's fields, the first ones, belong to the block itself.
    pub(crate) own_fields: usize,
    /// The blocks in `uses`, each at its place.
    pub(crate) used: &'s [UsedBlock<'s>],
}

/// A block in `uses`.
#[derive(Clone, Debug)]
pub(crate) struct UsedBlock<'s> {
    pub(crate) name: String,
    /// Its fields, if it is a block that may be used.
    pub(crate) fields: Option<UsedFields<'s>>,
}

/// The fields of a block in `uses`.
#[derive(Clone, Debug)]
pub(crate) struct UsedFields<'s> {
    /// The fields of the block itself.
    pub(crate) own: &'s [ScopeField],
    /// The same fields as far as they are valid, for the values that they may have.
    pub(crate) valid: &'s [Field],
    /// The names of its layouts' fields.
    pub(crate) of_layouts: Vec<String>,
    /// Whether every field is in one of these lists.
    pub(crate) complete: bool,
}

impl<'s> Scope<'s> {
    /// Whether `name` is a field, also one that may not be used here, an enumeration or a constant.
    pub(super) fn declares(&self, name: &str) -> bool {
        self.field(name).is_some()
            || self.hidden.iter().any(|(hidden, _)| hidden == name)
            || self.enumeration(name).is_some()
            || self.constant(name).is_some()
    }

    /// Whether a rule of an element finds `name` in the element and in the block.
    pub(crate) fn is_in_both(&self, name: &str) -> bool {
        let named = |fields: &[ScopeField]| fields.iter().any(|field| field.name == name);
        let parts = self
            .element
            .and_then(|start| self.fields.split_at_checked(start));
        parts.is_some_and(|(block, element)| named(block) && named(element))
    }

    /// Whether a block has this name.
    pub(super) fn is_block(&self, name: &str) -> bool {
        self.blocks.iter().any(|block| block == name)
    }

    /// The block with this name in `uses`, and its place there.
    pub(super) fn used(&self, name: &str) -> Option<(u8, &'s UsedBlock<'s>)> {
        let used = self.beyond?.used;
        (0..).zip(used).find(|(_, used)| used.name == name)
    }

    pub(super) fn field(&self, name: &str) -> Option<&ScopeField> {
        self.fields.iter().find(|field| field.name == name)
    }

    pub(super) fn constant(&self, name: &str) -> Option<&Constant> {
        let mut constants = self.constants.iter();
        constants.find(|constant| constant.name.value == name)
    }

    pub(super) fn enumeration(&self, name: &str) -> Option<&Enum> {
        self.enums.iter().find(|known| known.name.value == name)
    }

    /// The error for `name`, which is no field of this scope; `None` if it may name something that
    /// could not be read.
    pub(crate) fn unknown_field(&self, name: &str, span: &Span) -> Option<Diagnostic> {
        if let Some(diagnostic) = self.hidden_field(name, span) {
            return Some(diagnostic);
        }
        let mut arrays = self.fields.iter();
        if let Some(array) = arrays.find(|field| field.inner.iter().any(|inner| inner == name)) {
            return Some(of_elements(name, &array.name, span));
        }
        if !self.knows_fields || !self.knows_constants {
            return None;
        }
        let diagnostic = Diagnostic::error(
            format!("unknown field `{}`", printable(name)),
            span,
            "no field has this name",
        );
        let diagnostic = match name.split_once('-') {
            Some((left, _)) if self.field(left).is_some() => diagnostic.help(format!(
                "write `{}` to subtract: `-` right between letters is part of a name",
                name.replacen('-', " - ", 1)
            )),
            _ if self.is_block(name) => {
                diagnostic.help(format!("`{name}` is a block: write `{name}.FIELD`"))
            }
            _ => {
                let fields = self.fields.iter().map(|field| field.name.as_str());
                let constants = self.constants.iter();
                let constants = constants.map(|constant| constant.name.value.as_str());
                let built_in = self.beyond.iter().flat_map(|_| BUILT_IN);
                diagnostic.did_you_mean(name, fields.chain(constants).chain(built_in))
            }
        };
        Some(if self.enumeration(name).is_some() {
            diagnostic.note(format!(
                "`{name}` is an enumeration: its values are written `{name}.VALUE`"
            ))
        } else {
            diagnostic
        })
    }

    /// The error for a field of the block that may not be named here.
    pub(super) fn hidden_field(&self, name: &str, span: &Span) -> Option<Diagnostic> {
        let (_, reason) = self.hidden.iter().find(|(hidden, _)| hidden == name)?;
        let message = format!("field `{name}` cannot be used here");
        Some(Diagnostic::error(message, span, *reason))
    }
}

/// The error for `name`, a field of the elements of `array`, outside of the array's rules.
pub(super) fn of_elements(name: &str, array: &str, span: &Span) -> Diagnostic {
    let message = format!("field `{}` cannot be used here", printable(name));
    let label = format!("it belongs to the elements of `{array}`");
    Diagnostic::error(message, span, label).note(format!(
        "`require` of `{array}` holds for each counted element"
    ))
}
