use pf_broker_abi as abi;
use pf_broker_abi::Refusal;
use pf_broker_client::{Control, Device};
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::{Request, Transfer, explain};

/// A driver with four VFs that refuses everything but queries of its VFs and blocks; it may refuse
/// those of blocks, too.
struct Refusing {
    refusal: Refusal,
    blocks: bool,
}

impl Control for Refusing {
    fn control(&self, code: u32, _: &[u8], output: &mut [u8]) -> Result<usize, u32> {
        let answer = match code {
            abi::IOCTL_QUERY => {
                let mut query = abi::QueryReply::new_zeroed();
                query.abi_version = abi::ABI_VERSION;
                query.num_vfs = 4;
                query.as_bytes().to_vec()
            }
            abi::IOCTL_BLOCKS if self.blocks => [
                block(0, b"status", 16, 16),
                block(7, b"com\x1bmand", 4, 64),
                block(70, b"events", 8, 8),
            ]
            .as_bytes()
            .to_vec(),
            _ => return Err(self.refusal.status()),
        };
        output[..answer.len()].copy_from_slice(&answer);
        Ok(answer.len())
    }
}

fn block(id: u32, name: &[u8], min: u16, max: u16) -> abi::BlockInfo {
    let mut block = abi::BlockInfo::new_zeroed();
    block.id = id;
    block.name[..name.len()].copy_from_slice(name);
    (block.min_length, block.max_length) = (min, max);
    block.prefix_reads = u8::from(id == 7);
    block
}

/// The message for a read that the device refuses with this reason.
fn shown(refusal: Refusal, request: Request) -> String {
    let device = Device::new(Refusing {
        refusal,
        blocks: true,
    })
    .expect("the same version");
    let error = device.stats(0).expect_err("refused");
    let failure = explain(&device, request, error);
    assert_eq!(failure.exit_code(), 1, "a finding, as any refusal");
    failure.with_causes()
}

fn of_block(block: u32, transfer: Transfer) -> Request {
    Request {
        vf: Some(64),
        block: Some(block),
        transfer,
    }
}

#[test]
fn a_vf_that_does_not_exist_is_answered_with_those_that_do() {
    let text = shown(Refusal::Vf, of_block(0, Transfer::Nothing));
    assert!(
        text.starts_with("VF 64: VFs are 0 to 3: the driver answers 0xC000000D (vf)"),
        "{text}"
    );
}

#[test]
fn a_block_that_does_not_exist_is_answered_with_those_that_do() {
    let text = shown(Refusal::Block, of_block(9, Transfer::Read(128)));
    assert!(
        text.starts_with(r"block 9: blocks are 0 (status), 7 (com\u{1b}mand), 70 (events): the"),
        "{text}"
    );
    let text = shown(Refusal::Invalidate, Request::default());
    assert!(
        text.starts_with(r"blocks to invalidate are 0 (status), 7 (com\u{1b}mand): the"),
        "{text}"
    );
}

#[test]
fn a_length_that_does_not_fit_is_answered_with_those_that_do() {
    for (request, words) in [
        (
            of_block(0, Transfer::Read(8)),
            "block 0 (status) is read with 16 to 128 bytes, not 8: ",
        ),
        (
            of_block(7, Transfer::Read(129)),
            r"block 7 (com\u{1b}mand) is read with 1 to 128 bytes, not 129: ",
        ),
        (
            of_block(0, Transfer::Write(17)),
            "block 0 (status) is written with 16 bytes, not 17: ",
        ),
        (
            of_block(7, Transfer::Write(3)),
            r"block 7 (com\u{1b}mand) is written with 4 to 64 bytes, not 3: ",
        ),
    ] {
        let text = shown(Refusal::Length, request);
        assert!(text.starts_with(words), "{text}");
    }
}

#[test]
fn a_block_of_the_other_kind_is_answered_with_the_command_for_it() {
    let text = shown(Refusal::Kind, of_block(0, Transfer::Drain));
    assert!(text.contains("is a register: `pfbctl read`"), "{text}");
    let text = shown(Refusal::Kind, of_block(70, Transfer::Read(8)));
    assert!(text.contains("is a stream: `pfbctl drain`"), "{text}");
}

#[test]
fn a_refusal_stays_as_it_is_where_nothing_more_is_known() {
    let text = shown(Refusal::Value, of_block(0, Transfer::Write(16)));
    assert!(text.starts_with("the driver answers 0xC0000475"), "{text}");
    let device = Device::new(Refusing {
        refusal: Refusal::Length,
        blocks: false,
    })
    .expect("the same version");
    let error = device.stats(0).expect_err("refused");
    let text = explain(&device, of_block(0, Transfer::Read(8)), error).with_causes();
    assert!(text.starts_with("the driver answers 0xC0000206"), "{text}");
}
