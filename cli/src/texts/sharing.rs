//! What sharing says.

use super::count;

pub(crate) const CANCELLED: &str = "cancelled; nothing of it has gone";
pub(crate) const NOTHING_GOES: &str = "none of these case files may go to them";
pub(crate) const NOT_SHARED: &str = "nothing was shared: it was not confirmed";
pub(crate) const CONFIRM: &str = "read the preview, then repeat the command with --yes";
pub(crate) const EVERYONE_ALONE: &str = "`everyone` is named alone, without other organisations";
pub(crate) const NONE_WAIT: &str = "Nothing waits to be shared.";
pub(crate) const NEXT_CANCEL: &str = "cancel it while it waits";
pub(crate) const NEXT_LIST: &str = "see who can read what";
pub(crate) const EVERYONE: &str = "everyone";
pub(crate) const READERS: &str = "who can read it";
pub(crate) const WAITING_COLUMNS: [&str; 4] = ["share", "to", "case files", "goes at"];
pub(crate) const PREVIEW_COLUMNS: [&str; 3] = ["case file", "goes", "stays"];
pub(crate) const DETAIL_COLUMNS: [&str; 4] = ["case file", "what", "goes", "why it stays"];

/// "8 case files → 2 organisations in 2 countries; 4 held back".
pub(crate) fn headline(going: usize, held: usize, organisations: usize, countries: usize, unknown: usize) -> String {
    let cases = count(going as u64, "case file", "case files");
    let to = match organisations {
        0 => EVERYONE.to_owned(),
        _ => {
            let countries = match (countries, unknown) {
                (0, _) => String::new(),
                (known, 0) => format!(" in {}", count(known as u64, "country", "countries")),
                (known, unknown) => {
                    format!(" in {}, {unknown} of unknown country", count(known as u64, "country", "countries"))
                }
            };
            format!("{}{countries}", count(organisations as u64, "organisation", "organisations"))
        }
    };
    let held = match held {
        0 => String::new(),
        held => format!("; {held} held back"),
    };
    format!("{cases} → {to}{held}")
}

pub(crate) fn reader(call_sign: &str, country: Option<&str>) -> String {
    country.map_or_else(|| call_sign.to_owned(), |country| format!("{call_sign} ({country})"))
}

pub(crate) fn goes(fields: usize) -> String {
    count(fields as u64, "field", "fields")
}

pub(crate) fn stays(count: usize, reason: &str) -> String {
    if count > 1 { format!("{count} × {reason}") } else { reason.to_owned() }
}

pub(crate) const WHOLE: &str = "the whole case file";

pub(crate) fn notice(notice: &str) -> &str {
    match notice {
        "review_due" => "the consent was to be reviewed before today",
        "conditions" => "the consent has conditions in words: read them first",
        other => other,
    }
}

pub(crate) fn ask(cases: usize, organisations: usize) -> String {
    let cases = count(cases as u64, "case file", "case files");
    match organisations {
        0 => format!("Show this much of {cases} to everyone? [y/N] "),
        _ => format!("Share {cases} with {}? [y/N] ", count(organisations as u64, "organisation", "organisations")),
    }
}

pub(crate) fn waits(minutes: u64) -> String {
    match minutes {
        0 => "It goes now. What others have read they cannot unread.".to_owned(),
        minutes => format!("It goes in {}; until then it can be cancelled.", count(minutes, "minute", "minutes")),
    }
}
