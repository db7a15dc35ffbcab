//! Runs the commands of the guides as a reader would, and compares their output. Those for a host
//! with the driver run on a simulated device here, and in the lab.

#[cfg(unix)]
#[path = "images/terminal.rs"]
mod terminal;

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use end_to_end::guide::{Step, matches, steps};
use end_to_end::host_guide;

/// The addresses that the guides serve a device and its metrics at.
const ADDRESSES: [&str; 2] = ["127.0.0.1:9820", "127.0.0.1:9821"];

/// Runs commands as a reader does, in a temporary folder with links to the repository's files.
#[cfg(unix)]
struct Reader {
    folder: tempfile::TempDir,
    path: std::ffi::OsString,
    /// What this reader uses in the place of [`ADDRESSES`], because guides run side by side.
    addresses: [String; 2],
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
        let free = ADDRESSES.map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let address = |free: &TcpListener| free.local_addr().expect("its address").to_string();
        Self {
            folder,
            path: env::join_paths(path).expect("a path"),
            addresses: free.each_ref().map(address),
            variables: Vec::new(),
            background: Vec::new(),
        }
    }

    /// A text of the guide with this reader's addresses.
    fn own(&self, text: &str) -> String {
        let pairs = ADDRESSES.iter().zip(&self.addresses);
        pairs.fold(text.to_owned(), |text, (shown, own)| {
            text.replace(shown, own)
        })
    }

    /// The reverse.
    fn as_shown(&self, text: &str) -> String {
        let pairs = ADDRESSES.iter().zip(&self.addresses);
        pairs.fold(text.to_owned(), |text, (shown, own)| {
            text.replace(own, shown)
        })
    }

    /// Sets folder and environment.
    fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.folder.path())
            .env("PATH", &self.path)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
    }

    /// A shell with a command line.
    fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("sh");
        self.prepare(&mut shell);
        shell.args(["-c", &self.own(line)]);
        shell
    }

    /// Runs a command to its end, and returns what it prints.
    fn run(&mut self, line: &str) -> String {
        if let Some((name, value)) = line
            .strip_prefix("export ")
            .and_then(|set| set.split_once('='))
        {
            let value = self.own(value);
            self.variables.push((name.to_owned(), value));
            return String::new();
        }
        let run = self.shell(&format!("{{ {line}\n}} 2>&1")).output();
        let text = String::from_utf8(run.expect("a shell").stdout).expect("text");
        self.as_shown(&text)
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
        self.as_shown(&shown.join("\n"))
    }

    /// What a command draws on a terminal.
    fn draw(&self, line: &str) -> String {
        let screen = terminal::shown(&self.own(line), |script| self.prepare(script));
        let rows = screen.rows(0, terminal::COLUMNS);
        let rows: Vec<_> = rows.map(|row| row.trim_end().to_owned()).collect();
        self.as_shown(&rows.join("\n"))
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
            Step::Terminal { line, output } => {
                let text = reader.draw(&line);
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
        &format!(
            "pfbctl serve blocks/accelerator.toml --listen {}",
            ADDRESSES[0]
        ),
        1,
    );
    assert!(served.contains("4 VFs"), "{served}");
    reader.run(&format!("export PFBCTL_DEVICE=sim:{}", ADDRESSES[0]));
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
fn the_first_five_minutes_are_as_the_page_shows_them() {
    run_guide("first-minutes.md", 10);
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
