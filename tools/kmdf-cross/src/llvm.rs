//! Debian's LLVM, and the flags with which clang reads the kit's headers.

use crate::architecture::Architecture;

/// The folder of LLVM 19.
pub const LLVM: &str = "/usr/lib/llvm-19";

/// The flags for clang and bindgen: mingw-w64's headers read as for the Windows kernel.
///
/// The target is MSVC's, so that enumerations are signed and structures laid out as with a real
/// WDK; the headers themselves are written for a compiler that says it is GCC.
#[must_use]
pub fn clang_flags(architecture: Architecture) -> Vec<String> {
    let mut flags = vec![
        format!("--target={}", architecture.clang_target()),
        "-fno-ms-compatibility".to_owned(),
        "-fms-extensions".to_owned(),
        "-fgnuc-version=4.2.1".to_owned(),
        "-U_MSC_VER".to_owned(),
        "-isystem".to_owned(),
        format!("{LLVM}/lib/clang/19/include"),
    ];
    if architecture == Architecture::X86_64 {
        flags.push("-mno-stack-arg-probe".to_owned());
        // The vector type of the first three fails bindgen's layout test, and the last one only
        // warns that it is outdated. Nothing here needs any of them.
        let guards = [
            "__AMXINTRIN_H",
            "__AMX_COMPLEXINTRIN_H",
            "__AMX_FP16INTRIN_H",
            "_MM3DNOW_H_INCLUDED",
        ];
        flags.extend(guards.iter().map(|guard| format!("-D{guard}")));
    }
    flags
}
