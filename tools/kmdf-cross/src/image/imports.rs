//! The list of the functions that a driver may import, each with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// Imported functions by the lower-case name of the file that exports them.
pub type Imports = BTreeMap<String, BTreeSet<String>>;

/// What an image may import, and the name of the list that says so.
#[derive(Debug, Clone)]
pub struct AllowedImports {
    source: String,
    imports: Imports,
}

impl AllowedImports {
    /// Reads the list in `file`.
    ///
    /// # Errors
    /// When the file cannot be read or is no such list.
    pub fn read(file: &Path) -> Result<Self> {
        let source = file.file_name().unwrap_or_default().to_string_lossy();
        Self::parse(&source, &fs_err::read_to_string(file)?)
    }

    /// Reads the list `text`, named `source`: a table for each file, in it a reason for each
    /// function.
    ///
    /// # Errors
    /// When the text is not of that form, or a function has no reason.
    pub fn parse(source: &str, text: &str) -> Result<Self> {
        let files: BTreeMap<String, BTreeMap<String, String>> =
            toml::from_str(text).with_context(|| source.to_owned())?;
        let mut imports = Imports::new();
        for (file, functions) in files {
            for (function, reason) in &functions {
                ensure!(
                    !reason.trim().is_empty(),
                    "{source}: {file}!{function} has no reason"
                );
            }
            let names = functions.into_keys().collect();
            imports.insert(file.to_ascii_lowercase(), names);
        }
        Ok(Self {
            source: source.to_owned(),
            imports,
        })
    }

    /// The name of the list.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What `imports` has and the list has not, as `file!function`.
    #[must_use]
    pub fn unlisted(&self, imports: &Imports) -> Vec<String> {
        difference(imports, &self.imports)
    }

    /// What the list has and `imports` has not, as `file!function`.
    #[must_use]
    pub fn unused(&self, imports: &Imports) -> Vec<String> {
        difference(&self.imports, imports)
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
    fn a_list_must_give_a_reason_for_every_function() {
        let error = AllowedImports::parse("list", "[\"a.sys\"]\nmemcpy = \" \"\n").unwrap_err();
        assert_eq!(error.to_string(), "list: a.sys!memcpy has no reason");
    }

    #[test]
    fn an_import_is_listed_by_file_and_function() {
        let list =
            AllowedImports::parse("list", "[\"NTOSKRNL.exe\"]\nmemcpy = \"copies\"\n").unwrap();
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
