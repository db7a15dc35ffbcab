//! `pfbctl simulate`: plays a trace, or a story, against a manifest in process.

mod explanation;

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use block_manifest::Manifest;
use block_table::Table;
use block_trace::{Host as _, Operation, PlayError, Played, play_each};

use crate::cli;
use crate::failure::Failure;
use crate::json;
use crate::simulation::{Simulation, simulate};
use crate::source;
use crate::story::{self, Summary};

/// The default number of VFs.
const VFS: u16 = 4;

/// `pfbctl simulate`.
pub(crate) fn run(arguments: &cli::Simulate, out: &mut dyn Write) -> Result<(), Failure> {
    if let Some(path) = &arguments.record {
        if source::is_standard(path) {
            return Err(Failure::Argument {
                argument: "--record",
                problem: "standard output has the story; name a file".to_owned(),
            });
        }
        source::keep_apart(&arguments.manifest, &[("--record", path)])?;
    }
    let manifest = source::manifest(&arguments.manifest)?;
    let vfs = vf_count(&manifest, arguments.vfs)?;
    let bytes = manifest.compile();
    let table = source::verify(&arguments.manifest, &bytes)?;
    if let Some(trace) = &arguments.trace {
        let manifest = arguments.explain.then_some(&manifest);
        return simulate(table, vfs, |simulation| {
            play_trace(trace, manifest, simulation, out)
        });
    }
    let (operations, summary) = if arguments.json {
        narrate(&manifest, table, vfs, &mut io::sink())?
    } else {
        narrate(&manifest, table, vfs, out)?
    };
    if let Some(path) = &arguments.record {
        record(path, &operations)?;
    }
    if arguments.json {
        json::document(out, &summary)?;
    }
    Ok(())
}

fn narrate(
    manifest: &Manifest,
    table: Table<'_>,
    vfs: u16,
    out: &mut dyn Write,
) -> Result<(Vec<Operation>, Summary), Failure> {
    simulate(table, vfs, |simulation| {
        story::narrate(manifest, simulation, out)
    })
}

/// Writes operations as a trace.
fn record(path: &Path, operations: &[Operation]) -> Result<(), Failure> {
    let lines: Vec<String> = operations
        .iter()
        .map(|operation| format!("{operation}\n"))
        .collect();
    source::write(path, lines.concat())
}

/// The number of VFs: the requested one, if the manifest allows it.
pub(crate) fn vf_count(manifest: &Manifest, asked: Option<u16>) -> Result<u16, Failure> {
    let most = manifest.device().max_vfs;
    match asked {
        None => Ok(VFS.min(most)),
        Some(vfs) if (1..=most).contains(&vfs) => Ok(vfs),
        Some(vfs) => Err(Failure::Argument {
            argument: "--vfs",
            problem: format!("{vfs} is not within 1 to {most}, the manifest's max-vfs"),
        }),
    }
}

/// Plays a trace. With the manifest, standard error has a reason for each operation that is refused.
fn play_trace(
    trace: &Path,
    manifest: Option<&Manifest>,
    simulation: &mut Simulation<'_>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (name, played) = if trace == Path::new("-") {
        let played = play_lines(io::stdin().lock(), manifest, simulation, out);
        ("standard input".to_owned(), played)
    } else {
        let file = File::open(trace).map_err(|source| Failure::Read {
            path: trace.to_owned(),
            source,
        })?;
        let played = play_lines(BufReader::new(file), manifest, simulation, out);
        (trace.display().to_string(), played)
    };
    match played {
        Ok(_) => Ok(()),
        // The reader of the results closed the pipe.
        Err(PlayError::Output { source, .. }) => Err(Failure::Output(source)),
        Err(source) => Err(Failure::Trace { name, source }),
    }
}

fn play_lines(
    lines: impl BufRead,
    manifest: Option<&Manifest>,
    simulation: &mut Simulation<'_>,
    out: &mut dyn Write,
) -> Result<Played, PlayError<Infallible>> {
    let mut number = 0;
    play_each(lines, out, |operation| {
        number += 1;
        let outcome = simulation.perform(operation)?;
        if let (Some(manifest), Some(refusal)) = (manifest, outcome.status().refusal()) {
            let reason = explanation::explain(manifest, simulation, operation, refusal);
            anstream::eprintln!("operation {number}: {}: {reason}", refusal.reason());
        }
        Ok(outcome)
    })
}
