//! Groups that use themselves.

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, Located, listed, printable};
use crate::syntax::Group;

/// A group, and its use of another one.
type Use<'g> = (usize, &'g Located<String>);

/// Reports each circle among `groups`. `waits_for` gives a use in a group of one that is not resolved,
/// if it has any: so have all that are not.
pub(super) fn report<'g>(
    groups: &'g [Group],
    waits_for: &dyn Fn(usize) -> Option<Use<'g>>,
    context: Context<'_>,
) {
    let mut seen = vec![false; groups.len()];
    for start in 0..groups.len() {
        let mut path: Vec<Use<'_>> = Vec::new();
        let mut next = start;
        while !seen[next]
            && let Some((used, name)) = waits_for(next)
        {
            seen[next] = true;
            path.push((next, name));
            next = used;
        }
        if let Some(begin) = path.iter().position(|(group, _)| *group == next) {
            circle(groups, &path[begin..], context);
        }
    }
}

/// Reports a circle: each group in it, with its use of the next one.
fn circle(groups: &[Group], path: &[Use<'_>], context: Context<'_>) {
    let name = |group: usize| printable(&groups[group].name.value);
    let Some(((first, used), others)) = path.split_first() else {
        return;
    };
    let through = if others.is_empty() {
        String::new()
    } else {
        let names: Vec<String> = others.iter().map(|(group, _)| name(*group)).collect();
        format!(" through {}", listed(names.iter().map(String::as_str)))
    };
    let message = format!("group `{}` uses itself{through}", name(*first));
    let diagnostic = Diagnostic::error(message, &used.span, "its fields would have no end");
    let diagnostic = others.iter().fold(diagnostic, |diagnostic, (group, used)| {
        diagnostic.related(&used.span, format!("`{}` uses this", name(*group)))
    });
    context.sink.report(diagnostic);
}
