//! `pfbctl compile`: writes block table, headers and documentation.

use block_manifest::{Style, StyleError};

use crate::cli;
use crate::failure::Failure;
use crate::source;

/// `pfbctl compile`. Writes no file if the manifest has an error.
pub(crate) fn run(arguments: &cli::Compile) -> Result<(), Failure> {
    let outputs = &arguments.outputs;
    let given = [
        ("--output", &outputs.output),
        ("--header", &outputs.header),
        ("--rust", &outputs.rust),
        ("--doc", &outputs.doc),
    ];
    let given = given
        .into_iter()
        .filter_map(|(argument, path)| Some((argument, path.as_deref()?)));
    source::keep_apart(&arguments.manifest, &given.collect::<Vec<_>>())?;
    let style = style(arguments)?;
    let manifest = source::manifest(&arguments.manifest)?;
    if let Some(path) = &outputs.output {
        source::write(path, manifest.compile())?;
    }
    if let Some(path) = &outputs.header {
        source::write(path, manifest.header_c(&style))?;
    }
    if let Some(path) = &outputs.rust {
        source::write(path, manifest.header_rust(&style))?;
    }
    if let Some(path) = &outputs.doc {
        source::write(path, manifest.reference_markdown(&style))?;
    }
    Ok(())
}

fn style(arguments: &cli::Compile) -> Result<Style, Failure> {
    let (prefix, license) = (arguments.prefix.as_deref(), arguments.license.as_deref());
    Style::new(prefix, license).map_err(|error| Failure::Argument {
        argument: match error {
            StyleError::Prefix(_) => "--prefix",
            StyleError::License(_) => "--license",
        },
        problem: error.to_string(),
    })
}
