//! Reading a manifest takes bounded time, whatever it contains: deep trees and long searches are
//! limited.

use std::time::{Duration, Instant};

use block_manifest::Manifest;

/// A manifest of one block with a `require` of `rules` over the field `a` of type `ty`.
fn with_rules(rules: &[String], ty: &str) -> String {
    format!(
        "[device]\nname = \"d\"\nvendor-id = 1\ndevice-id = 1\nmax-vfs = 1\n[[block]]\nid = 0\nname = \"b\"\n\
         vf-access = \"read-write\"\nlength = 8\nrequire = {rules:?}\n[[block.field]]\nname = \"a\"\ntype = \"{ty}\"\n"
    )
}

fn messages(text: &str) -> Vec<String> {
    match Manifest::parse("work.toml", text) {
        Ok(_) => Vec::new(),
        Err(diagnostics) => diagnostics
            .iter()
            .map(|diagnostic| diagnostic.message.clone())
            .collect(),
    }
}

#[test]
fn a_long_chain_is_refused_before_a_tree_is_made_of_it() {
    for (term, joiner, end) in [
        ("a", " + ", " == 0"),
        ("a == 1", " || ", ""),
        ("a == 1", " && ", ""),
    ] {
        let chain = vec![term; 20_000].join(joiner) + end;
        let messages = messages(&with_rules(&[chain], "u8"));
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(
            messages[0].ends_with("names, numbers and symbols, and may have 1024"),
            "{messages:?}"
        );
    }
}

#[test]
fn an_expression_has_1024_tokens_and_no_more() {
    // Constants are evaluated at once, so a long sum of them is one instruction.
    let sum = |numbers: usize| vec!["1"; numbers].join(" + ") + " == a";
    assert_eq!(messages(&with_rules(&[sum(511)], "u32")), [""; 0]);
    assert_eq!(
        messages(&with_rules(&[format!("!({})", sum(510))], "u32")),
        [""; 0]
    );
    assert_eq!(
        messages(&with_rules(&[sum(512)], "u32")),
        ["the expression has 1025 names, numbers and symbols, and may have 1024"]
    );
}

#[test]
fn an_expression_is_nested_64_deep_and_no_deeper() {
    let nested = |depth: usize| format!("{}a == 1{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(messages(&with_rules(&[nested(64)], "u8")), [""; 0]);
    assert_eq!(
        messages(&with_rules(&[nested(65)], "u8")),
        ["the expression is nested more than 64 deep"]
    );
}

#[test]
fn as_many_rules_as_there_may_be_are_judged_within_the_budget_of_their_block() {
    // Interval arithmetic refutes no such rule, and only the last value satisfies all of them.
    let rule = |index: u32| format!("a * a != {} || a == 65535", index * 4 + 3);
    let slow: Vec<String> = (0..255)
        .map(rule)
        .chain(["a * a == 4294836225".into()])
        .collect();
    // Each of these is refuted by trying all values, until the budget ends.
    let never: Vec<String> = (0..256)
        .map(|index| format!("a * a == {}", index * 4 + 3))
        .collect();
    let begin = Instant::now();
    assert_eq!(messages(&with_rules(&slow, "u16")), [""; 0]);
    let refused = messages(&with_rules(&never, "u16"));
    assert!(
        (10..256).contains(&refused.len()),
        "{} are refused",
        refused.len()
    );
    assert!(
        begin.elapsed() < Duration::from_secs(30),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_rule_that_never_holds_is_found_beside_one_that_is_beyond_every_search() {
    let mut text = with_rules(&["b > 5".into(), "a * a == 3".into()], "u16");
    text += "[[block.field]]\nname = \"b\"\ntype = \"u32\"\n";
    assert_eq!(messages(&text), ["the rule `a * a == 3` can never hold"]);
}

#[test]
fn a_condition_on_a_field_without_values_is_no_second_error() {
    for rule in ["a != 0", "a != 5", "a == 3", "a < 9", "!(a != 0)"] {
        let text = with_rules(&[rule.into()], "u8") + "valid = { min = 5, max = 0 }\n";
        let messages = messages(&text);
        assert_eq!(
            messages,
            ["no u8 meets this `valid`: the rule can never hold"],
            "{rule}"
        );
    }
}

#[test]
fn a_write_takes_4096_comparisons_and_no_more() {
    // Each rule takes 128 instructions and one more to be judged, and rules that need no stack are
    // joined.
    let manifest = |terms: usize| {
        let mut rules = vec![format!("a{} == 7", " + 1 - 1".repeat(63)); 31];
        rules.push(format!("a{} == {}", " + 1".repeat(terms), terms + 7));
        with_rules(&rules, "u32")
    };
    let takes = |comparisons: u32| {
        format!("a write of block `b` takes {comparisons} comparisons, and may take 4096")
    };
    // 31 times 129 and 97.
    assert_eq!(messages(&manifest(94)), [""; 0]);
    assert_eq!(messages(&manifest(95)), [takes(4097)]);
}
