//! Runs the commands of the guides as a reader would, and compares their output. The lab runs those
//! for a host with the driver.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use end_to_end::guide::{Step, matches, steps};

/// Runs all commands of a guide, in a temporary folder with links to the repository's files.
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
    run_guide("trace.md", 5);
}

#[cfg(unix)]
#[test]
fn the_guide_for_vf_authors_does_what_it_shows() {
    run_guide("vf-authors.md", 3);
}

#[cfg(unix)]
#[test]
fn the_page_about_json_does_what_it_shows() {
    run_guide("json.md", 3);
}
