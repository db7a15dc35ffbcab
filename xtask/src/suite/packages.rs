//! The Debian packages that lints, formatting, tests in C and the guides need beside those of the
//! cross-build and the lab.

use build_steps::packages::Package;

/// What linting the driver needs.
pub(super) const CLIPPY: &[Package] = &[Package {
    name: "rust-web-clippy",
    proof: "/usr/bin/cargo-clippy",
    purpose: "clippy of the same version as the compiler",
}];

/// What the tests in C and C++ need beside the clang of the cross-build.
pub(super) const COMPILERS: &[Package] = &[
    Package {
        name: "gcc",
        proof: "/usr/bin/gcc",
        purpose: "tests of the library for C, with gcc's sanitizers",
    },
    Package {
        name: "g++",
        proof: "/usr/bin/g++",
        purpose: "the same tests as C++",
    },
    Package {
        name: "libclang-rt-19-dev",
        proof: "/usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.asan-x86_64.a",
        purpose: "the sanitizers of clang",
    },
];

/// What the test of the guides needs.
pub(super) const GUIDES: &[Package] = &[Package {
    name: "curl",
    proof: "/usr/bin/curl",
    purpose: "the guides' scrape of metrics",
}];

/// What formatting needs, where the cargo that runs xtask has no formatter.
pub(super) const RUSTFMT: &[Package] = &[Package {
    name: "rustfmt-web",
    proof: "/usr/bin/cargo-fmt",
    purpose: "formatting, which the cargo that runs this lacks",
}];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use build_steps::packages::Package;
    use kmdf_cross::packages::{KERNEL, USER};
    use lab_harness::packages::WINE;

    use super::{CLIPPY, COMPILERS, GUIDES, RUSTFMT};
    use crate::instructions::VALGRIND;

    fn all() -> Vec<Package> {
        [
            KERNEL, USER, WINE, CLIPPY, COMPILERS, GUIDES, RUSTFMT, VALGRIND,
        ]
        .concat()
    }

    #[test]
    fn no_package_is_listed_twice() {
        let names: BTreeSet<_> = all().iter().map(|package| package.name).collect();
        assert_eq!(names.len(), all().len());
    }

    #[test]
    fn the_readme_names_every_package() {
        let readme = include_str!("../../../README.md");
        for package in all() {
            let name = format!("`{}`", package.name);
            assert!(readme.contains(&name), "README.md does not name {name}");
        }
    }
}
