//! Groups: checks each by itself, and puts its fields in the place of every field that uses it.

mod cycles;

use block_table::{Access, Kind, MAX_BLOCK_LENGTH, MAX_NAME_LENGTH};

use super::context::Context;
use super::field::{BlockContext, structure_fields};
use super::fields::scope_field;
use super::place::{Cursor, name};
use super::{count, structure};
use crate::diagnostic::{Diagnostic, Located, counted, printable};
use crate::expression::rename;
use crate::expression::scope::STANDS_FOR_A_GROUP;
use crate::model::Field;
use crate::syntax::{self, Member, Written};
use crate::types::Type;

/// How deep groups may use each other.
const MAX_DEPTH: usize = 8;

/// The fields that use a group among those that have been replaced by `fields`, with the reason why
/// no expression names them.
pub(super) fn stand_ins(fields: &[syntax::Field]) -> impl Iterator<Item = (String, &'static str)> {
    let members = fields.iter().filter_map(|field| field.member.as_ref());
    members.map(|member| (member.user.clone(), STANDS_FOR_A_GROUP))
}

/// A group whose uses of others are resolved.
struct Definition {
    /// Its fields, with those of other groups among them, each with its first byte; `None` if some
    /// are not valid, which is reported.
    fields: Option<Vec<(usize, syntax::Field)>>,
    length: usize,
    /// How many groups are within each other there.
    depth: usize,
}

/// The groups of a manifest.
struct Groups<'w> {
    written: &'w [syntax::Group],
    /// Whether every group is among them.
    complete: bool,
    resolved: Vec<Option<Definition>>,
    /// Whether a field uses each.
    used: Vec<bool>,
}

/// Replaces the fields of `blocks` that use one of `groups`. Afterwards every array of structures has
/// its type.
pub(super) fn expand(
    groups: &[syntax::Group],
    knows_groups: bool,
    blocks: &mut [syntax::Block],
    context: Context<'_>,
) {
    let mut groups = Groups {
        written: groups,
        complete: knows_groups,
        resolved: groups.iter().map(|_| None).collect(),
        used: vec![false; groups.len()],
    };
    groups.resolve(context);
    for block in blocks {
        block.knows_fields &= groups.put_in(&mut block.fields, context);
        for layout in &mut block.layouts {
            layout.knows_fields &= groups.put_in(&mut layout.fields, context);
            layout.knows_fields &= groups.put_in_entries(&mut layout.lists, context);
            block.knows_fields &= layout.knows_fields;
        }
        block.knows_fields &= groups.put_in_entries(&mut block.lists, context);
    }
    groups.report_unused(context);
}

