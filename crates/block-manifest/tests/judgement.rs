//! The generated functions that judge a write before it is sent find what the interpreter finds: on
//! the messages of the traces, and on variants of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use block_manifest::expression::Source;
use block_manifest::{Block, Covered, Manifest, Style};
use block_table::{Access, History, Table, Writer, crc32};

/// Manifests with the folders of their traces.
const MANIFESTS: [(&str, &str); 9] = [
    ("blocks/accelerator.toml", "accelerator"),
    ("blocks/mlx5-hv-vhca.toml", "mlx5-hv-vhca"),
    (
        "crates/block-manifest/tests/manifests/every-key.toml",
        "every-key",
    ),
    ("blocks/ixgbe-mailbox.toml", "ixgbe-mailbox"),
    ("blocks/virtchnl.toml", "virtchnl"),
    ("tests/manifests/context.toml", "context"),
    ("tests/manifests/structures.toml", "structures"),
    ("tests/manifests/signed.toml", "signed"),
    ("tests/manifests/lists.toml", "lists"),
];

/// A write of the block at this place of the manifest.
type Message = (usize, Vec<u8>);

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The most writes of a folder whose variants are tried.
const MOST_WRITES: usize = 100;

/// Different writes of the traces in a folder.
fn written(manifest: &Manifest, folder: &str) -> Vec<Message> {
    let mut messages = BTreeSet::new();
    let folder = repository().join("tests/traces").join(folder);
    for file in std::fs::read_dir(folder).expect("a folder of traces") {
        let path = file.expect("an entry").path();
        let text = std::fs::read_to_string(path).expect("text");
        for line in text.lines().filter(|line| line.contains("\"write\"")) {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let id = line["block"].as_u64();
            let blocks = manifest.blocks();
            let place = blocks
                .iter()
                .position(|block| Some(u64::from(block.id)) == id);
            let data = hex(line["data"].as_str().unwrap_or_default());
            messages.extend(place.map(|place| (place, data)));
        }
    }
    let step = messages.len().div_ceil(MOST_WRITES).max(1);
    messages.into_iter().step_by(step).collect()
}

fn hex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks_exact(2);
    let pairs = pairs.map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).expect("hex"))
        .collect()
}

/// The messages, and each with one byte changed, cut or added.
fn variants(manifest: &Manifest, messages: &[Message]) -> BTreeSet<Message> {
    let mut all = BTreeSet::new();
    for (place, bytes) in messages {
        let mut add = |bytes: Vec<u8>| {
            let sealed = sealed(&manifest.blocks()[*place], &bytes);
            all.extend([(*place, bytes), (*place, sealed)]);
        };
        add(bytes.clone());
        add([&bytes[..], &[0]].concat());
        for index in 0..bytes.len() {
            add(bytes[..index].to_vec());
            for change in [1, 2, 4, 16, 0x80, 0xFF] {
                let mut bytes = bytes.clone();
                bytes[index] ^= change;
                add(bytes);
            }
        }
    }
    all.retain(|(_, bytes)| bytes.len() <= 128);
    all
}

/// The bytes with the checksum that they should have.
fn sealed(block: &Block, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for field in block.fields.iter().filter(|field| field.checksum.is_some()) {
        if bytes.len() >= field.end() {
            let place = usize::from(field.offset);
            let covered = match field.checksum {
                Some(Covered::Rest) => &bytes[field.end()..],
                _ => &bytes[..place],
            };
            let sum = field.ty.element().encode(crc32(covered).into());
            bytes[place..field.end()].copy_from_slice(&sum);
        }
    }
    bytes
}

/// Whether the bytes of a write decide every rule of the block.
fn decides(block: &Block) -> bool {
    let layouts = block.layouts.iter().flat_map(|layout| &layout.require);
    let fields = block.layouts.iter().flat_map(|layout| &layout.fields);
    let structures = block.fields.iter().chain(fields);
    let structures = structures.filter_map(|field| field.structure.as_ref());
    let entries = block.lists().flat_map(|list| &list.entries);
    let structures = structures.chain(entries.map(|entry| &entry.structure));
    let of_elements = structures.flat_map(|structure| &structure.require);
    let mut decides = true;
    for rule in block.require.iter().chain(layouts).chain(of_elements) {
        rule.expression.for_each_load(&mut |load, _| {
            decides &= matches!(load.source, Source::Block | Source::Whole | Source::Write);
        });
    }
    decides
}

/// Whether the interpreter admits a write over a block that has the same bytes.
fn admits(table: &Table<'_>, (place, bytes): &Message) -> bool {
    let block = table.block(*place).expect("a block");
    let mut committed = [0; 128];
    committed[..bytes.len()].copy_from_slice(bytes);
    block.accepts_length(bytes.len())
        && block.check_sent(Writer::Vf, bytes).is_ok()
        && block
            .admit(Writer::Vf, bytes, &committed, History::EMPTY)
            .is_ok()
}

/// The places of the blocks that a VF writes, for which there are functions in this order.
fn judged(manifest: &Manifest) -> Vec<usize> {
    let writes = |block: &Block| matches!(block.vf_access, Access::WriteOnly | Access::ReadWrite);
    let blocks = manifest.blocks().iter().enumerate();
    blocks
        .filter(|(_, block)| writes(block))
        .map(|(place, _)| place)
        .collect()
}

