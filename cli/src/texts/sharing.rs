//! Texts of sharing.

use habeas_texts::find;
use protocol::app::control::HeldBack;

use super::messages;
use crate::render::record::titled;

messages! {
    cancelled();
    nothing_goes();
    not_shared();
    confirm_share();
    everyone_alone();
    none_wait();
    next_cancel();
    next_list();
    everyone();
    only_own();
    column_case_readers();
    withdrawn_everywhere();
    column_taken_back();
    had_until(from: &str, since: &str, by: &str);
    column_share();
    column_to();
    column_case_files();
    column_goes_at();
    column_case();
    column_goes();
    column_stays();
    why_values_stay();
    none_else();
    for_some(reason: &str, organisations: u64);
    headline(cases: usize, readers: &str);
    headline_held(cases: usize, readers: &str, held: usize);
    organisations(organisations: usize);
    in_countries(organisations: &str, countries: usize);
    in_countries_or_unknown(organisations: &str, countries: usize, unknown: usize);
    goes(fields: usize);
    whole();
    notice_review();
    notice_conditions();
    ask_everyone(cases: usize);
    ask_organisations(cases: usize, organisations: usize);
    goes_now();
    goes_in(minutes: u64);
}

/// The summary of a preview: "8 case files → 2 organisations in 2 countries; 4 held back".
pub(crate) fn summary(going: usize, held: usize, organisations: usize, countries: usize, unknown: usize) -> String {
    let named = self::organisations(organisations);
    let to = match (organisations, countries, unknown) {
        (0, ..) => everyone(),
        (_, 0, _) => named,
        (.., 0) => in_countries(&named, countries),
        _ => in_countries_or_unknown(&named, countries, unknown),
    };
    if held == 0 { headline(going, &to) } else { headline_held(going, &to, held) }
}

pub(crate) fn reader(call_sign: &str, country: Option<&str>) -> String {
    country.map_or_else(|| call_sign.to_owned(), |country| format!("{call_sign} ({country})"))
}

/// The readers of a case file, beside the own organisation.
pub(crate) fn readers(readers: &[String]) -> String {
    if readers.is_empty() { only_own() } else { readers.join(", ") }
}

/// The number of other readers of a case file.
pub(crate) fn others(readers: &[String]) -> String {
    if readers.is_empty() { none_else() } else { readers.len().to_string() }
}

/// The reason why something is held back: of exactly its circumstance, else of its code, else as the node sent it.
pub(crate) fn reason(held: &HeldBack) -> String {
    let reason = match &held.about {
        Some(about) => about_reason(&held.code, about),
        None => None,
    };
    let Some(reason) = reason.or_else(|| find(&held_key(&held.code), None, &[])) else { return held.reason.clone() };
    held.organisations.map_or(reason.clone(), |organisations| for_some(&reason, organisations))
}

/// The reason about a circumstance, which has a sentence of its own; a consent level and a field are put into the
/// sentence of their code.
fn about_reason(code: &str, about: &str) -> Option<String> {
    match code {
        "cap" => find(&cap_key(about), None, &[]),
        "local_term" => find("held_local_term_named", None, &[("field", titled(about).into())]),
        "consent_level" => find("held_consent_level_named", None, &[("level", about.into())]),
        _ => None,
    }
}

/// The remedy for something that is held back.
pub(crate) fn remedy(held: &HeldBack) -> String {
    find(&held_key(&held.code), Some("next"), &[]).unwrap_or_else(|| held.next.clone())
}

/// The key of a held-back reason in other languages than English.
pub(super) fn held_key(code: &str) -> String {
    format!("held_{code}")
}

/// The key of a cap's reason, the circumstance, in other languages than English.
pub(super) fn cap_key(name: &str) -> String {
    format!("{}_{name}", held_key("cap"))
}

/// A notice that a person should read first; one of a newer version unchanged.
pub(crate) fn notice(notice: &str) -> String {
    match notice {
        "review_due" => notice_review(),
        "conditions" => notice_conditions(),
        other => other.to_owned(),
    }
}

pub(crate) fn ask(cases: usize, organisations: usize) -> String {
    if organisations == 0 { ask_everyone(cases) } else { ask_organisations(cases, organisations) }
}

pub(crate) fn waits(minutes: u64) -> String {
    if minutes == 0 { goes_now() } else { goes_in(minutes) }
}

pub(crate) fn waiting_columns() -> [String; 4] {
    [column_share(), column_to(), column_case_files(), column_goes_at()]
}

pub(crate) fn preview_columns() -> [String; 3] {
    [column_case(), column_goes(), column_stays()]
}
