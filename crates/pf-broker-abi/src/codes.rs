//! The numbers in the structures: each wire code is declared here, once, with its explicit value.
//!
//! Codes are append-only: a released number keeps its meaning and is never used again.
//! `tests/wire_codes.rs` pins each of them. A driver may know more codes than its client: clients
//! must report an unknown code as unknown.

/// Declares an enum of wire codes with its conversions from and to the number.
macro_rules! wire_codes {
    ($(#[$attribute:meta])* $name:ident {
        $($(#[$doc:meta])* $variant:ident = $code:literal,)+
    }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$doc])* $variant = $code,)+
        }

        impl $name {
            /// Every code of this version, in ascending order.
            pub const ALL: [Self; { [$($code),+].len() }] = [$(Self::$variant),+];

            /// The number on the wire.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The meaning of a number; `None` for one that this version does not know.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use wire_codes;

wire_codes! {
    /// Where a block table comes from, in
    /// [`QueryReply::table_source`](crate::QueryReply::table_source).
    TableSource {
        /// It is part of the driver.
        Embedded = 0,
        /// It is the registry value `BlockTable`.
        Registry = 1,
    }
}

wire_codes! {
    /// What a block holds, in [`BlockInfo::kind`](crate::BlockInfo::kind).
    BlockKind {
        /// The last committed value.
        Register = 0,
        /// A bounded queue of messages from VF to host.
        Stream = 1,
    }
}

wire_codes! {
    /// What a VF may do with a block, in [`BlockInfo::vf_access`](crate::BlockInfo::vf_access).
    VfAccess {
        /// Read it.
        ReadOnly = 1,
        /// Write it.
        WriteOnly = 2,
        /// Both.
        ReadWrite = 3,
        /// Neither: the block is state of the host.
        None = 4,
    }
}

wire_codes! {
    /// Which operations of a VF on a block the companion driver handles, in
    /// [`BlockInfo::companion`](crate::BlockInfo::companion).
    Companion {
        /// None.
        None = 0,
        /// Writes.
        Write = 1,
        /// Reads.
        Read = 2,
        /// Both.
        ReadWrite = 3,
    }
}

wire_codes! {
    /// A device power state of a VF, in [`PowerRequest::state`](crate::PowerRequest::state),
    /// [`StatsReply::power`](crate::StatsReply::power) and the journal. The driver records it and
    /// serves the VF in each of them.
    PowerState {
        /// Fully on. Every VF starts here and returns here with a reset.
        D0 = 0,
        /// Light sleep.
        D1 = 1,
        /// Deeper sleep.
        D2 = 2,
        /// Off, as far as software is concerned.
        D3 = 3,
    }
}

wire_codes! {
    /// Whether a VF is served, in [`StatsReply::service`](crate::StatsReply::service).
    Service {
        /// Neither the VF's operations nor those of host software on it are served: during a reset,
        /// after one that failed, and after the removal of the device.
        Held = 0,
        /// Both are served.
        Open = 1,
        /// A reset has succeeded and is not acknowledged yet: host software is served, the VF is
        /// not.
        Unacknowledged = 2,
    }
}

wire_codes! {
    /// What a [`JournalEntry`](crate::JournalEntry) records, in
    /// [`JournalEntry::operation`](crate::JournalEntry::operation).
    Operation {
        /// The VF read a block. The journal records refused reads only: polling would displace
        /// everything else.
        Read = 0,
        /// The VF wrote a block.
        Write = 1,
        /// Host software published a block.
        Publish = 2,
        /// Host software invalidated blocks.
        Invalidate = 3,
        /// Host software drained a stream. The journal records refused attempts only.
        Drain = 4,
        /// A reset finished: the VF is wiped and, unless the reset has to be acknowledged, served
        /// again.
        Reset = 5,
        /// The VF's power state was set.
        SetPower = 6,
        /// Host software read a block. The journal records refused reads only.
        HostRead = 7,
        /// The virtualization stack took the VF's pending invalidations. The journal records
        /// refused attempts only.
        TakeInvalidation = 8,
        /// A reset began: the VF is held back.
        BeginReset = 9,
        /// A reset failed: the VF stays held back.
        FailReset = 10,
        /// The device was removed.
        Remove = 11,
        /// The VF's bytes of a block returned to their defaults, because a publish broke a rule
        /// together with them. The publish itself is the next entry.
        Withdraw = 12,
        /// Host software acknowledged a reset: the VF is served again.
        Acknowledge = 13,
        /// The time for an acknowledgement is up: the VF is served again.
        Expire = 14,
    }
}
