//! One line of the ETW double's log: a call with its arguments.

use anyhow::{Context as _, Result, bail, ensure};

/// A recorded call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The IRQL of the calling thread.
    pub(crate) irql: u8,
    /// The registration that `EtwRegister` returned, or that was passed to another function.
    pub(crate) handle: u64,
    pub(crate) function: Function,
}

/// The function that was called, with its other arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Register {
        /// The bytes of the GUID.
        provider: Vec<u8>,
        /// The address of the enable callback; 0 for none.
        callback: u64,
    },
    SetInformation {
        /// `EVENT_INFO_CLASS`
        class: i32,
        information: Vec<u8>,
    },
    WriteTransfer {
        /// The bytes of the `EVENT_DESCRIPTOR`.
        descriptor: Vec<u8>,
        data: Vec<Data>,
    },
    Unregister,
}

/// An `EVENT_DATA_DESCRIPTOR` with the bytes that it points to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Data {
    /// `Reserved`: the type in the lowest byte, then zeros.
    pub(crate) kind: u32,
    pub(crate) bytes: Vec<u8>,
}

impl Call {
    /// Reads a line of the log.
    ///
    /// # Errors
    /// When the line is no call of one of the four functions, or an argument is missing or NULL.
    pub(crate) fn read(line: &str) -> Result<Self> {
        Self::parse(line).with_context(|| format!("no call of Event Tracing: {line}"))
    }

    fn parse(line: &str) -> Result<Self> {
        let (name, rest) = line.split_once(' ').context("no arguments")?;
        let mut arguments = Arguments(rest);
        let irql = arguments.number("irql")?.try_into()?;
        let (handle, function) = match name {
            "EtwRegister" => {
                let provider = arguments.bytes("provider")?;
                let callback = arguments.number("callback")?;
                let handle = arguments.number("handle")?;
                (handle, Function::Register { provider, callback })
            }
            "EtwSetInformation" => {
                let handle = arguments.number("handle")?;
                let class = arguments.argument("class")?.parse()?;
                let information = arguments.bytes("information")?;
                (handle, Function::SetInformation { class, information })
            }
            "EtwWriteTransfer" => {
                let handle = arguments.number("handle")?;
                let descriptor = arguments.bytes("descriptor")?;
                let count = arguments.number("count")?;
                let data = (0..count)
                    .map(|_| arguments.data())
                    .collect::<Result<_>>()?;
                (handle, Function::WriteTransfer { descriptor, data })
            }
            "EtwUnregister" => (arguments.number("handle")?, Function::Unregister),
            _ => bail!("no function {name}"),
        };
        ensure!(arguments.0.is_empty(), "more arguments: {}", arguments.0);
        Ok(Self {
            irql,
            handle,
            function,
        })
    }

    /// The name of the function.
    pub(crate) const fn name(&self) -> &'static str {
        match self.function {
            Function::Register { .. } => "EtwRegister",
            Function::SetInformation { .. } => "EtwSetInformation",
            Function::WriteTransfer { .. } => "EtwWriteTransfer",
            Function::Unregister => "EtwUnregister",
        }
    }
}

/// The arguments that are still to be read: `name=value`, with a blank before each but the first.
struct Arguments<'l>(&'l str);

impl<'l> Arguments<'l> {
    /// Takes the name of the next argument off the front.
    fn name(&mut self, name: &str) -> Result<()> {
        let rest = self.0.trim_start_matches(' ').strip_prefix(name);
        let rest = rest.and_then(|rest| rest.strip_prefix('='));
        self.0 = rest.with_context(|| format!("no {name}"))?;
        Ok(())
    }

    /// Takes an argument without blanks off the front.
    fn argument(&mut self, name: &str) -> Result<&'l str> {
        self.name(name)?;
        let (value, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        self.0 = rest;
        Ok(value)
    }

