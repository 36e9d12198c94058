//! What would go to whom and what stays, and what waits.

use std::collections::{BTreeMap, BTreeSet};

use protocol::control::{CasePreview, HeldBack, HeldBackWhat, Share, SharePreview};

use super::{
    moment,
    standing::{bad, care, good},
    table,
};
use crate::texts::{self, sharing as said};

/// The headline, who would read, and a line for each case file; with `details`, one for each field and reason.
pub(crate) fn preview(preview: &SharePreview, details: bool) -> String {
    let held = preview.cases.iter().filter(|case| case.goes.is_empty()).count();
    let countries: BTreeSet<_> = preview.readers.iter().filter_map(|reader| reader.country.as_ref()).collect();
    let unknown = preview.readers.iter().filter(|reader| reader.country.is_none()).count();
    let going = preview.cases.len() - held;
    let headline = said::summary(going, held, preview.readers.len(), countries.len(), unknown);
    let mut parts = vec![if going == 0 { bad(&headline) } else { good(&headline) }];
    if !preview.readers.is_empty() {
        let readers = preview.readers.iter().map(|reader| said::reader(&reader.call_sign, reader.country.as_deref()));
        parts.push(readers.collect::<Vec<_>>().join(", "));
    }
    if details {
        parts.push(table(&said::detail_columns(), preview.cases.iter().flat_map(detail)));
    } else {
        parts.push(table(&said::preview_columns(), preview.cases.iter().map(row)));
    }
    let notices = notices(preview).into_iter().map(|(notice, cases)| care(&format!("{notice}: {}", cases.join(", "))));
    let notices: Vec<_> = notices.collect();
    if !notices.is_empty() {
        parts.push(notices.join("\n"));
    }
    parts.push(texts::as_of(&moment(preview.as_of)));
    parts.join("\n\n")
}

/// What has not gone yet.
pub(crate) fn waiting(shares: &[Share]) -> String {
    if shares.is_empty() {
        return said::none_wait();
    }
    let row = |share: &Share| {
        let readers = if share.readers.is_empty() { said::everyone() } else { share.readers.join(", ") };
        vec![share.share.clone(), readers, share.records.len().to_string(), moment(share.due_at)]
    };
    table(&said::waiting_columns(), shares.iter().map(row))
}

/// What a person should read before these case files go, each thing once.
fn notices(preview: &SharePreview) -> BTreeMap<String, Vec<&str>> {
    let mut notices: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for case in preview.cases.iter().filter(|case| !case.goes.is_empty()) {
        case.notices.iter().for_each(|notice| notices.entry(said::notice(notice)).or_default().push(name(case)));
    }
    notices
}

fn name(case: &CasePreview) -> &str {
    case.label.as_ref().unwrap_or(&case.pseudonym)
}

fn row(case: &CasePreview) -> Vec<String> {
    let goes = if case.goes.is_empty() { "–".to_owned() } else { said::goes(case.goes.len()) };
    vec![name(case).to_owned(), goes, reasons(case)]
}

/// Why the whole case stays; or the reasons of what stays of it, the most frequent first.
fn reasons(case: &CasePreview) -> String {
    let whole: Vec<_> = case.whole().map(said::reason).collect();
    if !whole.is_empty() {
        return whole.join("\n");
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for held in &case.held_back {
        *counts.entry(said::reason(held)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    counts.into_iter().map(|(reason, count)| said::stays(count, &reason)).collect::<Vec<_>>().join("\n")
}

fn detail(case: &CasePreview) -> Vec<Vec<String>> {
    let goes = case
        .goes
        .iter()
        .map(|goes| vec![name(case).to_owned(), goes.field.clone(), goes.values.to_string(), String::new()]);
    let stays = case.held_back.iter().map(|held: &HeldBack| {
        let what = match &held.what {
            HeldBackWhat::Case => said::whole(),
            HeldBackWhat::Record { kind, .. } => kind.clone(),
            HeldBackWhat::Field { field, .. } => field.clone(),
        };
        vec![name(case).to_owned(), what, "–".to_owned(), format!("{} ({})", said::reason(held), said::remedy(held))]
    });
    goes.chain(stays).collect()
}
