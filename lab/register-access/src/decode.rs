//! The decoder.

/// Where the operand that is not in memory comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A general register by its number: 0 is RAX, 4 is RSP, 15 is R15.
    Register(u8),
    /// A constant of the instruction, extended to 64 bits as the instruction extends it.
    Constant(u64),
}

/// What an instruction does with its operand in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Writes the operand to memory.
    Store(Operand),
    /// Reads memory into a general register, of which as many bytes as given change; 4 bytes clear
    /// the upper half of the register.
    Load {
        /// The register's number.
        register: u8,
        /// Bytes of it that change.
        changes: u8,
    },
    /// Sets the flags as `cmp memory, operand` does.
    Compare(Operand),
    /// Sets the flags as `cmp operand, memory` does.
    CompareWith(Operand),
    /// Sets the flags as `test memory, operand` does.
    Test(Operand),
}

/// An instruction with one operand in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What it does.
    pub action: Action,
    /// Bytes that it reads or writes: 1, 2, 4 or 8.
    pub width: u8,
    /// Its own length in bytes.
    pub length: u8,
}

/// The bytes of an instruction, in order.
struct Bytes<'c> {
    code: &'c [u8],
    at: usize,
}

impl Bytes<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.code.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    /// A little-endian constant of `bytes` bytes, at most 4, sign-extended.
    fn constant(&mut self, bytes: u8) -> Option<u64> {
        let mut value = 0_u64;
        for place in 0..u32::from(bytes) {
            value |= u64::from(self.next()?) << (8 * place);
        }
        let unused = 64 - 8 * u32::from(bytes);
        Some(
            (value << unused)
                .cast_signed()
                .wrapping_shr(unused)
                .cast_unsigned(),
        )
    }
}

/// The prefixes of an instruction.
#[derive(Clone, Copy, Default)]
struct Prefixes {
    /// 66h: operands of 16 bits.
    short: bool,
    /// The REX prefix; 0 without one.
    rex: u8,
}

impl Prefixes {
    /// The width of operands that are no bytes.
    fn width(self) -> u8 {
        match (self.rex & 8 != 0, self.short) {
            (true, _) => 8,
            (false, true) => 2,
            (false, false) => 4,
        }
    }

    /// The number of a byte register; none for AH, CH, DH and BH, which no number here names.
    fn byte_register(self, register: u8) -> Option<u8> {
        (self.rex != 0 || register < 4).then_some(register)
    }
}

/// Decodes the instruction at the start of `code`; `None` for one that is not known here, whose
/// operands are all registers, or that `code` does not hold whole.
#[must_use]
pub fn decode(code: &[u8]) -> Option<Instruction> {
    let mut bytes = Bytes { code, at: 0 };
    let mut prefixes = Prefixes::default();
    let mut opcode = bytes.next()?;
    if opcode == 0x66 {
        prefixes.short = true;
        opcode = bytes.next()?;
    }
    if opcode & 0xF0 == 0x40 {
        prefixes.rex = opcode;
        opcode = bytes.next()?;
    }
    let wide = prefixes.width();
    let (action, width) = if opcode == 0x0F {
        extended(&mut bytes, prefixes)?
    } else {
        // The lowest bit of these opcodes tells bytes from wider operands.
        let width = if opcode & 1 == 0 { 1 } else { wide };
        (one_byte(&mut bytes, prefixes, opcode, width)?, width)
    };
    Some(Instruction {
        action,
        width,
        length: u8::try_from(bytes.at).ok()?,
    })
}

/// `movzx`, whose opcode has two bytes.
fn extended(bytes: &mut Bytes<'_>, prefixes: Prefixes) -> Option<(Action, u8)> {
    let width = match bytes.next()? {
        0xB6 => 1,
        0xB7 => 2,
        _ => return None,
    };
    let register = memory_operand(bytes, prefixes)?;
    // What it extends to has at least 4 bytes where it matters: 4 bytes clear the upper half.
    let changes = prefixes.width();
    Some((Action::Load { register, changes }, width))
}

fn one_byte(bytes: &mut Bytes<'_>, prefixes: Prefixes, opcode: u8, width: u8) -> Option<Action> {
    let register = memory_operand(bytes, prefixes)?;
    let named = |register| {
        if width == 1 {
            prefixes.byte_register(register)
        } else {
            Some(register)
        }
    };
    // In the opcodes with a constant the register's number selects the operation.
    let operation = register & 7;
    let mut constant = |bytes_of_it| bytes.constant(bytes_of_it).map(Operand::Constant);
    Some(match opcode {
        0x88 | 0x89 => Action::Store(Operand::Register(named(register)?)),
        0x8A | 0x8B => Action::Load {
            register: named(register)?,
            changes: width,
        },
        0xC6 | 0xC7 if operation == 0 => Action::Store(constant(width.min(4))?),
        0x38 | 0x39 => Action::Compare(Operand::Register(named(register)?)),
        0x3A | 0x3B => Action::CompareWith(Operand::Register(named(register)?)),
        0x80 | 0x81 if operation == 7 => Action::Compare(constant(width.min(4))?),
        0x83 if operation == 7 => Action::Compare(constant(1)?),
        0x84 | 0x85 => Action::Test(Operand::Register(named(register)?)),
        0xF6 | 0xF7 if operation == 0 => Action::Test(constant(width.min(4))?),
        _ => return None,
    })
}

