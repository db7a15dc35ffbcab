//! Why a line of a trace is not an operation.

/// Why a line of a trace is not an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The line is not a JSON object.
    #[error("{problem}")]
    Json {
        /// 1-based byte of the line at which the problem was detected.
        column: usize,
        /// The problem.
        problem: String,
    },
    /// An unknown key, or an invalid value.
    #[error("`{key}`: {problem}")]
    Key {
        /// The key as the line spells it.
        key: String,
        /// 1-based byte of the line at which the problem was detected.
        column: usize,
        /// The problem, with the value found.
        problem: String,
    },
    /// The operation lacks a key.
    #[error("`{op}` needs `{key}`")]
    Missing {
        /// The operation.
        op: &'static str,
        /// The key that it needs.
        key: &'static str,
    },
    /// A key of another operation.
    #[error("`{op}` takes no `{key}`")]
    Superfluous {
        /// The operation.
        op: &'static str,
        /// The key that it does not take.
        key: &'static str,
    },
    /// A revision with a publish to every VF.
    #[error(
        "`expect` takes one VF: every VF has revisions of its own, and \"all\" have none together"
    )]
    ExpectOfAll,
    /// `"all"` for an operation on one VF.
    #[error("`{op}` takes one VF; \"all\" is for `publish` and `invalidate`")]
    OneVf {
        /// The operation.
        op: &'static str,
    },
}

impl LineError {
    /// The 1-based byte of the line at which the problem was detected, if there is one.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        match self {
            Self::Json { column, .. } | Self::Key { column, .. } => Some(*column),
            Self::Missing { .. }
            | Self::Superfluous { .. }
            | Self::ExpectOfAll
            | Self::OneVf { .. } => None,
        }
    }
}
