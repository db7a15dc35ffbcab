//! Generates the C header.

use std::fmt::Write as _;

use super::identifier::{Names, snake, upper};
use super::record::{Content, Member, Record, records};
use crate::model::{Block, Field, Manifest};
use crate::types::{Integer, Type};

/// The includes and macros of the header.
const PROLOGUE: &str = "\
#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>
#else
#include <stddef.h>
#include <stdint.h>
#endif

#if defined(__cplusplus) || defined(_MSC_VER) || defined(__KERNEL__)
#define {P}_ASSERT(condition) static_assert(condition, #condition)
#else
#define {P}_ASSERT(condition) _Static_assert(condition, #condition)
#endif
";

pub(super) fn header(manifest: &Manifest) -> String {
    let mut writer = Writer {
        text: String::new(),
        prefix: upper(&manifest.device().name),
        names: Names::default(),
    };
    writer.manifest(manifest);
    writer.text
}

struct Writer {
    text: String,
    /// The device's name, before every name.
    prefix: String,
    /// Names of macros and structures.
    names: Names,
}

impl Writer {
    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    fn comment(&mut self, indent: &str, text: &str) {
        let text = text.replace("*/", "* /");
        self.line(format!(
            "{indent}/* {} */",
            text.trim().replace('\n', &format!("\n{indent} * "))
        ));
    }

    /// `#define NAME value`, with the device's name before NAME.
    fn define(&mut self, name: &str, value: impl AsRef<str>) {
        let name = self.names.unique(format!("{}_{name}", self.prefix));
        self.line(format!("#define {name} {}", value.as_ref()));
    }

    fn manifest(&mut self, manifest: &Manifest) {
        let prefix = self.prefix.clone();
        let device = manifest.device();
        self.comment("", &format!("VF configuration blocks of {}. Generated from its block manifest: change that instead.", device.name));
        self.line(format!(
            "#ifndef {prefix}_BLOCKS_H\n#define {prefix}_BLOCKS_H\n"
        ));
        self.line(PROLOGUE.replace("{P}", &prefix));
        self.comment("", "PCI IDs of the PF.");
        self.define("VENDOR_ID", format!("0x{:04X}u", device.vendor_id));
        self.define("DEVICE_ID", format!("0x{:04X}u", device.device_id()));
        if device.device_ids.len() > 1 {
            self.comment(
                "",
                "Every device ID that the PF may have, as the initializer of an array.",
            );
            let ids = device.device_ids.iter();
            let ids: Vec<String> = ids.map(|id| format!("0x{id:04X}u")).collect();
            self.define("DEVICE_IDS", format!("{{ {} }}", ids.join(", ")));
            self.define("DEVICE_ID_COUNT", format!("{}u", ids.len()));
        }
        if !manifest.constants().is_empty() {
            self.line("");
            self.comment("", "Constants.");
        }
        for constant in manifest.constants() {
            self.define(&upper(&constant.name), literal(constant.value));
        }
        for known in manifest.enums() {
            self.line("");
            self.comment("", &format!("Values of `{}`.", known.name));
            for member in &known.members {
                self.define(
                    &format!("{}_{}", upper(&known.name), upper(&member.name)),
                    literal(member.value),
                );
            }
        }
        self.line("\n#pragma pack(push, 1)");
        for block in manifest.blocks() {
            self.block(block);
        }
        self.line(format!(
            "\n#pragma pack(pop)\n\n#undef {prefix}_ASSERT\n\n#endif /* {prefix}_BLOCKS_H */"
        ));
    }

    fn block(&mut self, block: &Block) {
        self.line("");
        let doc = block.doc.as_deref().unwrap_or("");
        self.comment(
            "",
            &format!(
                "Block {} \"{}\", {}. {doc}",
                block.id,
                block.name,
                super::markdown::kind_in_words(block)
            ),
        );
        let name = upper(&block.name);
        self.define(&format!("{name}_BLOCK_ID"), format!("{}u", block.id));
        if block.min_length != block.max_length {
            self.define(
                &format!("{name}_MIN_LENGTH"),
                format!("{}u", block.min_length),
            );
        }
        self.define(&format!("{name}_LENGTH"), format!("{}u", block.max_length));
        let inner = block.layouts.iter().flat_map(|layout| &layout.fields);
        for field in block.fields.iter().chain(inner) {
            self.bits(&name, field);
        }
        for record in records(block) {
            self.record(block, &record);
        }
    }

    fn bits(&mut self, block: &str, field: &Field) {
        for bits in &field.bits {
            let name = format!("{block}_{}_{}", upper(&field.name), upper(&bits.name));
            self.define(&format!("{name}_SHIFT"), format!("{}u", bits.low));
            self.define(&format!("{name}_MASK"), literal(bits.mask()));
        }
    }

    fn record(&mut self, block: &Block, record: &Record<'_>) {
        let mut name = format!("{}_{}", snake(&self.prefix), snake(&block.name));
        self.line("");
        if let Some(layout) = record.layout {
            name = format!("{name}_{}", snake(&layout.name));
            let when = layout
                .when
                .as_ref()
                .map_or("no other layout is chosen", |when| when.text.as_str());
            self.comment(
                "",
                &format!(
                    "Block \"{}\" when {when}. {}",
                    block.name,
                    layout.doc.as_deref().unwrap_or("")
                ),
            );
        } else if !block.layouts.is_empty() {
            self.comment(
                "",
                &format!("What all layouts of block \"{}\" share.", block.name),
            );
        }
        let name = self.names.unique(name);
        self.line(format!("struct {name} {{"));
        for member in &record.members {
            self.member(member);
        }
        self.line("};");
        let assert = format!("{}_ASSERT", self.prefix);
        self.line(format!(
            "{assert}(sizeof(struct {name}) == {});",
            block.max_length
        ));
        for member in &record.members {
            self.line(format!(
                "{assert}(offsetof(struct {name}, {}) == {});",
                member.name, member.offset
            ));
        }
    }

    fn member(&mut self, member: &Member<'_>) {
        let field = match member.content {
            Content::Field(field) => field,
            Content::Gap(gap) => {
                self.comment("\t", gap.meaning());
                self.line(format!("\tuint8_t {}[{}];", member.name, member.length));
                return;
            }
        };
        let mut notes: Vec<String> = field.doc.iter().cloned().collect();
        notes.push(super::markdown::rules_in_words(field));
        self.comment("\t", notes.join(" ").trim());
        let mut declaration = format!("\t{} {}", integer_type(field.ty.element()), member.name);
        if !matches!(field.ty, Type::Integer(_)) {
            let _ = write!(declaration, "[{}]", field.ty.elements());
        }
        self.line(declaration + ";");
    }
}

fn integer_type(integer: Integer) -> String {
    format!("uint{}_t", integer.bits())
}

fn literal(value: u64) -> String {
    if u32::try_from(value).is_ok() {
        format!("0x{value:X}u")
    } else {
        format!("0x{value:X}ull")
    }
}
