//! The commands of a guide, with the output that the guide shows.
//!
//! In a block marked `console`, a line that begins with `$ ` is a command, and its output follows;
//! a line that begins with `> ` continues the command. `…` on a line of its own matches any lines,
//! `[…]` within a line any text. A block after `<!-- file: NAME -->` is a file for the following
//! commands. The command in a block marked `console background` runs until the end of the guide; its
//! output is the beginning. A block marked `console lab` has commands for a host with the driver,
//! which the lab runs, and which also run on a simulated device. The command in a block marked
//! `console terminal` draws on a terminal of 80 columns and 24 rows until `q` is pressed; its output
//! is what the terminal shows then.

/// What follows the mark of a block whose command keeps running.
const BACKGROUND: &str = " background";
/// What follows the mark of a block whose command draws on a terminal.
const TERMINAL: &str = " terminal";

/// A step of a guide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A file for the following commands.
    File {
        /// Its name.
        name: String,
        /// Its content.
        text: String,
    },
    /// A command.
    Command {
        /// The command line, which may have several lines.
        line: String,
        /// The output in the guide.
        output: Vec<String>,
    },
    /// A command that runs until the end of the guide.
    Background {
        /// The command line.
        line: String,
        /// Its first lines of output.
        output: Vec<String>,
    },
    /// A command that draws on a terminal until `q` is pressed.
    Terminal {
        /// The command line.
        line: String,
        /// What the terminal shows.
        output: Vec<String>,
    },
}

/// The files of a guide, and its commands in blocks with `mark`, in order.
///
/// # Panics
///
/// If a block has output before its first command.
#[must_use]
pub fn steps(guide: &str, mark: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut file = None;
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line
            .strip_prefix("<!-- file: ")
            .and_then(|line| line.strip_suffix(" -->"))
        {
            file = Some(name.to_owned());
        }
        let Some(kind) = line.strip_prefix("```") else {
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some(name) = file.take() {
            steps.push(Step::File {
                name,
                text: block.join("\n") + "\n",
            });
        } else if kind == mark {
            commands(&block, &mut steps);
        } else if let Some(how @ (BACKGROUND | TERMINAL)) = kind.strip_prefix(mark)
            && let Some((command, output)) = block.split_first()
        {
            let line = command.trim_start_matches("$ ").to_owned();
            let output = output.iter().map(|line| (*line).to_owned()).collect();
            steps.push(if how == BACKGROUND {
                Step::Background { line, output }
            } else {
                Step::Terminal { line, output }
            });
        }
    }
    steps
}

/// The commands of one block.
fn commands(block: &[&str], steps: &mut Vec<Step>) {
    let before = steps.len();
    for line in block {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step::Command {
                line: command.to_owned(),
                output: Vec::new(),
            });
            continue;
        }
        match steps.get_mut(before..).and_then(<[Step]>::last_mut) {
            Some(Step::Command {
                line: command,
                output,
            }) => match line.strip_prefix("> ") {
                Some(more) => *command = format!("{command}\n{more}"),
                None => output.push((*line).to_owned()),
            },
            _ => panic!("output without a command: {line}"),
        }
    }
}

/// Whether lines match the output in a guide, with `…` for any lines.
#[must_use]
pub fn matches(shown: &[String], lines: &[&str]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..]))
        }
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, lines)| matches_line(first, line) && matches(rest, lines)),
    }
}

/// Whether a line matches a line in a guide, with `[…]` for any text.
fn matches_line(shown: &str, line: &str) -> bool {
    let mut parts = shown.split("[…]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    false
}

/// The commands of a program between backticks in the text of a page, each once, in order.
#[must_use]
pub fn named<'p>(page: &'p str, program: &str) -> Vec<&'p str> {
    let mut commands = Vec::new();
    let mut within = false;
    for line in page.lines() {
        if line.starts_with("```") {
            within = !within;
            continue;
        }
        for span in line.split('`').skip(1).step_by(2) {
            let arguments = span.strip_prefix(program);
            let is_command = arguments.is_some_and(|rest| rest.starts_with(' '));
            if !within && is_command && !commands.contains(&span) {
                commands.push(span);
            }
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::{Step, matches, named, steps};

    #[test]
    fn output_that_differs_from_what_a_guide_shows_is_noticed() {
        let shown = |lines: &[&str]| {
            lines
                .iter()
                .map(|line| (*line).to_owned())
                .collect::<Vec<_>>()
        };
        assert!(matches(&shown(&["a", "…", "d"]), &["a", "b", "c", "d"]));
        assert!(matches(&shown(&["…"]), &[]));
        assert!(!matches(&shown(&["a", "…", "d"]), &["a", "b"]));
        assert!(!matches(&shown(&["a"]), &["a", "b"]));
        assert!(matches(&shown(&["x […] y"]), &["x 17 y"]));
        assert!(!matches(&shown(&["x […] y"]), &["x 17 z"]));
        assert!(!matches(&shown(&["x […] x"]), &["x x"]));
        assert!(matches(&shown(&["[…] a […] b"]), &["1 a 2 b"]));
        assert!(!matches(&shown(&["[…] a […] b"]), &["1 b 2 b"]));
    }

    #[test]
    fn blocks_are_selected_by_their_mark() {
        let guide = "```console\n$ one\n1\n```\n```console lab\n$ two\n2\n> 3\n$ four\n```\n";
        let command = |line: &str, output: &[&str]| Step::Command {
            line: line.to_owned(),
            output: output.iter().map(|line| (*line).to_owned()).collect(),
        };
        assert_eq!(steps(guide, "console"), [command("one", &["1"])]);
        assert_eq!(
            steps(guide, "console lab"),
            [command("two\n3", &["2"]), command("four", &[])]
        );
        let guide = "```console terminal\n$ top\nVF\n```\n";
        let (line, output) = ("top".to_owned(), vec!["VF".to_owned()]);
        assert_eq!(steps(guide, "console"), [Step::Terminal { line, output }]);
    }

    #[test]
    #[should_panic(expected = "output without a command: 2")]
    fn output_without_a_command_is_no_output_of_the_block_before() {
        let _ = steps("```console\n$ one\n```\n```console\n2\n```\n", "console");
    }

    #[test]
    fn commands_in_the_text_are_found_and_those_in_blocks_are_not() {
        let page = "`pf list` and `pfx list`, | `pf read 3` | `pf list` |\n```text\n`pf no`\n```\n";
        assert_eq!(named(page, "pf"), ["pf list", "pf read 3"]);
    }
}
