//! The Debian packages that the lab needs in addition to those of the cross-build.

use build_steps::packages::Package;

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