impl Groups<'_> {
    fn find(&self, name: &str) -> Option<usize> {
        let mut written = self.written.iter();
        written.position(|group| group.name.value == name)
    }

    /// The groups that the fields of a group use, as far as they exist.
    fn used_by(&self, group: usize) -> impl Iterator<Item = (usize, &Located<String>)> {
        let fields = self.written.get(group).map(|group| &group.fields);
        let uses = fields
            .into_iter()
            .flatten()
            .filter_map(|field| field.group.value());
        uses.filter_map(|used| Some((self.find(&used.value)?, used)))
    }

    /// Resolves each group after those that it uses. What remains is circular.
    fn resolve(&mut self, context: Context<'_>) {
        let mut advances = true;
        while advances {
            advances = false;
            for index in 0..self.written.len() {
                let waits = self
                    .used_by(index)
                    .any(|(used, _)| self.resolved[used].is_none());
                if self.resolved[index].is_none() && !waits {
                    let definition = self.define(index, context);
                    self.resolved[index] = Some(definition);
                    advances = true;
                }
            }
        }
        let waits_for = |index: usize| {
            let mut uses = self.used_by(index);
            uses.find(|(used, _)| self.resolved[*used].is_none())
        };
        cycles::report(self.written, &waits_for, context);
    }

    /// Checks a group by itself.
    fn define(&mut self, index: usize, context: Context<'_>) -> Definition {
        let written = &self.written[index];
        let errors = context.sink.error_count();
        let deepest = self
            .used_by(index)
            .max_by_key(|(used, _)| self.resolved[*used].as_ref().map(|group| group.depth));
        let within = |used: usize| self.resolved[used].as_ref().map_or(0, |group| group.depth);
        let depth = 1 + deepest.map_or(0, |(used, _)| within(used));
        let mut fields = written.fields.clone();
        if written.fields.is_empty() && written.knows_fields {
            let message = format!("group `{}` has no fields", printable(&written.name.value));
            let diagnostic = Diagnostic::error(message, &written.name.span, "nothing to use");
            let header = format!("`[[group.{}.field]]`", printable(&written.name.value));
            context
                .sink
                .report(diagnostic.help(format!("add {header} tables")));
        }
        if let Some((_, used)) = deepest.filter(|_| depth == MAX_DEPTH + 1) {
            let message =
                format!("groups are within each other {depth} deep, and may be {MAX_DEPTH}");
            context.sink.error(message, &used.span, "one too many");
        }
        let complete = written.knows_fields && self.put_in(&mut fields, context);
        let placed = sound(&fields, context);
        let is_sound = complete && depth <= MAX_DEPTH && !fields.is_empty();
        let placed = placed.filter(|_| is_sound && context.sink.error_count() == errors);
        Definition {
            length: placed
                .iter()
                .flatten()
                .map(|(_, end, _)| *end)
                .max()
                .unwrap_or(0),
            fields: placed.map(|placed| {
                let placed = placed.into_iter();
                placed.map(|(start, _, field)| (start, field)).collect()
            }),
            depth,
        }
    }

    /// Replaces those of `fields` that use a group, and gives arrays of structures their type.
    /// Returns whether the names of all fields are known then.
    fn put_in(&mut self, fields: &mut Vec<syntax::Field>, context: Context<'_>) -> bool {
        let mut complete = true;
        for field in std::mem::take(fields) {
            if structure::is_array(&field) {
                fields.push(self.array(field, context));
            } else if field.group.is_absent() {
                fields.push(field);
            } else {
                excluded(&field, context);
                let prefix = format!("{}_", name(&field));
                let members = self.members(&field, &prefix, context);
                let members = members.filter(|_| field.name.is_some());
                complete &= members.is_some();
                match members {
                    Some(members) => fields.extend(members),
                    // It keeps its place: what follows it lies at an unknown offset.
                    None => fields.push(field),
                }
            }
        }
        complete
    }

    /// The same for the fields of the entries of `lists`.
    fn put_in_entries(&mut self, lists: &mut [syntax::List], context: Context<'_>) -> bool {
        let entries = lists.iter_mut().flat_map(|list| &mut list.entries);
        entries.fold(true, |complete, entry| {
            entry.knows_fields &= self.put_in(&mut entry.fields, context);
            complete && entry.knows_fields
        })
    }

    /// The array of structures `field` with the fields of its structures and its type.
    fn array(&mut self, mut field: syntax::Field, context: Context<'_>) -> syntax::Field {
        if field.group.is_absent() {
            field.knows_inner &= self.put_in(&mut field.inner, context);
        } else {
            excluded(&field, context);
            let of_group = self.members(&field, "", context);
            field.knows_inner &= of_group.is_some();
            field.inner = of_group.unwrap_or_default();
            field.group = Written::Absent;
        }
        if field.ty.is_none() && !field.has_type {
            field.ty = structures(&field);
        }
        field
    }

    /// The fields that `stand_in` stands for, with `prefix` before their names; `None` if they are not
    /// known, which is reported.
    fn members(
        &mut self,
        stand_in: &syntax::Field,
        prefix: &str,
        context: Context<'_>,
    ) -> Option<Vec<syntax::Field>> {
        let used = stand_in.group.value()?;
        let Some(index) = self.find(&used.value) else {
            self.unknown(used, context);
            return None;
        };
        self.used[index] = true;
        let definition = self.resolved[index].as_ref()?;
        let fields = definition.fields.as_ref()?;
        let own: Vec<&str> = fields.iter().map(|(_, field)| name(field)).collect();
        let errors = context.sink.error_count();
        let members = fields.iter().enumerate().map(|(index, (start, field))| {
            let place = Place {
                start: *start,
                length: definition.length,
                is_first: index == 0,
            };
            member(field, stand_in, place, (prefix, &own), context)
        });
        let members: Option<Vec<_>> = members.collect();
        members.filter(|_| context.sink.error_count() == errors)
    }

    fn unknown(&self, used: &Located<String>, context: Context<'_>) {
        if !self.complete {
            return;
        }
        let message = format!("unknown group `{}`", printable(&used.value));
        let diagnostic = Diagnostic::error(message, &used.span, "no group has this name");
        let names = || self.written.iter().map(|group| group.name.value.as_str());
        context.sink.report(if self.written.is_empty() {
            diagnostic.help("a group is written `[[group.NAME.field]]`, one table for each field")
        } else {
            diagnostic.did_you_mean(&used.value, names())
        });
    }

    fn report_unused(&self, context: Context<'_>) {
        // A use that could not be read may be of any group.
        if context.sink.error_count() > 0 {
            return;
        }
        for (group, _) in self
            .written
            .iter()
            .zip(&self.used)
            .filter(|(_, used)| !**used)
        {
            let message = format!("group `{}` is not used", printable(&group.name.value));
            let diagnostic =
                Diagnostic::warning(message, &group.name.span, "no field has its name");
            context.sink.report(diagnostic.help(format!(
                "a field stands for its fields with `use = \"{}\"`",
                group.name.value
            )));
        }
    }
}

