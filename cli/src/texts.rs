//! Every text that people read, in one place and in everyday words, so that a further language is one more such place.

mod codes;
pub(crate) mod demo;
pub(crate) mod dispute;
pub(crate) mod doctor;
pub(crate) mod names;
pub(crate) mod precedents;
pub(crate) mod sharing;

use std::{fmt::Display, io, path::Path, process::ExitStatus, time::Duration};

use protocol::control::{NodeState, Problem, RecordKind};

use crate::secret::Which;

pub(crate) use codes::meaning;

pub(crate) const NO_HOME: &str = "there is no home folder, and none was named";
pub(crate) const TOO_LARGE: &str = "it is too large";
pub(crate) const OTHER_REPLY: &str = "the node answered something else than was asked";
pub(crate) const UNLIKE: &str = "the two passphrases differ";
pub(crate) const PROMPT_AGAIN: &str = "The same again: ";

pub(crate) const RECORD_ID: &str = "id";
pub(crate) const STAGE: &str = "stage";
pub(crate) const NEVER: &str = "never yet";
pub(crate) const NO_PEERS: &str = "no other organisation or device yet: nothing to keep up with";
pub(crate) const FILE_VALUE: &str = "a file";
pub(crate) const CHOSEN: &str = "  (chosen)";

pub(crate) const CLAIM_COLUMNS: [&str; 4] = ["who says so", "when", "grade", "source"];
pub(crate) const CONFLICT_COLUMNS: [&str; 2] = ["what", "value"];
pub(crate) const FIELD_COLUMNS: [&str; 3] = ["field", "value", "shown as"];
pub(crate) const ENTRY_COLUMNS: [&str; 1] = ["entry"];
pub(crate) const PLAIN_COLUMNS: [&str; 3] = ["what", "value", "field"];
pub(crate) const IMPORT_COLUMNS: [&str; 4] = ["in the file", "kind", "pseudonym", "statements"];
pub(crate) const PEER_COLUMNS: [&str; 5] = ["organisation", "connection", "copy", "last the same", "node"];
pub(crate) const CIRCLE_COLUMNS: [&str; 5] = ["circle", "who may read", "entries", "split", "id"];
pub(crate) const NODE_ROWS: [&str; 8] =
    ["organisation", "registry", "case files", "dockets", "organisation id", "registry id", "node id", "listening at"];

/// What happened and why, findings, what to try next, and the code.
pub(crate) fn failure(problem: &Problem) -> String {
    use crate::render::standing::bad;
    let Problem { code, message, next, details } = problem;
    let mut lines = vec![bad(message)];
    lines.extend(details.iter().map(|detail| format!("    {detail}")));
    if !next.is_empty() {
        lines.push(format!("  next: {next}"));
    }
    lines.push(format!("  {code}: `habeas help {code}` says more"));
    lines.join("\n")
}

pub(crate) fn alarm(problem: &Problem) -> String {
    format!("{} — {} ({})", problem.message, problem.next, problem.code)
}

pub(crate) fn as_of(moment: &str) -> String {
    format!("as of {moment}")
}

pub(crate) fn unreadable(path: &Path, why: &dyn Display) -> String {
    format!("{} cannot be read: {why}", path.display())
}

pub(crate) fn unwritten(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be written: {error}", path.display())
}

pub(crate) const fn prompt(which: Which) -> &'static str {
    match which {
        Which::Device => "Passphrase of this device: ",
        Which::Root => "Root passphrase of the organisation: ",
    }
}

pub(crate) const fn new_prompt(which: Which) -> &'static str {
    match which {
        Which::Device => "New passphrase of this device (twelve characters or five words at least): ",
        Which::Root => "New root passphrase of the organisation (another one; it signs for all of you): ",
    }
}

pub(crate) fn name_a_file_with(flag: &str) -> String {
    format!("name a file that holds it with {flag} FILE")
}

pub(crate) const fn nobody_to_ask(which: Which) -> &'static str {
    match which {
        Which::Device => "the passphrase of this device is needed, and there is nobody to ask",
        Which::Root => "the organisation's root passphrase is needed, and there is nobody to ask",
    }
}

pub(crate) fn not_typed(which: Which, error: &io::Error) -> String {
    format!("{} ({error})", nobody_to_ask(which))
}

pub(crate) fn no_program(program: &Path, error: &io::Error) -> String {
    format!("the node's program {} cannot be started: {error}", program.display())
}

pub(crate) fn node_ended(status: ExitStatus) -> String {
    format!("the node ended before it had answered ({status})")
}

pub(crate) fn not_answering(time_max: Duration) -> String {
    format!("the node was started and has not answered for {} seconds", time_max.as_secs())
}

/// The first line of a status that cannot be read.
pub(crate) const SHARED_UNKNOWN: &str = "What is shared shows when it is unlocked.";

