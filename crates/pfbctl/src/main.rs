//! The pf_broker command-line tool.
//!
//! `cli` declares every command and argument, and each command has a module:
//!
//! | module | commands |
//! |---|---|
//! | `check`, `compile`, `show`, `inf`, `new` | work on a manifest |
//! | `codec` | encodes and decodes blocks by the names of `fields` |
//! | `manual` | prints shell completions, writes manual pages |
//! | `schema` | prints schemas of manifests and traces |
//! | `simulate` | plays a trace, or the `story` that it derives from a manifest, on the `simulation` |
//! | `serve` | serves a simulated device |
//! | `driver` | call a running driver or a simulated device: `connection` opens it, `play` plays its guests, `reply` holds its replies, `report` prints them, `names` finds names, `allowed` explains refusals, `watch` follows journals, `top` shows VFs live, `metrics` counts for Prometheus |
//!
//! Below them: `source` reads files, `draft` finds valid bytes for a block, `value` formats the
//! values of fields, `json`, `style` and `printable` format reports, `failure` holds errors and exit
//! codes.
#![forbid(unsafe_code)]

mod check;
mod cli;
mod codec;
mod compile;
mod draft;
mod driver;
mod entries;
mod failure;
mod fields;
mod inf;
mod json;
mod manual;
mod new;
mod printable;
mod schema;
mod serve;
mod show;
mod simulate;
mod simulation;
mod source;
mod story;
mod style;
mod value;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.color.write_global();
    let mut out = anstream::stdout().lock();
    let done = run(&cli.command, &mut out).and_then(|()| Ok(out.flush()?));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let code = failure.exit_code();
            if code != 0 {
                failure.print();
            }
            code.into()
        }
    }
}

fn run(command: &Command, out: &mut dyn Write) -> Result<(), Failure> {
    match command {
        Command::Check(arguments) => check::run(arguments, out),
        Command::New(arguments) => new::run(arguments, out),
        Command::Compile(arguments) => compile::run(arguments),
        Command::Show(arguments) => show::run(arguments, out),
        Command::Encode(arguments) => codec::encode(arguments, out),
        Command::Decode(arguments) => codec::decode(arguments, out),
        Command::Simulate(arguments) => simulate::run(arguments, out),
        Command::Serve(arguments) => serve::run(arguments, out),
        Command::Play(arguments) => driver::play(arguments, out),
        Command::Inf(arguments) => inf::run(arguments, out),
        Command::List(arguments) => driver::list(arguments, out),
        Command::Stats(arguments) => driver::stats(arguments, out),
        Command::Read(arguments) => driver::read(arguments, out),
        Command::Publish(arguments) => driver::publish(arguments),
        Command::Invalidate(arguments) => driver::invalidate(arguments),
        Command::Drain(arguments) => driver::drain(arguments, out),
        Command::Reset(arguments) => driver::reset(arguments),
        Command::Acknowledge(arguments) => driver::acknowledge(arguments),
        Command::Watch(arguments) => driver::watch(arguments, out),
        Command::Journal(arguments) => driver::journal(arguments, out),
        Command::Top(arguments) => driver::top(arguments),
        Command::Metrics(arguments) => driver::metrics(arguments, out),
        Command::Completions(arguments) => manual::completions(arguments, out),
        Command::Schema(arguments) => schema::run(arguments, out),
        Command::Man(arguments) => manual::pages(arguments),
    }
}