/// The fields of a group with the first byte of each and the one after it, if all are valid.
fn sound(
    fields: &[syntax::Field],
    context: Context<'_>,
) -> Option<Vec<(usize, usize, syntax::Field)>> {
    let around = BlockContext {
        kind: Kind::Register,
        access: Access::ReadWrite,
        min_length: 128,
        length: MAX_BLOCK_LENGTH,
        in_layout: false,
        in_structure: true,
    };
    let checked = structure_fields(fields, Some(0), around, context);
    let names: Vec<_> = fields
        .iter()
        .filter_map(|field| {
            let of_field = |checked: &&Field| checked.name == name(field);
            let offset = checked.iter().find(of_field).map(|checked| checked.offset);
            scope_field(field, offset)
        })
        .collect();
    let hidden: Vec<_> = stand_ins(fields).collect();
    let scope = context.scope(&names, &hidden, checked.len() == fields.len());
    let visible: Vec<&Field> = checked.iter().collect();
    let _ = count::resolve(fields, &visible, scope, context);
    let mut cursor = Cursor::at(Some(0));
    let placed = fields.iter().map(|field| {
        let (start, end) = cursor.place(field)?;
        Some((start, end, field.clone()))
    });
    let placed: Option<Vec<_>> = placed.collect();
    placed.filter(|_| checked.len() == fields.len())
}

/// Where a field lies in its group.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    /// The bytes of the group.
    length: usize,
    is_first: bool,
}

