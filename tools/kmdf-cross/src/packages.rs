//! The Debian packages that the cross-build needs.

use build_steps::packages::Package;

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
