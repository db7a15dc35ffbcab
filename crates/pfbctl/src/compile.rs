//! `pfbctl compile`: block table, headers and documentation.

use crate::cli;
use crate::failure::Failure;
use crate::source;

/// `pfbctl compile`. Nothing is written when the manifest has an error.
pub(crate) fn run(arguments: &cli::Compile) -> Result<(), Failure> {
    let manifest = source::manifest(&arguments.manifest)?;
    let outputs = &arguments.outputs;
    if let Some(path) = &outputs.output {
        source::write(path, manifest.compile())?;
    }
    if let Some(path) = &outputs.header {
        source::write(path, manifest.header_c())?;
    }
    if let Some(path) = &outputs.rust {
        source::write(path, manifest.header_rust())?;
    }
    if let Some(path) = &outputs.doc {
        source::write(path, manifest.reference_markdown())?;
    }
    Ok(())
}
