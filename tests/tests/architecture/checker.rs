//! The checker of this test on small crates made up for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::cycles;
use crate::imports::{self, Imports};

/// A crate of these files below `src/`.
fn made_up(files: &[(&str, &str)]) -> (TempDir, Imports) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let file = folder.path().join("src").join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("created");
        fs::write(file, text).expect("written");
    }
    let root = Path::new("src").join(files[0].0);
    let imports = imports::of_crate(folder.path(), &root);
    (folder, imports)
}

/// The imports of a crate as `from -> to`, without `src/`.
fn arrows(files: &[(&str, &str)]) -> Vec<String> {
    let (_folder, imports) = made_up(files);
    let short = |path: &Path| {
        path.strip_prefix("src")
            .expect("in src")
            .display()
            .to_string()
    };
    imports
        .keys()
        .map(|(from, to)| format!("{} -> {}", short(from), short(to)))
        .collect()
}

/// The cycle of a crate, if it has one.
fn cycle(files: &[(&str, &str)]) -> Option<String> {
    let (_folder, imports) = made_up(files);
    super::complaint("made_up", &imports)
}

#[test]
fn declared_modules_and_re_exports_in_the_root_are_no_imports() {
    let files = [
        ("lib.rs", "mod a;\npub use a::A;\npub(crate) use a::B;\n"),
        (
            "a.rs",
            "pub struct A;\npub(crate) struct B;\nfn f() { crate::g!(); }",
        ),
    ];
    assert_eq!(arrows(&files), ["a.rs -> lib.rs"]);
    assert_eq!(cycle(&files), None);
}

#[test]
fn an_import_through_the_root_is_one_of_the_file_that_declares_the_name() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\npub use a::*;\npub use b::B;\n"),
        ("a.rs", "pub struct A(crate::B);\n"),
        ("b.rs", "pub struct B(Box<crate::A>);\n"),
    ];
    assert_eq!(arrows(&files), ["a.rs -> b.rs", "b.rs -> a.rs"]);
}

#[test]
fn a_parent_and_its_child_that_import_each_other_are_a_cycle() {
    let files = [
        ("lib.rs", "mod a;\n"),
        ("a.rs", "mod b;\n\nuse b::B;\npub struct A(B);\n"),
        ("a/b.rs", "use super::A;\npub struct B(Box<A>);\n"),
    ];
    assert_eq!(
        cycle(&files).as_deref(),
        Some(
            "made_up has 2 files in import cycles\n  src/a.rs imports src/a/b.rs \
             (line 3: b::B), which imports src/a.rs (line 1: super::A)"
        )
    );
}

#[test]
fn a_cycle_through_super_super_and_mod_rs_is_found() {
    let files = [
        ("main.rs", "mod a;\nmod c;\n"),
        ("a/mod.rs", "pub mod b;\n"),
        ("a/b.rs", "pub fn f() { super::super::c::g(); }\n"),
        ("c.rs", "pub fn g() { crate::a::b::f(); }\n"),
    ];
    assert_eq!(arrows(&files), ["a/b.rs -> c.rs", "c.rs -> a/b.rs"]);
}

#[test]
fn a_cycle_through_a_group_is_found() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\nmod c;\n"),
        (
            "a.rs",
            "use crate::{b::{self, B as Other}, c};\npub struct A;\n",
        ),
        ("b.rs", "pub struct B;\n"),
        ("c.rs", "fn f(_: &crate::a::A) {}\n"),
    ];
    assert_eq!(
        arrows(&files),
        ["a.rs -> b.rs", "a.rs -> c.rs", "c.rs -> a.rs"]
    );
    assert!(cycle(&files).is_some_and(|cycle| cycle.contains("line 1: crate::c")));
}

#[test]
fn imports_in_macros_functions_and_modules_inside_a_file_count() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\n"),
        ("a.rs", "fn f() { println!(\"{}\", [crate::b::X]); }\n"),
        (
            "b.rs",
            "fn f() { use crate::c::X; }\nmod inner { use super::super::d; }\n",
        ),
        ("c.rs", "macro_rules! m { () => { $crate::d::f() } }\n"),
        ("d.rs", "fn f(path: a::B, other: std::a::C) { b::X }\n"),
    ];
    assert_eq!(
        arrows(&files),
        [
            "a.rs -> b.rs",
            "b.rs -> c.rs",
            "b.rs -> d.rs",
            "c.rs -> d.rs"
        ]
    );
}

#[test]
fn what_is_compiled_for_tests_or_documentation_only_imports_nothing() {
    let files = [
        ("lib.rs", "mod a;\n#[cfg(all(test, unix))]\nmod b;\n"),
        (
            "a.rs",
            "#[cfg(test)]\nuse crate::b;\n#[cfg(doc)]\nuse crate::b;\n#[cfg(test)]\nmod tests { use crate::b; }\n\
             #[cfg(not(test))]\nuse crate::c;\npub(in crate::a) fn f() {}\n",
        ),
        ("b.rs", "use crate::a;\n"),
    ];
    assert_eq!(arrows(&files), ["a.rs -> lib.rs"]);
}

#[test]
fn every_group_of_nodes_that_reach_each_other_is_found_with_its_shortest_cycle() {
    let edges: BTreeSet<(u8, u8)> = [
        (1, 2),
        (2, 3),
        (3, 1),
        (3, 4),
        (2, 1),
        (5, 6),
        (6, 5),
        (6, 7),
    ]
    .into();
    let mut groups = cycles::groups(&edges);
    groups.sort();
    assert_eq!(groups, [[1, 2, 3].into(), BTreeSet::from([5, 6])]);
    assert_eq!(cycles::shortest(&edges, &groups[0]), [1, 2]);
}

#[test]
fn an_import_out_of_a_folder_is_named_with_its_line() {
    let (_folder, imports) = made_up(&[
        ("lib.rs", "mod os;\nmod pf;\n"),
        ("os.rs", "pub mod lock;\npub mod pool;\n"),
        ("os/lock.rs", "use super::pool;\n\nuse crate::pf::Pf;\n"),
        ("os/pool.rs", "pub fn f() {}\n"),
        ("pf.rs", "use crate::os::pool;\npub struct Pf;\n"),
    ]);
    assert_eq!(
        super::leaving(Path::new("src/os"), &imports),
        ["src/os/lock.rs:3 imports src/pf.rs (crate::pf::Pf)"]
    );
}
