//! The C code of the guide: it compiles as it stands on the page.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::build::{Compiler, run};
use crate::temporary;

/// Compiles each file of `docs/any-pf-driver.md`, without a warning.
pub(crate) fn check(compiler: Compiler) {
    let path = end_to_end::repository().join("docs/any-pf-driver.md");
    let page = std::fs::read_to_string(path).expect("the page can be read");
    let files = files(&page);
    assert!(files.len() > 1, "the files of the page: {:?}", files.keys());
    for (name, text) in files {
        let file: PathBuf = temporary(&name);
        std::fs::write(&file, text).expect("the file can be written");
        run(compiler.command().arg("-fsyntax-only").arg(file));
    }
}

/// The blocks after `<!-- file: NAME -->`, each with those after `<!-- continues: NAME -->`.
fn files(page: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::<String, String>::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let named = |kind: &str| {
            let name = line.strip_prefix(&format!("<!-- {kind}: "))?;
            Some(name.strip_suffix(" -->")?.to_owned())
        };
        let name = match (named("file"), named("continues")) {
            (Some(name), _) => {
                assert!(!files.contains_key(&name), "{name} begins twice");
                name
            }
            (None, Some(name)) => {
                assert!(files.contains_key(&name), "{name} has no beginning");
                name
            }
            (None, None) => continue,
        };
        assert_eq!(lines.next(), Some("```c"), "{name}");
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let text = files.entry(name).or_default();
        text.push_str(&block.join("\n"));
        text.push_str("\n\n");
    }
    files
}
