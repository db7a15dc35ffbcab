//! The rules that a write can break.

/// The kind of rule that a write broke. The broker maps each to one refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The checksum over the bytes as sent is wrong.
    Checksum,
    /// A reserved bit or byte is not zero.
    Reserved,
    /// A field has a value that its `valid` rules do not allow.
    Value,
    /// An ASCII field holds another character, or a byte other than zero after its padding.
    Text,
    /// A count is larger than its array, or elements after it are not zero.
    Count,
    /// No layout matches.
    Layout,
    /// A `require` expression is false.
    Require,
    /// A sequence number did not advance.
    Sequence,
    /// The arithmetic of an expression overflows.
    Overflow,
    /// The entries of a list are wrong.
    List(ListFault),
}

/// What is wrong with the entries of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListFault {
    /// No entry has this tag. The offset is that of the tag.
    Unknown,
    /// A second entry has a tag that only one may have. The offset is that of its tag.
    Repeated,
    /// An entry is shorter than its tag and length, or than its fields. The offset is that of the
    /// length.
    Short,
    /// An entry ends after the bytes that were sent. The offset is that of the entry if its tag or
    /// length does, and otherwise that of the length.
    Cut,
    /// The bytes that were sent end before the end tag. The offset is where it could have been.
    Unended,
    /// A byte after the end is not zero. The offset is its own.
    AfterEnd,
}

/// One broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Violation {
    /// The kind of the rule.
    pub rule: Rule,
    /// Offset in bytes of what broke it; zero when it concerns the block as a whole. An expression
    /// over an element concerns the element as a whole.
    pub offset: u8,
}

impl Violation {
    /// Where the fault is, if it is at one place of the block and not in the block as a whole.
    #[must_use]
    pub const fn place(self) -> Option<u8> {
        match self.rule {
            Rule::Layout | Rule::Require | Rule::Overflow if self.offset == 0 => None,
            _ => Some(self.offset),
        }
    }

    pub(crate) const fn new(rule: Rule, offset: u8) -> Self {
        Self { rule, offset }
    }

    /// The violation of a part that begins at `offset`, in the whole.
    pub(crate) const fn moved(self, offset: u8) -> Self {
        Self::new(self.rule, self.offset.saturating_add(offset))
    }

    /// A violation of the block as a whole.
    pub(crate) const fn of_block(rule: Rule) -> Self {
        Self::new(rule, 0)
    }
}
