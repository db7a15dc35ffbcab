//! Converts names of the manifest to identifiers of C and Rust.

use std::collections::HashSet;

/// Reserved words of C, C++ or Rust, as far as a name of the manifest can be one.
const KEYWORDS: [&str; 101] = [
    "abstract",
    "alignas",
    "alignof",
    "and",
    "as",
    "asm",
    "async",
    "auto",
    "await",
    "become",
    "bool",
    "box",
    "break",
    "case",
    "catch",
    "char",
    "class",
    "const",
    "constexpr",
    "continue",
    "crate",
    "default",
    "delete",
    "do",
    "double",
    "dyn",
    "else",
    "enum",
    "explicit",
    "export",
    "extern",
    "false",
    "final",
    "float",
    "fn",
    "for",
    "friend",
    "gen",
    "goto",
    "if",
    "impl",
    "in",
    "inline",
    "int",
    "let",
    "long",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "nullptr",
    "operator",
    "or",
    "override",
    "priv",
    "private",
    "protected",
    "pub",
    "public",
    "ref",
    "register",
    "restrict",
    "return",
    "self",
    "short",
    "signed",
    "sizeof",
    "static",
    "struct",
    "super",
    "switch",
    "template",
    "this",
    "throw",
    "trait",
    "true",
    "try",
    "type",
    "typedef",
    "typename",
    "typeof",
    "union",
    "unsafe",
    "unsigned",
    "unsized",
    "use",
    "using",
    "virtual",
    "void",
    "volatile",
    "where",
    "while",
    "xor",
    "yield",
];

/// Macros without arguments in lower case that compilers or the headers of C, POSIX, Linux and
/// Windows define: a member of this name does not compile.
const MACROS: [&str; 19] = [
    "cdecl",
    "complex",
    "current",
    "environ",
    "errno",
    "far",
    "hyper",
    "i386",
    "imaginary",
    "interface",
    "linux",
    "near",
    "noreturn",
    "pascal",
    "small",
    "stderr",
    "stdin",
    "stdout",
    "unix",
];

/// `name` as that of a member of a structure.
pub(super) fn member(name: &str) -> String {
    let name = snake(name);
    if MACROS.contains(&name.as_str()) {
        name + "_"
    } else {
        name
    }
}

/// `name` in lower case with `_`.
pub(super) fn snake(name: &str) -> String {
    let mapped: String = name
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    let mapped = if mapped.starts_with(|letter: char| letter.is_ascii_digit()) {
        format!("_{mapped}")
    } else {
        mapped
    };
    if KEYWORDS.contains(&mapped.as_str()) {
        mapped + "_"
    } else {
        mapped
    }
}

/// `name` in upper case with `_`.
pub(super) fn upper(name: &str) -> String {
    snake(name).to_ascii_uppercase()
}

/// `name` in words that begin with capitals.
pub(super) fn camel(name: &str) -> String {
    let snake = snake(name);
    let words = snake.split('_').filter(|word| !word.is_empty());
    words
        .map(|word| word[..1].to_ascii_uppercase() + &word[1..])
        .collect()
}

/// Names that are taken, so that no name is given twice.
#[derive(Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// `name`, with as many `_` appended as make it unique.
    pub(super) fn unique(&mut self, name: String) -> String {
        let mut name = name;
        while !self.0.insert(name.clone()) {
            name.push('_');
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_identifiers_of_each_style() {
        assert_eq!(snake("Contoso CX-100"), "contoso_cx_100");
        assert_eq!(snake("100G"), "_100g");
        assert_eq!(snake("type"), "type_");
        assert_eq!(upper("rx-ring"), "RX_RING");
        assert_eq!(camel("rx-ring_2"), "RxRing2");
        assert_eq!(member("errno"), "errno_");
        assert_eq!(member("rx-ring"), "rx_ring");
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Names::default();
        assert_eq!(
            ["a", "a", "a_"].map(|name| names.unique(name.into())),
            ["a", "a_", "a__"]
        );
    }
}
