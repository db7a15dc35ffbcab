//! Generated code compiles, and both languages lay a block out as the table does.

use std::path::{Path, PathBuf};
use std::process::Command;

use block_manifest::{Manifest, Style};
use block_table::{History, Table, Writer};

const MANIFESTS: [(&str, &str); 7] = [
    (
        "accelerator",
        include_str!("../../../blocks/accelerator.toml"),
    ),
    ("hello", include_str!("../../../blocks/hello.toml")),
    (
        "mlx5-hv-vhca",
        include_str!("../../../blocks/mlx5-hv-vhca.toml"),
    ),
    ("every-key", include_str!("manifests/every-key.toml")),
    (
        "structures",
        include_str!("../../../tests/manifests/structures.toml"),
    ),
    (
        "signed",
        include_str!("../../../tests/manifests/signed.toml"),
    ),
    ("lists", include_str!("../../../tests/manifests/lists.toml")),
];

fn manifest(text: &str) -> Manifest {
    Manifest::parse("manifest.toml", text).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

/// A folder for the outputs of a test, below the target folder.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// Runs a compiler, and fails with its messages.
fn compile(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn gcc() -> Command {
    let mut gcc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "gcc".into()));
    gcc.args(["-Wall", "-Wextra", "-Werror", "-pedantic"]);
    gcc
}

fn rustc() -> Command {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition", "2021", "-D", "warnings", "-D", "missing_docs"]);
    rustc
}

#[test]
fn generated_files_of_the_real_manifests_are_as_reviewed() {
    for (name, text) in MANIFESTS.iter().filter(|(name, _)| *name != "every-key") {
        let manifest = manifest(text);
        insta::assert_snapshot!(format!("{name}.h"), manifest.header_c(&Style::default()));
        insta::assert_snapshot!(
            format!("{name}.rs"),
            manifest.header_rust(&Style::default())
        );
        insta::assert_snapshot!(
            format!("{name}.md"),
            manifest.reference_markdown(&Style::default())
        );
    }
}

/// Compares a file with what is generated from a manifest; `UPDATE_DOCS=1` writes it anew.
fn check_file(file: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, generated).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("the file can be read");
    assert!(
        committed == generated,
        "{file} is not what its manifest generates; UPDATE_DOCS=1 writes it anew"
    );
}

#[test]
fn the_examples_have_the_generated_files_of_their_manifests() {
    let style = Style::default();
    let companion = manifest(include_str!("../../../examples/companion/device.toml"));
    check_file("examples/companion/c/device.h", &companion.header_c(&style));
    check_file(
        "examples/companion/rust/src/blocks.rs",
        &companion.header_rust(&style),
    );
    let agent = manifest(MANIFESTS[0].1);
    check_file("examples/agent/c/accelerator.h", &agent.header_c(&style));
    check_file(
        "examples/agent/rust/src/blocks.rs",
        &agent.header_rust(&style),
    );
}

#[test]
fn every_device_id_of_a_family_is_in_each_output_and_the_first_by_itself() {
    let (_, text) = MANIFESTS[3];
    let family = manifest(text);
    let (c, rust) = (
        family.header_c(&Style::default()),
        family.header_rust(&Style::default()),
    );
    for (output, line) in [
        (&c, "_DEVICE_ID 0xB001u\n"),
        (&c, "_DEVICE_IDS { 0xB001u, 0xB101u }\n"),
        (&c, "_DEVICE_ID_COUNT 2u\n"),
        (&rust, "pub const DEVICE_ID: u16 = 0xB001;\n"),
        (
            &rust,
            "pub const DEVICE_IDS: [u16; 2] = [0xB001, 0xB101];\n",
        ),
        (
            &family.reference_markdown(&Style::default()),
            "PF 1414:B001, 1414:B101, at most",
        ),
    ] {
        assert!(output.contains(line), "{line}: {output}");
    }
}

#[test]
fn every_header_compiles_without_warnings_as_c_and_as_cpp() {
    let folder = folder("headers");
    for (name, text) in MANIFESTS {
        std::fs::write(
            folder.join(format!("{name}.h")),
            manifest(text).header_c(&Style::default()),
        )
        .unwrap();
        let source = folder.join(format!("{name}.c"));
        // Twice, for the guard.
        std::fs::write(
            &source,
            format!("#include \"{name}.h\"\n#include \"{name}.h\"\n"),
        )
        .unwrap();
        for language in [["-std=c11", "-xc"], ["-std=c++11", "-xc++"]] {
            compile(gcc().args(language).arg("-fsyntax-only").arg(&source));
        }
    }
}

