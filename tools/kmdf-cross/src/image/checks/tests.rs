//! One good image, and for each rule an image that breaks just that rule.

use super::{Requirements, Verdict, check};
use crate::architecture::Architecture;
use crate::image::description::{Description, Guard, Section};
use crate::image::imports::{AllowedImports, Imports};

const LIST: &str = "[\"ntoskrnl.exe\"]\nmemcpy = \"copies\"\n";

fn section(name: &str, flags: u32) -> Section {
    Section {
        name: name.to_owned(),
        size: 16,
        flags,
    }
}

fn good() -> Description {
    Description {
        machine: 0x8664,
        subsystem: 1,
        flags: 0x41E0,
        entry: 0x1000,
        framework_entry: Some(0x1000),
        checksum: (7, 7),
        imports: Imports::from([("ntoskrnl.exe".to_owned(), ["memcpy".to_owned()].into())]),
        sections: vec![
            section(".text", 0x6000_0020),
            section(".reloc", 0x4200_0040),
        ],
        version: Some([0, 1, 0, 0]),
        guard: Some(Guard {
            flags: 0x500,
            check_pointer: true,
            dispatch_pointer: true,
            functions: 3,
        }),
        panic_symbols: Vec::new(),
        source_paths: Vec::new(),
        file_size: 4096,
        memory_size: 8192,
    }
}

fn broken(image: &Description) -> Vec<&'static str> {
    let requirements = Requirements {
        architecture: Architecture::X86_64,
        imports: Some(AllowedImports::parse("list", LIST).unwrap()),
        largest_file: Some(256 * 1024),
        no_panics: true,
        version_resource: true,
    };
    check(image, &requirements)
        .into_iter()
        .filter(|finding| finding.verdict == Verdict::Broken)
        .map(|finding| finding.check)
        .collect()
}

#[test]
fn a_good_image_breaks_no_rule() {
    assert_eq!(broken(&good()), [""; 0]);
}

#[test]
fn each_rule_is_broken_by_its_own_fault_and_by_nothing_else() {
    type Fault = fn(&mut Description);
    let faults: [(&str, Fault); 21] = [
        ("machine", |image| image.machine = 0x14C),
        ("native subsystem", |image| image.subsystem = 3),
        ("entry is FxDriverEntry", |image| image.entry = 0x1010),
        ("entry is FxDriverEntry", |image| {
            image.framework_entry = None;
        }),
        ("imports", |image| image.imports.clear()),
        ("imports", |image| {
            image
                .imports
                .get_mut("ntoskrnl.exe")
                .unwrap()
                .insert("ZwClose".to_owned());
        }),
        ("no-execute data (NX)", |image| image.flags &= !0x100),
        ("dynamic base", |image| image.flags &= !0x40),
        ("high-entropy ASLR", |image| image.flags &= !0x20),
        ("forced integrity", |image| image.flags &= !0x80),
        ("no writable and executable section", |image| {
            image.sections.push(section(".both", 0xE000_0000));
        }),
        (
            "no unreadable, shared or wrongly discarded section",
            |image| {
                image.sections.push(section(".shared", 0x5000_0000));
            },
        ),
        (
            "no unreadable, shared or wrongly discarded section",
            |image| {
                image.sections.push(section(".data", 0x4200_0000));
            },
        ),
        ("Control Flow Guard is true", |image| image.guard = None),
        ("Control Flow Guard is true", |image| image.flags &= !0x4000),
        ("Control Flow Guard is true", |image| {
            image.guard.as_mut().unwrap().dispatch_pointer = false;
        }),
        ("Control Flow Guard is true", |image| {
            image.guard.as_mut().unwrap().functions = 0;
        }),
        ("version resource", |image| image.version = None),
        ("checksum", |image| image.checksum.0 = 8),
        ("no panic machinery", |image| {
            image.panic_symbols.push("core::panicking::panic".into());
        }),
        ("size", |image| image.file_size = 1 << 20),
    ];
    for (rule, fault) in faults {
        let mut image = good();
        fault(&mut image);
        assert_eq!(broken(&image), [rule]);
    }
}

#[test]
fn an_image_without_control_flow_guard_may_say_so() {
    let mut image = good();
    image.flags &= !0x4000;
    image.guard = None;
    assert_eq!(broken(&image), [""; 0]);
}
