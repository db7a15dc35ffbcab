//! The processor architectures that the driver is built for.

use clap::ValueEnum;

/// A processor architecture, with the names that each tool has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Architecture {
    /// AMD64, the one that Hyper-V servers mostly have.
    #[value(name = "x86_64")]
    X86_64,
    /// 64-bit Arm.
    #[value(name = "aarch64")]
    Aarch64,
}

impl Architecture {
    /// The name on xtask's command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The name in an INF file's decorations.
    #[must_use]
    pub fn inf_name(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    /// Rust's target for the kernel.
    #[must_use]
    pub fn kernel_target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-pc-windows-msvc",
            Self::Aarch64 => "aarch64-pc-windows-msvc",
        }
    }

    /// Clang's target for the kernel.
    #[must_use]
    pub fn clang_target(self) -> &'static str {
        self.kernel_target()
    }

    /// The name in the kit tree's library folders.
    #[must_use]
    pub fn library_folder(self) -> &'static str {
        match self {
            Self::X86_64 => "x64",
            Self::Aarch64 => "ARM64",
        }
    }

    /// llvm-dlltool's machine name.
    #[must_use]
    pub fn dlltool_machine(self) -> &'static str {
        match self {
            Self::X86_64 => "i386:x86-64",
            Self::Aarch64 => "arm64",
        }
    }
}
