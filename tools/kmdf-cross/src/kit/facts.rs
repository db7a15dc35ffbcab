//! The facts about KMDF 1.33 that `wdf.h` is generated from.
//!
//! The numbers and shapes are those of the public headers (microsoft/Windows-Driver-Frameworks,
//! MIT licence) on a 64-bit target. They are declared only in `tools/kmdf-cross/kit/kmdf-1.33/*.json`.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Everything that is known about one version of KMDF.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The function table, in its order.
    pub functions: Vec<Function>,
    /// The enumerations.
    pub enums: Vec<Enum>,
    /// The callbacks that a driver gives to the framework.
    pub callbacks: Vec<Callback>,
    /// The structures, each after those that it holds by value.
    pub structs: Vec<Struct>,
}

/// One entry of the function table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// Its place in the table.
    pub index: usize,
    /// Its name, such as `WdfDriverCreate`.
    pub name: String,
    /// Its shape, where the driver model of this project can need it.
    #[serde(flatten)]
    pub shape: Option<Shape>,
}

/// What a function takes and returns, in C.
#[derive(Debug, Clone, Deserialize)]
pub struct Shape {
    /// The type of the result.
    pub returns: String,
    /// Type and name of each parameter. For functions of the table the first one, the driver's
    /// globals, is left out.
    pub parameters: Vec<String>,
}

/// An enumeration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enum {
    /// Its name without the leading underscore of the tag.
    pub name: String,
    /// Its enumerators, in their order.
    pub values: serde_json::Map<String, serde_json::Value>,
}

/// A callback type.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Callback {
    /// The function type, such as `EVT_WDF_DRIVER_DEVICE_ADD`.
    pub name: Option<String>,
    /// The pointer to it, such as `PFN_WDF_DRIVER_DEVICE_ADD`.
    pub pointer: Option<String>,
    /// The callback that this one is another name of.
    pub same_as: Option<String>,
    /// What it takes and returns, unless it is another name.
    #[serde(flatten)]
    pub shape: Option<Shape>,
}

/// A structure.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Struct {
    /// Its name without the leading underscore of the tag.
    pub name: String,
    /// Its size in bytes.
    pub size: usize,
    /// Its fields, in their order.
    pub fields: Vec<Field>,
}

/// A field of a structure or union.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its distance in bytes from the start of what it is directly in.
    pub offset: usize,
    /// An alignment in bytes beyond that of its type.
    pub align: Option<usize>,
    /// The number of elements of an array.
    pub count: Option<usize>,
    /// The C type of a plain field.
    #[serde(rename = "type")]
    pub c_type: Option<String>,
    /// The fields of a structure declared in place.
    #[serde(rename = "struct")]
    pub fields_of_struct: Option<Vec<Field>>,
    /// The fields of a union declared in place.
    #[serde(rename = "union")]
    pub fields_of_union: Option<Vec<Field>>,
    /// The size in bytes of a structure or union declared in place.
    pub size: Option<usize>,
}

impl Facts {
    /// The facts about KMDF 1.33.
    ///
    /// # Errors
    /// When a data file cannot be read or contradicts itself.
    pub fn kmdf_1_33() -> Result<Self> {
        let facts = Self {
            functions: parse(
                "functions",
                include_str!("../../kit/kmdf-1.33/functions.json"),
            )?,
            enums: parse("enums", include_str!("../../kit/kmdf-1.33/enums.json"))?,
            callbacks: parse(
                "callbacks",
                include_str!("../../kit/kmdf-1.33/callbacks.json"),
            )?,
            structs: parse("structs", include_str!("../../kit/kmdf-1.33/structs.json"))?,
        };
        facts.check()?;
        Ok(facts)
    }

    /// Every type name that the facts mention, without `*` and `const`.
    #[must_use]
    pub fn mentioned_types(&self) -> BTreeSet<&str> {
        fn of_fields<'f>(fields: &'f [Field], types: &mut BTreeSet<&'f str>) {
            for field in fields {
                types.extend(field.c_type.as_deref());
                of_fields(field.fields_of_struct.as_deref().unwrap_or_default(), types);
                of_fields(field.fields_of_union.as_deref().unwrap_or_default(), types);
            }
        }
        let mut types = BTreeSet::new();
        for structure in &self.structs {
            of_fields(&structure.fields, &mut types);
        }
        let callbacks = self
            .callbacks
            .iter()
            .filter_map(|callback| callback.shape.as_ref());
        let functions = self
            .functions
            .iter()
            .filter_map(|function| function.shape.as_ref());
        for shape in callbacks.chain(functions) {
            types.insert(shape.returns.trim_end_matches('*'));
            types.extend(
                shape
                    .parameters
                    .iter()
                    .filter_map(|parameter| parameter.rsplit_once(' '))
                    .map(|(c_type, _)| c_type.trim_start_matches("const ").trim_end_matches('*')),
            );
        }
        types
    }

    fn check(&self) -> Result<()> {
        for (place, function) in self.functions.iter().enumerate() {
            if function.index != place {
                bail!(
                    "functions.json: {} has index {} but stands at place {place}",
                    function.name,
                    function.index
                );
            }
        }
        for callback in &self.callbacks {
            if callback.shape.is_some() == callback.same_as.is_some() {
                bail!(
                    "callbacks.json: {:?} needs either a shape or \"same_as\"",
                    callback.name
                );
            }
        }
        Ok(())
    }
}

fn parse<T: DeserializeOwned>(name: &str, text: &str) -> Result<Vec<T>> {
    serde_json::from_str(text)
        .with_context(|| format!("tools/kmdf-cross/kit/kmdf-1.33/{name}.json"))
}
