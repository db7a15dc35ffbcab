//! Snapshots of the diagnostics for wrong manifests.
//!
//! `cargo insta review` accepts a changed wording; read every one as its user would.

use block_manifest::Manifest;

/// Both the diagnostics of `text` and how many errors and warnings they are.
fn report(name: &str, text: &str) -> String {
    let name = format!("{name}.toml");
    match Manifest::parse(&name, text) {
        Ok(manifest) => format!(
            "{}\n\n{} warning(s)",
            manifest.warnings(),
            manifest.warnings().warning_count()
        ),
        Err(diagnostics) => format!(
            "{diagnostics}\n\n{} error(s), {} warning(s)",
            diagnostics.error_count(),
            diagnostics.warning_count()
        ),
    }
}

macro_rules! snapshots {
    ($($(#[doc = $doc:literal])* $test:ident => $file:literal,)*) => {
        $(
            $(#[doc = $doc])*
            #[test]
            fn $test() {
                insta::assert_snapshot!($file, report($file, include_str!(concat!("diagnostics/", $file, ".toml"))));
            }
        )*
    };
}

snapshots! {
    five_different_mistakes_give_five_diagnostics_in_one_run => "five-mistakes",
    unknown_missing_and_ill_typed_keys_are_named => "keys",
    blocks_that_contradict_themselves_or_each_other_are_refused => "blocks",
    fields_that_overlap_leave_the_block_or_make_no_sense_are_refused => "fields",
    values_and_rules_that_no_write_could_meet_are_refused => "values",
    expressions_are_refused_at_the_place_that_is_wrong => "expressions",
    layouts_that_can_never_be_chosen_are_refused => "layouts",
    facts_about_a_write_have_their_names_and_their_place => "context",
    blocks_that_cannot_be_used_are_named => "uses",
    structures_are_refused_at_the_key_that_is_wrong => "structures",
    mac_addresses_are_refused_at_the_key_that_is_wrong => "mac",
    rules_that_overflow_where_they_hold_are_a_warning => "overflow",
    groups_are_refused_where_they_are_defined_or_where_they_are_used => "groups",
    groups_that_use_themselves_or_are_too_deep_are_refused => "circular-groups",
    checksums_that_cover_nothing_or_contradict_other_keys_are_refused => "checksums",
    lists_are_refused_at_the_key_that_is_wrong => "lists",
    rules_on_bits_are_refused_like_those_on_fields => "bits",
    constants_that_do_not_fit_or_do_not_exist_are_named => "constants",
    signed_integers_are_refused_where_they_do_not_fit => "signed",
    toml_errors_are_shown_like_all_others => "syntax",
    words_of_other_languages_are_answered_with_those_of_this_one => "other-languages",
    arrays_of_tables_in_single_brackets_are_named => "single-brackets",
    a_field_before_any_block_is_named => "field-before-block",
    a_mistake_is_reported_once_and_with_its_extent => "consequences",
    what_is_valid_and_probably_not_meant_is_a_warning => "warnings",
}

#[test]
fn colour_is_only_there_when_asked_for() {
    let diagnostics =
        Manifest::parse("keys.toml", include_str!("diagnostics/keys.toml")).unwrap_err();
    assert!(diagnostics.render(true, None).contains('\u{1b}'));
    assert!(!diagnostics.render(false, None).contains('\u{1b}'));
}
