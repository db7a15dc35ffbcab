//! `pfbctl encode` and `pfbctl decode`: between the fields of a block and its bytes.

use std::io::Write;

use block_manifest::Manifest;
use block_table::Writer;

use crate::cli::{self, Sender};
use crate::failure::Failure;
use crate::fields::{self, Decoded};
use crate::json;
use crate::printable::printable;
use crate::source;
use crate::style::{FAINT, HEADING};

/// `pfbctl encode`.
pub(crate) fn encode(arguments: &cli::Encode, out: &mut dyn Write) -> Result<(), Failure> {
    let manifest = source::manifest(&arguments.manifest)?;
    let block = source::block(&manifest, &arguments.block)?;
    let writer = match arguments.sender {
        Some(Sender::Vf) => Writer::Vf,
        None if block.vf_access.writable() => Writer::Vf,
        Some(Sender::Pf) | None => Writer::Pf,
    };
    let table = manifest.compile();
    let table = source::verify(&arguments.manifest, &table)?;
    let compiled = table.find(block.id).and_then(|index| table.block(index));
    let base = compiled.map(|block| *block.default_image());
    let base = base.unwrap_or([0; block_table::MAX_BLOCK_LENGTH]);
    let refused = |problem| Failure::Argument {
        argument: "FIELD=VALUE",
        problem,
    };
    let bytes =
        fields::encode(&manifest, block, writer, &base, &arguments.fields).map_err(refused)?;
    fields::judge(&table, block, writer, &bytes).map_err(refused)?;
    Ok(writeln!(out, "{}", hex::encode(bytes))?)
}

/// `pfbctl decode`.
pub(crate) fn decode(arguments: &cli::Decode, out: &mut dyn Write) -> Result<(), Failure> {
    let manifest: Manifest = source::manifest(&arguments.manifest)?;
    let block = source::block(&manifest, &arguments.block)?;
    let decoded = fields::decode(&manifest, block, &arguments.data.0);
    if arguments.form.json {
        return json::document(out, &decoded);
    }
    print(&decoded, out)
}

/// Prints the fields, one a line.
pub(crate) fn print(decoded: &Decoded, out: &mut dyn Write) -> Result<(), Failure> {
    if let Some(layout) = &decoded.layout {
        writeln!(out, "{HEADING}layout {layout}{HEADING:#}")?;
    }
    let names = decoded.fields.iter().map(|field| field.name.len());
    let width = names.max().unwrap_or(0);
    for field in &decoded.fields {
        let text = printable(&field.text);
        writeln!(out, "{FAINT}{:<width$}{FAINT:#}  {text}", field.name)?;
    }
    Ok(())
}

/// The fields in one line.
pub(crate) fn in_one_line(decoded: &Decoded) -> String {
    let layout = decoded.layout.iter().map(|layout| format!("[{layout}]"));
    let fields = decoded
        .fields
        .iter()
        .map(|field| format!("{}={}", field.name, printable(&field.text)));
    layout.chain(fields).collect::<Vec<_>>().join(" ")
}