/// The first line of every status.
pub(crate) fn shared(shared: u64, cases: u64) -> String {
    match shared {
        0 => "No case file on this computer can be read by anyone else.".to_owned(),
        1 => format!("1 of {cases} case files can be read by other organisations."),
        _ => format!("{shared} of {cases} case files can be read by other organisations."),
    }
}

pub(crate) const fn state(state: NodeState) -> &'static str {
    match state {
        NodeState::Empty => "empty: no keys here yet; run `habeas init`",
        NodeState::Sealed => "closed; run `habeas unlock`",
        NodeState::Alone => "open, in no registry yet; run `habeas found` or `habeas join`",
        NodeState::Locked => "locked: it keeps up with the others, and shows nothing; run `habeas unlock`",
        NodeState::Open => "open",
    }
}

pub(crate) fn held(names: &str) -> String {
    format!("on hold, nothing is exchanged with: {names}")
}

pub(crate) fn up_to_date(all: usize) -> String {
    format!("this copy is up to date with {}", others(all))
}

pub(crate) fn partly_up_to_date(equal: usize, all: usize) -> String {
    format!("this copy is known to be up to date with {equal} of {}", others(all))
}

/// The other nodes: of other organisations, and the own organisation's further devices.
fn others(all: usize) -> String {
    count(all as u64, "other", "others")
}

pub(crate) fn wanted(wanted: u64) -> String {
    format!("{} not yet received", count(wanted, "piece", "pieces"))
}

pub(crate) fn case_count(cases: u64, shared: u64) -> String {
    format!("{cases} ({shared} shared)")
}

pub(crate) const fn connection(connected: bool, held: bool) -> &'static str {
    match (connected, held) {
        (_, true) => "! on hold",
        (true, false) => "✓ connected",
        (false, false) => "– not reached",
    }
}

pub(crate) const fn copy(up_to_date: bool) -> &'static str {
    if up_to_date { "✓ up to date" } else { "– not known yet" }
}

pub(crate) const fn kind(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Case => "case file",
        RecordKind::Docket => "docket",
    }
}

pub(crate) const fn no_records(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Case => {
            "No case files yet. Bring some in with `habeas import FILE`, begin one with `habeas case new`, or look at \
             invented ones with `habeas demo`."
        }
        RecordKind::Docket => {
            "No dockets yet. Bring some in with `habeas import FILE`, or begin one with `habeas docket new`."
        }
    }
}

pub(crate) fn list_columns(kind: RecordKind, labelled: bool) -> Vec<&'static str> {
    let rest = [self::kind(kind), STAGE, "disagreement", "last stated"];
    let readers = (kind == RecordKind::Case).then_some(sharing::READERS);
    labelled.then_some("label").into_iter().chain(rest).chain(readers).collect()
}

/// Who can read a case file, beside your organisation.
pub(crate) fn readers(readers: &[String]) -> String {
    if readers.is_empty() { "only your organisation".to_owned() } else { readers.join(", ") }
}

pub(crate) fn conflicts_shown(fields: usize) -> String {
    let what = count(fields as u64, "value is", "values are");
    format!("{what} disputed. All that is said stands here; nothing was chosen.")
}

pub(crate) fn reported(who: &str, other: &str) -> String {
    format!("{who}, as reported by {other}")
}

pub(crate) const fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

pub(crate) fn shown_as(shown: &str) -> &str {
    match shown {
        "conflict" => "! disputed",
        "resolved" => "settled",
        "union" => "all of them",
        "log" => "history",
        "per_organisation" => "each its own",
        "strictest" => "the strictest",
        other => other,
    }
}

pub(crate) fn imported(records: usize, entries: u64, dry_run: bool) -> String {
    let records = count(records as u64, "record", "records");
    if dry_run {
        format!("Would bring in {records}. Nothing was written; leave out --dry-run to do it.")
    } else {
        format!(
            "Brought in {records} ({} saved). Case files stay in your organisation.",
            count(entries, "entry", "entries")
        )
    }
}

/// Whether an answer to a question is a yes; everything else is none.
pub(crate) fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "д" | "да" | "т" | "так")
}