#[test]
fn every_module_compiles_without_warnings_and_without_std() {
    let folder = folder("modules");
    for (name, text) in MANIFESTS {
        let module = folder.join(format!("{name}.rs"));
        std::fs::write(&module, manifest(text).header_rust(&Style::default())).unwrap();
        let library = folder.join(format!("{}_lib.rs", name.replace('-', "_")));
        std::fs::write(&library, format!("//! Test.\n#![no_std]\n#![forbid(unsafe_code)]\n/// Test.\npub mod blocks {{ include!(\"{name}.rs\"); }}\n")).unwrap();
        compile(
            rustc()
                .args(["--crate-type", "lib", "--emit", "metadata", "--out-dir"])
                .arg(&folder)
                .arg(&library),
        );
    }
}

/// Names of fields that are macros where the header may be included.
const MACROS: &str = r#"
[device]
name = "Macros"
vendor-id = 0x1414
device-id = 0xB001
max-vfs = 1

[[block]]
id = 0
name = "block"
vf-access = "read-only"
length = 6

[[block.field]]
name = "errno"
type = "u32be"

[[block.field]]
name = "linux"
type = "u16"
"#;

#[test]
fn members_of_the_name_of_a_macro_compile() {
    let folder = folder("macros");
    std::fs::write(
        folder.join("macros.h"),
        manifest(MACROS).header_c(&Style::default()),
    )
    .unwrap();
    let source = folder.join("macros.c");
    let text = "#include <errno.h>\n#include \"macros.h\"\n\
                uint32_t f(const struct macros_block *block) { return block->errno_; }\n";
    std::fs::write(&source, text).unwrap();
    // The dialect in which `linux` is a macro.
    compile(gcc().arg("-std=gnu11").arg("-fsyntax-only").arg(&source));
}

/// What the header needs of the kernel of Linux, whose tools check the byte order of `__le16`.
const KERNEL_HEADERS: [(&str, &str); 3] = [
    (
        "types.h",
        "#include <stdint.h>\n\
         typedef uint16_t __le16, __be16;\n\
         typedef uint32_t __le32, __be32;\n\
         typedef uint64_t __le64, __be64;\n",
    ),
    ("stddef.h", "#include <stddef.h>\n"),
    ("build_bug.h", "#define static_assert _Static_assert\n"),
];

#[test]
fn every_header_compiles_in_a_kernel_with_types_of_a_byte_order() {
    let folder = folder("kernel");
    std::fs::create_dir_all(folder.join("linux")).unwrap();
    for (name, text) in KERNEL_HEADERS {
        std::fs::write(folder.join("linux").join(name), text).unwrap();
    }
    for (name, text) in MANIFESTS {
        let header = manifest(text).header_c(&Style::default());
        let source = folder.join(format!("{name}.c"));
        std::fs::write(folder.join(format!("{name}.h")), header).unwrap();
        std::fs::write(&source, format!("#include \"{name}.h\"\n")).unwrap();
        let mut gcc = gcc();
        gcc.args(["-std=gnu11", "-fsyntax-only", "-D__KERNEL__", "-I"]);
        compile(gcc.arg(&folder).arg(&source));
    }
    let status = "\tCONTOSO_CX_100_BE(16) numa_node;";
    assert!(
        manifest(MANIFESTS[0].1)
            .header_c(&Style::default())
            .contains(status)
    );
}

#[test]
#[ignore = "needs clang, which `cargo xtask test` installs"]
fn every_header_compiles_with_clang_for_windows() {
    let folder = folder("windows");
    for (name, text) in MANIFESTS {
        let header = manifest(text).header_c(&Style::default());
        std::fs::write(folder.join(format!("{name}.h")), header).unwrap();
        let source = folder.join(format!("{name}.c"));
        std::fs::write(&source, format!("#include \"{name}.h\"\n")).unwrap();
        for target in ["x86_64-pc-windows-msvc", "aarch64-pc-windows-msvc"] {
            for language in [["-std=c11", "-xc"], ["-std=c++17", "-xc++"]] {
                let mut clang = Command::new("/usr/lib/llvm-19/bin/clang");
                clang.args([
                    "-Wall",
                    "-Wextra",
                    "-Werror",
                    "-ffreestanding",
                    "-fsyntax-only",
                ]);
                clang
                    .arg(format!("--target={target}"))
                    .args(language)
                    .arg(&source);
                compile(&mut clang);
            }
        }
    }
}

#[test]
fn a_module_of_which_nothing_is_used_has_no_warning() {
    let folder = folder("unused");
    std::fs::write(
        folder.join("blocks.rs"),
        manifest(MANIFESTS[3].1).header_rust(&Style::default()),
    )
    .unwrap();
    let main = folder.join("main.rs");
    std::fs::write(
        &main,
        "//! Test.\nmod blocks { include!(\"blocks.rs\"); }\nfn main() {}\n",
    )
    .unwrap();
    compile(
        rustc()
            .args(["--emit", "metadata", "--out-dir"])
            .arg(&folder)
            .arg(&main),
    );
}

