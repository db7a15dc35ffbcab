//! Counts of passed and failed tests, from the output of the runs.

use std::fmt;
use std::ops::{Add, AddAssign};

/// Counts of tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that passed.
    pub passed: usize,
    /// Tests that failed.
    pub failed: usize,
}

impl Tally {
    /// One check that passed.
    pub const PASSED: Self = Self {
        passed: 1,
        failed: 0,
    };

    /// One check that failed.
    pub const FAILED: Self = Self {
        passed: 0,
        failed: 1,
    };

    /// The sum of every line `test result: …` that cargo's test runs print.
    #[must_use]
    pub fn of_test_output(output: &str) -> Self {
        output
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("test result: "))
            .fold(Self::default(), |sum, line| {
                let count = |what: &str| {
                    line.split([';', '.'])
                        .filter_map(|part| part.trim().strip_suffix(what))
                        .find_map(|number| number.trim().parse().ok())
                        .unwrap_or(0)
                };
                sum + Self {
                    passed: count(" passed"),
                    failed: count(" failed"),
                }
            })
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn every_test_binary_of_a_run_is_counted() {
        let output = "\
running 15 tests
test result: ok. 15 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
   Doc-tests xtask
test result: FAILED. 2 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 9.99s
";
        assert_eq!(
            Tally::of_test_output(output),
            Tally {
                passed: 17,
                failed: 3
            }
        );
    }

    #[test]
    fn output_without_results_counts_nothing() {
        assert_eq!(
            Tally::of_test_output("error: could not compile"),
            Tally::default()
        );
    }
}
