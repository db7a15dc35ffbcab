//! `wdf.h`, generated from the facts, with a compile-time check of every size, offset and value.

use std::fmt::Write as _;

use super::facts::{Callback, Enum, Facts, Field, Function, Shape, Struct};

const PRELUDE: &str = include_str!("../../kit/wdf_prelude.h");
const FUNCTIONS: &str = include_str!("../../kit/wdf_functions.h");

/// The text of `wdf.h`.
pub(super) fn wdf(facts: &Facts) -> String {
    let mut text = PRELUDE.to_owned();
    function_table(&mut text, &facts.functions);
    for enumeration in &facts.enums {
        declare_enum(&mut text, enumeration);
    }
    forward_declarations(&mut text, facts);
    let (aliases, callbacks): (Vec<_>, Vec<_>) = facts
        .callbacks
        .iter()
        .partition(|callback| callback.same_as.is_some());
    for callback in callbacks.into_iter().chain(aliases) {
        declare_callback(&mut text, callback);
    }
    for structure in &facts.structs {
        declare_struct(&mut text, structure);
    }
    text.push_str("extern PWDF_DRIVER_GLOBALS WdfDriverGlobals;\n\n");
    for function in &facts.functions {
        if let Some(shape) = &function.shape {
            let parameters = with_globals(shape);
            let pointer = format!("PFN_{}", function.name.to_ascii_uppercase());
            line(
                &mut text,
                format_args!("typedef {} (*{pointer})({parameters});", shape.returns),
            );
        }
    }
    text.push_str("\n#endif\n");
    text
}

/// The text of the `wdf.h` of drivers written in C: each function of the framework as an inline
/// function.
pub(super) fn functions(facts: &Facts) -> String {
    let mut text = FUNCTIONS.to_owned();
    for function in &facts.functions {
        let Some(shape) = &function.shape else {
            continue;
        };
        let name = &function.name;
        let pointer = format!("PFN_{}", name.to_ascii_uppercase());
        let arguments: Vec<&str> = std::iter::once("WdfDriverGlobals")
            .chain(
                shape
                    .parameters
                    .iter()
                    .filter_map(|parameter| Some(parameter.rsplit_once([' ', '*'])?.1)),
            )
            .collect();
        line(
            &mut text,
            format_args!(
                "static inline {} {name}({})\n{{\n    return (({pointer})WdfFunctions[{name}TableIndex])({});\n}}\n",
                shape.returns,
                parameters(shape),
                arguments.join(", "),
            ),
        );
    }
    text.push_str("#endif\n");
    text
}

fn line(text: &mut String, arguments: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(arguments);
    text.push('\n');
}

fn function_table(text: &mut String, functions: &[Function]) {
    text.push_str("\ntypedef enum _WDFFUNCENUM {\n");
    for function in functions {
        line(
            text,
            format_args!("    {}TableIndex = {},", function.name, function.index),
        );
    }
    line(
        text,
        format_args!("    WdfFunctionTableNumEntries = {}", functions.len()),
    );
    text.push_str("} WDFFUNCENUM;\n");
}

fn declare_enum(text: &mut String, enumeration: &Enum) {
    let name = &enumeration.name;
    line(text, format_args!("\ntypedef enum _{name} {{"));
    for (enumerator, value) in &enumeration.values {
        line(text, format_args!("    {enumerator} = {value},"));
    }
    line(text, format_args!("}} {name}, *P{name};"));
    line(
        text,
        format_args!("_Static_assert(sizeof({name}) == 4, \"size of {name}\");"),
    );
}

fn forward_declarations(text: &mut String, facts: &Facts) {
    let mentioned = facts.mentioned_types();
    text.push('\n');
    for Struct { name, .. } in &facts.structs {
        line(
            text,
            format_args!("typedef struct _{name} {name}, *P{name};"),
        );
        let constant = format!("PC{name}");
        if mentioned.contains(constant.as_str()) {
            line(
                text,
                format_args!("typedef const struct _{name} *{constant};"),
            );
        }
    }
    text.push('\n');
}

fn declare_callback(text: &mut String, callback: &Callback) {
    let Callback {
        name,
        pointer,
        same_as,
        shape,
    } = callback;
    match (name, shape, same_as) {
        (Some(name), Some(shape), _) => {
            line(
                text,
                format_args!("typedef {} {name}({});", shape.returns, parameters(shape)),
            );
            if let Some(pointer) = pointer {
                line(text, format_args!("typedef {name} *{pointer};"));
            }
        }
        (None, Some(shape), _) => {
            let pointer = pointer.as_deref().unwrap_or_default();
            let returns = &shape.returns;
            line(
                text,
                format_args!("typedef {returns} (*{pointer})({});", parameters(shape)),
            );
        }
        (Some(name), None, Some(other)) => {
            line(text, format_args!("typedef {other} {name};"));
        }
        (_, None, _) => {}
    }
}

fn parameters(shape: &Shape) -> String {
    if shape.parameters.is_empty() {
        "void".to_owned()
    } else {
        shape.parameters.join(", ")
    }
}

fn with_globals(shape: &Shape) -> String {
    std::iter::once("PWDF_DRIVER_GLOBALS DriverGlobals")
        .chain(shape.parameters.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join(", ")
}

fn declare_struct(text: &mut String, structure: &Struct) {
    let Struct { name, size, fields } = structure;
    line(text, format_args!("\nstruct _{name} {{"));
    declare_fields(text, fields, 1);
    text.push_str("};\n");
    line(
        text,
        format_args!("_Static_assert(sizeof({name}) == {size}, \"size of {name}\");"),
    );
    check_fields(text, name, "", 0, fields);
}

fn declare_fields(text: &mut String, fields: &[Field], depth: usize) {
    let indent = "    ".repeat(depth);
    for field in fields {
        text.push_str(&indent);
        if let Some(align) = field.align {
            let _ = write!(text, "__attribute__((aligned({align}))) ");
        }
        let inner = field
            .fields_of_struct
            .as_ref()
            .map(|fields| ("struct", fields));
        let inner = inner.or(field
            .fields_of_union
            .as_ref()
            .map(|fields| ("union", fields)));
        if let Some((keyword, inner)) = inner {
            line(text, format_args!("{keyword} {{"));
            declare_fields(text, inner, depth + 1);
            let _ = write!(text, "{indent}}} {}", field.name);
        } else {
            let _ = write!(
                text,
                "{} {}",
                field.c_type.as_deref().unwrap_or_default(),
                field.name
            );
        }
        if let Some(count) = field.count {
            let _ = write!(text, "[{count}]");
        }
        text.push_str(";\n");
    }
}

/// Checks each field's offset from the start of the whole structure.
fn check_fields(text: &mut String, structure: &str, path: &str, base: usize, fields: &[Field]) {
    for field in fields {
        let path = format!("{path}{}", field.name);
        let offset = base + field.offset;
        line(
            text,
            format_args!(
                "_Static_assert(offsetof({structure}, {path}) == {offset}, \
                 \"offset of {structure}.{path}\");"
            ),
        );
        if let Some(size) = field.size {
            line(
                text,
                format_args!(
                    "_Static_assert(sizeof((({structure} *)0)->{path}) == {size}, \
                     \"size of {structure}.{path}\");"
                ),
            );
        }
        for inner in [&field.fields_of_struct, &field.fields_of_union]
            .into_iter()
            .flatten()
        {
            check_fields(text, structure, &format!("{path}."), offset, inner);
        }
    }
}

#[cfg(test)]
mod tests;
