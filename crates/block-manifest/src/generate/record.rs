//! The structures of a block: one for a block without layouts; otherwise one for the fields that
//! all layouts share, and one for each layout.

use super::identifier::{Names, member};
use crate::model::{Block, Field, Layout};

/// One structure.
pub(super) struct Record<'m> {
    /// Its layout; `None` for the block itself.
    pub(super) layout: Option<&'m Layout>,
    /// Its members in the order of their offsets, without gaps from the first byte of the block to
    /// the last.
    pub(super) members: Vec<Member<'m>>,
}

/// One member of a structure.
pub(super) struct Member<'m> {
    /// A name that no other member has.
    pub(super) name: String,
    pub(super) offset: usize,
    pub(super) length: usize,
    pub(super) content: Content<'m>,
}

/// Bytes that no field covers.
#[derive(Clone, Copy)]
pub(super) enum Gap {
    /// Reserved.
    Zero,
    /// The bytes of an opaque block.
    Opaque,
    /// Bytes of layouts, in the structure that all layouts share.
    OfLayouts,
}

impl Gap {
    /// The prefix of the name of such bytes.
    const fn name(self) -> &'static str {
        match self {
            Self::Zero => "reserved",
            Self::Opaque => "bytes",
            Self::OfLayouts => "layout",
        }
    }

    /// The comment on such bytes.
    pub(super) const fn meaning(self) -> &'static str {
        match self {
            Self::Zero => "Zero.",
            Self::Opaque => "Any bytes.",
            Self::OfLayouts => "As the layout says.",
        }
    }
}

/// The content of a place in a structure.
pub(super) enum Content<'m> {
    /// A field.
    Field(&'m Field),
    /// Bytes that no field covers.
    Gap(Gap),
}

/// The structures of `block`.
pub(super) fn records(block: &Block) -> Vec<Record<'_>> {
    let gap = match (block.is_opaque(), block.layouts.is_empty()) {
        (true, _) => Gap::Opaque,
        (false, true) => Gap::Zero,
        (false, false) => Gap::OfLayouts,
    };
    let own = Record {
        layout: None,
        members: members(block, &[], gap),
    };
    let layouts = block.layouts.iter().map(|layout| Record {
        layout: Some(layout),
        members: members(block, &layout.fields, Gap::Zero),
    });
    std::iter::once(own).chain(layouts).collect()
}

fn members<'m>(block: &'m Block, others: &'m [Field], gap: Gap) -> Vec<Member<'m>> {
    let fields = block.fields.iter().chain(others).collect();
    in_order(fields, block.max_length, gap)
}

/// The arrays of structures of a block: its own ones without a layout, and those of each layout.
pub(super) fn arrays(block: &Block) -> impl Iterator<Item = (Option<&Layout>, &Field)> {
    let own = block.fields.iter().map(|field| (None, field));
    let layouts = block.layouts.iter();
    let of_layouts =
        layouts.flat_map(|layout| layout.fields.iter().map(move |field| (Some(layout), field)));
    own.chain(of_layouts)
        .filter(|(_, field)| field.structure.is_some())
}

/// The members of a structure of the array `field`.
pub(super) fn element_members(field: &Field) -> Vec<Member<'_>> {
    let fields = field.structure.iter().flat_map(|inner| &inner.fields);
    in_order(fields.collect(), field.ty.element_length(), Gap::Zero)
}

/// The defaults of `members`.
pub(super) fn defaults(members: &[Member<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for member in members {
        match member.field() {
            Some(field) => bytes.extend_from_slice(&field.default),
            None => bytes.resize(bytes.len() + member.length, 0),
        }
    }
    bytes
}

/// `fields` and the gaps between them, in `length` bytes.
fn in_order(mut fields: Vec<&Field>, length: u8, gap: Gap) -> Vec<Member<'_>> {
    fields.sort_by_key(|field| field.offset);
    let mut names = Names::default();
    // Fields get their names first, so that a gap is renamed and not a field.
    let with_names: Vec<(String, &Field)> = fields
        .into_iter()
        .map(|field| (names.unique(member(&field.name)), field))
        .collect();
    let mut members = Vec::new();
    let mut next = 0;
    let mut fill = |from: usize, to: usize, members: &mut Vec<Member<'_>>| {
        if from < to {
            let name = names.unique(format!("{}_{from}", gap.name()));
            members.push(Member {
                name,
                offset: from,
                length: to - from,
                content: Content::Gap(gap),
            });
        }
    };
    for (name, field) in with_names {
        let offset = usize::from(field.offset);
        fill(next, offset, &mut members);
        members.push(Member {
            name,
            offset,
            length: field.ty.length(),
            content: Content::Field(field),
        });
        next = field.end();
    }
    fill(next, length.into(), &mut members);
    members
}

impl<'m> Member<'m> {
    /// The field at this place.
    pub(super) const fn field(&self) -> Option<&'m Field> {
        match self.content {
            Content::Field(field) => Some(field),
            Content::Gap(_) => None,
        }
    }
}
