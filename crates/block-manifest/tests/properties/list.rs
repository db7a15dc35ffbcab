//! Lists of entries, judged from the model, and lists that a writer might send.

use std::collections::HashSet;

use block_manifest::{Behind, Field, LengthCounts, List, Unknown};
use block_table::{Image, ListFault, Rule};

use super::{Facts, fields, judged, owns, plausible_field, reserved};

/// Reads the number at the beginning of `bytes`, and returns the bytes after it.
fn number(bytes: &[u8], integer: block_manifest::Integer) -> Option<(u64, &[u8])> {
    let (bytes, rest) = bytes.split_at_checked(integer.width().into())?;
    let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    let value = if integer.big_endian {
        bytes.iter().fold(0, join)
    } else {
        bytes.iter().rev().fold(0, join)
    };
    Some((value, rest))
}

/// Judges the list in `image` as its owner has written it.
pub(super) fn judge(list: &List, image: &Image, facts: Facts<'_>) -> Result<(), Rule> {
    if !owns(list.owner, facts.writer) {
        return Ok(());
    }
    let wrong = |fault| Err(Rule::List(fault));
    let sent = &image[..facts.length];
    let mut rest = sent.get(list.offset.into()..).unwrap_or(&[]);
    let header = u64::from(list.tag_type.width()) + u64::from(list.length_type.width());
    let mut seen = HashSet::new();
    loop {
        if rest.is_empty() {
            return match list.end {
                Some(_) => wrong(ListFault::Unended),
                None => Ok(()),
            };
        }
        let Some((tag, after_tag)) = number(rest, list.tag_type) else {
            return wrong(ListFault::Cut);
        };
        let ends = list.end.as_ref().is_some_and(|end| end.value == tag);
        let entry = list.entries.iter().find(|entry| entry.tag.value == tag);
        if ends && entry.is_none() {
            return behind(list, after_tag);
        }
        let Some((length, _)) = number(after_tag, list.length_type) else {
            return wrong(ListFault::Cut);
        };
        let size = match list.length_counts {
            LengthCounts::Entry => length,
            LengthCounts::Value => length.saturating_add(header),
        };
        if size < header {
            return wrong(ListFault::Short);
        }
        let size = usize::try_from(size).expect("64 bits");
        let Some((bytes, after)) = rest.split_at_checked(size) else {
            return wrong(ListFault::Cut);
        };
        match entry {
            None => {
                let marked = tag & list.except != 0;
                if marked == (list.unknown == Unknown::Skip) {
                    return wrong(ListFault::Unknown);
                }
            }
            Some(entry) => {
                if !seen.insert(tag) && entry.once {
                    return wrong(ListFault::Repeated);
                }
                if bytes.len() < entry.length.into() {
                    return wrong(ListFault::Short);
                }
                let mut own = [0; 128];
                own[..bytes.len()].copy_from_slice(bytes);
                fields(&entry.structure.fields, &own, image, facts)?;
                // Tag and length are no gap.
                let (value, behind_fields) = bytes.split_at(entry.length.into());
                let mut gaps = [0; 128];
                let header = usize::try_from(header).expect("few");
                gaps[header..value.len()].copy_from_slice(&value[header..]);
                let all: Vec<&Field> = entry.structure.fields.iter().collect();
                reserved(&all, None, &gaps)?;
                judged(&entry.structure.require, &own, image, facts)?;
                if entry.behind == Behind::Zero && behind_fields.iter().any(|byte| *byte != 0) {
                    return Err(Rule::Reserved);
                }
            }
        }
        rest = after;
        if ends {
            return behind(list, rest);
        }
    }
}

fn behind(list: &List, rest: &[u8]) -> Result<(), Rule> {
    if list.behind == Behind::Zero && rest.iter().any(|byte| *byte != 0) {
        return Err(Rule::List(ListFault::AfterEnd));
    }
    Ok(())
}

/// Puts a list into the `length` bytes of a write: known entries and others, most of which end where
/// the list does.
pub(super) fn plausible(list: &List, image: &mut Image, random: &Image, length: usize, seed: u64) {
    let mut state = seed | 1;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(97);
        usize::try_from(state >> 40).expect("24 bits") % below
    };
    let header = usize::from(list.header_length());
    let end = list.end_bytes();
    let mut at = usize::from(list.offset);
    let mut latest = None;
    while next(4) != 0 {
        let kind = list.entries.get(next(list.entries.len() + 1));
        let (tag, size) = match kind {
            Some(entry) => {
                let size = usize::from(entry.length) + usize::from(next(4) == 0);
                (entry.tag.value, size - usize::from(next(16) == 0))
            }
            None => (next(300) as u64, header + next(3)),
        };
        let start = at;
        if start + size + end.len() > length {
            break;
        }
        let start = u8::try_from(start).expect("in a block");
        if let Some(entry) = kind {
            for field in entry.structure.fields_at("entry", start) {
                if field.end() <= length {
                    plausible_field(&field, random, image);
                }
            }
        }
        let bytes = list.header(tag, u8::try_from(size).expect("in a block"));
        image[at..at + bytes.len()].copy_from_slice(&bytes);
        latest = Some((at, tag));
        at += size;
    }
    if at + end.len() <= length {
        image[at..at + end.len()].copy_from_slice(&end);
    }
    if let (Some((start, tag)), None) = (latest, &list.end) {
        let size = u8::try_from(length - start).expect("in a block");
        let bytes = list.header(tag, size);
        image[start..start + bytes.len()].copy_from_slice(&bytes);
    }
}