    fn number(&mut self, name: &str) -> Result<u64> {
        let value = self.argument(name)?;
        let number = match value.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => value.parse(),
        };
        number.with_context(|| format!("{name} is no number"))
    }

    fn bytes(&mut self, name: &str) -> Result<Vec<u8>> {
        self.name(name)?;
        self.quoted()
            .with_context(|| format!("{name} has no bytes"))
    }

    fn data(&mut self) -> Result<Data> {
        self.name("data")?;
        let (kind, _) = self.0.split_once('"').context("data without bytes")?;
        self.0 = &self.0[kind.len()..];
        let kind = kind.parse().context("data without a type")?;
        let bytes = self.quoted().context("data without an end")?;
        Ok(Data { kind, bytes })
    }

    /// Takes bytes in quotation marks off the front, escaped as `escape_ascii` does.
    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut characters = self.0.strip_prefix('"')?.chars();
        loop {
            bytes.push(match characters.next()? {
                '"' => break,
                '\\' => match characters.next()? {
                    't' => b'\t',
                    'r' => b'\r',
                    'n' => b'\n',
                    'x' => {
                        let digits = characters.as_str().get(..2)?;
                        characters.nth(1)?;
                        u8::from_str_radix(digits, 16).ok()?
                    }
                    itself @ ('\\' | '\'' | '"') => itself.try_into().ok()?,
                    _ => return None,
                },
                ascii => ascii.try_into().ok()?,
            });
        }
        self.0 = characters.as_str();
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Arguments, Call, Data, Function};

    #[test]
    fn every_function_is_read_with_its_arguments() {
        let call = |irql, handle, function| Call {
            irql,
            handle,
            function,
        };
        let lines = [
            (
                r#"EtwRegister irql=0 provider="\x01 \"" callback=0xf0 handle=0xa"#,
                call(
                    0,
                    10,
                    Function::Register {
                        provider: b"\x01 \"".into(),
                        callback: 0xF0,
                    },
                ),
            ),
            (
                r#"EtwSetInformation irql=1 handle=0xa class=-2 information="\x04\x00P\x00""#,
                call(
                    1,
                    10,
                    Function::SetInformation {
                        class: -2,
                        information: b"\x04\0P\0".into(),
                    },
                ),
            ),
            (
                r#"EtwWriteTransfer irql=2 handle=0xb descriptor="d" count=2 data=2"x y" data=256"""#,
                call(
                    2,
                    11,
                    Function::WriteTransfer {
                        descriptor: b"d".into(),
                        data: vec![
                            Data {
                                kind: 2,
                                bytes: b"x y".into(),
                            },
                            Data {
                                kind: 256,
                                bytes: Vec::new(),
                            },
                        ],
                    },
                ),
            ),
            (
                "EtwUnregister irql=0 handle=0xb",
                call(0, 11, Function::Unregister),
            ),
        ];
        for (line, call) in lines {
            let name = line.split(' ').next().unwrap();
            assert_eq!(Call::read(line).unwrap(), call);
            assert_eq!(call.name(), name);
        }
    }

    #[test]
    fn null_and_other_lines_are_no_calls() {
        for line in [
            "",
            "panicked at lab/etw/src/functions.rs:1:1:",
            "EtwFlush irql=0 handle=0xa",
            "EtwUnregister irql=0",
            "EtwUnregister irql=256 handle=0xa",
            "EtwUnregister irql=0 handle=0xa more=1",
            "EtwRegister irql=0 provider=NULL callback=0x0 handle=0xa",
            "EtwSetInformation irql=0 handle=0xa class=2 information=NULL",
            "EtwWriteTransfer irql=0 handle=0xa descriptor=NULL count=0",
            r#"EtwWriteTransfer irql=0 handle=0xa descriptor="" count=1"#,
            r#"EtwWriteTransfer irql=0 handle=0xa descriptor="" count=1 data=0NULL"#,
            r#"EtwWriteTransfer irql=0 handle=0xa descriptor="" count=1 data=0"x"#,
            r#"EtwWriteTransfer irql=0 handle=0xa descriptor="" count=1 data=0"\y""#,
        ] {
            assert!(Call::read(line).is_err(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn escaped_bytes_read_back_as_they_were(bytes in any::<Vec<u8>>()) {
            let text = format!("bytes=\"{}\"", bytes.escape_ascii());
            let mut arguments = Arguments(&text);
            prop_assert_eq!(arguments.bytes("bytes").unwrap(), bytes);
            prop_assert_eq!(arguments.0, "");
        }
    }
}
