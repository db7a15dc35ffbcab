//! The broker's static library for drivers in C and C++: builds it, checks it, puts it beside its
//! header, and links the example of an NDIS driver with it.

use std::collections::BTreeSet;

use anyhow::Result;
use build_steps::paths::Paths;
use build_steps::tally::Tally;
use kmdf_cross::architecture::Architecture;
use kmdf_cross::image::Imports;
use kmdf_cross::static_library::{Linked, Sources, StaticLibrary};

const LIBRARY: StaticLibrary<'static> = StaticLibrary {
    package: "block-broker-c",
    feature: "small",
    profile: "c-library",
    prefix: "bb_",
};

/// What the library may need from its caller's image.
const IMPORTS: [&str; 2] = ["memcpy", "memset"];

/// The most that the library may add to an image that uses all functions, in bytes. The aim of 64 KiB
/// is missed; docs/benchmarks.md says by how much and why.
const LARGEST: usize = 84 << 10;

/// The example of an NDIS driver.
const NDIS_PF: &str = "examples/ndis-pf";

/// The functions of the example that a miniport driver calls.
const NDIS_PF_FUNCTIONS: [&str; 11] = [
    "VfBlocksEnter",
    "VfBlocksFollowUp",
    "VfBlocksLeave",
    "VfBlocksOidRequest",
    "VfBlocksPublish",
    "VfBlocksPublishAll",
    "VfBlocksResetComplete",
    "VfBlocksSetReady",
    "VfBlocksStart",
    "VfBlocksStop",
    "VfBlocksSurpriseRemoved",
];

/// What the example imports from NDIS.
const NDIS_IMPORTS: [&str; 4] = [
    "NdisAllocateMemoryWithTagPriority",
    "NdisFreeMemoryWithTagPriority",
    "NdisMInvalidateConfigBlock",
    "NdisMOidRequestComplete",
];

const HEADER: &str = "crates/block-broker-c/include/block_broker.h";

/// Builds the library for kernel drivers, checks it, and writes it with its header to
/// `target/c-library/ARCHITECTURE`.
///
/// # Errors
/// When it does not build, or does not link with the kernel alone.
pub(crate) fn make(paths: &Paths, architecture: Architecture) -> Result<Tally> {
    let library = LIBRARY.build(paths, architecture)?;
    let linked = LIBRARY.link(paths, architecture, &library)?;
    let header = paths.root().join(HEADER);

    let folder = paths.target().join("c-library").join(architecture.name());
    fs_err::create_dir_all(&folder)?;
    fs_err::copy(&library, folder.join("block_broker.lib"))?;
    fs_err::copy(&header, folder.join("block_broker.h"))?;
    println!("{}", folder.display());
    let example = LIBRARY.link_driver(paths, architecture, &library, &ndis_pf(paths))?;
    Ok(judge(&linked, &fs_err::read_to_string(header)?) + report([judge_ndis_pf(&example)]))
}

fn ndis_pf(paths: &Paths) -> Sources<'static> {
    let folder = paths.root().join(NDIS_PF);
    Sources {
        files: vec![folder.join("vf_blocks.c"), folder.join("vf_block_oids.c")],
        headers: vec![folder, paths.root().join("crates/block-broker-c/include")],
        functions: &NDIS_PF_FUNCTIONS,
    }
}

/// The example needs the kernel, and of NDIS what its page names.
fn judge_ndis_pf(imports: &Imports) -> (bool, String) {
    let of_ndis: BTreeSet<_> = imports
        .iter()
        .filter(|(file, _)| file.eq_ignore_ascii_case("ndis.sys"))
        .flat_map(|(_, names)| names)
        .map(String::as_str)
        .collect();
    let files: Vec<_> = imports.keys().collect();
    (
        of_ndis.iter().eq(&NDIS_IMPORTS) && imports.len() == 2,
        format!("{NDIS_PF} links, imports from {files:?}, of NDIS {of_ndis:?}"),
    )
}

/// Judges the linked library, and prints a line for each rule.
fn judge(linked: &Linked, header: &str) -> Tally {
    let Linked {
        functions,
        imports,
        panics,
        size,
        empty_size,
    } = linked;
    let added = size.saturating_sub(*empty_size);
    let declared = |name: &String| {
        header.contains(&format!(" {name}(")) || header.contains(&format!("*{name}("))
    };
    let undeclared: Vec<_> = functions.iter().filter(|name| !declared(name)).collect();
    report([
        (
            !functions.is_empty() && undeclared.is_empty(),
            format!(
                "{} functions, not in the header: {undeclared:?}",
                functions.len()
            ),
        ),
        (imports.iter().eq(IMPORTS), format!("imports {imports:?}")),
        (
            panics.is_empty(),
            format!("machinery of panics: {panics:?}"),
        ),
        (
            added <= LARGEST,
            format!("adds {added} bytes to an image of {empty_size}, at most {LARGEST}"),
        ),
    ])
}

/// Prints a line for each rule, and counts them.
fn report<const RULES: usize>(rules: [(bool, String); RULES]) -> Tally {
    rules
        .into_iter()
        .map(|(is_kept, detail)| {
            println!("  {} {detail}", if is_kept { "ok  " } else { "FAIL" });
            if is_kept {
                Tally::PASSED
            } else {
                Tally::FAILED
            }
        })
        .fold(Tally::default(), std::ops::Add::add)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kmdf_cross::image::Imports;
    use kmdf_cross::static_library::Linked;

    use super::{LARGEST, NDIS_IMPORTS, judge, judge_ndis_pf};

    const HEADER: &str = "bb_status bb_read(int vf);\nconst char *bb_name(int code);\n";

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn good() -> Linked {
        Linked {
            functions: set(&["bb_read", "bb_name"]),
            imports: set(&["memcpy", "memset"]),
            panics: BTreeSet::new(),
            size: 1024 + LARGEST,
            empty_size: 1024,
        }
    }

    #[test]
    fn a_library_that_keeps_every_rule_passes() {
        let tally = judge(&good(), HEADER);
        assert_eq!((tally.passed, tally.failed), (4, 0));
    }

    #[test]
    fn each_rule_can_be_broken() {
        let changes: [fn(&mut Linked); 5] = [
            |linked| linked.functions.clear(),
            |linked| linked.functions = set(&["bb_rea"]),
            |linked| linked.imports = set(&["memcpy", "memmove", "memset"]),
            |linked| linked.panics = set(&["core::panicking::panic"]),
            |linked| linked.size += 1,
        ];
        for change in changes {
            let mut broken = good();
            change(&mut broken);
            assert_eq!(judge(&broken, HEADER).failed, 1, "{broken:?}");
        }
    }

    #[test]
    fn the_example_may_import_what_its_page_names() {
        let imports = |names: &[&str]| {
            Imports::from([
                ("ntoskrnl.exe".to_owned(), set(&["memcpy"])),
                ("NDIS.SYS".to_owned(), set(names)),
            ])
        };
        assert!(judge_ndis_pf(&imports(&NDIS_IMPORTS)).0);
        assert!(!judge_ndis_pf(&imports(&NDIS_IMPORTS[1..])).0);
        let mut more = imports(&NDIS_IMPORTS);
        more.insert("hal.dll".to_owned(), set(&["KfRaiseIrql"]));
        assert!(!judge_ndis_pf(&more).0);
    }
}
