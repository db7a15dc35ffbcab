//! The management interface from outside: every code, with every length, from every origin.
//!
//! Codes, sizes and offsets are written out here: the driver and the runner have theirs from the
//! same crate, and a wrong value there would match itself. The blocks are those of
//! tests/manifests/checks.toml.

use anyhow::{Result, ensure};
use lab_control::stack as abi;
use pf_broker_client::{Access, Control as _};

use super::ioctl::{Expected, ORIGINS, Origin, expect, passed_on, refused, request};
use crate::check::{Check, is};
use crate::cli::Position;
use crate::session::Session;
use crate::status;

pub(super) const CHECKS: &[Check] = &[
    (
        "every management code with its input, and with a byte more or less",
        inputs,
    ),
    (
        "every management code with its output, and with a byte more or less",
        outputs,
    ),
    (
        "a reserved byte that is not zero is refused by every management code",
        reserved,
    ),
    (
        "VFs and blocks that do not exist are refused by every management code",
        unknown,
    ),
    ("unknown management codes are refused", no_code),
    (
        "a handle opened for reading can query and not change",
        reading_only,
    ),
];

/// One code of the interface.
pub(super) struct Code {
    pub(super) name: &'static str,
    pub(super) number: u32,
    /// Whether a handle that was opened for reading only is allowed to send it.
    looks: bool,
    /// A valid request for VF 1.
    pub(super) input: &'static [u8],
    /// The answer to an input of another length.
    wrong_input: u32,
    /// The places of bytes of the input that must be zero.
    reserved: &'static [usize],
    /// The place of the VF's index in the input.
    vf: Option<usize>,
    /// The place of a block's ID in the input.
    block: Option<usize>,
    /// Bytes of the reply, and `Information`; they differ if the reply can be empty.
    pub(super) output: u32,
    information: u64,
    /// The answer to an output that is a byte too short.
    short_output: u32,
    /// The answer to a valid request.
    answer: u32,
}

/// Reads VF 1 and has no reply; the table below has the differences.
const NOTHING: Code = Code {
    name: "",
    number: 0,
    looks: true,
    input: &[],
    wrong_input: status::INVALID_PARAMETER,
    reserved: &[],
    vf: Some(0),
    block: None,
    output: 0,
    information: 0,
    short_output: status::BUFFER_TOO_SMALL,
    answer: status::SUCCESS,
};

/// A publish of 128 zeros to block 0 that expects no revision.
const BLOCK_0: [u8; 152] = {
    let mut bytes = [0; 152];
    bytes[0] = 1;
    bytes
};

/// A publish to all VFs that expects revision 0.
const EXPECTS_OF_ALL: [u8; 152] = {
    let mut bytes = [0; 152];
    bytes[2] = 1;
    bytes[8] = 1;
    bytes
};