/// The field of a group, as one of the fields that `stand_in` stands for. `own` are the names of all
/// fields of the group.
fn member(
    field: &syntax::Field,
    stand_in: &syntax::Field,
    place: Place,
    (prefix, own): (&str, &[&str]),
    context: Context<'_>,
) -> Option<syntax::Field> {
    let of_group = field.name.as_ref()?;
    let definition = field.member.as_ref();
    let definition = definition.map_or(&of_group.span, |member| &member.definition);
    // Fields of structures are those of the group; others follow from the use.
    let span = match &stand_in.name {
        Some(written) if !prefix.is_empty() => &written.span,
        _ => &of_group.span,
    };
    let full = format!("{prefix}{}", of_group.value);
    if full.len() > MAX_NAME_LENGTH {
        let message = format!(
            "the name `{}` has {}, and may have {MAX_NAME_LENGTH}",
            printable(&full),
            counted(full.len(), "byte")
        );
        let diagnostic = Diagnostic::error(message, span, "with this before the name in the group");
        context
            .sink
            .report(diagnostic.related(definition, "the name in the group"));
        return None;
    }
    let is_own = |name: &str| own.contains(&name).then(|| format!("{prefix}{name}"));
    let docs: Vec<&str> = [&stand_in.doc, &field.doc]
        .into_iter()
        .flatten()
        .map(|doc| doc.trim())
        .collect();
    // What an array of structures says of itself is not said of each of its fields.
    let doc = if prefix.is_empty() {
        field.doc.clone()
    } else {
        (!docs.is_empty()).then(|| docs.join(" "))
    };
    Some(syntax::Field {
        header: stand_in.header.clone(),
        name: Some(Located::new(full, span.clone())),
        doc,
        offset: if prefix.is_empty() {
            Written::Absent
        } else {
            stand_in.offset.clone()
        },
        owner: stand_in.owner.clone().filter(|_| !prefix.is_empty()),
        on_reset: stand_in.on_reset.clone().filter(|_| !prefix.is_empty()),
        count: field.count.as_ref().map(|count| Located {
            value: rename(&count.value, &is_own),
            span: count.span.clone(),
        }),
        member: Some(Member {
            user: name(stand_in).to_owned(),
            start: place.start,
            length: place.length,
            is_first: place.is_first,
            definition: definition.clone(),
        }),
        ..field.clone()
    })
}

/// Reports keys that a field which uses a group cannot have: as an array of structures only their
/// fields, as the keys that no array has are reported for every one.
fn excluded(field: &syntax::Field, context: Context<'_>) {
    let Some(used) = field.group.value() else {
        return;
    };
    let of_group = "give it to a field of the group";
    let inner = field.inner.first().map(|inner| &inner.header);
    let given = if structure::is_array(field) {
        vec![(
            "field",
            inner,
            "the structures have the fields of the group",
        )]
    } else {
        let require = field.require.first().map(|require| &require.span);
        let ty = field.ty.as_ref().map(|ty| &ty.span);
        let default = field.default.as_ref().map(|default| &default.span);
        let bits = field.bits.value().map(|bits| &bits.span);
        let count = field.count.as_ref().map(|count| &count.span);
        let behind = field.behind.as_ref().map(|behind| &behind.span);
        let sequence = field.sequence.as_ref().map(|sequence| &sequence.span);
        let check = field.check.as_ref().map(|check| &check.span);
        vec![
            ("type", ty, "the fields of the group have types"),
            ("default", default, of_group),
            ("valid", field.valid.place(), of_group),
            ("bits", bits, of_group),
            ("count", count, of_group),
            ("behind", behind, of_group),
            (
                "require",
                require,
                "rules over several fields are in `require` of the block",
            ),
            ("sequence", sequence, "a sequence is a field of its own"),
            ("check", check, "a checksum is a field of its own"),
        ]
    };
    for (key, span, label) in given {
        if let Some(span) = span {
            let message = format!(
                "field `{}` stands for a group and has no `{key}`",
                printable(name(field))
            );
            let diagnostic = Diagnostic::error(message, span, label);
            context
                .sink
                .report(diagnostic.related(&used.span, "the group"));
        }
    }
}

/// The type of the structures of `array`, if the lengths of their fields are known and such a
/// structure fits into a block.
fn structures(array: &syntax::Field) -> Option<Located<Type>> {
    let elements = array.elements.value()?;
    let mut cursor = Cursor::at(Some(0));
    let mut length = 0;
    for field in &array.inner {
        let (_, end) = cursor.place(field)?;
        length = end.max(length);
    }
    let length = u8::try_from(length).ok();
    let length = length.filter(|length| (1..=MAX_BLOCK_LENGTH).contains(&(*length).into()))?;
    let ty = Type::Structures {
        length,
        elements: elements.value,
    };
    Some(Located::new(ty, elements.span.clone()))
}
