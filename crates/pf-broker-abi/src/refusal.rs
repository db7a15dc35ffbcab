//! Refusals: the reasons, their codes, NTSTATUS values, trace words and sentences, in one
//! declaration.

use core::ffi::CStr;

use crate::codes::wire_codes;

/// Room for reasons in [`StatsReply::refused`](crate::StatsReply::refused) and
/// [`HostRefusalsReply::refused`](crate::HostRefusalsReply::refused).
pub const MAX_REASONS: usize = 24;

/// The text as a constant for C; it does not compile if the text contains a zero.
macro_rules! c_text {
    ($text:literal) => {
        const {
            match CStr::from_bytes_with_nul(concat!($text, "\0").as_bytes()) {
                Ok(text) => text,
                Err(_) => panic!("a zero inside of a text"),
            }
        }
    };
}

/// Declares [`Refusal`] and everything that must stay one to one with it.
macro_rules! refusals {
    ($($variant:ident = $code:literal, $status:literal $symbol:ident $error:literal, $reason:literal, $sentence:literal;)+) => {
        wire_codes! {
            /// Why an operation was refused. A refused operation has no effect but counters and
            /// journal.
            ///
            /// Each refusal has its own NTSTATUS, so a caller that sees only the status, such as
            /// the virtualization stack, still learns which rule was broken.
            Refusal {
                $(#[doc = $sentence] $variant = $code,)+
            }
        }

        impl Refusal {
            /// The index into [`StatsReply::refused`](crate::StatsReply::refused) and
            /// [`HostRefusalsReply::refused`](crate::HostRefusalsReply::refused): the code.
            #[must_use]
            pub const fn index(self) -> usize {
                self.code() as usize
            }

            /// The NTSTATUS of this refusal and of no other; the value is that of [MS-ERREF],
            /// section 2.3.1.
            #[must_use]
            pub const fn status(self) -> u32 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// The name that [MS-ERREF] gives to [`Refusal::status`].
            #[must_use]
            pub const fn symbol(self) -> &'static str {
                match self { $(Self::$variant => stringify!($symbol),)+ }
            }

            /// The Win32 error of [`Refusal::status`], as `RtlNtStatusToDosError` converts it and
            /// `DeviceIoControl` reports it. Several refusals have the same.
            #[must_use]
            pub const fn win32_error(self) -> u32 {
                match self { $(Self::$variant => $error,)+ }
            }

            /// The spelling in traces and in the tools: one lower-case word.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$variant => $reason,)+ }
            }

            /// What was wrong, as one English sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)+ }
            }

            /// [`Refusal::reason`], ended by a zero for callers in C.
            #[must_use]
            pub const fn c_reason(self) -> &'static CStr {
                match self { $(Self::$variant => c_text!($reason),)+ }
            }

            /// [`Refusal::sentence`], ended by a zero for callers in C.
            #[must_use]
            pub const fn c_sentence(self) -> &'static CStr {
                match self { $(Self::$variant => c_text!($sentence),)+ }
            }

            /// The refusal that has this NTSTATUS, or `None` for a status that no refusal has.
            #[must_use]
            pub const fn from_status(status: u32) -> Option<Self> {
                match status { $($status => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

refusals! {
    Vf = 0, 0xC000_000D STATUS_INVALID_PARAMETER 87, "vf",
        "There is no VF with this index.";
    Block = 1, 0xC000_0225 STATUS_NOT_FOUND 1168, "block",
        "The manifest has no block with this ID.";
    Access = 2, 0xC000_0022 STATUS_ACCESS_DENIED 5, "access",
        "A VF may not access this block in this direction.";
    Kind = 3, 0xC000_0010 STATUS_INVALID_DEVICE_REQUEST 1, "kind",
        "The operation does not fit the kind of the block: registers are read and published, streams are drained.";
    Removed = 4, 0xC000_02B6 STATUS_DEVICE_REMOVED 1617, "removed",
        "The device has been removed.";
    State = 5, 0xC000_00A3 STATUS_DEVICE_NOT_READY 21, "state",
        "The VF is held back: its reset is under way, has failed or is not acknowledged. Or none is to be acknowledged, or another publish to all VFs is under way.";
    Limit = 6, 0xC000_0044 STATUS_QUOTA_EXCEEDED 1816, "limit",
        "The VF writes more often than the limits of the manifest allow.";
    Length = 7, 0xC000_0206 STATUS_INVALID_BUFFER_SIZE 1784, "length",
        "The length does not fit the block, or is outside of 1 to 128 bytes.";
    Checksum = 8, 0xC000_003F STATUS_CRC_ERROR 23, "checksum",
        "The checksum does not match the bytes that it covers.";
    Reserved = 9, 0xC000_090B STATUS_BAD_DATA 0x8009_0005, "reserved",
        "A reserved bit or byte is not zero.";
    Value = 10, 0xC000_0475 STATUS_INVALID_FIELD_IN_PARAMETER_LIST 328, "value",
        "The value of a field is not among those that the manifest allows.";
    Text = 11, 0xC000_0161 STATUS_ILLEGAL_CHARACTER 582, "text",
        "A text is not printable ASCII padded with zeros.";
    Count = 12, 0xC000_008C STATUS_ARRAY_BOUNDS_EXCEEDED 0xC000_008C, "count",
        "A count is larger than its array, or an element after the count is not zero.";
    Layout = 13, 0xC000_0272 STATUS_NO_MATCH 1169, "layout",
        "None of the layouts of the block fits its fields.";
    Require = 14, 0xC000_0030 STATUS_INVALID_PARAMETER_MIX 87, "require",
        "A rule over several fields does not hold.";
    Sequence = 15, 0xC000_042A STATUS_REQUEST_OUT_OF_SEQUENCE 776, "sequence",
        "A sequence field does not follow its last committed value.";
    Overflow = 16, 0xC000_0095 STATUS_INTEGER_OVERFLOW 534, "overflow",
        "A rule over several fields overflows 64 bits.";
    Full = 17, 0xC000_0099 STATUS_ALLOTTED_SPACE_EXCEEDED 1344, "full",
        "The stream is full, and the manifest says to refuse rather than to drop the oldest message.";
    Invalidate = 18, 0xC000_00BB STATUS_NOT_SUPPORTED 50, "invalidate",
        "The mask names a block that does not exist; only blocks with an ID below 64 can be invalidated.";
    Changed = 19, 0xC000_0059 STATUS_REVISION_MISMATCH 1306, "changed",
        "The block has another revision than the publish expects: it was written, published or reset meanwhile.";
    Companion = 20, 0xC000_009D STATUS_DEVICE_NOT_CONNECTED 1167, "companion",
        "A companion driver handles this operation, and none is ready.";
    Declined = 21, 0xC000_0240 STATUS_REQUEST_ABORTED 1235, "declined",
        "The companion driver has declined the operation.";
    List = 22, 0xC000_00E7 STATUS_BAD_DESCRIPTOR_FORMAT 1361, "list",
        "An entry of a list has an unknown tag or a wrong length, or is repeated, or the list does not end as it should.";
}

// Counters are arrays that the code indexes, so codes have no gaps and fit into the reply.
const _: () = {
    assert!(Refusal::ALL.len() <= MAX_REASONS);
    let mut index = 0;
    while index < Refusal::ALL.len() {
        assert!(Refusal::ALL[index] as usize == index, "codes without gaps");
        index += 1;
    }
};

impl core::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(self.sentence())
    }
}

impl core::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::Refusal;
    use std::collections::BTreeSet;
    use std::fmt::Write;
    use windows_sys::Win32::Foundation as published;

    #[test]
    fn statuses_reasons_and_sentences_are_one_to_one() {
        let statuses: BTreeSet<_> = Refusal::ALL.iter().map(|r| r.status()).collect();
        let reasons: BTreeSet<_> = Refusal::ALL.iter().map(|r| r.reason()).collect();
        let sentences: BTreeSet<_> = Refusal::ALL.iter().map(|r| r.sentence()).collect();
        assert_eq!(statuses.len(), Refusal::ALL.len());
        assert_eq!(reasons.len(), Refusal::ALL.len());
        assert_eq!(sentences.len(), Refusal::ALL.len());
        let shown: Vec<_> = Refusal::ALL.iter().map(ToString::to_string).collect();
        assert!(shown.iter().all(|shown| sentences.contains(shown.as_str())));
    }

    #[test]
    fn the_texts_for_c_are_the_texts() {
        for refusal in Refusal::ALL {
            assert_eq!(refusal.c_reason().to_str(), Ok(refusal.reason()));
            assert_eq!(refusal.c_sentence().to_str(), Ok(refusal.sentence()));
        }
    }

    #[test]
    fn every_refusal_is_found_by_its_status() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::from_status(refusal.status()), Some(refusal));
        }
        assert_eq!(Refusal::from_status(0), None);
        assert_eq!(Refusal::from_status(0xC000_0001), None);
    }

    /// windows-sys is generated from the Windows metadata that Microsoft publishes, so this
    /// compares each number with the one that Windows itself uses.
    #[test]
    fn every_status_has_the_number_that_microsoft_publishes_under_its_name() {
        macro_rules! published {
            ($($symbol:ident)+) => { [$((stringify!($symbol), published::$symbol.cast_unsigned())),+] };
        }
        let numbers = published![
            STATUS_INVALID_PARAMETER STATUS_NOT_FOUND STATUS_ACCESS_DENIED
            STATUS_INVALID_DEVICE_REQUEST STATUS_DEVICE_REMOVED STATUS_DEVICE_NOT_READY
            STATUS_QUOTA_EXCEEDED STATUS_INVALID_BUFFER_SIZE STATUS_CRC_ERROR STATUS_BAD_DATA
            STATUS_INVALID_FIELD_IN_PARAMETER_LIST STATUS_ILLEGAL_CHARACTER
            STATUS_ARRAY_BOUNDS_EXCEEDED STATUS_NO_MATCH STATUS_INVALID_PARAMETER_MIX
            STATUS_REQUEST_OUT_OF_SEQUENCE STATUS_INTEGER_OVERFLOW STATUS_ALLOTTED_SPACE_EXCEEDED
            STATUS_NOT_SUPPORTED STATUS_REVISION_MISMATCH STATUS_DEVICE_NOT_CONNECTED
            STATUS_REQUEST_ABORTED STATUS_BAD_DESCRIPTOR_FORMAT
        ];
        let declared = Refusal::ALL.map(|refusal| (refusal.symbol(), refusal.status()));
        assert_eq!(declared, numbers);
    }

    /// A Win32 error as `winerror.h` has it: most in decimal.
    fn error_text(error: u32) -> String {
        if error < 0x1_0000 {
            error.to_string()
        } else {
            format!("`0x{error:08X}`")
        }
    }

    /// The documentation has one table of refusals, and it is this one. Run the test with
    /// `UPDATE_DOCS=1` to write it anew.
    #[test]
    fn the_table_in_the_documentation_is_the_enum() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/refusals.md");
        let (begin, end) = ("<!-- table: begin -->\n", "<!-- table: end -->");
        let mut table = String::from(
            "| reason | NTSTATUS | name in [MS-ERREF] | Win32 error | what was wrong |\n\
             |---|---|---|---|---|\n",
        );
        for refusal in Refusal::ALL {
            writeln!(
                table,
                "| `{}` | `0x{:08X}` | {} | {} | {} |",
                refusal.reason(),
                refusal.status(),
                refusal.symbol(),
                error_text(refusal.win32_error()),
                refusal.sentence()
            )
            .unwrap();
        }
        let text = std::fs::read_to_string(path).unwrap();
        let (head, rest) = text
            .split_once(begin)
            .expect("docs/refusals.md marks where its table begins");
        let (written, tail) = rest
            .split_once(end)
            .expect("docs/refusals.md marks where its table ends");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, format!("{head}{begin}{table}{end}{tail}")).unwrap();
        } else {
            assert_eq!(
                written, table,
                "docs/refusals.md is not what the enum says; UPDATE_DOCS=1 writes it anew"
            );
        }
    }
}
