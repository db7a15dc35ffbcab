//! `pfbctl completions` and `pfbctl man`: what shells and `man` show, from the command line's
//! declaration.

use std::io::Write;

use clap::CommandFactory as _;

use crate::cli::{self, Cli};
use crate::failure::Failure;

/// `pfbctl completions`.
pub(crate) fn completions(
    arguments: &cli::Completions,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "pfbctl", &mut script);
    Ok(out.write_all(&script)?)
}

/// `pfbctl man`: a page for the program and one for each command.
pub(crate) fn pages(arguments: &cli::Man) -> Result<(), Failure> {
    let folder = &arguments.folder;
    clap_mangen::generate_to(Cli::command(), folder).map_err(|source| Failure::Write {
        path: folder.clone(),
        source,
    })
}
