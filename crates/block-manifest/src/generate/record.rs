//! The structures of a block: one for a block without layouts; otherwise one for the fields that
//! all layouts share, and one for each layout.

use super::identifier::{Names, member};
use crate::model::{Block, Entry, Field, Layout, LengthCounts, List};
use crate::types::Integer;

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

/// What an entry of a list begins with.
#[derive(Clone, Copy)]
pub(super) struct Header {
    /// Its type.
    pub(super) integer: Integer,
    /// Its value in an entry without more bytes than those of its fields.
    pub(super) value: i128,
    /// The comment on it.
    pub(super) meaning: &'static str,
}

/// The content of a place in a structure.
pub(super) enum Content<'m> {
    /// A field.
    Field(&'m Field),
    /// The entries of a list.
    List(&'m List),
    /// The tag or the length of an entry.
    Header(Header),
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
        members: members(block, &[], block.list.as_ref(), gap),
    };
    let layouts = block.layouts.iter().map(|layout| Record {
        layout: Some(layout),
        members: members(block, &layout.fields, layout.list.as_ref(), Gap::Zero),
    });
    std::iter::once(own).chain(layouts).collect()
}

fn members<'m>(
    block: &'m Block,
    others: &'m [Field],
    list: Option<&'m List>,
    gap: Gap,
) -> Vec<Member<'m>> {
    let mut contents = fields(block.fields.iter().chain(others));
    contents.extend(list.map(|list| Named {
        name: &list.name,
        offset: list.offset.into(),
        length: list.length.into(),
        content: Content::List(list),
    }));
    in_order(contents, block.max_length, gap)
}

/// The kinds of entries of a block: those of its own list without a layout, and those of each layout.
pub(super) fn entries(block: &Block) -> impl Iterator<Item = (Option<&Layout>, &List, &Entry)> {
    let own = block.list.iter().map(|list| (None, list));
    let of_layouts = block
        .layouts
        .iter()
        .filter_map(|layout| Some((Some(layout), layout.list.as_ref()?)));
    own.chain(of_layouts)
        .flat_map(|(layout, list)| list.entries.iter().map(move |entry| (layout, list, entry)))
}

/// The members of an entry of a list.
pub(super) fn entry_members<'m>(list: &'m List, entry: &'m Entry) -> Vec<Member<'m>> {
    let tag_width = usize::from(list.tag_type.width());
    let header = list.header(entry.tag.value, entry.length);
    let (tag, length) = header.split_at(tag_width);
    let mut contents = vec![
        Named {
            name: "tag",
            offset: 0,
            length: tag_width,
            content: Content::Header(Header {
                integer: list.tag_type,
                value: list.tag_type.decode(tag),
                meaning: "The tag.",
            }),
        },
        Named {
            name: "length",
            offset: tag_width,
            length: list.length_type.width().into(),
            content: Content::Header(Header {
                integer: list.length_type,
                value: list.length_type.decode(length),
                meaning: match list.length_counts {
                    LengthCounts::Entry => "The bytes of the entry.",
                    LengthCounts::Value => "The bytes after tag and length.",
                },
            }),
        },
    ];
    contents.extend(fields(&entry.structure.fields));
    in_order(contents, entry.length, Gap::Zero)
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
    in_order(self::fields(fields), field.ty.element_length(), Gap::Zero)
}

/// What lies between gaps, with the name that it has in the manifest.
struct Named<'m> {
    name: &'m str,
    offset: usize,
    length: usize,
    content: Content<'m>,
}

fn fields<'m>(fields: impl IntoIterator<Item = &'m Field>) -> Vec<Named<'m>> {
    let named = fields.into_iter().map(|field| Named {
        name: &field.name,
        offset: field.offset.into(),
        length: field.ty.length(),
        content: Content::Field(field),
    });
    named.collect()
}

/// The defaults of `members`.
pub(super) fn defaults(members: &[Member<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for member in members {
        match &member.content {
            Content::Field(field) => bytes.extend_from_slice(&field.default),
            Content::List(list) => bytes.extend_from_slice(&list.default),
            Content::Header(header) => bytes.extend(header.integer.encode(header.value)),
            Content::Gap(_) => bytes.resize(bytes.len() + member.length, 0),
        }
    }
    bytes
}

/// `contents` and the gaps between them, in `length` bytes.
fn in_order(mut contents: Vec<Named<'_>>, length: u8, gap: Gap) -> Vec<Member<'_>> {
    contents.sort_by_key(|named| named.offset);
    let mut names = Names::default();
    // Fields get their names first, so that a gap is renamed and not a field.
    let with_names: Vec<(String, Named<'_>)> = contents
        .into_iter()
        .map(|named| (names.unique(member(named.name)), named))
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
    for (name, named) in with_names {
        fill(next, named.offset, &mut members);
        next = named.offset + named.length;
        members.push(Member {
            name,
            offset: named.offset,
            length: named.length,
            content: named.content,
        });
    }
    fill(next, length.into(), &mut members);
    members
}

impl<'m> Member<'m> {
    /// The field at this place.
    pub(super) const fn field(&self) -> Option<&'m Field> {
        match self.content {
            Content::Field(field) => Some(field),
            Content::List(_) | Content::Header(_) | Content::Gap(_) => None,
        }
    }
}
