//! The commands of the guides, run as a reader would run them, with the output that the guides show.
//! Those for a host with the driver are run in the lab.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use end_to_end::guide::{Step, matches, steps};

/// Runs all commands of a guide, in a folder of their own that has the repository's files.
#[cfg(unix)]
fn run_guide(name: &str, least: usize) {
    let guide = fs::read_to_string(end_to_end::repository().join("docs").join(name))
        .expect("the guide can be read");
    let folder = tempfile::tempdir().expect("a temporary folder");
    for shared in ["blocks", "tests"] {
        std::os::unix::fs::symlink(
            end_to_end::repository().join(shared),
            folder.path().join(shared),
        )
        .expect("a link");
    }
    let program = end_to_end::PROGRAM
        .parent()
        .map(Path::to_owned)
        .expect("a folder");
    let old = env::var_os("PATH").unwrap_or_default();
    let path =
        env::join_paths(std::iter::once(program).chain(env::split_paths(&old))).expect("a path");
    let mut commands = 0;
    for step in steps(&guide, "console") {
        match step {
            Step::File { name, text } => {
                fs::write(folder.path().join(name), text).expect("written");
            }
            Step::Command { line, output } => {
                commands += 1;
                let run = Command::new("sh")
                    .args(["-c", &format!("{{ {line}\n}} 2>&1")])
                    .current_dir(folder.path())
                    .env("PATH", &path)
                    .output()
                    .expect("a shell");
                let text = String::from_utf8(run.stdout).expect("text");
                let lines: Vec<&str> = text.lines().collect();
                assert!(
                    matches(&output, &lines),
                    "{name} shows for\n$ {line}\n{}\nbut it is\n{text}",
                    output.join("\n")
                );
            }
        }
    }
    assert!(
        commands >= least,
        "{name}: only {commands} commands were found"
    );
}

#[cfg(unix)]
#[test]
fn the_guide_for_pf_engineers_does_what_it_shows() {
    run_guide("pf-engineers.md", 7);
}

#[cfg(unix)]
#[test]
fn the_guide_for_administrators_does_what_it_shows() {
    run_guide("administrators.md", 3);
}

#[cfg(unix)]
#[test]
fn the_reference_of_traces_does_what_it_shows() {
    run_guide("trace.md", 4);
}

#[cfg(unix)]
#[test]
fn the_guide_for_vf_authors_does_what_it_shows() {
    run_guide("vf-authors.md", 3);
}

/// The files and folders of this repository that a page names between backticks.
fn paths_named_in(page: &str) -> impl Iterator<Item = &str> {
    const ROOMS: [&str; 8] = [
        "blocks/", "crates/", "docs/", "fuzz/", "lab/", "src/", "tests/", "xtask/",
    ];
    page.split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| ROOMS.iter().any(|room| word.starts_with(room)))
        .filter(|word| !word.contains([' ', '<', '*']))
}

#[test]
fn every_path_that_a_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![root.join("README.md")];
    for entry in fs::read_dir(root.join("docs")).expect("docs can be read") {
        pages.push(entry.expect("docs can be read").path());
    }
    let mut missing = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page can be read");
        for path in paths_named_in(&text) {
            if !root.join(path).exists() {
                missing.push(format!("{}: {path}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "named, but not there: {missing:#?}");
}
