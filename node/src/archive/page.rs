//! The pages of an archive: HTML without scripts or resources from elsewhere, for a phone, a large screen and paper.
//!
//! Text that others wrote is always escaped. Disputed values come first, side by side. A value that several
//! organisations claim is shown once, with all of them. Who said a value stands beside it, or once below the heading of
//! its entity if most values of the entity were said so.

use std::collections::BTreeMap;

use habeas_texts::{language, yes_no};
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, html};
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
    Archived, Head, Member, folder,
    text::{moment, text, zone_name},
};
use crate::texts::archive as texts;

/// Content of the file with the look of the pages.
pub(super) const STYLE: &str = include_str!("style.css");
/// Content security policy of a page: nothing is run, and nothing but the style file is fetched, whatever text is in it.
/// `'self'` alone does not name a file in every browser.
const POLICY: &str = "default-src 'none'; style-src 'self' file:; base-uri 'none'; form-action 'none'";

/// Renders a whole page: `at` is its path in the archive.
pub(super) fn whole(at: &str, title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(language::tag(language::current())) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (title) }
                link rel="stylesheet" href=(folder::link(at, folder::STYLE));
            }
            body { main { (body) } }
        }
    };
    page.into_string()
}

/// Renderer of the pages of one archive.
pub(super) struct Page<'a> {
    head: &'a Head,
    pub(super) zone: &'a TimeZone,
    members: BTreeMap<OrgId, &'a Member>,
}

impl<'a> Page<'a> {
    pub(super) fn new(head: &'a Head, zone: &'a TimeZone) -> Self {
        let members = head.organisations.iter().map(|member| (member.organisation, member)).collect();
        Self { head, zone, members }
    }

    /// Renders the page of a record. `at` is its path in the archive, `back` the path of its line in the list.
    pub(super) fn record(&self, record: &Archived, at: &str, back: &str) -> String {
        let back = html! { p.back { a href=(folder::link(at, back)) { "← " (texts::page_contents()) } } };
        let body = html! { (back) (Reader::new(self, record).article()) (back) };
        whole(at, &record.pseudonym, &body)
    }

    /// Renders what the archive is.
    pub(super) fn header(&self) -> Markup {
        html! {
            header {
                h1 { (texts::page_title()) }
                p.lead { (texts::page_lead()) }
                p.care { (texts::page_care()) }
                @if self.head.unread > 0 { p.care { (texts::page_unread(self.head.unread)) } }
                (self.facts())
            }
        }
    }

    fn facts(&self) -> Markup {
        let head = self.head;
        html! {
            dl.facts {
                dt { (texts::page_as_of()) } dd { (self.as_of(head.as_of)) }
                dt { (texts::page_registry()) } dd { (head.registry_words) }
                dt { (texts::page_organisation()) } dd { (self.who(&head.organisation)) }
                dt { (texts::page_organisations()) }
                dd { (self.several(head.organisations.iter().map(|m| &m.organisation))) }
            }
        }
    }

    /// Renders a time with the name of the zone.
    fn as_of(&self, seconds: u64) -> Markup {
        html! { (moment(seconds, self.zone)) @if let Some(name) = zone_name(self.zone) { " (" (name) ")" } }
    }

    /// Renders the stage of a record.
    pub(super) fn stage(&self, record: &Archived) -> Markup {
        let code = record.stage.as_str();
        let stages = Schema::current().vocabulary("stage");
        text(stages.map_or(code, |stages| stages.label(code, language::current())))
    }

    /// Returns who can read a record, by the kind of its circle.
    pub(super) fn level(&self, record: &Archived) -> Option<String> {
        Some(match self.circle(record)? {
            // An own case file that is shared in part has other readers too.
            "own" if record.readers.is_empty() => texts::page_circle_own(),
            "commons" => texts::page_circle_commons(),
            _ => texts::page_circle_named(),
        })
    }

    /// Whether all members can read a record.
    pub(super) fn is_commons(&self, record: &Archived) -> bool {
        self.circle(record) == Some("commons")
    }