#[test]
fn a_style_has_a_prefix_and_a_license() {
    let style = Style::new(Some("cx"), Some("MIT")).expect("a style");
    let manifest = manifest(MANIFESTS[0].1);
    let c = manifest.header_c(&style);
    assert!(c.starts_with("/* SPDX-License-Identifier: MIT */\n"), "{c}");
    for line in [
        "#define CX_STATUS_BLOCK_ID 0u\n",
        "struct cx_command_map {\n",
    ] {
        assert!(c.contains(line), "{line}: {c}");
    }
    assert!(!c.to_lowercase().contains("contoso_cx"), "{c}");
    let rust = manifest.header_rust(&style);
    assert!(rust.starts_with("// SPDX-License-Identifier: MIT\n"));
    let reference = manifest.reference_markdown(&style);
    assert!(reference.starts_with("<!-- SPDX-License-Identifier: MIT -->\n"));
}

/// The `map` command of blocks/accelerator.toml in C; prints its bytes.
const C_PROGRAM: &str = r#"
#include "accelerator.h"
#include <stdio.h>
#include <string.h>
int main(void) {
    static const uint8_t defaults[CONTOSO_CX_100_COMMAND_LENGTH] = CONTOSO_CX_100_COMMAND_MAP_DEFAULTS;
    struct contoso_cx_100_command_map map;
    const unsigned char *bytes = (const unsigned char *)&map;
    memcpy(&map, defaults, sizeof(map));
    map.flags = CONTOSO_CX_100_COMMAND_FLAGS_URGENT_MASK | 5u << CONTOSO_CX_100_COMMAND_FLAGS_PRIORITY_SHIFT;
    map.sequence = 0x01020304;
    map.entries = 2;
    map.address = 0x12345000;
    map.size = 0x3000;
    map.pages[0] = 0x0102;
    map.pages[1] = 0x0304;
    for (unsigned i = 0; i < CONTOSO_CX_100_COMMAND_LENGTH; i++)
        printf("%02x", bytes[i]);
    return 0;
}
"#;

/// The same in Rust.
const RUST_PROGRAM: &str = r#"
//! Test.
/// Test.
mod blocks { include!("accelerator.rs"); }
use blocks::{CommandMap, opcode};
fn main() {
    let map = CommandMap {
        flags: CommandMap::FLAGS_URGENT_MASK | 5 << CommandMap::FLAGS_PRIORITY_SHIFT,
        sequence: 0x01020304,
        entries: 2,
        address: 0x12345000,
        size: 0x3000,
        pages: [0x0102, 0x0304, 0, 0, 0, 0, 0, 0],
        ..CommandMap::default()
    };
    assert_eq!(map.opcode, opcode::MAP);
    assert_eq!(CommandMap::from_bytes(&map.to_bytes()), map);
    for byte in map.to_bytes() {
        print!("{byte:02x}");
    }
    assert_eq!(blocks::Status::default().numa_node, 0xFFFF);
    assert_eq!(blocks::Status::default().to_bytes()[18..20], [0xFF, 0xFF]);
    assert_eq!(blocks::Mailbox::default().granted_queues, 4);
}
"#;

fn run(program: &Path) -> String {
    let output = Command::new(program).output().expect("what was built runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("hex is ASCII")
}

#[test]
fn c_and_rust_lay_out_the_bytes_that_the_table_admits() {
    let folder = folder("programs");
    let manifest = manifest(MANIFESTS[0].1);
    std::fs::write(
        folder.join("accelerator.h"),
        manifest.header_c(&Style::default()),
    )
    .unwrap();
    std::fs::write(
        folder.join("accelerator.rs"),
        manifest.header_rust(&Style::default()),
    )
    .unwrap();
    std::fs::write(folder.join("main.c"), C_PROGRAM).unwrap();
    std::fs::write(folder.join("main.rs"), RUST_PROGRAM).unwrap();
    compile(
        gcc()
            .arg("-std=c11")
            .arg(folder.join("main.c"))
            .arg("-o")
            .arg(folder.join("from-c")),
    );
    compile(
        rustc()
            .arg(folder.join("main.rs"))
            .arg("-o")
            .arg(folder.join("from-rust")),
    );
    let hex = run(&folder.join("from-c"));
    assert_eq!(hex, run(&folder.join("from-rust")));
    let bytes: Vec<u8> = (0..hex.len() / 2)
        .map(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap())
        .collect();
    let table = manifest.compile();
    let table = Table::verify(&table).unwrap();
    let block = table.block(table.find(1).unwrap()).unwrap();
    let image = block
        .admit(Writer::Vf, &bytes, &[0; 128], History::EMPTY)
        .expect("the command is valid");
    assert_eq!(
        block.layout_of(&image),
        Some(0),
        "the first layout is `map`"
    );
    assert_eq!(image[..64], bytes[..]);
}
