//! The rules that a driver image must keep, each as one finding.

use std::fmt;

use object::pe;

use super::description::Description;
use super::imports::AllowedImports;
use crate::architecture::Architecture;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub check: &'static str,
    /// Whether the image keeps it.
    pub verdict: Verdict,
    /// What was seen.
    pub detail: String,
}

/// Whether an image keeps a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Kept,
    /// It does not.
    Broken,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "ok    ",
            Self::Broken => "BROKEN",
        })
    }
}

/// What an image is checked for, beside the rules for all drivers.
#[derive(Debug, Clone)]
pub struct Requirements {
    /// The processor that the image is for.
    pub architecture: Architecture,
    /// The functions that it may import, where there is a list.
    pub imports: Option<AllowedImports>,
    /// The largest size in bytes on disk, where there is a limit.
    pub largest_file: Option<usize>,
    /// Whether it must not contain the machinery of panics, nor the source paths that they name.
    pub no_panics: bool,
    /// Whether it must have a version resource.
    pub version_resource: bool,
}

/// Checks `image` against every rule.
#[must_use]
pub fn check(image: &Description, required: &Requirements) -> Vec<Finding> {
    let mut findings = vec![
        machine(image, required.architecture),
        rule(
            "native subsystem",
            image.subsystem == pe::IMAGE_SUBSYSTEM_NATIVE.0,
            format!("subsystem {}", image.subsystem),
        ),
        rule(
            "entry is FxDriverEntry",
            image.framework_entry == Some(u64::from(image.entry)),
            match image.framework_entry {
                Some(address) => format!("entry {:#x}, FxDriverEntry {address:#x}", image.entry),
                None => "the link map has no FxDriverEntry".to_owned(),
            },
        ),
    ];
    let allowed = required.imports.as_ref();
    findings.extend(allowed.map(|allowed| imports(image, allowed, required.architecture)));
    findings.extend(header_flags(image));
    findings.extend([
        sections_that_fit_hvci(image),
        sections_that_stay(image),
        control_flow_guard(image, required.architecture),
    ]);
    if required.version_resource {
        findings.push(version_resource(image));
    }
    findings.push(rule(
        "checksum",
        image.checksum.0 == image.checksum.1,
        format!(
            "stored {:#x}, computed {:#x}",
            image.checksum.0, image.checksum.1
        ),
    ));
    if required.no_panics {
        findings.push(nothing_of("no panic machinery", &image.panic_symbols));
        findings.push(nothing_of("no source paths", &image.source_paths));
    }
    findings.extend(required.largest_file.map(|largest| {
        rule(
            "size",
            image.file_size <= largest,
            format!("{} bytes, at most {largest}", image.file_size),
        )
    }));
    findings
}

/// The flags in the optional header that enable the loader's protections.
fn header_flags(image: &Description) -> impl Iterator<Item = Finding> {
    let flags = [
        (
            "no-execute data (NX)",
            pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT,
        ),
        ("dynamic base", pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE),
        (
            "high-entropy ASLR",
            pe::IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA,
        ),
        (
            "forced integrity",
            pe::IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY,
        ),
    ];
    flags.into_iter().map(|(name, flag)| {
        rule(
            name,
            image.flags & flag.0 != 0,
            format!("flags {:#06x}", image.flags),
        )
    })
}

fn version_resource(image: &Description) -> Finding {
    let version = image.version.map_or_else(
        || "none".to_owned(),
        |parts| parts.map(|part| part.to_string()).join("."),
    );
    rule("version resource", image.version.is_some(), version)
}

fn rule(check: &'static str, kept: bool, detail: String) -> Finding {
    let verdict = if kept { Verdict::Kept } else { Verdict::Broken };
    Finding {
        check,
        verdict,
        detail,
    }
}

fn nothing_of(check: &'static str, found: &[String]) -> Finding {
    let detail = if found.is_empty() {
        "none".to_owned()
    } else {
        found.join(", ")
    };
    rule(check, found.is_empty(), detail)
}