    fn circle(&self, record: &Archived) -> Option<&str> {
        let circle = self.head.circles.iter().find(|circle| circle.circle == record.circle);
        circle.map(|circle| circle.kind.as_str())
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

/// Renders a record by its import label, cut to `most` characters, or by its pseudonym words.
pub(super) fn name_within(record: &Archived, most: usize) -> Markup {
    match &record.label {
        Some(label) => {
            let short: String = label.chars().take(most).collect();
            html! { (text(&short)) @if short.len() < label.len() { "…" } " · " (record.pseudonym) }
        }
        None => html! { (record.pseudonym) },
    }
}

/// Renderer of one record.
struct Reader<'a> {
    page: &'a Page<'a>,
    record: &'a Archived,
    sheet: Sheet,
    entities: BTreeMap<EntityId, Named>,
}

/// Name of an entity in links to it.
struct Named {
    /// Number of the entity on the page, by which links find it.
    number: usize,
    kind: String,
    /// Text that tells the entity from others of its kind.
    types: String,
}

impl<'a> Reader<'a> {
    fn new(page: &'a Page<'a>, record: &'a Archived) -> Self {
        let sheet = Sheet::new(&record.view);
        let mut entities = BTreeMap::new();
        let mut open: Vec<&Record> = sheet.records.iter().rev().collect();
        while let Some(found) = open.pop() {
            let types = found.cell("type").map(|cell| shown_texts(&found.kind, cell)).unwrap_or_default();
            let number = entities.len() + 1;
            entities.entry(found.entity).or_insert_with(|| Named { number, kind: found.kind.clone(), types });
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
        let level = self.page.level(record);
        let (settled, open): (Vec<_>, Vec<_>) = self.sheet.conflicts.iter().partition(|conflict| conflict.settled);
        html! {
            article {
                header {
                    p.kind { (kind) @if let Some(level) = level { " · " (level) } }
                    h2 { (name_within(record, usize::MAX)) }
                    dl.facts {
                        dt { (texts::page_as_of()) } dd { (self.page.as_of(record.as_of)) }
                        dt { (texts::page_stage()) } dd { (self.page.stage(record)) }
                        dt { (texts::page_last_stated()) } dd { (moment(desk::changed(&record.view), self.page.zone)) }
                        dt { (texts::page_read_by()) }
                        dd {
                            (self.page.who(&self.page.head.organisation))
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
                What::Event(code) => ("event", code),
                What::Decision(code) => ("outcome", code),
            };
            let known = schema.vocabulary(vocabulary);
            known.map_or_else(|| text(code), |terms| text(terms.label(code, language::current())))
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
                        span class=[event.superseded.then_some("gone")] {
                            (what(event))
                            @if event.disputed { " " span.badge.flag { (texts::page_disputed()) } }
                        }
                    }
                } }
            }
        }
    }

    fn entity(&self, found: &Record, level: u8) -> Markup {
        let heading = self.kind(&found.kind);
        let named = self.entities.get(&found.entity).filter(|named| named.kind == found.kind);
        let id = named.map(|named| format!("e{}", named.number));
        // The nesting shows the parent, so the field `parent` is left out.
        let fields = found.fields.iter().filter(|(field, cell)| {
            !field.ends_with(".parent") && (!cell.claims.is_empty() || !cell.history.is_empty())
        });
        let said = Self::said_most(found);
        html! {
            div.entity id=[id] {
                @match level { 3 => h3 { (heading) }, 4 => h4 { (heading) }, 5 => h5 { (heading) }, _ => h6 { (heading) } }
                @if let Some(claim) = said { p.by { (self.said(claim)) } }
                dl.cells { @for (field, cell) in fields { div {
                    dt { (self.field(field)) }
                    dd { (self.cell(field, cell, said)) }
                } } }
                @for child in &found.children { (self.entity(child, (level + 1).min(6))) }
            }
        }
    }

    /// Finds a claim that was stated as most claims of an entity are, of those that do not differ.
    fn said_most<'r>(found: &'r Record) -> Option<&'r Claim> {
        let mut counts: BTreeMap<Statement<'r>, (usize, &'r Claim)> = BTreeMap::new();
        let fields = found.fields.iter().filter(|(field, cell)| !field.ends_with(".parent") && !differ(cell));
        for claim in fields.flat_map(|(_, cell)| &cell.claims) {
            counts.entry(statement(claim)).or_insert((0, claim)).0 += 1;
        }
        counts.into_values().max_by_key(|(count, _)| *count).map(|(_, claim)| claim)
    }

    /// Renders the values of a cell. The statement of `said` is left out, except where values differ.
    fn cell(&self, field: &str, cell: &Cell, said: Option<&Claim>) -> Markup {
        let is_said = |claims: &[&Claim]| match claims {
            [claim] if !differ(cell) => said.is_some_and(|said| statement(said) == statement(claim)),
            _ => false,
        };
        let chosen = match &cell.shown {
            Shown::Resolved { chosen, .. } => chosen.as_ref(),
            Shown::Strictest { value, .. } => Some(value),
            _ => None,
        };
        html! {
            @if cell.shown == Shown::Conflict { p { span.badge.flag { (texts::page_disputed()) } } }
            @for (value, claims) in grouped(&cell.claims) {
                p.value {
                    (self.value(field, value))
                    @if chosen == Some(value) { " " span.badge { (texts::page_chosen()) } }
                }
                @if !is_said(&claims) { (self.by(&claims)) }
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
            Some(Named { number, kind, types }) => html! {
                a href={ "#e" (number) } { (self.kind(kind)) @if !types.is_empty() { ": " (text(types)) } }
            },
            None => html! { span.id { (entity) } },
        }
    }

    fn kind(&self, kind: &str) -> Markup {
        text(Schema::current().entity(kind).map_or(kind, |known| known.labels.in_language(language::current())))
    }

    fn field(&self, field: &str) -> Markup {
        text(Schema::current().field(field).map_or(field, |known| known.labels.in_language(language::current())))
    }
}

/// Statement of a claim, as the page shows it: author, the author's time, and grade, sources and whom it speaks for.
type Statement<'a> = (OrgId, u64, Option<&'a str>, &'a [EntityId], Option<&'a str>);

fn statement(claim: &Claim) -> Statement<'_> {
    let Claim { org, claimed_time, grade, sources, reported_by, .. } = claim;
    (*org, claimed_time.0, grade.as_deref(), sources, reported_by.as_deref())
}

/// Whether the claims of a cell differ, or did: each value then stands with whoever said it.
const fn differ(cell: &Cell) -> bool {
    !matches!(cell.shown, Shown::Agreed(_) | Shown::Union | Shown::Log)
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
