//! Parses one line of a trace.

use crate::keys::Keys;
use crate::line_error::LineError;
use crate::operation::Operation;

impl Operation {
    /// Reads one line of a trace, with or without its line end.
    ///
    /// # Errors
    ///
    /// Anything that is not exactly one JSON object with the keys of one operation, each once and
    /// with a value in its range, is a [`LineError`] that says what and, where it can, which byte.
    pub fn parse(line: &[u8]) -> Result<Self, LineError> {
        // The derived reader of a structure takes an array of its values as well; a trace does not.
        if line
            .trim_ascii_start()
            .first()
            .is_some_and(|&byte| byte != b'{')
        {
            return Err(LineError::Json {
                column: line.len() - line.trim_ascii_start().len() + 1,
                problem: "a line holds one JSON object".into(),
            });
        }
        let mut json = serde_json::Deserializer::from_slice(line);
        let keys: Keys = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| line_error(&error.path().to_string(), error.inner()))?;
        json.end().map_err(|error| line_error(".", &error))?;
        keys.into_operation()
    }
}

/// Turns the JSON reader's error into ours. `path` is the key that was being read, or `.`.
fn line_error(path: &str, error: &serde_json::Error) -> LineError {
    let column = error.column();
    // The reader counts lines of its own input, which is one line of ours: its place is dropped
    // from the sentence and kept as a number.
    let sentence = error.to_string();
    let place = format!(" at line {} column {column}", error.line());
    let problem = sentence
        .strip_suffix(&place)
        .unwrap_or(&sentence)
        .to_owned();
    if path == "." || !error.is_data() {
        LineError::Json { column, problem }
    } else {
        LineError::Key {
            key: path.to_owned(),
            column,
            problem,
        }
    }
}

#[cfg(test)]
mod tests;
