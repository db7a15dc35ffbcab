//! Real images, linked with and without what the checks look for.

use std::path::Path;
use std::process::Command;

use super::{Description, LinkMap, Requirements, Verdict, check};
use crate::architecture::Architecture;
use crate::llvm::LLVM;
use build_steps::process::run;

/// What a good image is linked with.
const GOOD: &[&str] = &[
    "/DLL",
    "/DRIVER",
    "/NODEFAULTLIB",
    "/SUBSYSTEM:NATIVE",
    "/ENTRY:FxDriverEntry",
    "/INTEGRITYCHECK",
    "/RELEASE",
    "/MAP",
];

const VERSION: &str = "1 VERSIONINFO\nFILEVERSION 1,2,3,4\nBEGIN\nEND\n";

/// Links an image of one function with `options` and checks it.
fn broken(options: &[&str]) -> Vec<&'static str> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs_err::write(path("entry.c"), "int FxDriverEntry(void) { return 0; }\n").unwrap();
    fs_err::write(path("version.rc"), VERSION).unwrap();
    let tool = |name: &str, folder: &Path| {
        let mut command = Command::new(format!("{LLVM}/bin/{name}"));
        command.current_dir(folder);
        command
    };
    let mut clang = tool("clang", folder.path());
    run(clang.args(["--target=x86_64-pc-windows-msvc", "-c", "entry.c"])).unwrap();
    let mut resources = tool("llvm-rc", folder.path());
    run(resources.args(["/no-preprocess", "/fo", "version.res", "version.rc"])).unwrap();
    let mut linker = tool("lld-link", folder.path());
    linker
        .args(GOOD)
        .args(options)
        .args(["/OUT:image.sys", "entry.o", "version.res"]);
    run(&mut linker).unwrap();

    let image = fs_err::read(path("image.sys")).unwrap();
    let map = LinkMap::parse(&fs_err::read_to_string(path("image.map")).unwrap()).unwrap();
    let description = Description::read(&image, &map).unwrap();
    assert_eq!(description.version, Some([1, 2, 3, 4]));
    let requirements = Requirements {
        architecture: Architecture::X86_64,
        imports: None,
        largest_file: None,
        no_panics: true,
        version_resource: true,
    };
    check(&description, &requirements)
        .into_iter()
        .filter(|finding| finding.verdict == Verdict::Broken)
        .map(|finding| finding.check)
        .collect()
}

#[test]
#[ignore = "needs clang-19, lld-19 and llvm-19"]
fn an_image_that_is_linked_as_it_should_be_breaks_no_rule() {
    assert_eq!(broken(&[]), [""; 0]);
}

#[test]
#[ignore = "needs clang-19, lld-19 and llvm-19"]
fn each_wrong_linker_option_is_seen_in_the_image() {
    let faults = [
        ("/SUBSYSTEM:CONSOLE", &["native subsystem"][..]),
        ("/NXCOMPAT:NO", &["no-execute data (NX)"]),
        ("/DYNAMICBASE:NO", &["dynamic base"]),
        ("/HIGHENTROPYVA:NO", &["high-entropy ASLR"]),
        ("/INTEGRITYCHECK:NO", &["forced integrity"]),
        (
            "/SECTION:.text,RWE",
            &["no writable and executable section"],
        ),
        ("/GUARD:CF", &["Control Flow Guard is true"]),
    ];
    for (option, rules) in faults {
        assert_eq!(broken(&[option]), rules, "{option}");
    }
}

#[test]
fn a_file_that_is_no_image_is_refused() {
    let error = Description::read(b"MZ and nothing else", &LinkMap::default()).unwrap_err();
    assert!(
        format!("{error:#}").contains("not a 64-bit PE file"),
        "{error:#}"
    );
}
