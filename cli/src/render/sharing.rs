//! Previews of a share: values that go to readers, values that stay; and the shares that wait.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    app::control::{CasePreview, HeldBackWhat, Share, SharePreview},
    record::schema::Schema,
};

use super::{
    Ink, indented, moment, moment_and_zone, record,
    standing::{bad, care, good},
    table,
};
use crate::texts::{self, sharing as said};

/// The preview: headline, readers, and a line for each case file; with `details`, every field and every reason.
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
        parts.extend(preview.cases.iter().map(detail));
    } else {
        let reasons = reasons(preview);
        let (header, rows) = (said::preview_columns(), preview.cases.iter().map(|case| row(case, &reasons)));
        parts.push(table(&header, rows));
        if !reasons.is_empty() {
            let legend = reasons.iter().zip(1..).map(|(reason, number)| vec![format!("({number})"), reason.clone()]);
            parts.push(format!("{}\n{}", said::why_values_stay(), indented(legend)));
        }
    }
    let notices = notices(preview).into_iter().map(|(notice, cases)| care(&format!("{notice}: {}", cases.join(", "))));
    let notices: Vec<_> = notices.collect();
    if !notices.is_empty() {
        parts.push(notices.join("\n"));
    }
    parts.push(texts::as_of(&moment_and_zone(preview.as_of)));
    parts.join("\n\n")
}

/// The shares that wait.
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

/// The notices that a person should read before these case files go, each once.
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

/// The reasons why values stay in case files of which other values go: each once, the most frequent first.
fn reasons(preview: &SharePreview) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for held in preview.cases.iter().filter(|case| case.whole().next().is_none()).flat_map(|case| &case.held_back) {
        *counts.entry(said::reason(held)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    counts.into_iter().map(|(reason, _)| reason).collect()
}

/// The row of a case file: why the whole case file stays; or how much of it, by the numbers of the reasons.
fn row(case: &CasePreview, reasons: &[String]) -> Vec<String> {
    let goes = if case.goes.is_empty() { "–".to_owned() } else { said::goes(case.goes.len()) };
    let whole: Vec<_> = case.whole().map(said::reason).collect();
    let counted = |(number, reason): (usize, &String)| {
        let count = case.held_back.iter().filter(|held| said::reason(held) == *reason).count();
        (count > 0).then(|| format!("{count}×({number})"))
    };
    let stays = if whole.is_empty() {
        (1..).zip(reasons).filter_map(counted).collect::<Vec<_>>().join(", ")
    } else {
        whole.join("\n")
    };
    vec![name(case).to_owned(), goes, stays]
}

/// The details of a case file: everything that goes and everything that stays, part by part.
fn detail(case: &CasePreview) -> String {
    let mut goes = Parts::default();
    case.goes.iter().for_each(|goes_| goes.add(&goes_.field, goes_.values));
    let mut stays: BTreeMap<String, Parts> = BTreeMap::new();
    for held in &case.held_back {
        let parts = stays.entry(format!("{} ({})", said::reason(held), said::remedy(held))).or_default();
        match &held.what {
            HeldBackWhat::Case => parts.add_whole(said::whole()),
            HeldBackWhat::Record { kind, .. } => parts.add_whole(record::kind(kind)),
            HeldBackWhat::Field { field, .. } => parts.add(field, 1),
        }
    }
    let mut lines = vec![format!("{}{}{}", Ink::STRONG, name(case), Ink::OFF)];
    if !goes.0.is_empty() {
        lines.push(format!("{}:", said::column_goes()));
        lines.push(goes.rows());
    }
    for (reason, parts) in stays {
        lines.push(table(&[""], [vec![format!("{}:", said::column_stays()), reason]]));
        lines.push(parts.rows());
    }
    lines.join("\n")
}

/// The parts of a record with their fields, in the order of the schema, and the number of values of each field.
#[derive(Default)]
struct Parts(BTreeMap<(usize, String), BTreeMap<String, u64>>);

impl Parts {
    fn add(&mut self, field: &str, values: u64) {
        let schema = Schema::current();
        let entity = field.split_once('.').map_or(field, |(entity, _)| entity);
        let place = schema.entities().position(|known| known.name == entity).unwrap_or(usize::MAX);
        let fields = self.0.entry((place, record::kind(entity))).or_default();
        // The parent of a part is left out: the part's place shows it.
        if !field.ends_with(".parent") {
            *fields.entry(record::what(field)).or_default() += values;
        }
    }

    fn add_whole(&mut self, name: String) {
        self.0.entry((usize::MAX, name)).or_default();
    }

    fn rows(&self) -> String {
        let field =
            |(name, values): (&String, &u64)| if *values > 1 { format!("{name} ({values})") } else { name.clone() };
        let row = |((_, part), fields): (&(usize, String), &BTreeMap<String, u64>)| {
            vec![part.clone(), fields.iter().map(field).collect::<Vec<_>>().join("; ")]
        };
        indented(self.0.iter().map(row))
    }
}
