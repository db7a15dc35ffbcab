//! What a caller may do with an open device.

/// The access of a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read access: query, counters, committed blocks, the journal, waiting.
    Look,
    /// Read and write access: also publish, invalidate, drain, reset, power.
    Change,
}
