//! The committed list of what the driver may import, each with its reason.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};

/// Imported functions by the lower-case name of the file that exports them.
pub type Imports = BTreeMap<String, BTreeSet<String>>;

/// What the image may import.
#[derive(Debug, Clone)]
pub struct AllowedImports(Imports);

impl AllowedImports {
    /// The list in `tools/kmdf-cross/kit/driver-imports.toml`.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub fn committed() -> Result<Self> {
        Self::parse(include_str!("../../kit/driver-imports.toml"))
            .context("tools/kmdf-cross/kit/driver-imports.toml")
    }

    /// Reads a list: a table for each file, in it a reason for each function.
    ///
    /// # Errors
    /// When the text is not of that form.
    pub fn parse(text: &str) -> Result<Self> {
        let files: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(text)?;
        let names = |functions: BTreeMap<String, String>| functions.into_keys().collect();
        Ok(Self(
            files
                .into_iter()
                .map(|(file, functions)| (file.to_ascii_lowercase(), names(functions)))
                .collect(),
        ))
    }

    /// What `imports` has and the list has not, as `file!function`.
    #[must_use]
    pub fn unlisted(&self, imports: &Imports) -> Vec<String> {
        difference(imports, &self.0)
    }

    /// What the list has and `imports` has not, as `file!function`.
    #[must_use]
    pub fn unused(&self, imports: &Imports) -> Vec<String> {
        difference(&self.0, imports)
    }
}

fn difference(left: &Imports, right: &Imports) -> Vec<String> {
    let none = BTreeSet::new();
    left.iter()
        .flat_map(|(file, functions)| {
            functions
                .difference(right.get(file).unwrap_or(&none))
                .map(move |function| format!("{file}!{function}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{AllowedImports, Imports};

    #[test]
    fn the_committed_list_gives_a_reason_for_every_function() {
        let text = include_str!("../../kit/driver-imports.toml");
        let files: toml::Table = toml::from_str(text).unwrap();
        for (file, functions) in files {
            for (function, reason) in functions.as_table().unwrap() {
                let reason = reason.as_str().unwrap();
                assert!(reason.len() > 10, "{file}!{function} has no reason");
            }
        }
    }

    #[test]
    fn an_import_is_listed_by_file_and_function() {
        let list = AllowedImports::parse("[\"NTOSKRNL.exe\"]\nmemcpy = \"copies\"\n").unwrap();
        let imports = Imports::from([
            ("hal.dll".to_owned(), ["memcpy".to_owned()].into()),
            ("ntoskrnl.exe".to_owned(), ["DbgPrint".to_owned()].into()),
        ]);
        assert_eq!(
            list.unlisted(&imports),
            ["hal.dll!memcpy", "ntoskrnl.exe!DbgPrint"]
        );
        assert_eq!(list.unused(&imports), ["ntoskrnl.exe!memcpy"]);
    }
}
