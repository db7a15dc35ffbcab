//! Parses one line of a trace.

use crate::keys::Keys;
use crate::line_error::LineError;
use crate::operation::Operation;

impl Operation {
    /// Reads one line of a trace, with or without its line end.
    ///
    /// # Errors
    ///
    /// A line that is not exactly one JSON object with the keys of one operation, each once and
    /// with a value in its range, is a [`LineError`] with the problem and, if known, its column.
    pub fn parse(line: &[u8]) -> Result<Self, LineError> {
        // The derived reader of a structure also accepts an array of its values, which a trace must
        // not.
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

/// Converts an error of the JSON reader. `path` is the key that was being read, or `.`.
fn line_error(path: &str, error: &serde_json::Error) -> LineError {
    let column = error.column();
    // The reader's position is within the one line that it got: keep the column, and drop the
    // position from the message.
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
