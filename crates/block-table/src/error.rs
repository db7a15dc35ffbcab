//! Why a table is refused.

use core::ffi::CStr;
use core::fmt;

/// A refusal of the verifier: which rule of the format is broken, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableError {
    /// The broken rule.
    pub flaw: Flaw,
    /// Offset in the table, in bytes, of the record or string that breaks it.
    pub offset: usize,
}

impl fmt::Display for TableError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "block table refused at byte {}: {}",
            self.offset,
            self.flaw.sentence()
        )
    }
}

impl core::error::Error for TableError {}

macro_rules! flaws {
    ($($(#[doc = $doc:literal])* $name:ident => $sentence:literal,)*) => {
        /// The rules of the format that a table can break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Flaw {
            $(#[doc = $sentence] $name,)*
        }

        impl Flaw {
            /// All flaws, in order of declaration.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The text of the flaw.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$name => $sentence,)*
                }
            }

            /// The text of the flaw, ended by a zero for callers in C.
            #[must_use]
            pub const fn c_sentence(self) -> &'static CStr {
                // No sentence contains a zero.
                match self {
                    $(Self::$name => const {
                        match CStr::from_bytes_with_nul(concat!($sentence, "\0").as_bytes()) {
                            Ok(text) => text,
                            Err(_) => panic!("a zero inside of a sentence"),
                        }
                    },)*
                }
            }
        }
    };
}

flaws! {
    TooShort => "the bytes end before the header does",
    TooLong => "the table is longer than 4 MiB",
    Magic => "the bytes do not begin with the magic of a block table",
    Version => "the version of the format is not one that this driver reads",
    Length => "the length in the header is not the number of bytes",
    Crc => "the CRC in the header is not that of the bytes",
    Sections => "the sections do not fill the table exactly",
    ReservedNotZero => "a reserved byte is not zero",
    Name => "a name is not 1 to 63 bytes of UTF-8 inside the strings",
    MaxVfs => "the number of VFs is not 1 to 4096",
    Limits => "only one of rate and burst is zero",
    ResetTimeout => "the time limit of an acknowledgement is above 60000 milliseconds",
    BlockCount => "the number of blocks is not 1 to 1024",
    SlotCount => "the number of slots is not a power of two from 1 to 65536",
    Lookup => "the shift is above 31, or the probes are not 1 to 8",
    Slot => "a slot names no block",
    NotFound => "a block cannot be found by its ID, or two blocks have the same ID",
    Kind => "a block is neither register nor stream",
    Access => "the VF's access is none of the four there are",
    StreamAccess => "a VF may do something else with a stream than write it",
    Flags => "a block has an unknown flag, or one that its kind does not allow",
    WritesAll => "the flags that say who writes every byte contradict the masks",
    Notify => "a block that notifies has no bit in the invalidation mask: its ID is above 63",
    Companion => "a companion handles reads or writes that the VF may not make",
    BlockLength => "the lengths of a block are not 1 to 128, or the shortest is above the longest",
    Depth => "the depth of a stream is not 1 to 4096, or that of a register not zero",
    Checksum => "a checksum field does not lie inside of the shortest write, is not 32 bits wide, covers unknown bytes, or has other owners than its bytes",
    Owner => "an owner is neither VF nor PF nor both",
    ImageIndex => "an image index is outside of the images",
    DefaultImage => "a default image is not zero in its reserved bits or after the block",
    Mask => "a byte mask has a byte other than zero and all ones, or one that nobody writes",
    ReservedMask => "the bytes after the block are not reserved",
    Span => "consecutive elements are outside of their section",
    TooManyLayouts => "a block has more than 256 layouts",
    Key => "a key of a layout begins after byte 112, has a value outside its mask, or extends beyond its block",
    TooManyRules => "a rule list has more than 1024 rules",
    RuleKind => "a rule is of an unknown kind",
    Operand => "an integer has an unknown shape",
    OutOfBlock => "a field lies outside of its block",
    Elements => "a field has no elements",
    Place => "start, shift or mask of a rule do not follow from its offset and operand, nor select bits of a single integer",
    Range => "a range is empty",
    Divisor => "a divisor is zero",
    Values => "a list of values is empty, longer than 4096, outside of its section or not ascending",
    Counted => "a rule on counted elements does not follow the count of the same field",
    SequenceKind => "a sequence is of an unknown kind",
    ExpressionLength => "an expression has no instructions or more than 256",
    Operation => "an instruction is of an unknown kind or has a part it does not use",
    StackUnderflow => "an expression takes more from its stack than there is",
    StackOverflow => "an expression needs more than 16 places of stack",
    Jump => "a jump leaves its expression, or does not depart and arrive with one value on the stack",
    Result => "an expression does not leave exactly one value",
    BeforeLayout => "a rule before the choice of a layout, its key or its condition reads bytes outside of the common ones",
    LayoutMasks => "a layout has other masks than its block in the common bytes, or one side cannot set a byte outside of them",
    Work => "the work of one write is not what the rules take, or more than 4096 comparisons",
    Uses => "the blocks that a block uses are not at most four different other registers that no VF writes",
    Context => "a rule on the write or other blocks does not say what it reads, or a rule without them reads them",
    Kept => "the bytes that stay at a reset are not bytes of the block that no VF writes, or contradict the flag",
    DeviceIds => "the device IDs are not 1 to 16 different ones followed by zeros",
    Each => "the rules of an element are none, extend beyond their list, or are of a kind that no element has",
    Mac => "a rule on a MAC address is of an unknown kind",
    List => "a list has no room for a tag and a length, an unknown flag, or an end tag or bits that no tag has",
    Entry => "the entries of a list are more than 64, extend beyond their rules, do not ascend by their tags, or are shorter than tag and length or longer than the list",
}