/// A number and its noun.
pub(crate) fn count(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

pub(crate) const MAKING_KEYS: &str = "Making keys. This takes a second or two.";
pub(crate) const CHOOSE_PASSPHRASES: &str =
    "Whoever knows a passphrase and has this computer can read everything here. Nobody can bring a lost one back.";

/// What `init` made, and what to do next.
pub(crate) fn made(folder: &Path, call_sign: Option<&str>, node: &str) -> String {
    let whose = call_sign.map_or_else(
        || "a further device, not yet part of an organisation".to_owned(),
        |call_sign| format!("organisation {call_sign} (its call-sign: say it instead of your name)"),
    );
    format!("made {whose}\n  folder    {}\n  node key  {node}", folder.display())
}

/// Commands to run next, one a line.
pub(crate) fn next(commands: &[(String, &str)]) -> String {
    let width = commands.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    let line = |(command, what): &(String, &str)| format!("  {command:width$}  {what}");
    format!("Next:\n{}", commands.iter().map(line).collect::<Vec<_>>().join("\n"))
}

pub(crate) const NEXT_CARD: &str = "make the card you hand to the other founders";
pub(crate) const NEXT_FOUND: &str = "draft a registry from all founders' cards (yours alone is enough)";
pub(crate) const NEXT_SERVE: &str = "run the node";
pub(crate) const NEXT_STATUS: &str = "see how things stand";
pub(crate) const NEXT_DEVICE: &str = "ask your organisation to take this device in";
pub(crate) const NEXT_IMPORT: &str = "bring cases in from a file";
pub(crate) const NEXT_SIGN: &str = "each founder signs the draft, you too";
pub(crate) const NEXT_COMPLETE: &str = "whoever drafted it makes the registry file from all signatures";
pub(crate) const NEXT_JOIN: &str = "each founder joins";
pub(crate) const NEXT_DEVICE_ADD: &str = "on a device of your organisation";
pub(crate) const NEXT_DEVICE_JOIN: &str = "on the new device";
pub(crate) const NEXT_SHOW: &str = "read it";

/// Words to compare before a file is trusted.
pub(crate) fn compare(words: &str) -> String {
    format!("Compare by voice before you go on:  {words}")
}

pub(crate) fn names_organisations(organisations: &[String]) -> String {
    format!("It names: {}", organisations.join(", "))
}

pub(crate) fn written(path: &Path) -> String {
    format!("written to {}", path.display())
}

pub(crate) fn joined(words: &str) -> String {
    format!("joined the registry  {words}")
}

pub(crate) fn saved(pseudonym: &str, entries: usize) -> String {
    format!("{pseudonym}  ({} saved)", count(entries as u64, "entry", "entries"))
}

pub(crate) const OPENED: &str = "open";
pub(crate) const LOCKED: &str = "locked; the node keeps up with the others and shows nothing";
pub(crate) const STOPPED: &str = "the node ends";
pub(crate) const RUNNING_ALREADY: &str = "a node runs for this folder already";
pub(crate) const NO_KEYS: &str = "this folder holds no keys yet";
pub(crate) const STAYS_CLOSED: &str = "the node runs, closed: `habeas unlock` opens it";
pub(crate) const WRONG_AGAIN: &str = "that was not it; once more";
pub(crate) const ENDING: &str = "ending the node; once more Ctrl-C ends it at once";

pub(crate) fn serving(folder: &Path) -> String {
    format!("the node runs for {}; Ctrl-C ends it", folder.display())
}

pub(crate) fn no_topic(topic: &str, nearest: Option<&str>) -> String {
    let did_you_mean = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
    format!("there is no help on `{topic}`{did_you_mean}")
}

/// Help on a code.
pub(crate) fn explanation(code: &str, meaning: &str, next: &str, exit: u8) -> String {
    format!("{code}: {meaning}\n\nnext: {next}\nexit status: {exit}")
}

pub(crate) const EXIT_CODES: &str = "\
Exit statuses:
  0    done
  1    not done
  2    the command or one of its values is not as it must be
  3    done in part
  4    locked, or closed: a passphrase is needed first
  6    disputed
  10   nothing here yet: init, found or join first
  11   no node runs
  12   wrong passphrase
  13   a check of a file, signature or stored row failed
  75   too early: try again later
  130  interrupted
A status that is not listed means: not done.";

pub(crate) const WHERE_ORGANISATION: &str =
    "copy the organisation id from `habeas status --verbose` on the other device";
pub(crate) const NOT_UTF8: &str = "its name is not UTF-8";
pub(crate) const WIPED: &str = "the keys of this folder are destroyed; nobody opens it any more";
pub(crate) const NOT_CONFIRMED: &str = "this destroys the keys of the folder for good, and was not confirmed";
pub(crate) const CONFIRM_WIPE: &str = "repeat the command with --confirm destroy";

pub(crate) fn backup_written(file: &Path, bytes: u64) -> String {
    format!(
        "{} holds everything of this folder, {bytes} bytes, sealed; verify it: `habeas backup verify`",
        file.display()
    )
}

pub(crate) fn backup_sound(file: &Path, bytes: u64, entries: u64) -> String {
    format!("{} is whole and opens: {bytes} bytes, {entries} entries", file.display())
}

pub(crate) fn backup_restored(file: &Path, bytes: u64) -> String {
    format!("restored {} ({bytes} bytes); it opens with the passphrases it had: `habeas serve`", file.display())
}

pub(crate) fn archived(folder: &Path, records: u64, bytes: u64) -> String {
    format!("{} holds {}, {bytes} bytes", folder.display(), count(records, "record", "records"))
}

pub(crate) fn archive_unread(unread: u64) -> String {
    format!("{} could not be read on this device and not archived", count(unread, "entry", "entries"))
}

pub(crate) fn archive_open(folder: &Path) -> String {
    format!("It is not encrypted. Read it: open {} in a browser", folder.join("archive.html").display())
}
