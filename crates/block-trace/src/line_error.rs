//! Why a line of a trace is not an operation.

/// Why a line of a trace is not an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The line is no JSON, or not an object.
    #[error("{problem}")]
    Json {
        /// 1-based byte of the line that the problem was noticed at.
        column: usize,
        /// What is wrong.
        problem: String,
    },
    /// A key, or the value of one, that no operation knows.
    #[error("`{key}`: {problem}")]
    Key {
        /// The key as the line spells it.
        key: String,
        /// 1-based byte of the line that the problem was noticed at.
        column: usize,
        /// What is wrong, with the value found.
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
    /// A revision that every VF is to have.
    #[error(
        "`expect` takes one VF: every VF has revisions of its own, and \"all\" have none together"
    )]
    ExpectOfAll,
    /// An operation of one VF that was given every VF.
    #[error("`{op}` takes one VF; \"all\" is for `publish` and `invalidate`")]
    OneVf {
        /// The operation.
        op: &'static str,
    },
}

impl LineError {
    /// The 1-based byte of the line that the problem was noticed at, when it has one place.
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
