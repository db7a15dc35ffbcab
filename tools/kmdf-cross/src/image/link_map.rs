//! The linker's map: which symbols ended up in the image, and where.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

/// The symbols of an image.
#[derive(Debug, Clone, Default)]
pub struct LinkMap {
    base: u64,
    symbols: BTreeMap<String, u64>,
}

impl LinkMap {
    /// Reads a map in the form that lld-link and link.exe write with `/MAP`.
    ///
    /// # Errors
    /// When the text names no load address.
    pub fn parse(text: &str) -> Result<Self> {
        let base = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("Preferred load address is "))
            .context("the link map has no line \"Preferred load address is …\"")?;
        let base = u64::from_str_radix(base.trim(), 16)
            .with_context(|| format!("load address \"{base}\" of the link map"))?;
        Ok(Self {
            base,
            symbols: text.lines().filter_map(symbol).collect(),
        })
    }

    /// Distance of `symbol` from the image's start, in bytes.
    #[must_use]
    pub fn offset(&self, symbol: &str) -> Option<u64> {
        self.symbols.get(symbol)?.checked_sub(self.base)
    }

    /// Every symbol's readable name.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.symbols
            .keys()
            .map(|name| format!("{:#}", rustc_demangle::demangle(name)))
    }
}

/// A line such as ` 0001:000000c0  FxDriverEntry  00000001800010c0  Lib:Object`.
fn symbol(line: &str) -> Option<(String, u64)> {
    let mut words = line.split_whitespace();
    let (section, offset) = words.next()?.split_once(':')?;
    u16::from_str_radix(section, 16).ok()?;
    u32::from_str_radix(offset, 16).ok()?;
    let name = words.next()?;
    let address = words.next().filter(|word| word.len() == 16)?;
    Some((name.to_owned(), u64::from_str_radix(address, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::LinkMap;

    const MAP: &str = "\
 pf_broker

 Preferred load address is 0000000180000000

 Start         Length     Name                   Class
 0001:00000000 000001f0H .text                   CODE

  Address         Publics by Value              Rva+Base               Lib:Object

 0001:000000c0       FxDriverEntry              00000001800010c0     WdfDriverEntry:entry.obj

 entry point at         0001:000000c0

 Static symbols

 0001:000001c0       _ZN4core9panicking5panic17h0123456789abcdefE 00000001800011c0     x.o
";

    #[test]
    fn public_and_static_symbols_are_read_and_sections_are_not() {
        let map = LinkMap::parse(MAP).unwrap();
        assert_eq!(map.offset("FxDriverEntry"), Some(0x10c0));
        let names: Vec<_> = map.names().collect();
        assert_eq!(names, ["FxDriverEntry", "core::panicking::panic"]);
    }

    #[test]
    fn a_text_that_is_no_map_is_refused() {
        assert!(LinkMap::parse("hello").is_err());
    }
}
