//! The C header of the companion interface declares what this crate declares.

use std::any::type_name;
use std::fmt::Write as _;
use std::fs;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use pcivirt_abi::InterfaceReference;
use pf_broker_abi::{SCOPE_ALL, SCOPE_VF};
use pf_companion_abi::{
    Attach, BrokerFunctions, CompanionInterface, Detach, Drain, GUID_PF_BROKER_COMPANION,
    Invalidate, Publish, Read, Release, Reset, SetReady, Statistics, VERSION, VfCommitted, VfPower,
    VfRead, VfReset, VfWrite,
};

/// The header of the management interface, whose structures two functions use.
const MANAGEMENT: &str = include_str!("../../pf-broker-abi/include/pf_broker.h");
const HEADER: &str = include_str!("../../../examples/companion/c/pf_companion.h");

/// The types of `ntddk.h` that the header uses, for a compiler of any host: `ULONG` has 32 bits on
/// Windows.
const TYPES: &str = "\
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
typedef void *PVOID;
typedef int32_t NTSTATUS;
typedef uint8_t UCHAR, BOOLEAN;
typedef uint16_t USHORT;
typedef uint32_t ULONG;
typedef uint64_t ULONG64;
typedef struct { uint32_t a; uint16_t b, c; uint8_t d[8]; } GUID;
";

/// A member of a structure: its name in C, its offset, and the type of a function in Rust.
type Member = (&'static str, usize, Option<&'static str>);

macro_rules! members {
    ($structure:ty, $($name:literal $field:ident $(: $function:ty)?),+ $(,)?) => {
        vec![$((
            $name,
            offset_of!($structure, $field),
            members!(@type $($function)?),
        )),+]
    };
    (@type $function:ty) => { Some(type_name::<$function>()) };
    (@type) => { None };
}

fn structures() -> [(&'static str, usize, Vec<Member>); 2] {
    let broker = members!(BrokerFunctions,
        "Size" size, "Version" version, "Broker" broker,
        "Release" release: Release,
        "SetReady" set_ready: SetReady,
        "Read" read: Read,
        "Publish" publish: Publish,
        "Invalidate" invalidate: Invalidate,
        "Drain" drain: Drain,
        "Reset" reset: Reset,
        "Statistics" statistics: Statistics,
    );
    let companion = members!(CompanionInterface,
        "Size" size, "Version" version, "Context" context,
        "InterfaceReference" interface_reference: InterfaceReference,
        "InterfaceDereference" interface_dereference: InterfaceReference,
        "Attach" attach: Attach,
        "Detach" detach: Detach,
        "VfWrite" vf_write: VfWrite,
        "VfRead" vf_read: VfRead,
        "VfCommitted" vf_committed: VfCommitted,
        "VfPower" vf_power: VfPower,
        "VfReset" vf_reset: VfReset,
    );
    [
        ("PF_BROKER_FUNCTIONS", size_of::<BrokerFunctions>(), broker),
        (
            "PF_COMPANION_INTERFACE",
            size_of::<CompanionInterface>(),
            companion,
        ),
    ]
}

/// A Rust type as C has it.
fn in_c(rust: &str) -> String {
    let pointee = |text: &str| in_c(text);
    if let Some(text) = rust.strip_prefix("*const ") {
        return format!("const {} *", pointee(text));
    }
    if let Some(text) = rust.strip_prefix("*mut ") {
        return format!("{} *", pointee(text));
    }
    let (_, last) = rust.rsplit_once("::").unwrap_or(("", rust));
    match last {
        "c_void" => "void",
        "u8" => "UCHAR",
        "u16" => "USHORT",
        "u32" => "ULONG",
        "u64" => "ULONG64",
        "i32" => "NTSTATUS",
        "BrokerFunctions" => "PF_BROKER_FUNCTIONS",
        "Message" => "struct PF_BROKER_MESSAGE",
        "StatsReply" => "struct PF_BROKER_STATS_REPLY",
        other => panic!("no type of C is known for {other}"),
    }
    .to_owned()
}

/// The type of a pointer to a function as C has it.
fn function_in_c(rust: &str) -> String {
    let (_, signature) = rust.split_once("fn(").expect("a function");
    let (parameters, returned) = signature.split_once(')').expect("its parameters");
    let returned = returned
        .strip_prefix(" -> ")
        .map_or("void".to_owned(), in_c);
    let parameters: Vec<_> = parameters.split(", ").map(in_c).collect();
    format!("{returned} (*)({})", parameters.join(", "))
}

/// A program that prints what the header declares, and does not compile if a function has another
/// type; and what it has to print.
fn program() -> (String, String) {
    // Either may be included first; the second time the guard of each leaves it out.
    let mut source = format!("{TYPES}{HEADER}\n{MANAGEMENT}\n{HEADER}\n");
    let (mut prints, mut expected) = (String::new(), String::new());
    for (structure, size, members) in structures() {
        writeln!(
            prints,
            "printf(\"{structure} %zu\\n\", sizeof({structure}));"
        )
        .unwrap();
        writeln!(expected, "{structure} {size}").unwrap();
        for (member, offset, function) in members {
            writeln!(
                prints,
                "printf(\"{structure}.{member} %zu\\n\", offsetof({structure}, {member}));"
            )
            .unwrap();
            writeln!(expected, "{structure}.{member} {offset}").unwrap();
            if let Some(function) = function {
                writeln!(
                    source,
                    "_Static_assert(__builtin_types_compatible_p(\
                     __typeof__((({structure} *)0)->{member}), {}), \"{member}\");",
                    function_in_c(function)
                )
                .unwrap();
            }
        }
    }
    for (name, value) in [
        ("PF_COMPANION_VERSION", VERSION),
        ("PF_BROKER_SCOPE_VF", SCOPE_VF),
        ("PF_BROKER_SCOPE_ALL", SCOPE_ALL),
    ] {
        writeln!(prints, "printf(\"{name} %d\\n\", {name});").unwrap();
        writeln!(expected, "{name} {value}").unwrap();
    }
    let guid = GUID_PF_BROKER_COMPANION;
    prints.push_str(
        "const GUID *g = &GUID_PF_BROKER_COMPANION;\n\
         printf(\"%08X %04X %04X\", (unsigned)g->a, g->b, g->c);\n\
         for (int i = 0; i < 8; i++) printf(\" %02X\", g->d[i]);\n\
         printf(\"\\n\");\n",
    );
    write!(
        expected,
        "{:08X} {:04X} {:04X}",
        guid.data1, guid.data2, guid.data3
    )
    .unwrap();
    for byte in guid.data4 {
        write!(expected, " {byte:02X}").unwrap();
    }
    expected.push('\n');
    writeln!(source, "int main(void)\n{{\n{prints}return 0;\n}}").unwrap();
    (source, expected)
}

#[test]
fn the_c_header_declares_the_same_layouts_functions_and_numbers() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, file, binary) = (
        program(),
        folder.join("companion.c"),
        folder.join("companion"),
    );
    fs::write(&file, source.0).unwrap();
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "gcc".into());
    let ended = Command::new(compiler)
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o"])
        .args([&binary, &file])
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{messages}");
    let printed = Command::new(&binary).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&printed.stdout), source.1);
}
