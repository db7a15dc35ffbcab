//! The generated header says what the facts say, and a compiler agrees.

use std::path::Path;
use std::process::Command;

use super::wdf;
use crate::architecture::Architecture;
use crate::kit::facts::{Facts, Field};
use crate::kit::{ARM_DDK, BASE_HEADERS, DDK_HEADERS, NTDDK_ADDITIONS};
use crate::llvm::{LLVM, clang_flags};
use build_steps::process::output;

/// Compiles a driver's usual includes with `header` as its wdf.h.
fn compile(header: &str, architecture: Architecture) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    fs_err::write(folder.path().join("wdf.h"), header)?;
    fs_err::write(folder.path().join("ntddk.h"), NTDDK_ADDITIONS)?;
    fs_err::write(folder.path().join("armddk.h"), ARM_DDK)?;
    let source = folder.path().join("includes.c");
    fs_err::write(
        &source,
        "#include <ntifs.h>\n#include <ntddk.h>\n#include <wdf.h>\n",
    )?;
    let mut clang = Command::new(format!("{LLVM}/bin/clang"));
    clang
        .args(["-fsyntax-only", "-w", "-D_WIN64", "-D_KERNEL_MODE"])
        // The header names the version that the driver is built for, which wdk-build defines.
        .arg("-DKMDF_VERSION_MINOR=33")
        .args(clang_flags(architecture));
    for folder in [
        folder.path(),
        Path::new(DDK_HEADERS),
        Path::new(BASE_HEADERS),
    ] {
        clang.arg("-I").arg(folder);
    }
    output(clang.arg(&source)).map(drop)
}

#[test]
#[ignore = "needs clang-19 and mingw-w64-common"]
fn a_compiler_finds_every_size_offset_and_value_as_the_facts_have_it() {
    for architecture in [Architecture::X86_64, Architecture::Aarch64] {
        compile(&wdf(&Facts::kmdf_1_33().unwrap()), architecture).unwrap();
    }
}

#[test]
#[ignore = "needs clang-19 and mingw-w64-common"]
fn a_wrong_fact_stops_the_compiler_and_is_named() {
    type Fault = fn(&mut Facts);
    let faults: [(&str, Fault); 3] = [
        ("size of WDF_DRIVER_CONFIG", |facts| {
            let config = facts
                .structs
                .iter_mut()
                .find(|one| one.name == "WDF_DRIVER_CONFIG");
            config.unwrap().size += 8;
        }),
        (
            "offset of WDF_TIMER_CONFIG.UseHighResolutionTimer",
            |facts| {
                let config = facts
                    .structs
                    .iter_mut()
                    .find(|one| one.name == "WDF_TIMER_CONFIG");
                config.unwrap().fields.last_mut().unwrap().align = None;
            },
        ),
        (
            "offset of WDF_REQUEST_PARAMETERS.Parameters.Read.Key",
            |facts| {
                let request = facts
                    .structs
                    .iter_mut()
                    .find(|one| one.name == "WDF_REQUEST_PARAMETERS");
                inner(request.unwrap().fields.last_mut().unwrap(), "Read")[1].offset = 4;
            },
        ),
    ];
    for (named, fault) in faults {
        let mut facts = Facts::kmdf_1_33().unwrap();
        fault(&mut facts);
        let error = compile(&wdf(&facts), Architecture::X86_64).unwrap_err();
        assert!(format!("{error:#}").contains(named), "{named}: {error:#}");
    }
}

/// The fields of the structure `name` in the union `field`.
fn inner<'f>(field: &'f mut Field, name: &str) -> &'f mut Vec<Field> {
    let members = field.fields_of_union.as_mut().unwrap();
    let member = members
        .iter_mut()
        .find(|member| member.name == name)
        .unwrap();
    member.fields_of_struct.as_mut().unwrap()
}

#[test]
fn the_function_table_has_the_458_entries_of_kmdf_1_33() {
    let header = wdf(&Facts::kmdf_1_33().unwrap());
    assert!(header.contains("    WdfDriverCreateTableIndex = 116,\n"));
    assert!(header.contains("    WdfDeviceSetDeviceInterfaceStateExTableIndex = 457,\n"));
    assert!(header.contains("    WdfFunctionTableNumEntries = 458\n"));
}

#[test]
fn a_structure_is_declared_with_its_unions_in_place_and_checked() {
    let mut facts = Facts::kmdf_1_33().unwrap();
    facts
        .structs
        .retain(|structure| structure.name == "WDF_IO_QUEUE_CONFIG");
    let header = wdf(&facts);
    let start = header.find("struct _WDF_IO_QUEUE_CONFIG {").unwrap();
    let end = header.find("extern PWDF_DRIVER_GLOBALS").unwrap();
    insta::assert_snapshot!(&header[start..end]);
}