pub(super) const CODES: [Code; 17] = [
    Code {
        name: "QUERY",
        number: 0x0022_6400,
        vf: None,
        output: 88,
        information: 88,
        ..NOTHING
    },
    Code {
        name: "BLOCKS",
        number: 0x0022_6404,
        input: &[0; 4],
        vf: None,
        output: 80,
        information: 80,
        ..NOTHING
    },
    Code {
        name: "STATS",
        number: 0x0022_6408,
        input: &[1, 0, 0, 0],
        reserved: &[2, 3],
        output: 264,
        information: 264,
        ..NOTHING
    },
    Code {
        name: "BLOCK_STATS",
        number: 0x0022_640C,
        input: &[1, 0, 0, 0, 0, 0, 0, 0],
        reserved: &[2, 3],
        block: Some(4),
        output: 56,
        information: 56,
        ..NOTHING
    },
    Code {
        name: "READ",
        number: 0x0022_6410,
        input: &[1, 0, 0, 0, 0, 0, 0, 0],
        reserved: &[2, 3],
        block: Some(4),
        output: 136,
        information: 136,
        short_output: status::INVALID_BUFFER_SIZE,
        ..NOTHING
    },
    Code {
        name: "PUBLISH",
        number: 0x0022_E414,
        looks: false,
        input: &BLOCK_0,
        wrong_input: status::INVALID_BUFFER_SIZE,
        // A scope, flags, reserved bytes, and a revision that is not expected.
        reserved: &[
            2, 3, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
        ],
        block: Some(4),
        ..NOTHING
    },
    Code {
        name: "INVALIDATE",
        number: 0x0022_E418,
        looks: false,
        input: &[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        reserved: &[2, 3, 4, 5, 6, 7],
        ..NOTHING
    },
    Code {
        name: "DRAIN",
        number: 0x0022_E41C,
        looks: false,
        input: &[1, 0, 0, 0, 1, 0, 0, 0],
        reserved: &[2, 3],
        block: Some(4),
        output: 132,
        ..NOTHING
    },
    Code {
        name: "RESET",
        number: 0x0022_E420,
        looks: false,
        input: &[1, 0, 0, 0],
        reserved: &[2, 3],
        ..NOTHING
    },
    Code {
        name: "POWER",
        number: 0x0022_E424,
        looks: false,
        input: &[1, 0, 0, 0],
        // The high byte of a state: only four states exist.
        reserved: &[3],
        ..NOTHING
    },
    Code {
        name: "JOURNAL",
        number: 0x0022_6428,
        input: &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        reserved: &[2, 3, 4, 5, 6, 7],
        output: 40,
        information: 40,
        ..NOTHING
    },
    Code {
        name: "HOST_REFUSALS",
        number: 0x0022_6430,
        vf: None,
        output: 200,
        information: 200,
        ..NOTHING
    },
    // Resets since the start, and VF 1 was reset above.
    Code {
        name: "CHANGES",
        number: 0x0022_6434,
        input: &[
            4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
        // Of the flags there is one; two bytes of the cookie are reserved.
        reserved: &[3, 4, 5, 6, 7, 42, 43],
        vf: None,
        output: 64,
        information: 64,
        ..NOTHING
    },
    // No reset of these blocks is to be acknowledged.
    Code {
        name: "ACKNOWLEDGE",
        number: 0x0022_E438,
        looks: false,
        input: &[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        reserved: &[2, 3, 4, 5, 6, 7],
        answer: status::DEVICE_NOT_READY,
        ..NOTHING
    },
    // After its end the table has no bytes.
    Code {
        name: "TABLE",
        number: 0x0022_643C,
        input: &[0xFF; 4],
        vf: None,
        output: 1,
        ..NOTHING
    },
    Code {
        name: "CLOCK",
        number: 0x0022_6440,
        vf: None,
        output: 8,
        information: 8,
        ..NOTHING
    },
    Code {
        name: "LOCATION",
        number: 0x0022_6444,
        input: &[1, 0, 0, 0],
        reserved: &[2, 3],
        output: 4,
        information: 4,
        ..NOTHING
    },
];

impl Code {
    pub(super) fn served(&self) -> Expected {
        Expected::Answer(self.answer, self.information)
    }
}

/// Sends a request of a code from every origin.
fn everywhere(
    session: &Session,
    code: &Code,
    what: &str,
    input: &[u8],
    output: u32,
    expected: Expected,
) -> Result<()> {
    for origin in ORIGINS {
        let what = format!("{} with {what}", code.name);
        let ask = managing(origin, code.number, input, output);
        expect(session, &what, &ask, expected)?;
    }
    Ok(())
}

/// A request as if from user mode is sent through the management interface.
fn managing(origin: Origin, code: u32, input: &[u8], output: u32) -> abi::Request {
    let mut ask = request(origin, code, input, output);
    if origin.user {
        ask.file = abi::file::MANAGEMENT;
    }
    ask
}

fn inputs(session: &mut Session) -> Result<()> {
    for code in &CODES {
        let served = code.served();
        everywhere(session, code, "its input", code.input, code.output, served)?;
        let wrong = refused(code.wrong_input);
        let longer = [code.input, &[0]].concat();
        everywhere(
            session,
            code,
            "a byte more of input",
            &longer,
            code.output,
            wrong,
        )?;
        let Some((_, shorter)) = code.input.split_last() else {
            continue;
        };
        everywhere(
            session,
            code,
            "a byte less of input",
            shorter,
            code.output,
            wrong,
        )?;
        let none = refused(status::INVALID_PARAMETER);
        everywhere(session, code, "no input", &[], code.output, none)?;
    }
    Ok(())
}

fn outputs(session: &mut Session) -> Result<()> {
    for code in CODES.iter().filter(|code| code.output > 0) {
        for (output, short) in [
            (code.output - 1, code.short_output),
            (0, status::BUFFER_TOO_SMALL),
        ] {
            let what = format!("{output} bytes of output");
            everywhere(session, code, &what, code.input, output, refused(short))?;
        }
        // In a read of a block, the output after the revision has the requested length.
        let long = if code.name == "READ" {
            refused(code.short_output)
        } else {
            code.served()
        };
        let output = code.output + 1;
        everywhere(session, code, "a byte more", code.input, output, long)?;
    }
    Ok(())
}

fn reserved(session: &mut Session) -> Result<()> {
    for code in &CODES {
        for &place in code.reserved {
            let mut input = code.input.to_vec();
            input[place] = 1;
            let what = format!("a one in byte {place}");
            let expected = refused(status::INVALID_PARAMETER);
            everywhere(session, code, &what, &input, code.output, expected)?;
        }
    }
    Ok(())
}

fn unknown(session: &mut Session) -> Result<()> {
    ensure!(session.vfs == 4, "the table is about 4 VFs");
    for code in &CODES {
        for vf in [4_u16, 0x0101, 0xFFFE, 0xFFFF] {
            let Some(place) = code.vf else { continue };
            let mut input = code.input.to_vec();
            input[place..place + 2].copy_from_slice(&vf.to_le_bytes());
            let expected = refused(status::INVALID_PARAMETER);
            let what = format!("VF {vf}");
            everywhere(session, code, &what, &input, code.output, expected)?;
        }
        for block in [2_u32, 64, 0x100, 0x0100_0000, u32::MAX] {
            let Some(place) = code.block else { continue };
            let mut input = code.input.to_vec();
            input[place..place + 4].copy_from_slice(&block.to_le_bytes());
            let expected = refused(status::NOT_FOUND);
            let what = format!("block {block}");
            everywhere(session, code, &what, &input, code.output, expected)?;
        }
    }
    let others: [(&str, u32, &[u8], u32, u32); 7] = [
        (
            "READ without room for the revision",
            0x0022_6410,
            &[1, 0, 0, 0, 0, 0, 0, 0],
            7,
            status::BUFFER_TOO_SMALL,
        ),
        (
            "READ of no bytes",
            0x0022_6410,
            &[1, 0, 0, 0, 0, 0, 0, 0],
            8,
            status::INVALID_BUFFER_SIZE,
        ),
        (
            "PUBLISH to all VFs that expects a revision",
            0x0022_E414,
            &EXPECTS_OF_ALL,
            0,
            status::INVALID_PARAMETER,
        ),
        (
            "INVALIDATE of block 2",
            0x0022_E418,
            &[1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0],
            0,
            status::NOT_SUPPORTED,
        ),
        (
            "POWER to state 4",
            0x0022_E424,
            &[1, 0, 4, 0],
            0,
            status::INVALID_PARAMETER,
        ),
        (
            "READ of a stream",
            0x0022_6410,
            &[1, 0, 0, 0, 1, 0, 0, 0],
            136,
            status::INVALID_DEVICE_REQUEST,
        ),
        (
            "DRAIN of a register",
            0x0022_E41C,
            &[1, 0, 0, 0, 0, 0, 0, 0],
            132,
            status::INVALID_DEVICE_REQUEST,
        ),
    ];
    for (what, code, input, output, status) in others {
        let ask = request(Origin::KERNEL, code, input, output);
        expect(session, what, &ask, refused(status))?;
    }
    Ok(())
}

fn no_code(session: &mut Session) -> Result<()> {
    // Of these codes a filter reserves those for the management interface, and passes on the others
    // unless they come through a file of that interface.
    const FOREIGN: [u32; 2] = [0x0022_63FC, 0x0022_6401];
    // The neighbours of the codes, and codes with the access bits of others.
    for code in [
        0x0022_63FC,
        0x0022_6438,
        0x0022_E43C,
        0x0022_6448,
        // The code of the former WAIT.
        0x0022_642C,
        0x0022_E400,
        0x0022_6414,
        0x0022_6401,
    ] {
        for origin in ORIGINS {
            let ask = managing(origin, code, &BLOCK_0, 256);
            let is_foreign = FOREIGN.contains(&code) && ask.file != abi::file::MANAGEMENT;
            if session.bench.position == Position::UpperFilter && is_foreign {
                passed_on(
                    session,
                    "a foreign code",
                    &ask,
                    status::INVALID_DEVICE_REQUEST,
                )?;
                continue;
            }
            let expected = refused(status::INVALID_DEVICE_REQUEST);
            expect(session, "an unknown code", &ask, expected)?;
        }
    }
    Ok(())
}

fn reading_only(session: &mut Session) -> Result<()> {
    let handle = session.open_management(Access::Look)?;
    for code in &CODES {
        let mut output = vec![0; usize::try_from(code.output)?];
        let (status, information) = match handle.control(code.number, code.input, &mut output) {
            Ok(bytes) => (status::SUCCESS, u64::try_from(bytes)?),
            Err(status) => (status, 0),
        };
        let (expected, bytes) = if code.looks {
            (status::SUCCESS, code.information)
        } else {
            (status::ACCESS_DENIED, 0)
        };
        is(code.name, status, expected)?;
        ensure!(
            information == bytes,
            "{}: {information} bytes instead of {bytes}",
            code.name
        );
    }
    Ok(())
}
