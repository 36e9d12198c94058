//! The walls between the rooms (ARCHITECTURE.md): what each room must not know, asserted from the source text, the
//! manifests and the tree of dependencies that is really built.
//!
//! A violation names file, line and rule. Every rule is also tried on planted violations, which it must find, and on
//! the same words where they are harmless (comments, literals, test code), which it must ignore.

use std::fmt;

mod files;
mod graph;
mod layers;
mod manifests;
mod rules;
mod source;

use files::Tree;
use rules::{DECIDED_ONCE, LIBRARIES_ARE_QUIET, NOWHERE, ONE_PLACE, PROTOCOL_IS_PURE, Rule};

/// A violation: a name or file that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    file: String,
    line: usize,
    found: String,
    rule: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: `{}` — {}", self.file, self.line, self.found, self.rule)
    }
}

fn none(violations: impl IntoIterator<Item = Violation>) {
    let found: Vec<String> = violations.into_iter().map(|violation| violation.to_string()).collect();
    assert!(found.is_empty(), "{} broken:\n{}", found.len(), found.join("\n"));
}

fn stand(rules: &[Rule]) {
    let sources = source::read_all(&Tree::of_the_project().rust());
    assert!(sources.len() >= 10, "the source text was not found");
    none(rules.iter().flat_map(|rule| rule.broken_in(&sources)));
}

#[test]
fn protocol_has_no_clock_no_chance_no_files_no_sockets_and_no_threads() {
    stand(PROTOCOL_IS_PURE);
}

#[test]
fn each_large_dependency_and_each_check_of_outside_bytes_is_named_in_one_place() {
    stand(ONE_PLACE);
}

#[test]
fn sharing_is_decided_in_one_place_and_each_clock_has_its_readers() {
    stand(DECIDED_ONCE);
}

#[test]
fn library_code_does_not_print_exit_or_read_the_environment() {
    stand(LIBRARIES_ARE_QUIET);
}

#[test]
fn nothing_is_unsafe_batched_or_unbounded() {
    stand(NOWHERE);
}

#[test]
fn the_folders_of_protocol_are_layers_and_no_arrow_runs_upward() {
    let sources = source::read_all(&Tree::of_the_project().rust());
    assert_eq!(layers::unordered(layers::LAYERS, &sources), Vec::<String>::new());
    none(layers::broken(layers::LAYERS, &sources));
}

#[test]
fn protocol_and_texts_reach_no_runtime_network_or_store_and_cli_does_not_reach_node() {
    none(graph::FORBIDDEN.iter().flat_map(|forbidden| forbidden.reached_in(&graph::tree_of(&["-p", forbidden.room]))));
}

#[test]
fn what_is_built_has_one_curve_no_batch_verification_one_registry_and_permissive_licences() {
    let tree = graph::tree_of(&["--workspace"]);
    none(graph::foreign_sources(&tree));
    none(graph::curves(&tree));
    none(graph::licences(&tree, &graph::licences_allowed(&Tree::of_the_project().text("deny.toml"))));
}

#[test]
fn every_room_forbids_unsafe_code_by_the_workspace_lints() {
    none(files::lints(&Tree::of_the_project()));
}

#[test]
fn every_dependency_that_is_listed_is_used() {
    none(manifests::unused(&Tree::of_the_project()));
}

#[test]
fn the_top_level_holds_what_the_house_has_and_nothing_else() {
    none(files::top_level(&Tree::of_the_project()));
}

#[test]
fn every_module_says_in_its_first_line_what_it_is_for() {
    none(files::heads(&Tree::of_the_project()));
}

#[test]
fn a_doc_comment_says_what_its_item_is() {
    none(files::nameless(&Tree::of_the_project()));
}

#[test]
fn no_file_names_a_path_of_someones_machine() {
    none(files::machine_paths(&Tree::of_the_project()));
}

#[test]
fn a_violation_says_where_and_which_rule() {
    let violation = Violation { file: "cli/src/x.rs".into(), line: 3, found: "unsafe".into(), rule: "no".into() };
    assert_eq!(violation.to_string(), "cli/src/x.rs:3: `unsafe` — no");
}
