//! What generated code has besides the manifest: the prefix of its names and its license.

use std::fmt;

/// The choices of the user of generated code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// What every name in the C header begins with, instead of the device's name.
    prefix: Option<String>,
    /// The license, as an SPDX expression.
    license: Option<String>,
}

impl Style {
    /// A style with a prefix for names in C (a letter, then letters, digits and `_`), and with the
    /// SPDX expression of a license (letters, digits, spaces and `.`, `+`, `-`, `(`, `)`).
    ///
    /// # Errors
    /// When one of them has another character or is empty.
    pub fn new(prefix: Option<&str>, license: Option<&str>) -> Result<Self, StyleError> {
        if let Some(prefix) = prefix
            && !is_prefix(prefix)
        {
            return Err(StyleError::Prefix(prefix.to_owned()));
        }
        if let Some(license) = license
            && !is_license(license)
        {
            return Err(StyleError::License(license.to_owned()));
        }
        Ok(Self {
            prefix: prefix.map(str::to_owned),
            license: license.map(str::to_owned),
        })
    }

    /// The prefix, if it is not the device's name.
    pub(super) fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// The line by which tools find the license, without the marks of a comment.
    pub(super) fn license_line(&self) -> Option<String> {
        let license = self.license.as_ref()?;
        Some(format!("SPDX-License-Identifier: {license}"))
    }
}

fn is_prefix(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_license(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '(')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b" .+-()".contains(&byte))
}

/// Why a style is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StyleError {
    /// This prefix begins no name.
    Prefix(String),
    /// This is no SPDX expression.
    License(String),
}

impl fmt::Display for StyleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(prefix) => write!(
                f,
                "{prefix:?} begins no name in C: a prefix is a letter, then letters, digits and \
                 `_`, such as `cx100`"
            ),
            Self::License(license) => write!(
                f,
                "{license:?} is no SPDX expression, such as `MIT` or `GPL-2.0-only OR MIT`"
            ),
        }
    }
}

impl std::error::Error for StyleError {}

#[cfg(test)]
mod tests {
    use super::{Style, StyleError};

    #[test]
    fn a_prefix_begins_a_name_and_a_license_is_one_line() {
        for prefix in ["cx100", "A", "a_1"] {
            Style::new(Some(prefix), None).expect("a prefix");
        }
        for prefix in ["", "1a", "_a", "a-b", "a b", "ä"] {
            let refused = StyleError::Prefix(prefix.into());
            assert_eq!(Style::new(Some(prefix), None), Err(refused));
        }
        for license in [
            "MIT",
            "GPL-2.0-only WITH Linux-syscall-note",
            "(MIT OR Apache-2.0)",
        ] {
            Style::new(None, Some(license)).expect("a license");
        }
        for license in ["", " ", "MIT */", "MIT\nint x;"] {
            let refused = StyleError::License(license.into());
            assert_eq!(Style::new(None, Some(license)), Err(refused));
        }
    }
}
