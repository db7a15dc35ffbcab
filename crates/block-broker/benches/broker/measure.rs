//! Measures single operations, comparable within one run.
//!
//! The machine is shared and its clock moves, so absolute times differ from run to run. All cases
//! of a table are therefore measured in turn, a short batch of each in every round, and a case's
//! time is the median over the rounds: a temporary slowdown of the machine affects all of them.

use std::hint::black_box;
use std::time::Instant;

/// One thing to measure.
pub(crate) struct Case<'a> {
    pub(crate) name: String,
    /// Runs the operation so many times.
    pub(crate) run: Box<dyn FnMut(u32) + 'a>,
}

impl<'a> Case<'a> {
    /// A case that calls `operation` again and again; what it returns is kept from being optimised
    /// away.
    pub(crate) fn new<R>(name: impl Into<String>, mut operation: impl FnMut() -> R + 'a) -> Self {
        let run = Box::new(move |times| {
            for _ in 0..times {
                black_box(operation());
            }
        });
        Self {
            name: name.into(),
            run,
        }
    }
}

/// Batches of one case in a run.
const ROUNDS: usize = 301;
/// How long a batch is to take, in nanoseconds.
const BATCH: f64 = 100_000.0;

/// The median time of each case's operation, in nanoseconds.
pub(crate) fn measure(cases: &mut [Case<'_>]) -> Vec<f64> {
    let batches: Vec<u32> = cases.iter_mut().map(batch_size).collect();
    let mut times = vec![Vec::with_capacity(ROUNDS); cases.len()];
    for _ in 0..ROUNDS {
        for ((case, batch), times) in cases.iter_mut().zip(&batches).zip(&mut times) {
            let begin = Instant::now();
            (case.run)(*batch);
            times.push(begin.elapsed().as_secs_f64() * 1e9 / f64::from(*batch));
        }
    }
    times.iter_mut().map(|times| median(times)).collect()
}

/// How many operations fill a batch.
fn batch_size(case: &mut Case<'_>) -> u32 {
    let mut times = 64;
    loop {
        let begin = Instant::now();
        (case.run)(times);
        let taken = begin.elapsed().as_secs_f64() * 1e9;
        if taken > BATCH / 2.0 || times > 1 << 24 {
            return times;
        }
        times *= 2;
    }
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
