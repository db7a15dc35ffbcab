//! Generates the statements that judge the entries of a list.

use super::{Checks, Language, Within};
use crate::generate::record::entry_members;
use crate::model::{Behind, Entry, LengthCounts, List, Unknown};

impl<'p> Checks<'p> {
    /// The entries of a list, one after the other.
    pub(super) fn list(&mut self, list: &'p List) {
        if !list.owner.has_vf() {
            return;
        }
        let name = &list.name;
        let (tag_width, header) = (list.tag_type.width(), list.header_length());
        self.assign("at", &list.offset.to_string());
        self.line(match self.language {
            Language::C(_) => "for (;;) {",
            Language::Rust => "loop {",
        });
        self.depth += 1;
        if list.end.is_some() {
            self.require("at < length", &format!("{name}: no end tag"));
        } else {
            self.begin_if("at >= length");
            self.line("break;");
            self.end();
        }
        let cut = format!("{name}: an entry ends after the bytes that are sent");
        self.require(&format!("length - at >= {tag_width}"), &cut);
        self.assign("tag", &self.load("image", "at", list.tag_type));
        let end = list.end.as_ref();
        if let Some(end) = end.filter(|end| list.entry(end.value).is_none()) {
            self.begin_if(&format!("tag == {}", self.literal(end.value)));
            self.assign("at", &format!("at + {tag_width}"));
            self.line("break;");
            self.end();
        }
        self.require(&format!("length - at >= {header}"), &cut);
        let length = self.load("image", &format!("at + {tag_width}"), list.length_type);
        self.assign("value", &length);
        if list.length_counts == LengthCounts::Value {
            // No more bytes than these can be sent, so the sum below does not wrap.
            self.require("value <= 128", &cut);
            self.assign("value", &format!("value + {header}"));
        }
        let short = format!("{name}: an entry is shorter than tag and length");
        self.require(&format!("value >= {header}"), &short);
        let (left, size) = match self.language {
            Language::C(_) => ("length - at", "(size_t)value"),
            Language::Rust => ("(length - at) as u64", "value as usize"),
        };
        self.require(&format!("value <= {left}"), &cut);
        self.assign("size", size);
        self.assign("known", "0");
        for (index, entry) in list.entries.iter().enumerate() {
            self.entry(list, entry, index);
        }
        self.unknown(list);
        self.assign("at", "at + size");
        if let Some(end) = end.filter(|end| list.entry(end.value).is_some()) {
            self.begin_if(&format!("tag == {}", self.literal(end.value)));
            self.line("break;");
            self.end();
        }
        self.end();
        if end.is_some() && list.behind == Behind::Zero {
            self.begin_loop("at", "length");
            let problem = format!("{name}: bytes after the end are not zero");
            self.require("image[index] == 0", &problem);
            self.end();
        }
    }

    fn entry(&mut self, list: &'p List, entry: &'p Entry, index: usize) {
        self.begin_if(&format!("tag == {}", self.literal(entry.tag.value)));
        self.assign("known", "1");
        if entry.once {
            let bit = self.literal(1 << index);
            let problem = format!("{}: more than one entry", entry.name);
            self.require(&format!("(seen & {bit}) == 0"), &problem);
            self.assign("seen", &format!("seen | {bit}"));
        }
        let problem = format!("{}: shorter than {} bytes", entry.name, entry.length);
        self.require(&format!("size >= {}", entry.length), &problem);
        self.within = Some(Within::Entry(entry));
        for field in &entry.structure.fields {
            self.field(field);
        }
        self.gaps(&entry_members(list, entry));
        for rule in &entry.structure.require {
            self.rule(rule);
        }
        self.within = None;
        if entry.behind == Behind::Zero {
            self.begin_loop(&format!("at + {}", entry.length), "at + size");
            let problem = format!("{}: bytes after its fields are not zero", entry.name);
            self.require("image[index] == 0", &problem);
            self.end();
        }
        self.end();
    }

    /// Refuses an entry with an unknown tag, unless it is skipped.
    fn unknown(&mut self, list: &List) {
        let except = format!("(tag & {})", self.literal(list.except));
        let skipped = match (list.unknown, list.except) {
            (Unknown::Skip, 0) => return,
            (Unknown::Skip, _) => format!("{except} == 0"),
            (Unknown::Refuse, 0) => {
                let problem = format!("{}: an entry with an unknown tag", list.name);
                return self.require("known == 1", &problem);
            }
            (Unknown::Refuse, _) => format!("{except} != 0"),
        };
        let problem = format!("{}: an entry with an unknown tag", list.name);
        self.require(&format!("known == 1 || {skipped}"), &problem);
    }
}
