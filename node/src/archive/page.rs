//! The HTML page of an archive: one file without scripts or external resources, for a phone, a large screen and paper.
//!
//! Text that others wrote is always escaped. Disputed values come first, side by side. A value that several
//! organisations claim is shown once, with all of them.

use std::collections::BTreeMap;

use habeas_texts::{language, yes_no};
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use protocol::{
    app::{control::RecordKind, desk},
    bytes::ids::{EntityId, OrgId},
    record::{
        schema::{Schema, Value},
        section::{
            event::{Event, What},
            sheet::{Conflict, Record, Sheet},
            view::{Cell, Claim, Fate, Former, Resolution, Shown},
        },
    },
};

use super::{
    Archive, Archived, Manner, Member,
    text::{moment, text, zone_name},
};
use crate::texts::archive as texts;

const STYLE: &str = include_str!("page.css");
/// Content security policy of the page: nothing is fetched or run, whatever text is in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Renders an archive as one page; `each` is called for each record, which is left out if it returns `false`.
#[must_use]
pub fn page(archive: &Archive, manner: &Manner, each: &mut dyn FnMut() -> bool) -> String {
    let members = archive.organisations.iter().map(|member| (member.organisation, member)).collect();
    let Manner { language, zone } = manner;
    let page = Page { archive, zone, members };
    language::within(*language, || page.whole(each)).into_string()
}

struct Page<'a> {
    archive: &'a Archive,
    zone: &'a TimeZone,
    members: BTreeMap<OrgId, &'a Member>,
}

impl Page<'_> {
    fn whole(&self, each: &mut dyn FnMut() -> bool) -> Markup {
        let archive = self.archive;
        html! {
            (DOCTYPE)
            html lang=(language::tag(language::current())) {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="referrer" content="no-referrer";
                    title { (texts::page_title()) }
                    style { (PreEscaped(STYLE)) }
                }
                body { main {
                    header {
                        h1 { (texts::page_title()) }
                        p.lead { (texts::page_lead()) }
                        p.care { (texts::page_care()) }
                        @if archive.unread > 0 { p.care { (texts::page_unread(archive.unread)) } }
                        (self.facts())
                    }
                    (self.contents())
                    @for record in &archive.records { @if each() { (Reader::new(self, record).article()) } }
                } }
            }
        }
    }

    fn facts(&self) -> Markup {
        let archive = self.archive;
        html! {
            dl.facts {
                dt { (texts::page_as_of()) }
                dd { (moment(archive.as_of, self.zone)) @if let Some(name) = zone_name(self.zone) { " (" (name) ")" } }
                dt { (texts::page_registry()) } dd { (archive.registry_words) }
                dt { (texts::page_organisation()) } dd { (self.who(&archive.organisation)) }
                dt { (texts::page_organisations()) }
                dd { (self.several(archive.organisations.iter().map(|m| &m.organisation))) }
            }
        }
    }

    fn contents(&self) -> Markup {
        let of = |kind| self.archive.records.iter().filter(move |record| record.kind == kind);
        let line = |record: &Archived| {
            let disputed = desk::conflicts(&record.view);
            html! {
                li {
                    a href={ "#" (record.record) } { (name(record)) }
                    span.soft { (self.stage(record)) }
                    span.flag { @if disputed > 0 { (texts::page_disputed()) ": " (disputed) } }
                    span.soft { (moment(desk::changed(&record.view), self.zone)) }
                }
            }
        };
        let kinds = [(texts::page_case_files(), RecordKind::Case), (texts::page_dockets(), RecordKind::Docket)];
        html! {
            nav #contents aria-labelledby="contents-heading" {
                h2 #contents-heading { (texts::page_contents()) }
                @for (heading, kind) in kinds {
                    h3 { (heading) " (" (of(kind).count()) ")" }
                    @if of(kind).next().is_none() { p.soft { (texts::page_nothing()) } }
                    ol { @for record in of(kind) { (line(record)) } }
                }
            }
        }
    }

    fn stage<'a>(&self, record: &'a Archived) -> &'a str
    where
        Self: 'a,
    {
        let code = record.stage.as_str();
        Schema::current().vocabulary("stage").map_or(code, |stages| stages.label(code, language::current()))
    }

    /// Renders an organisation: its petname and its call-sign, or its id if it is no longer a member.
    fn who(&self, org: &OrgId) -> Markup {
        match self.members.get(org) {
            Some(Member { name: Some(name), call_sign, .. }) => html! { (text(name)) " (" (text(call_sign)) ")" },
            Some(Member { call_sign, .. }) => text(call_sign),
            None => html! { span.id { (org) } },
        }
    }

    fn several<'o>(&self, organisations: impl Iterator<Item = &'o OrgId>) -> Markup {
        html! { @for (nth, org) in organisations.enumerate() { @if nth > 0 { ", " } (self.who(org)) } }
    }
}

