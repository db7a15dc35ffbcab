//! `pfbctl new`: writes the first version of a manifest, which passes `pfbctl check`.

use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal as _, Write};

use block_manifest::Manifest;

use crate::cli::{self, NewBlock, NewKind};
use crate::failure::Failure;
use crate::source;

/// The values of a new manifest.
struct Plan {
    name: String,
    vendor_id: u16,
    device_id: u16,
    max_vfs: u16,
    blocks: Vec<NewBlock>,
}

/// `pfbctl new`.
pub(crate) fn run(arguments: &cli::New, out: &mut dyn Write) -> Result<(), Failure> {
    let plan = if io::stdin().is_terminal() {
        plan(
            arguments,
            Some((&mut io::stdin().lock(), &mut io::stderr())),
        )?
    } else {
        plan(arguments, None)?
    };
    let text = manifest(&plan);
    // The rules of names, lengths and numbers are those of the language.
    let file = arguments.output.as_deref();
    let name = file.map_or_else(|| "the new manifest".to_owned(), source::name);
    if let Err(diagnostics) = Manifest::parse(&name, &text) {
        source::show(&diagnostics);
        return Err(Failure::Findings {
            manifests: 1,
            of: 1,
        });
    }
    match file {
        Some(path) => source::write_new(path, text),
        None => Ok(out.write_all(text.as_bytes())?),
    }
}

/// The values of the command line. A value that is not given is asked for, or the default.
fn plan(
    arguments: &cli::New,
    mut terminal: Option<(&mut dyn BufRead, &mut dyn Write)>,
) -> Result<Plan, Failure> {
    let mut value =
        |given: Option<String>, question: &str, default: &str| match (given, &mut terminal) {
            (Some(given), _) => Ok(given),
            (None, Some((input, output))) => ask(*input, *output, question, default),
            (None, None) => Ok(default.to_owned()),
        };
    let id = |id: u16| format!("{id:#06x}");
    let name = value(arguments.name.clone(), "Name of the device", "My device")?;
    let vendor = value(arguments.vendor_id.map(id), "PCI vendor ID", "0x1414")?;
    let device = value(
        arguments.device_id.map(id),
        "PCI device ID of the PF",
        "0xb000",
    )?;
    let vfs = arguments.max_vfs.map(|vfs| vfs.to_string());
    let vfs = value(vfs, "Most VFs", "8")?;
    let mut blocks = arguments.block.clone();
    if blocks.is_empty() {
        let listed = value(
            None,
            "Blocks, as NAME:KIND[:LENGTH] with a space between",
            BLOCKS,
        )?;
        for block in listed.split_whitespace() {
            let block = cli::new_block(block).map_err(|problem| refused("--block", problem))?;
            blocks.push(block);
        }
    }
    Ok(Plan {
        name,
        vendor_id: cli::id(&vendor).map_err(|problem| refused("--vendor-id", problem))?,
        device_id: cli::id(&device).map_err(|problem| refused("--device-id", problem))?,
        max_vfs: vfs
            .parse()
            .map_err(|_| refused("--max-vfs", format!("`{vfs}` is no number")))?,
        blocks,
    })
}

/// The blocks of a manifest without `--block`.
const BLOCKS: &str = "status:read-only:32 command:read-write:64 telemetry:stream:32";

fn refused(argument: &'static str, problem: String) -> Failure {
    Failure::Argument { argument, problem }
}

/// Asks for a value; an empty line stands for the default.
fn ask(
    input: &mut dyn BufRead,
    output: &mut dyn Write,
    question: &str,
    default: &str,
) -> Result<String, Failure> {
    write!(output, "{question} [{default}]: ")?;
    output.flush()?;
    let mut line = String::new();
    input.read_line(&mut line)?;
    let answer = line.trim();
    Ok(if answer.is_empty() { default } else { answer }.to_owned())
}

