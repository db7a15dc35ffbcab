//! Debian packages that the cross-build and the lab need: found, installed, or named exactly.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// One package and a file that shows it is installed.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    /// Debian's name of the package.
    pub name: &'static str,
    /// A file that only this package brings.
    pub proof: &'static str,
    /// What the project needs it for.
    pub purpose: &'static str,
}

/// What compiling for the Windows kernel needs.
pub const KERNEL: &[Package] = &[
    Package {
        name: "rustc-web",
        proof: "/usr/bin/rustc",
        purpose: "the compiler that matches the library source below",
    },
    Package {
        name: "cargo-web",
        proof: "/usr/bin/cargo",
        purpose: "the cargo that matches it",
    },
    Package {
        name: "rust-web-src",
        proof: "/usr/lib/rustlib/src/rust/library/core/src/lib.rs",
        purpose: "the source of core and alloc, built for the kernel target",
    },
    Package {
        name: "lld-19",
        proof: "/usr/lib/llvm-19/bin/lld-link",
        purpose: "the linker",
    },
    Package {
        name: "clang-19",
        proof: "/usr/lib/llvm-19/bin/clang",
        purpose: "the C compiler for wdk-sys and the driver entry",
    },
    Package {
        name: "libclang-19-dev",
        proof: "/usr/lib/llvm-19/lib/libclang.so",
        purpose: "bindgen's parser",
    },
    Package {
        name: "llvm-19",
        proof: "/usr/lib/llvm-19/bin/llvm-dlltool",
        purpose: "import libraries, archives and resources",
    },
    Package {
        name: "mingw-w64-common",
        proof: "/usr/share/mingw-w64/include/ddk/ntddk.h",
        purpose: "the kernel headers",
    },
    Package {
        name: "mingw-w64-x86-64-dev",
        proof: "/usr/x86_64-w64-mingw32/lib/libntoskrnl.a",
        purpose: "the kernel import libraries",
    },
];

/// What user-mode Windows programs need beside [`KERNEL`].
pub const USER: &[Package] = &[Package {
    name: "gcc-mingw-w64-x86-64-win32",
    proof: "/usr/bin/x86_64-w64-mingw32-gcc",
    purpose: "the linker of user-mode Windows programs",
}];

/// What running the image needs.
pub const WINE: &[Package] = &[
    Package {
        name: "wine",
        proof: "/usr/bin/wineserver",
        purpose: "the independent NT kernel that the lab runs on",
    },
    Package {
        name: "wine64",
        proof: "/usr/lib/wine/wine64",
        purpose: "its 64-bit loader",
    },
];

/// What linting the driver needs.
pub const CLIPPY: &[Package] = &[Package {
    name: "rust-web-clippy",
    proof: "/usr/bin/cargo-clippy",
    purpose: "clippy of the same version as the compiler",
}];

/// What formatting needs, where the cargo that runs xtask has no formatter.
pub const RUSTFMT: &[Package] = &[Package {
    name: "rustfmt-web",
    proof: "/usr/bin/cargo-fmt",
    purpose: "formatting, which the cargo that runs this lacks",
}];

/// Every package that may be installed.
pub const ALL: &[&[Package]] = &[KERNEL, USER, WINE, CLIPPY, RUSTFMT];

/// Makes sure that every package is there, installing what is missing.
///
/// # Errors
/// When packages are missing and cannot be installed; the error then names each of them.
pub fn ensure(groups: &[&[Package]]) -> Result<()> {
    let missing = missing(groups);
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("missing Debian packages:");
    for package in &missing {
        eprintln!("  {:28} {}", package.name, package.purpose);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    let by_hand = format!(
        "install them with `apt-get install --no-install-recommends {}`",
        names.join(" ")
    );
    let Some(prefix) = way_to_install() else {
        bail!("neither root nor password-free sudo, or no apt-get here; {by_hand}");
    };
    let apt = |arguments: &[&str]| {
        let mut words = prefix
            .iter()
            .copied()
            .chain(["apt-get"])
            .chain(arguments.iter().copied());
        let mut command = Command::new(words.next().unwrap_or("apt-get"));
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive");
        process::run(&mut command)
    };
    apt(&["update", "--quiet"])?;
    let mut arguments = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    arguments.extend(&names);
    apt(&arguments)?;

    let still_missing: Vec<&str> = self::missing(groups).iter().map(|p| p.proof).collect();
    if !still_missing.is_empty() {
        bail!(
            "apt-get succeeded, but these files are still missing: {}; the tool is made for \
             Debian 12",
            still_missing.join(", ")
        );
    }
    Ok(())
}

fn missing(groups: &[&[Package]]) -> Vec<Package> {
    groups
        .iter()
        .flat_map(|group| group.iter())
        .filter(|package| !Path::new(package.proof).exists())
        .copied()
        .collect()
}

/// The words in front of `apt-get`, or nothing when packages cannot be installed from here.
fn way_to_install() -> Option<&'static [&'static str]> {
    let succeeds = |words: &[&str]| {
        process::output(&mut process::command(words[0], &words[1..]))
            .ok()
            .map(|text| text.trim().to_owned())
    };
    succeeds(&["apt-get", "--version"])?;
    match succeeds(&["id", "-u"]).as_deref() {
        Some("0") => Some(&[]),
        _ => succeeds(&["sudo", "-n", "true"]).map(|_| &["sudo"][..]),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ALL, Package, missing};

    #[test]
    fn no_package_is_listed_twice() {
        let all = ALL.concat();
        let names: BTreeSet<_> = all.iter().map(|package| package.name).collect();
        assert_eq!(names.len(), all.len());
    }

    #[test]
    fn a_package_without_its_proof_is_missing() {
        let there = Package {
            name: "there",
            proof: "/",
            purpose: "",
        };
        let absent = Package {
            name: "absent",
            proof: "/no/such/file",
            purpose: "",
        };
        let names: Vec<_> = missing(&[&[there], &[absent]])
            .iter()
            .map(|p| p.name)
            .collect();
        assert_eq!(names, ["absent"]);
    }

    #[test]
    fn the_readme_names_every_package() {
        let readme = include_str!("../../README.md");
        for package in ALL.concat() {
            let name = format!("`{}`", package.name);
            assert!(readme.contains(&name), "README.md does not name {name}");
        }
    }
}
