//! README.md of the double lists the functions that the double implements.

use std::{collections::BTreeSet, fs, path::Path};

use kmdf_rules::version::Framework;

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of the function table.
fn implemented() -> BTreeSet<String> {
    read("src/function_table.rs")
        .lines()
        .filter_map(|line| line.trim().split_once("TableIndex: PFN_"))
        .map(|(function, _)| function.to_owned())
        .collect()
}

/// The functions in the second column of the table of families.
fn listed(readme: &str) -> BTreeSet<String> {
    let (_, table) = readme.split_once("| family | functions |").unwrap();
    table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .filter_map(|row| row.split('|').nth(2))
        .flat_map(|functions| functions.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_readme_lists_the_functions_of_the_table() {
    assert_eq!(listed(&read("README.md")), implemented());
}

#[test]
fn the_readme_counts_the_functions_of_the_table() {
    let counts = format!(
        "implements {} of the {} functions of KMDF 1.{}",
        implemented().len(),
        Framework::NEWEST.functions,
        Framework::NEWEST.minor
    );
    let words: Vec<String> = read("README.md")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    assert!(words.join(" ").contains(&counts), "{counts}");
}
