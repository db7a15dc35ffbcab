//! Every key of the language. The reader refuses what is not listed here, and a test holds docs/manifest.md against it.

/// A table of the language, such as `[[block.field]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// The table's header, as one writes it.
    pub header: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// A key of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its spelling.
    pub name: &'static str,
    /// What values it takes.
    pub values: &'static str,
    /// What holds when it is left out.
    pub default: &'static str,
}

const fn key(name: &'static str, values: &'static str, default: &'static str) -> Key {
    Key {
        name,
        values,
        default,
    }
}

/// [`Key::default`] of a key that may not be left out.
pub const REQUIRED: &str = "required";

/// The whole file.
pub const FILE: Section = Section {
    header: "the manifest",
    keys: &[
        key("device", "table", REQUIRED),
        key("limits", "table", "no limit"),
        key("enum", "tables", "no enumerations"),
        key("block", "array of tables", REQUIRED),
    ],
};

/// `[device]`.
pub const DEVICE: Section = Section {
    header: "[device]",
    keys: &[
        key("name", "string of 1 to 63 bytes", REQUIRED),
        key("vendor-id", "0 to 0xFFFF", REQUIRED),
        key("device-id", "0 to 0xFFFF", REQUIRED),
        key("max-vfs", "1 to 4096", REQUIRED),
    ],
};

/// `[limits]`.
pub const LIMITS: Section = Section {
    header: "[limits]",
    keys: &[
        key("writes-per-second", "1 to 4294967295", REQUIRED),
        key("burst", "1 to 4294967295", REQUIRED),
    ],
};

/// `[[block]]`.
pub const BLOCK: Section = Section {
    header: "[[block]]",
    keys: &[
        key("id", "0 to 4294967295", REQUIRED),
        key("name", "name of 1 to 63 bytes", REQUIRED),
        key("doc", "string", "none"),
        key("kind", "`register`, `stream`", "`register`"),
        key(
            "vf-access",
            "`read-only`, `write-only`, `read-write`",
            REQUIRED,
        ),
        key("length", "1 to 128", "`min-length` and `max-length`"),
        key("min-length", "1 to 128", "`length`"),
        key("max-length", "1 to 128", "`length`"),
        key("notify", "boolean", "`false`"),
        key("short-read", "`refuse`, `prefix`", "`refuse`"),
        key("on-reset", "`default`, `keep`", "`default`"),
        key("depth", "1 to 4096", "32"),
        key("when-full", "`refuse`, `drop-oldest`", "`refuse`"),
        key("require", "array of expressions", "none"),
        key("field", "array of tables", "opaque"),
        key("layout", "array of tables", "one shape"),
    ],
};

/// `[[block.field]]` and `[[block.layout.field]]`.
pub const FIELD: Section = Section {
    header: "[[block.field]]",
    keys: &[
        key("name", "name of 1 to 63 bytes", REQUIRED),
        key("doc", "string", "none"),
        key("offset", "0 to 127", "behind the field before"),
        key("type", "type", REQUIRED),
        key(
            "owner",
            "`vf`, `pf`, `both`",
            "`pf` in a read-only block, `vf` otherwise",
        ),
        key("default", "value of the type", "zeros"),
        key("valid", "table", "any value"),
        key("bits", "table", "one integer"),
        key("count", "name of a field", "all elements"),
        key("sequence", "`strict`, `non-decreasing`, `serial`", "none"),
        key("check", "`crc32`", "none"),
    ],
};

/// `valid` of a field.
pub const VALID: Section = Section {
    header: "valid",
    keys: &[
        key("equals", "integer", "any value"),
        key(
            "one-of",
            "array of integers, or the name of an enumeration",
            "any value",
        ),
        key("min", "integer", "0"),
        key("max", "integer", "the largest of the type"),
        key("mask", "integer", "all bits"),
        key("multiple-of", "integer from 1", "1"),
    ],
};

/// `[[block.layout]]`.
pub const LAYOUT: Section = Section {
    header: "[[block.layout]]",
    keys: &[
        key("name", "name of 1 to 63 bytes", "taken from `when`"),
        key("doc", "string", "none"),
        key("when", "expression, or `else`", REQUIRED),
        key("require", "array of expressions", "none"),
        key("field", "array of tables", "no fields"),
    ],
};

/// Every table with a fixed set of keys. `[enum.NAME]` and `bits` have keys of the author's choice.
pub const SECTIONS: &[&Section] = &[&FILE, &DEVICE, &LIMITS, &BLOCK, &FIELD, &VALID, &LAYOUT];
