//! The configuration space of a VF: what it holds after a reset, and what writes do to it.

use alloc::boxed::Box;

use lab_control::stack::fault as kind;
use pcivirt_abi::config;

use super::fault;
use super::registers::{EXPRESS, put, put_express_capability};

/// Bytes of a VF's configuration space that hold something; the rest reads as zero.
const VF_SPACE: usize = 256;
/// Where the other capabilities lie.
const MSI_X: u32 = 0x70;
const MSI: u32 = 0x80;
/// Multiple Message Capable of a VF: the binary logarithm of its vectors.
const VECTORS: u16 = 3;

/// What a byte of a VF's space holds after a write: error bits are cleared by writing one
/// (7.5.1.1.4 and 7.5.3.5), and the lower half of the status register can only be read. All other
/// bytes hold what is written, those that real hardware would keep included: so whatever the driver
/// lets through shows.
pub(super) fn after_write(address: u32, held: u8, written: u8) -> u8 {
    const STATUS_ERRORS: u32 = config::STATUS + 1;
    const DEVICE_STATUS: u32 = EXPRESS + config::EXPRESS_DEVICE_STATUS;
    match address {
        config::STATUS => held,
        STATUS_ERRORS | DEVICE_STATUS => held & !written,
        _ => written,
    }
}

/// Message Control of MSI after a reset (7.7.1.2).
fn message_control() -> u16 {
    let vectors = VECTORS << config::MsiControl::MULTIPLE_CAPABLE.bits().trailing_zeros();
    let able = if fault::is_on(kind::NARROW_MSI, 0) {
        config::MsiControl::empty()
    } else {
        config::MsiControl::ADDRESS_64 | config::MsiControl::VECTOR_MASKING
    };
    vectors | able.bits()
}

/// A VF after its reset, with errors to report.
pub(super) fn virtual_space() -> Box<[u8]> {
    let mut space = alloc::vec![0; VF_SPACE].into_boxed_slice();
    put(&mut space, config::VENDOR_ID, &[0xFF; 4]);
    if fault::is_on(kind::NO_EXPRESS, 0) {
        return space;
    }
    put_express_capability(&mut space, MSI_X);
    let errors = config::Status::CAPABILITIES_LIST
        | config::Status::SIGNALED_SYSTEM_ERROR
        | config::Status::DETECTED_PARITY_ERROR;
    put(&mut space, config::STATUS, &errors.bits().to_le_bytes());
    let errors = config::DeviceStatus::CORRECTABLE_ERROR | config::DeviceStatus::NON_FATAL_ERROR;
    put(
        &mut space,
        EXPRESS + config::EXPRESS_DEVICE_STATUS,
        &errors.bits().to_le_bytes(),
    );
    put(
        &mut space,
        MSI_X,
        &[config::CAPABILITY_MSI_X, MSI.to_le_bytes()[0], 3, 0],
    );
    let [low, high] = message_control().to_le_bytes();
    put(&mut space, MSI, &[config::CAPABILITY_MSI, 0, low, high]);
    space
}
