//! Runs the commands of the guides as a reader would, and compares their output. Those for a host
//! with the driver run on a simulated device here, and in the lab.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use end_to_end::guide::{Step, matches, steps};
use end_to_end::host_guide;

/// The address that the guides serve a device at.
const ADDRESS: &str = "127.0.0.1:9820";

/// Runs commands as a reader does, in a temporary folder with links to the repository's files.
#[cfg(unix)]
struct Reader {
    folder: tempfile::TempDir,
    path: std::ffi::OsString,
    /// The address at which this reader serves a device in the place of [`ADDRESS`], because guides
    /// run side by side.
    address: String,
    /// What `export` has set.
    variables: Vec<(String, String)>,
    background: Vec<Child>,
}

#[cfg(unix)]
impl Reader {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for shared in ["blocks", "examples", "tests"] {
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
        let path = std::iter::once(program).chain(env::split_paths(&old));
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self {
            folder,
            path: env::join_paths(path).expect("a path"),
            address: free.local_addr().expect("its address").to_string(),
            variables: Vec::new(),
            background: Vec::new(),
        }
    }

    /// A shell with a command line.
    fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &line.replace(ADDRESS, &self.address)])
            .current_dir(self.folder.path())
            .env("PATH", &self.path)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        shell
    }

    /// Runs a command to its end, and returns what it prints.
    fn run(&mut self, line: &str) -> String {
        if let Some((name, value)) = line
            .strip_prefix("export ")
            .and_then(|set| set.split_once('='))
        {
            let value = value.replace(ADDRESS, &self.address);
            self.variables.push((name.to_owned(), value));
            return String::new();
        }
        let run = self.shell(&format!("{{ {line}\n}} 2>&1")).output();
        let text = String::from_utf8(run.expect("a shell").stdout).expect("text");
        text.replace(&self.address, ADDRESS)
    }

    /// Starts a command, and returns its first lines of output.
    fn start(&mut self, line: &str, lines: usize) -> String {
        let mut child = self
            .shell(&format!("exec {line}"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        self.background.push(child);
        let shown: Vec<_> = output.lines().take(lines).map(Result::unwrap).collect();
        shown.join("\n").replace(&self.address, ADDRESS)
    }
}

#[cfg(unix)]
impl Drop for Reader {
    fn drop(&mut self) {
        for child in &mut self.background {
            // One that has ended cannot be ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs all commands of a guide.
#[cfg(unix)]
fn run_guide(name: &str, least: usize) {
    let guide = fs::read_to_string(end_to_end::repository().join("docs").join(name))
        .expect("the guide can be read");
    let mut reader = Reader::new();
    let mut commands = 0;
    for step in steps(&guide, "console") {
        let (line, shown, text) = match step {
            Step::File { name, text } => {
                fs::write(reader.folder.path().join(name), text).expect("written");
                continue;
            }
            Step::Command { line, output } => {
                let text = reader.run(&line);
                (line, output, text)
            }
            Step::Background { line, output } => {
                let text = reader.start(&line, output.len());
                (line, output, text)
            }
        };
        commands += 1;
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            matches(&shown, &lines),
            "{name} shows for\n$ {line}\n{}\nbut it is\n{text}",
            shown.join("\n")
        );
    }
    assert!(
        commands >= least,
        "{name}: only {commands} commands were found"
    );
}

/// The lab runs the same commands on the image.
#[cfg(unix)]
#[test]
fn the_commands_for_a_host_do_the_same_on_a_simulated_device() {
    let page = end_to_end::repository().join("docs/administrators.md");
    let page = fs::read_to_string(page).expect("the guide can be read");
    let mut reader = Reader::new();
    let served = reader.start(
        &format!("pfbctl serve blocks/accelerator.toml --listen {ADDRESS}"),
        1,
    );
    assert!(served.contains("4 VFs"), "{served}");
    reader.run(&format!("export PFBCTL_DEVICE=sim:{ADDRESS}"));
    reader.run("pfbctl play tests/traces/accelerator/guests.jsonl");
    for command in host_guide::commands(&page).expect("commands") {
        let line = format!(
            "{}; code=$?; test $code = 0 || echo exit code $code",
            command.line
        );
        let text = reader.run(&line);
        let lines: Vec<&str> = text.lines().collect();
        command.judge(&lines).expect("as the page shows");
    }
}

#[cfg(unix)]
#[test]
fn the_guide_for_pf_engineers_does_what_it_shows() {
    run_guide("pf-engineers.md", 7);
}

#[cfg(unix)]
#[test]
fn the_guide_for_administrators_does_what_it_shows() {
    run_guide("administrators.md", 8);
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
