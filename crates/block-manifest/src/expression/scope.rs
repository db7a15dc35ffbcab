//! The names that an expression may use.

use crate::diagnostic::{Diagnostic, Span, printable};
use crate::syntax::{Constant, Enum};
use crate::types::Type;

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
}

impl Scope<'_> {
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
            _ => {
                let fields = self.fields.iter().map(|field| field.name.as_str());
                let constants = self.constants.iter();
                let constants = constants.map(|constant| constant.name.value.as_str());
                diagnostic.did_you_mean(name, fields.chain(constants))
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
