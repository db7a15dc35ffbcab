//! Cycles of a graph of imports, and sentences about them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Display;

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;

/// Groups of nodes that all reach each other: the strongly connected components of more than one.
pub(crate) fn groups<N: Ord + Clone>(edges: &BTreeSet<(N, N)>) -> Vec<BTreeSet<N>> {
    let mut graph = DiGraph::<N, ()>::new();
    let mut indices = BTreeMap::new();
    for node in edges.iter().flat_map(|(from, to)| [from, to]) {
        indices
            .entry(node)
            .or_insert_with(|| graph.add_node(node.clone()));
    }
    for (from, to) in edges {
        graph.add_edge(indices[from], indices[to], ());
    }
    let groups = tarjan_scc(&graph).into_iter();
    groups
        .filter(|group| group.len() > 1)
        .map(|group| {
            group
                .into_iter()
                .map(|index| graph[index].clone())
                .collect()
        })
        .collect()
}

/// A shortest cycle through the first node of `group`, which is a group of [`groups`].
pub(crate) fn shortest<N: Ord + Clone>(edges: &BTreeSet<(N, N)>, group: &BTreeSet<N>) -> Vec<N> {
    let inside = |node: &N| {
        let node = node.clone();
        edges
            .iter()
            .filter(move |(from, to)| *from == node && group.contains(to))
            .map(|(_, to)| to.clone())
    };
    let best = group.iter().filter_map(|start| {
        let mut queue = VecDeque::from([vec![start.clone()]]);
        let mut seen = BTreeSet::new();
        while let Some(way) = queue.pop_front() {
            for next in way.last().into_iter().flat_map(inside) {
                if next == *start {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    queue.push_back([&way[..], &[next]].concat());
                }
            }
        }
        None
    });
    best.min_by_key(Vec::len).unwrap_or_default()
}

/// `a imports b (line 3: crate::b), which imports a (…)`, where `place` tells the place of an edge.
pub(crate) fn sentence<N: Display>(cycle: &[N], place: impl Fn(&N, &N) -> String) -> String {
    let imports = cycle.iter().enumerate().map(|(index, from)| {
        let to = &cycle[(index + 1) % cycle.len()];
        let subject = if index == 0 {
            from.to_string()
        } else {
            ", which".to_owned()
        };
        format!("{subject} imports {to}{}", place(from, to))
    });
    imports.collect()
}
