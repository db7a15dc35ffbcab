//! Invalidation masks: bit n stands for block n.

/// The bit of a block in an invalidation mask; 0 for a block that has none.
pub(crate) fn bit(block_id: u32) -> u64 {
    1_u64.checked_shl(block_id).unwrap_or(0)
}