/// Renders a record by its import label, or by its pseudonym words.
fn name(record: &Archived) -> Markup {
    match &record.label {
        Some(label) => html! { (text(label)) " · " (record.pseudonym) },
        None => html! { (record.pseudonym) },
    }
}

/// Renderer of one record.
struct Reader<'a> {
    page: &'a Page<'a>,
    record: &'a Archived,
    sheet: Sheet,
    /// Entities of the record: their kind, and the text that tells them from others of that kind.
    entities: BTreeMap<EntityId, (String, String)>,
}

impl<'a> Reader<'a> {
    fn new(page: &'a Page<'a>, record: &'a Archived) -> Self {
        let sheet = Sheet::new(&record.view);
        let mut entities = BTreeMap::new();
        let mut open: Vec<&Record> = sheet.records.iter().rev().collect();
        while let Some(found) = open.pop() {
            let types = found.cell("type").map(|cell| shown_texts(&found.kind, cell)).unwrap_or_default();
            entities.entry(found.entity).or_insert_with(|| (found.kind.clone(), types));
            open.extend(found.children.iter().rev());
        }
        Self { page, record, sheet, entities }
    }

    fn article(&self) -> Markup {
        let record = self.record;
        let kind = match record.kind {
            RecordKind::Case => texts::page_case_file(),
            RecordKind::Docket => texts::page_docket(),
        };
        let circle = self.page.archive.circles.iter().find(|circle| circle.circle == record.circle);
        let level = circle.map(|circle| match circle.kind.as_str() {
            // An own case file that is shared in part has other readers too.
            "own" if record.readers.is_empty() => texts::page_circle_own(),
            "commons" => texts::page_circle_commons(),
            _ => texts::page_circle_named(),
        });
        let (settled, open): (Vec<_>, Vec<_>) = self.sheet.conflicts.iter().partition(|conflict| conflict.settled);
        html! {
            article #(record.record) {
                header {
                    p.kind { (kind) @if let Some(level) = level { " · " (level) } }
                    h2 { (name(record)) }
                    dl.facts {
                        dt { (texts::page_stage()) } dd { (self.page.stage(record)) }
                        dt { (texts::page_last_stated()) } dd { (moment(desk::changed(&record.view), self.page.zone)) }
                        dt { (texts::page_read_by()) }
                        dd {
                            (self.page.who(&self.page.archive.organisation))
                            @for reader in &record.readers { ", " (text(reader)) }
                        }
                        dt { (texts::page_id()) } dd.id { (record.record) }
                        dt { (texts::page_digest()) } dd.id { (record.digest) }
                    }
                }
                @if !open.is_empty() {
                    (self.disputes(&texts::page_disputed(), Some(&texts::page_disputed_lead()), &open))
                }
                @if !settled.is_empty() { (self.disputes(&texts::page_settled(), None, &settled)) }
                @if !self.sheet.timeline.is_empty() { (self.timeline()) }
                section { @for found in &self.sheet.records { (self.entity(found, 3)) } }
                p.back { a href="#contents" { "↑ " (texts::page_contents()) } }
            }
        }
    }

    fn disputes(&self, heading: &str, lead: Option<&str>, conflicts: &[&Conflict]) -> Markup {
        html! {
            section.disputes.settled[lead.is_none()] {
                h3 { (heading) " (" (conflicts.len()) ")" }
                @if let Some(lead) = lead { p.soft { (lead) } }
                @for conflict in conflicts {
                    h4 { (self.field(&conflict.field)) }
                    div.sides { @for (value, claims) in grouped(&conflict.claims) {
                        div.side {
                            p.value { (self.value(&conflict.field, value)) }
                            (self.by(&claims))
                        }
                    } }
                    @for resolution in &conflict.resolutions { (self.resolution(&conflict.field, &conflict.claims, resolution)) }
                }
            }
        }
    }

    fn timeline(&self) -> Markup {
        let schema = Schema::current();
        let what = |event: &Event| {
            let (vocabulary, code) = match &event.what {
                What::Event(code) => ("event", code.clone()),
                What::Decision(code) => ("outcome", code.clone()),
            };
            let known = schema.vocabulary(vocabulary);
            known.map_or(code.clone(), |terms| terms.label(&code, language::current()).to_owned())
        };
        html! {
            section.timeline {
                h3 { (texts::page_timeline()) }
                ol { @for event in &self.sheet.timeline {
                    li {
                        @match event.date {
                            Some(date) => time { (date) },
                            None => span.soft { (texts::page_undated()) },
                        }
                        span.gone[event.superseded] {
                            (text(&what(event)))
                            @if event.disputed { " " span.badge.flag { (texts::page_disputed()) } }
                        }
                    }
                } }
            }
        }
    }

    fn entity(&self, found: &Record, level: u8) -> Markup {
        let heading = self.kind(&found.kind);
        let is_first = self.entities.get(&found.entity).is_some_and(|(kind, _)| *kind == found.kind);
        let id = is_first.then(|| self.anchor(&found.entity));
        // The nesting shows the parent, so the field `parent` is left out.
        let fields = found.fields.iter().filter(|(field, cell)| {
            !field.ends_with(".parent") && (!cell.claims.is_empty() || !cell.history.is_empty())
        });
        html! {
            div.entity id=[id] {
                @match level { 3 => h3 { (heading) }, 4 => h4 { (heading) }, 5 => h5 { (heading) }, _ => h6 { (heading) } }
                dl.cells { @for (field, cell) in fields { div {
                    dt { (self.field(field)) }
                    dd { (self.cell(field, cell)) }
                } } }
                @for child in &found.children { (self.entity(child, (level + 1).min(6))) }
            }
        }
    }

    fn cell(&self, field: &str, cell: &Cell) -> Markup {
        let chosen = match &cell.shown {
            Shown::Resolved { chosen, .. } => chosen.as_ref(),
            Shown::Strictest { value, .. } => Some(value),
            _ => None,
        };
        html! {
            @if cell.shown == Shown::Conflict { p { span.badge.flag { (texts::page_disputed()) } } }
            @for (value, claims) in grouped(&cell.claims) {
                div {
                    p.value {
                        (self.value(field, value))
                        @if chosen == Some(value) { " " span.badge { (texts::page_chosen()) } }
                    }
                    (self.by(&claims))
                }
            }
            @for resolution in &cell.resolutions { (self.resolution(field, &cell.claims, resolution)) }
            @if !cell.history.is_empty() {
                div.former {
                    p.soft { (texts::page_former()) }
                    ul { @for former in &cell.history { li { (self.former(field, former)) } } }
                }
            }
        }
    }

    fn former(&self, field: &str, Former { claim, fate }: &Former) -> Markup {
        html! {
            s { (self.value(field, &claim.value)) } " "
            span.by {
                (self.said(claim)) " · "
                @match fate {
                    Fate::Superseded => (texts::page_replaced()),
                    Fate::Retracted(times) => {
                        (texts::page_taken_back())
                        @for time in times { " · " (moment(time.claimed_time.0, self.page.zone)) " · " (text(&time.reason)) }
                    },
                }
            }
        }
    }

    fn resolution(&self, field: &str, claims: &[Claim], resolution: &Resolution) -> Markup {
        let chosen = resolution.chosen.and_then(|at| claims.iter().find(|claim| claim.at == at));
        html! {
            p.by {
                @match chosen {
                    Some(claim) => { (self.value(field, &claim.value)) ": " (texts::page_resolved_by()) },
                    None => (texts::page_resolved_by_none()),
                }
                " " (self.page.who(&resolution.org)) " · " (moment(resolution.claimed_time.0, self.page.zone)) " · "
                (text(&resolution.reason))
            }
        }
    }

    fn by(&self, claims: &[&Claim]) -> Markup {
        html! { ul.by { @for claim in claims { li { (self.said(claim)) } } } }
    }

    /// Renders the author, time, grade and sources of a claim.
    fn said(&self, claim: &Claim) -> Markup {
        html! {
            (self.page.who(&claim.org))
            @if let Some(other) = &claim.reported_by { ", " (texts::page_reported_by()) " " (text(other)) }
            " · " (moment(claim.claimed_time.0, self.page.zone))
            @if let Some(grade) = &claim.grade { " · " (texts::page_grade()) " " (text(grade)) }
            @for (nth, source) in claim.sources.iter().enumerate() {
                @if nth == 0 { " · " (texts::page_source()) " " } @else { ", " }
                (self.link(source))
            }
        }
    }

    fn value(&self, field: &str, value: &Value) -> Markup {
        match value {
            Value::Text(said) => text(Schema::current().label(field, said, language::current())),
            Value::Int(number) => html! { (number) },
            Value::Bool(yes) => html! { (yes_no(*yes)) },
            Value::Ref(entity) => self.link(entity),
            Value::Org(org) => self.page.who(org),
            Value::File { blake3, bytes, media } => html! {
                (texts::page_attachment()) " " (text(media)) ", " (bytes) " " (texts::page_bytes()) ", BLAKE3 "
                span.id { (data_encoding::HEXLOWER.encode(blake3)) }
            },
        }
    }

    /// Renders a link to an entity of this record, with its kind and types.
    fn link(&self, entity: &EntityId) -> Markup {
        match self.entities.get(entity) {
            Some((kind, types)) => html! {
                a href={ "#" (self.anchor(entity)) } { (self.kind(kind)) @if !types.is_empty() { ": " (text(types)) } }
            },
            None => html! { span.id { (entity) } },
        }
    }

    /// Returns the anchor of an entity on the page. Ids of entities are unique in a record only: any organisation may
    /// use one again.
    fn anchor(&self, entity: &EntityId) -> String {
        format!("{}.{entity}", self.record.record)
    }

    fn kind(&self, kind: &str) -> Markup {
        text(Schema::current().entity(kind).map_or(kind, |known| known.labels.in_language(language::current())))
    }

    fn field(&self, field: &str) -> Markup {
        text(Schema::current().field(field).map_or(field, |known| known.labels.in_language(language::current())))
    }
}

/// Groups claims by value, in the order of the first claim of each.
fn grouped(claims: &[Claim]) -> Vec<(&Value, Vec<&Claim>)> {
    let mut groups: Vec<(&Value, Vec<&Claim>)> = Vec::new();
    for claim in claims {
        match groups.iter_mut().find(|(value, _)| *value == &claim.value) {
            Some((_, said)) => said.push(claim),
            None => groups.push((&claim.value, vec![claim])),
        }
    }
    groups
}

/// Joins the texts of a cell into one line, with the labels of codes.
fn shown_texts(kind: &str, cell: &Cell) -> String {
    let field = format!("{kind}.type");
    let texts = cell.values().into_iter().filter_map(Value::as_text);
    texts.map(|text| Schema::current().label(&field, text, language::current())).collect::<Vec<_>>().join(", ")
}