fn machine(image: &Description, architecture: Architecture) -> Finding {
    let wanted = match architecture {
        Architecture::X86_64 => pe::IMAGE_FILE_MACHINE_AMD64,
        Architecture::Aarch64 => pe::IMAGE_FILE_MACHINE_ARM64,
    };
    rule(
        "machine",
        image.machine == wanted.0,
        format!("{:#06x}", image.machine),
    )
}

/// Every import is on the list, and (on the architecture that the list was made for) everything
/// on the list is imported, so that the list stays true.
fn imports(image: &Description, allowed: &AllowedImports, architecture: Architecture) -> Finding {
    let unlisted = allowed.unlisted(&image.imports);
    let unused = match architecture {
        Architecture::X86_64 => allowed.unused(&image.imports),
        Architecture::Aarch64 => Vec::new(),
    };
    let count: usize = image
        .imports
        .values()
        .map(std::collections::BTreeSet::len)
        .sum();
    let detail = match (unlisted.as_slice(), unused.as_slice()) {
        ([], []) => format!("{count} functions, each in {}", allowed.source()),
        ([], unused) => format!("listed but not imported: {}", unused.join(", ")),
        (unlisted, _) => format!("not in {}: {}", allowed.source(), unlisted.join(", ")),
    };
    rule("imports", unlisted.is_empty() && unused.is_empty(), detail)
}

/// With hypervisor-protected code integrity no page may be writable and executable.
fn sections_that_fit_hvci(image: &Description) -> Finding {
    let both = pe::IMAGE_SCN_MEM_WRITE.0 | pe::IMAGE_SCN_MEM_EXECUTE.0;
    let found: Vec<String> = image
        .sections
        .iter()
        .filter(|section| section.flags & both == both)
        .map(|section| section.name.clone())
        .collect();
    nothing_of("no writable and executable section", &found)
}

/// Every section can be read, none is shared between processes, and only what the loader needs
/// once may be discarded.
fn sections_that_stay(image: &Description) -> Finding {
    const DISCARDABLE: [&str; 2] = [".reloc", "INIT"];
    let shared = pe::IMAGE_SCN_MEM_SHARED.0;
    let found: Vec<String> = image
        .sections
        .iter()
        .filter(|section| {
            let unreadable = section.flags & pe::IMAGE_SCN_MEM_READ.0 == 0;
            let discarded = section.flags & pe::IMAGE_SCN_MEM_DISCARDABLE.0 != 0
                && !DISCARDABLE.contains(&section.name.as_str());
            unreadable || discarded || section.flags & shared != 0
        })
        .map(ToString::to_string)
        .collect();
    nothing_of("no unreadable, shared or wrongly discarded section", &found)
}

/// The flag alone means nothing: it is true with instrumented code, a function table and the
/// pointers that the kernel fills in. Only x86-64 code calls through the dispatcher.
fn control_flow_guard(image: &Description, architecture: Architecture) -> Finding {
    let claimed = image.flags & pe::IMAGE_DLLCHARACTERISTICS_GUARD_CF.0 != 0;
    let needed = pe::IMAGE_GUARD_CF_INSTRUMENTED.0 | pe::IMAGE_GUARD_CF_FUNCTION_TABLE_PRESENT.0;
    let functions = image
        .guard
        .filter(|guard| {
            let pointers = guard.check_pointer
                && (guard.dispatch_pointer || architecture == Architecture::Aarch64);
            guard.flags & needed == needed && pointers && guard.functions > 0
        })
        .map(|guard| guard.functions);
    let detail = match (claimed, functions) {
        (true, Some(functions)) => format!("on, {functions} valid call targets"),
        (true, None) => format!("claimed, but {:?}", image.guard),
        (false, Some(_)) => "tables are there, but the flag is not set".to_owned(),
        (false, None) => "not claimed".to_owned(),
    };
    rule(
        "Control Flow Guard is true",
        claimed == functions.is_some(),
        detail,
    )
}

#[cfg(test)]
mod tests;
