//! What the two implementations of the CRC have in common.

/// A CRC that is computed in steps of `STEP` bytes.
pub(super) trait Digest<const STEP: usize> {
    /// Begins with an initial value as the catalogue has them.
    fn begin(initial: u32) -> Self;

    /// Adds one step.
    fn add(&mut self, step: &[u8; STEP]);

    /// The CRC of everything that was added.
    fn end(self) -> u32;
}