/// Passes over the operand in memory; the number in the field for the other operand. `None` if both
/// operands are registers. The exception has the address, so it is not computed here.
fn memory_operand(bytes: &mut Bytes<'_>, prefixes: Prefixes) -> Option<u8> {
    let form = bytes.next()?;
    let (mode, base) = (form >> 6, form & 7);
    let has_index = mode != 3 && base == 4;
    let index_base = if has_index { bytes.next()? & 7 } else { base };
    let displacement = match mode {
        0 if index_base == 5 => 4,
        0 => 0,
        1 => 1,
        2 => 4,
        _ => return None,
    };
    for _ in 0..displacement {
        bytes.next()?;
    }
    // REX.R is bit 3 of the number.
    Some((form >> 3 & 7) | (prefixes.rex & 4) << 1)
}

#[cfg(test)]
mod tests {
    use super::{Action, Instruction, Operand, decode};

    fn is(code: &[u8], action: Action, width: u8) {
        let length = u8::try_from(code.len()).unwrap();
        let expected = Instruction {
            action,
            width,
            length,
        };
        // What follows does not matter; without its last byte it is no whole instruction.
        let mut followed = code.to_vec();
        followed.extend([0xCC; 8]);
        assert_eq!(decode(&followed), Some(expected), "{code:02x?}");
        assert_eq!(decode(&code[..code.len() - 1]), None, "{code:02x?}");
    }

    fn load(register: u8, changes: u8) -> Action {
        Action::Load { register, changes }
    }

    #[test]
    fn stores() {
        let register = |number| Action::Store(Operand::Register(number));
        is(&[0x89, 0x08], register(1), 4); // mov [rax], ecx
        is(&[0x44, 0x89, 0x41, 0x10], register(8), 4); // mov [rcx+10h], r8d
        is(&[0x48, 0x89, 0x94, 0xC8, 0, 0x10, 0, 0], register(2), 8); // mov [rax+rcx*8+1000h], rdx
        is(&[0x66, 0x89, 0x02], register(0), 2); // mov [rdx], ax
        is(&[0x88, 0x01], register(0), 1); // mov [rcx], al
        is(&[0x40, 0x88, 0x31], register(6), 1); // mov [rcx], sil
        is(&[0x41, 0x89, 0x04, 0x24], register(0), 4); // mov [r12], eax
        is(&[0x89, 0x05, 1, 2, 3, 4], register(0), 4); // mov [rip+4030201h], eax
        is(&[0x89, 0x04, 0x25, 1, 2, 3, 4], register(0), 4); // mov [4030201h], eax
    }

    #[test]
    fn stores_of_constants() {
        let constant = |value| Action::Store(Operand::Constant(value));
        is(&[0xC7, 0x00, 1, 0, 0, 0], constant(1), 4); // mov dword ptr [rax], 1
        is(&[0xC7, 0x40, 0x10, 0, 0, 0, 0], constant(0), 4); // mov dword ptr [rax+10h], 0
        is(&[0x66, 0xC7, 0x00, 2, 1], constant(0x102), 2); // mov word ptr [rax], 102h
        is(&[0xC6, 0x00, 9], constant(9), 1); // mov byte ptr [rax], 9
        is(
            &[0x48, 0xC7, 0x00, 0xFE, 0xFF, 0xFF, 0xFF],
            constant(u64::MAX - 1),
            8,
        ); // mov qword ptr [rax], -2
    }

    #[test]
    fn loads() {
        is(&[0x8B, 0x00], load(0, 4), 4); // mov eax, [rax]
        is(&[0x44, 0x8B, 0x7C, 0x0A, 0x14], load(15, 4), 4); // mov r15d, [rdx+rcx+14h]
        is(&[0x48, 0x8B, 0x01], load(0, 8), 8); // mov rax, [rcx]
        is(&[0x66, 0x8B, 0x01], load(0, 2), 2); // mov ax, [rcx]
        is(&[0x8A, 0x01], load(0, 1), 1); // mov al, [rcx]
        is(&[0x0F, 0xB6, 0x01], load(0, 4), 1); // movzx eax, byte ptr [rcx]
        is(&[0x0F, 0xB7, 0x41, 2], load(0, 4), 2); // movzx eax, word ptr [rcx+2]
    }

    #[test]
    fn comparisons() {
        is(
            &[0x83, 0x38, 0xFF],
            Action::Compare(Operand::Constant(u64::MAX)),
            4,
        ); // cmp dword ptr [rax], -1
        is(
            &[0x81, 0x38, 0, 1, 0, 0],
            Action::Compare(Operand::Constant(256)),
            4,
        ); // cmp dword ptr [rax], 100h
        is(&[0x39, 0x08], Action::Compare(Operand::Register(1)), 4); // cmp [rax], ecx
        is(
            &[0x3B, 0x48, 4],
            Action::CompareWith(Operand::Register(1)),
            4,
        ); // cmp ecx, [rax+4]
        is(&[0xF6, 0x00, 1], Action::Test(Operand::Constant(1)), 1); // test byte ptr [rax], 1
        is(
            &[0xF7, 0x00, 1, 0, 0, 0],
            Action::Test(Operand::Constant(1)),
            4,
        ); // test dword ptr [rax], 1
        is(&[0x85, 0x10], Action::Test(Operand::Register(2)), 4); // test [rax], edx
    }

    #[test]
    fn others_are_not_decoded() {
        for code in [
            &[0x89, 0xC8][..],      // mov eax, ecx
            &[0x88, 0x21],          // mov [rcx], ah
            &[0x03, 0x01],          // add eax, [rcx]
            &[0xFF, 0x00],          // inc dword ptr [rax]
            &[0xF3, 0xA4],          // rep movsb
            &[0x0F, 0x11, 0x00],    // movups [rax], xmm0
            &[0x83, 0x00, 1],       // add dword ptr [rax], 1
            &[0xF0, 0x0F, 0xC1, 0], // lock xadd [rax], eax
        ] {
            assert_eq!(decode(code), None, "{code:02x?}");
        }
    }
}
