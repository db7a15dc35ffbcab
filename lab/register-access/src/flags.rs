//! The arithmetic flags after a comparison (volume 1, 3.4.3.1, and the pages of `CMP` and `TEST`).

const CARRY: u32 = 1;
const PARITY: u32 = 1 << 2;
const ADJUST: u32 = 1 << 4;
const ZERO: u32 = 1 << 6;
const SIGN: u32 = 1 << 7;
const OVERFLOW: u32 = 1 << 11;

/// The flags that a comparison sets or clears.
pub const FLAGS: u32 = CARRY | PARITY | ADJUST | ZERO | SIGN | OVERFLOW;

/// The flags after `cmp left, right` of values of `width` bytes.
#[must_use]
pub fn after_compare(left: u64, right: u64, width: u8) -> u32 {
    let (left, right) = (truncated(left, width), truncated(right, width));
    let difference = truncated(left.wrapping_sub(right), width);
    let overflow = is_negative((left ^ right) & (left ^ difference), width);
    of_result(difference, width)
        | when(CARRY, left < right)
        | when(ADJUST, left & 0xF < right & 0xF)
        | when(OVERFLOW, overflow)
}

/// The flags after `test left, right` of values of `width` bytes.
#[must_use]
pub fn after_test(left: u64, right: u64, width: u8) -> u32 {
    of_result(truncated(left & right, width), width)
}

fn of_result(result: u64, width: u8) -> u32 {
    let low = result.to_le_bytes()[0];
    when(ZERO, result == 0)
        | when(SIGN, is_negative(result, width))
        | when(PARITY, low.count_ones().is_multiple_of(2))
}

fn when(flag: u32, is_set: bool) -> u32 {
    if is_set { flag } else { 0 }
}

fn truncated(value: u64, width: u8) -> u64 {
    value & (u64::MAX >> (64 - u32::from(width) * 8))
}

fn is_negative(value: u64, width: u8) -> bool {
    value >> (u32::from(width) * 8 - 1) & 1 != 0
}

#[cfg(test)]
mod tests {
    use super::{ADJUST, CARRY, OVERFLOW, PARITY, SIGN, ZERO, after_compare, after_test};

    #[test]
    fn equal_values_set_zero() {
        assert_eq!(after_compare(7, 7, 4), ZERO | PARITY);
        assert_eq!(after_compare(0x1_0000_0007, 7, 4), ZERO | PARITY);
    }

    #[test]
    fn a_smaller_value_borrows() {
        assert_eq!(after_compare(0, 1, 4), CARRY | SIGN | ADJUST | PARITY);
        assert_eq!(after_compare(0x10, 0x20, 1), CARRY | SIGN | PARITY);
    }

    #[test]
    fn the_smallest_signed_value_minus_one_overflows() {
        assert_eq!(after_compare(0x8000_0000, 1, 4), OVERFLOW | ADJUST | PARITY);
    }

    #[test]
    fn a_test_has_no_carry() {
        assert_eq!(after_test(0xFFFF_FFFF, 0, 4), ZERO | PARITY);
        assert_eq!(after_test(0x80, 0x80, 1), SIGN);
        assert_eq!(after_test(0x80, 0x80, 4), 0);
    }
}