/// The text of the manifest.
fn manifest(plan: &Plan) -> String {
    let mut text = format!(
        "# Configuration blocks between the PF and its VFs. docs/manifest.md of pf_broker describes\n\
         # every key; `pfbctl check` finds mistakes, `pfbctl simulate` plays the manifest.\n\n\
         [device]\n\
         name = {}\n\
         vendor-id = {:#06x}\n\
         device-id = {:#06x}\n\
         max-vfs = {}\n\n\
         # What each VF may write at most; change it to what your device can bear.\n\
         [limits]\n\
         writes-per-second = 1000\n\
         burst = 100\n",
        quoted(&plan.name),
        plan.vendor_id,
        plan.device_id,
        plan.max_vfs
    );
    for (id, block) in plan.blocks.iter().enumerate() {
        let _ = write!(
            text,
            "\n[[block]]\nid = {id}\nname = {}\n",
            quoted(&block.name)
        );
        text.push_str(&keys(block));
    }
    text
}

/// The keys of a block and its fields: a first one with a name, and bytes for the rest.
fn keys(block: &NewBlock) -> String {
    let NewBlock { kind, length, .. } = *block;
    let (head, access) = match kind {
        NewKind::ReadOnly => (
            "# Host software publishes it, and VFs are notified.\n",
            "vf-access = \"read-only\"\nnotify = true\n",
        ),
        NewKind::WriteOnly => (
            "# VFs write it, and host software reads the last value.\n",
            "vf-access = \"write-only\"\n",
        ),
        NewKind::ReadWrite => ("# VFs write and read it.\n", "vf-access = \"read-write\"\n"),
        NewKind::Stream => (
            "# VFs send messages, and host software drains them.\n",
            "kind = \"stream\"\nvf-access = \"write-only\"\ndepth = 32\n",
        ),
    };
    let mut text = format!("{head}{access}length = {length}\n");
    let mut field = |name: &str, ty: &str, more: &str| {
        let _ = write!(
            text,
            "\n[[block.field]]\nname = \"{name}\"\ntype = \"{ty}\"\n{more}"
        );
    };
    if length < 4 {
        field("content", &format!("bytes[{length}]"), "");
        return text;
    }
    field(
        "version",
        "u16",
        "valid = { min = 1, max = 1 }      # any other value is refused\ndefault = 1\n",
    );
    field(
        "flags",
        "u16",
        "bits = { enabled = 0 }            # the other bits must be zero\n",
    );
    if length > 4 {
        field("content", &format!("bytes[{}]", length - 4), "");
    }
    text
}

/// A TOML string.
fn quoted(text: &str) -> String {
    // JSON's escapes are a part of TOML's.
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{Manifest, manifest, plan};
    use crate::cli::{Cli, Command};

    fn parsed(line: &str) -> crate::cli::New {
        let cli = Cli::try_parse_from(line.split(' ')).expect("a command line");
        match cli.command {
            Command::New(arguments) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_kind_of_block_in_every_length_passes_the_check_without_a_warning() {
        for kind in ["read-only", "write-only", "read-write", "stream"] {
            for length in [1, 3, 4, 5, 64, 128] {
                let line = format!("pfbctl new --block one:{kind}:{length} --block two:{kind}");
                let text = manifest(&plan(&parsed(&line), None).expect("a plan"));
                let parsed = Manifest::parse("new.toml", &text).unwrap_or_else(|wrong| {
                    panic!("{wrong}");
                });
                assert!(parsed.warnings().is_empty(), "{}", parsed.warnings());
                let block = &parsed.blocks()[0];
                assert_eq!((&*block.name, block.max_length), ("one", length), "{text}");
                assert_eq!(parsed.blocks().len(), 2);
            }
        }
    }

    #[test]
    fn what_the_command_line_does_not_give_is_asked_for() {
        let arguments = parsed("pfbctl new --vendor-id 15b3");
        let mut input = "Answer \"1\"\n\n200\nonly:stream:8\n".as_bytes();
        let mut output = Vec::new();
        let plan = plan(&arguments, Some((&mut input, &mut output))).expect("a plan");
        let asked = String::from_utf8(output).expect("text");
        assert!(!asked.contains("vendor"), "{asked}");
        assert!(asked.contains("[0xb000]"), "{asked}");
        let parsed = Manifest::parse("new.toml", &manifest(&plan)).expect("valid");
        let device = parsed.device();
        assert_eq!(device.name, "Answer \"1\"");
        assert_eq!((device.vendor_id, device.device_id()), (0x15B3, 0xB000));
        assert_eq!(device.max_vfs, 200);
        assert_eq!(parsed.blocks()[0].name, "only");
    }
}