/// A program in C that reads messages, and writes for each whether it is valid.
fn c_program(manifest: &Manifest, folder: &Path) -> PathBuf {
    let header = manifest.header_c(&Style::default());
    let names = header.lines().filter_map(|line| {
        let name = line.strip_prefix("static inline const char *")?;
        Some(name.split('(').next().expect("a name"))
    });
    let mut cases = String::new();
    for (name, place) in names.zip(judged(manifest)) {
        writeln!(
            cases,
            "case {place}: problem = {name}(bytes, length); break;"
        )
        .expect("a string");
    }
    let source = format!(
        "#include \"blocks.h\"\n#include <stdio.h>\n\
         int main(void) {{\n\
         int place;\n\
         while ((place = getchar()) != EOF) {{\n\
         size_t length = (size_t)getchar();\n\
         uint8_t bytes[128];\n\
         const char *problem = \"no such block\";\n\
         if (fread(bytes, 1, length, stdin) != length) return 1;\n\
         switch (place) {{\n{cases}}}\n\
         putchar(problem == NULL ? '1' : '0');\n\
         }}\nreturn 0;\n}}\n"
    );
    std::fs::write(folder.join("blocks.h"), header).expect("written");
    std::fs::write(folder.join("judge.c"), source).expect("written");
    let program = folder.join("judge-c");
    let mut gcc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "gcc".into()));
    gcc.args([
        "-std=c11",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-pedantic",
    ]);
    gcc.args(["-fsanitize=undefined", "-fno-sanitize-recover"]);
    compile(gcc.arg(folder.join("judge.c")).arg("-o").arg(&program));
    program
}

/// The same program in Rust.
fn rust_program(manifest: &Manifest, folder: &Path) -> PathBuf {
    let module = manifest.header_rust(&Style::default());
    let mut names = Vec::new();
    let mut owner = "";
    for line in module.lines() {
        if let Some(name) = line.strip_prefix("impl ") {
            owner = name.trim_end_matches(" {");
        }
        if line.contains("pub fn check(") {
            names.push(owner);
        }
    }
    let mut cases = String::new();
    for (name, place) in names.iter().zip(judged(manifest)) {
        writeln!(cases, "{place} => blocks::{name}::check(bytes).is_ok(),").expect("a string");
    }
    let source = format!(
        "use std::io::Read as _;\n\
         mod blocks {{ include!(\"blocks.rs\"); }}\n\
         fn main() {{\n\
         let mut input = Vec::new();\n\
         std::io::stdin().read_to_end(&mut input).unwrap();\n\
         let mut rest = &input[..];\n\
         while let [place, length, after @ ..] = rest {{\n\
         let (bytes, after) = after.split_at(usize::from(*length));\n\
         rest = after;\n\
         let valid = match place {{\n{cases}_ => false }};\n\
         print!(\"{{}}\", u8::from(valid));\n\
         }}\n}}\n"
    );
    std::fs::write(folder.join("blocks.rs"), module).expect("written");
    std::fs::write(folder.join("judge.rs"), source).expect("written");
    let program = folder.join("judge-rust");
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args([
        "--edition",
        "2021",
        "-D",
        "warnings",
        "-C",
        "debug-assertions=on",
    ]);
    compile(rustc.arg(folder.join("judge.rs")).arg("-o").arg(&program));
    program
}

fn compile(command: &mut Command) {
    let output = command.output().expect("a compiler");
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{messages}");
}

/// What a program finds for each message.
fn verdicts(program: &Path, messages: &BTreeSet<Message>) -> Vec<bool> {
    let mut input = Vec::new();
    for (place, bytes) in messages {
        let head = [*place, bytes.len()].map(|number| u8::try_from(number).expect("short"));
        input.extend(head);
        input.extend(bytes);
    }
    let mut process = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = process.stdin.take().expect("a pipe");
    let sent = std::thread::spawn(move || stdin.write_all(&input));
    let output = process.wait_with_output().expect("it ends");
    sent.join().expect("no panic").expect("sent");
    assert!(output.status.success());
    output
        .stdout
        .iter()
        .map(|verdict| *verdict == b'1')
        .collect()
}

#[test]
fn generated_functions_find_what_the_interpreter_finds() {
    for (file, traces) in MANIFESTS {
        let text = std::fs::read_to_string(repository().join(file)).expect("a manifest");
        let manifest = Manifest::parse(file, &text).expect("a valid manifest");
        let judged = judged(&manifest);
        let mut messages = variants(&manifest, &written(&manifest, traces));
        messages.retain(|(place, _)| judged.contains(place));
        let compiled = manifest.compile();
        let table = Table::verify(&compiled).expect("what compiles verifies");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("judgement")
            .join(traces);
        std::fs::create_dir_all(&folder).expect("a folder");
        let c = verdicts(&c_program(&manifest, &folder), &messages);
        let rust = verdicts(&rust_program(&manifest, &folder), &messages);
        assert_eq!(
            (c.len(), rust.len()),
            (messages.len(), messages.len()),
            "{file}"
        );
        let mut valid = 0;
        for ((message, c), rust) in messages.iter().zip(c).zip(rust) {
            let admitted = admits(&table, message);
            let block = &manifest.blocks()[message.0];
            // A rule that the bytes do not decide may refuse what the functions let pass.
            let passes = if decides(block) {
                admitted
            } else {
                c || admitted
            };
            assert_eq!(
                (c, rust),
                (passes, passes),
                "{file}: {}: {:02x?}",
                block.name,
                message.1
            );
            valid += usize::from(c);
        }
        let refused = messages.len() - valid;
        assert!(
            valid > 20 && refused > 20,
            "{file}: {valid} valid, {refused} refused"
        );
    }
}
