//! Runs the job of the command line.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{Arguments, Job};
use crate::session::Session;
use crate::{
    acknowledgements, checks, companion_example, console, contention, limits, measure, messages,
    preconditions, served, start, storm, story, trace,
};

/// Runs the job that the command line names.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Job::Start(start) = &arguments.job {
        return start::run(&arguments.bench, start);
    }
    if matches!(arguments.job, Job::Messages) {
        return messages::print(&arguments.bench.service);
    }
    let mut session = Session::start(&arguments.bench)?;
    preconditions::check(&session, &arguments.job)?;
    let code = match arguments.job {
        Job::Start(_) | Job::Messages => ExitCode::FAILURE,
        Job::Limits => checks::run(&mut session, &[limits::CHECKS]),
        Job::Acknowledgements => checks::run(&mut session, &[acknowledgements::CHECKS]),
        Job::Trace => trace::play(&session)?,
        Job::Console { listen: None } => console::run(&session)?,
        Job::Console {
            listen: Some(address),
        } => served::run(&session, address)?,
        Job::Story => story::tell(&mut session)?,
        Job::Checks => checks::run(&mut session, &checks::all(arguments.bench.position)),
        Job::Faults => checks::run(&mut session, checks::FAULTS),
        Job::Storm { operations, seed } => storm::run(&mut session, operations, seed)?,
        Job::Contention => contention::run(&mut session)?,
        Job::Companion => checks::run(&mut session, &[companion_example::CHECKS]),
        Job::SampleCompanion => checks::run(&mut session, checks::SAMPLE_COMPANION),
        Job::Measure => measure::run(&session)?,
    };
    if matches!(arguments.job, Job::Checks | Job::Faults) {
        session.end_held()?;
    } else {
        session.end()?;
    }
    Ok(code)
}
