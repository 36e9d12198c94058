//! Sharing: a preview, a hold that can be cancelled, and then entries that say in a circle what may go there.
//!
//! What is to be done stands in the store until it is done: shares that wait or are going, and case files that changed at
//! home since their shared part was last looked at. Each step looks at what stands now and writes the difference, so that
//! whatever cuts it short, the next start goes on. Nothing goes that a person has not seen in a preview, or that was told
//! before; consent is asked again at the last moment.

mod agenda;

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    app::{
        control::{CasePreview, Problem, Reader, Readers, RecordKind, Reply, SharePreview, codes},
        desk::{self, sharing},
    },
    bytes::{
        codec,
        ids::{CircleId, EntityId, OrgId, SectionId},
        limits::{GRANTED_AT_ONCE, SHARED_AT_ONCE, STEWARD_CIRCLES},
        seal::Entropy,
    },
    membership::circle::{
        Circle,
        grant::{self, Opening},
    },
    record::{
        date::day,
        schema::{Schema, Value},
        section::assertion::{Assertion, Statement},
    },
    replication::sync::{Content, Input, Write},
    sharing::{
        consent::Refusal,
        share::{
            self, Audience, HeldBack, Preview, Reason, What,
            commons::{self, Stub},
            recall,
            restate::{self, Seen},
        },
    },
    store::{Batch, Row, Store, Table},
};

pub(super) use self::agenda::Agenda;
use self::agenda::{Errand, changed_row, share_row};
use super::{desk::Shelf, folder::store_problem, joined::Joined, utc_now};

/// Acts after which a share that has not come to an end never will: everybody's disk would fill.
const ACTS_MAX: u64 = 10_000;

/// Case files looked at for a share before whatever else waits has its turn.
const LOOKED_AT_ONCE: usize = 16;

/// Whom a share is for.
enum Whom {
    Circle(Audience),
    Everyone,
}

/// A look at case files, to show what may go or to share it.
pub(super) struct Look {
    /// Which, in the order they are shown in.
    order: Vec<SectionId>,
    pub(super) sections: BTreeSet<SectionId>,
    whom: Whom,
    countries: Batch,
    then: Then,
    glances: BTreeMap<SectionId, Glance>,
}

/// What a look is for.
pub(super) enum Then {
    Show,
    /// What a preview showed, and how long it waits, seconds.
    Share {
        seen: String,
        hold_s: u64,
    },
}

/// What of one case file may go, as people read it, the fields, and all of it.
struct Glance {
    case: CasePreview,
    seen: Seen,
    content: Vec<u8>,
}

impl Joined {
    /// Begins to look at case files: what of them may go to whom.
    pub(super) fn begin_look(&mut self, records: &[String], with: &Readers, then: Then) -> Result<Look, Problem> {
        let (whom, countries) = self.whom(with)?;
        let order = self.own_cases(records)?;
        let sections = order.iter().copied().collect();
        Ok(Look { order, sections, whom, countries, then, glances: BTreeMap::new() })
    }

    /// Looks at one of them.
    pub(super) fn glance(&mut self, look: &mut Look, section: SectionId) -> Result<(), Problem> {
        let label = self.label(&section)?;
        let glance = match &look.whom {
            Whom::Circle(audience) => {
                let preview = self.preview(section, audience)?;
                let case = sharing::case_preview(section, label, &preview);
                Glance { case, seen: preview.fields(), content: sharing::content(&preview) }
            }
            Whom::Everyone => {
                let part = self.part(&section, &Circle::Commons)?;
                let stub = self.stub(section, &part)?;
                let case = sharing::stub_preview(section, label, &stub);
                Glance { case, seen: stub.fields(), content: codec::encode(&stub.statements) }
            }
        };
        look.glances.insert(section, glance);
        Ok(())
    }

    /// What the look came to: a preview, or what it showed on the agenda.
    pub(super) fn looked(&mut self, look: Look) -> Result<Reply, Problem> {
        let Look { order, whom, countries, then, mut glances, .. } = look;
        let looked: Vec<_> =
            order.into_iter().filter_map(|section| Some((section, glances.remove(&section)?))).collect();
        let readers = match whom {
            Whom::Circle(audience) => audience.organisations,
            Whom::Everyone => BTreeMap::new(),
        };
        let seen = sharing::seen(readers.keys(), looked.iter().map(|(section, glance)| (section, &glance.content)));
        let readers = readers.into_iter().map(|(organisation, country)| Reader {
            organisation,
            call_sign: self.call_sign(&organisation),
            country,
        });
        let readers = readers.collect();
        let (cases, fields): (Vec<_>, Vec<_>) =
            looked.into_iter().map(|(section, Glance { case, seen, .. })| (case, (section, seen))).unzip();
        let preview = SharePreview { seen, readers, cases, as_of: utc_now() };
        let fields: Vec<_> = fields.into_iter().filter(|(_, seen)| !seen.is_empty()).collect();
        match then {
            // Looking writes nothing, not even a country.
            Then::Show => Ok(Reply::SharePreview(preview)),
            Then::Share { seen, hold_s } => self.begin_share(fields, &preview, countries, &seen, hold_s),
        }
    }

    /// Puts a share on the agenda, if it is what was looked at.
    fn begin_share(
        &mut self,
        fields: Vec<(SectionId, Seen)>,
        preview: &SharePreview,
        mut batch: Batch,
        seen: &str,
        hold_s: u64,
    ) -> Result<Reply, Problem> {
        if preview.seen != seen {
            return Err(Problem::new(codes::SHARE_CHANGED, "what would go is no longer what the preview showed"));
        }
        if fields.is_empty() {
            let details = preview.cases.iter().flat_map(|case| {
                let name = case.label.as_ref().unwrap_or(&case.pseudonym).clone();
                case.whole().map(move |held| format!("{name}: {}", held.reason))
            });
            let problem = Problem::new(codes::NOTHING_GOES, "none of these case files may go to them");
            return Err(problem.with_details(details.collect()));
        }
        let readers: Vec<_> = preview.readers.iter().map(|reader| reader.organisation).collect();
        if !readers.is_empty() && self.circle_with(&readers).is_none() {
            self.may_open()?;
        }
        let cases = fields.into_iter().map(|(section, seen)| (section, seen.into_iter().collect())).collect();
        let errand = Errand(readers, utc_now().saturating_add(hold_s), cases);
        let number = u64::from_be_bytes(self.folder.entropy().bytes());
        // Sharing the same once more takes the place of what waits already: cancelling it cancels all of it.
        let replaced = self.agenda.replaced_by(&errand);
        replaced.iter().for_each(|number| batch.delete(share_row(*number)));
        batch.put(share_row(number), codec::encode(&errand));
        self.commit_desk(&batch)?;
        self.agenda.shares.retain(|number, _| !replaced.contains(number));
        self.agenda.shares.insert(number, errand);
        Ok(self.shares())
    }

    /// What waits.
    pub(super) fn shares(&self) -> Reply {
        Reply::Shares { shares: self.agenda.waiting(|org| self.call_sign(org)) }
    }

    /// Takes a share off the agenda; what has gone stays.
    pub(super) fn cancel_share(&mut self, share: &str) -> Result<Reply, Problem> {
        let number = u64::from_str_radix(share, 16).ok().filter(|number| self.agenda.shares.contains_key(number));
        let number = number.ok_or_else(|| Problem::new(codes::NO_SHARE, format!("no share «{share}» waits")))?;
        let mut batch = Batch::default();
        batch.delete(share_row(number));
        self.commit_desk(&batch)?;
        self.agenda.shares.remove(&number);
        Ok(self.shares())
    }

    /// Case files that change with a write: their rows on the agenda, to be durable with it.
    pub(super) fn note_changed(&mut self, section: SectionId, batch: &mut Batch) -> Result<(), Problem> {
        if !self.parts(&section)?.is_empty() {
            batch.put(changed_row(&section), section.0.to_vec());
            self.agenda.changed.insert(section);
        }
        Ok(())
    }

    /// Does the next thing that is due; the one after it comes when whatever else waits had its turn.
    pub(super) async fn run_agenda(&mut self) {
        if self.can_write() && self.agenda.due_at().is_some_and(|due_at| due_at <= utc_now()) {
            match self.next_act() {
                Ok(Some(entries)) => {
                    self.agenda.acts += 1;
                    let token = self.next_token();
                    self.agenda.writing = Some(token);
                    let seed = self.folder.entropy().bytes();
                    self.handle(Input::Write(Write { token, entries, seed })).await;
                }
                Ok(None) => self.agenda.acts = 0,
                Err(problem) => {
                    tracing::warn!(code = problem.code, "sharing stopped until the folder is unlocked again");
                    self.alarm(problem);
                    self.agenda = Agenda::default();
                }
            }
        }
    }

    /// The next entries to write, or one thing less to do.
    fn next_act(&mut self) -> Result<Option<Vec<(CircleId, Content)>>, Problem> {
        if self.agenda.acts > ACTS_MAX {
            return Err(Problem::new(codes::INTERNAL, "what is shared does not come to rest; nothing more is written"));
        }
        if let Some(section) = self.agenda.changed.first().copied() {
            let entries = self.follow(section)?;
            if entries.is_empty() {
                let mut batch = Batch::default();
                batch.delete(changed_row(&section));
                self.commit_desk(&batch)?;
                self.agenda.changed.remove(&section);
            }
            return Ok(Some(entries).filter(|entries| !entries.is_empty()));
        }
        let due = self.agenda.shares.iter().find(|(_, Errand(_, due_at, _))| *due_at <= utc_now());
        let Some((number, errand)) = due.map(|(number, errand)| (*number, errand.clone())) else { return Ok(None) };
        let cases = errand.2.len();
        let from = self.agenda.reached.remove(&number).unwrap_or_default();
        let (entries, reached) = self.share(&errand, from)?;
        if reached < cases {
            self.agenda.reached.insert(number, reached);
        } else if entries.is_empty() {
            let mut batch = Batch::default();
            batch.delete(share_row(number));
            self.commit_desk(&batch)?;
            self.agenda.shares.remove(&number);
            tracing::info!(cases, organisations = errand.0.len(), "shared");
        }
        Ok(Some(entries).filter(|entries| !entries.is_empty()))
    }

    /// A case file changed at home: its shared parts follow, as far as they were told of it before.
    fn follow(&mut self, section: SectionId) -> Result<Vec<(CircleId, Content)>, Problem> {
        let mut entries = Vec::new();
        for part in self.parts(&section)? {
            let statements = match &part.circle {
                Circle::Commons => self.stubbed(section, &part, &Seen::new())?,
                circle => {
                    let audience = self.audience_of(circle)?;
                    self.restated(section, &part, &audience, &Seen::new())?
                }
            };
            if !statements.is_empty() {
                entries.push(self.entry(&part, statements, None)?);
            }
        }
        Ok(entries)
    }

    /// What is still to be written of a share, from one of its case files on: the circle if it is new, then some case
    /// files. And where to go on: at the first of those that had something to write, until all have nothing.
    fn share(&mut self, errand: &Errand, from: usize) -> Result<(Vec<(CircleId, Content)>, usize), Problem> {
        let Errand(readers, _, cases) = errand;
        let circle = match readers.as_slice() {
            [] => Circle::Commons,
            readers => match self.circle_with(readers) {
                Some(circle) => circle,
                None => {
                    self.may_open()?;
                    return Ok((self.open_circle(readers)?, 0));
                }
            },
        };
        let (mut entries, mut reached) = (Vec::new(), cases.len());
        for (nth, (section, seen)) in cases.iter().enumerate().skip(from) {
            if nth >= from + LOOKED_AT_ONCE {
                reached = reached.min(nth);
                break;
            }
            let part = self.part(section, &circle)?;
            let seen = seen.iter().cloned().collect();
            let statements = match &circle {
                Circle::Commons => self.stubbed(*section, &part, &seen)?,
                circle => {
                    let audience = self.audience_of(circle)?;
                    self.restated(*section, &part, &audience, &seen)?
                }
            };
            let before = entries.len();
            if !statements.is_empty() {
                entries.push(self.entry(&part, statements, None)?);
            } else if circle != Circle::Commons {
                entries.extend(self.closed_elsewhere(*section, &part)?);
            }
            if entries.len() > before {
                reached = reached.min(nth);
            }
            if entries.len() >= SHARED_AT_ONCE.0 {
                break;
            }
        }
        Ok((entries, reached))
    }

    /// At most one named circle has a case file: the parts in others are closed once this one is told.
    fn closed_elsewhere(&mut self, section: SectionId, part: &Shelf) -> Result<Vec<(CircleId, Content)>, Problem> {
        let (mut entries, parts) = (Vec::new(), self.parts(&section)?);
        // Nothing was told here (consent may have gone while the share waited): then nothing is closed elsewhere.
        if !parts.iter().any(|told| told.id == part.id) {
            return Ok(entries);
        }
        for other in parts {
            if other.id == part.id || other.circle == Circle::Commons {
                continue;
            }
            let (view, names, us) = (self.alone(&other)?, self.names(&section, &other.id)?, self.us());
            let statements = restate::close(&names, &view, &us);
            if !statements.is_empty() {
                entries.push(self.entry(&other, statements, None)?);
            }
        }
        Ok(entries)
    }

    fn restated(
        &mut self,
        section: SectionId,
        part: &Shelf,
        audience: &Audience,
        seen: &Seen,
    ) -> Result<Vec<Statement>, Problem> {
        let (shared, names) = (self.alone(part)?, self.names(&section, &part.id)?);
        // Whoever learns first that consent is withdrawn stops it for all: nothing more is said into a hidden part.
        if recall::hidden_by(&shared).iter().any(|org| *org != self.us()) {
            return Ok(vec![]);
        }
        let preview = self.preview(section, audience)?;
        Ok(restate::restate(&names, &preview, &shared, &self.us(), seen))
    }

    /// What the section of the commons is still to say. Of what was never told there, only what a person has seen.
    fn stubbed(&mut self, section: SectionId, part: &Shelf, seen: &Seen) -> Result<Vec<Statement>, Problem> {
        let (stub, shared, us) = (self.stub(section, part)?, self.alone(part)?, self.us());
        let stands = |entity: &EntityId, field: &str| {
            shared.cell(entity, field).is_some_and(|cell| cell.claims.iter().any(|claim| claim.org == us))
        };
        let due = stub.statements.into_iter().filter_map(|statement| match statement {
            Statement::Assert(said) => {
                let goes = stands(&said.entity, &said.field) || seen.contains(&(said.entity, said.field.clone()));
                goes.then_some(said)
            }
            Statement::Retract { .. } | Statement::Resolve { .. } => None,
        });
        let due: Vec<Assertion> = due.collect();
        Ok(restate::converge(due, &shared, &us))
    }

    /// What the commons may hold of a case file now.
    fn stub(&mut self, section: SectionId, part: &Shelf) -> Result<Stub, Problem> {
        Ok(match self.withdrawn_elsewhere(section)? {
            Some(held) => Stub { held_back: vec![held], ..Stub::default() },
            None => commons::stub(&self.own_view(&section)?, &part.section, day(utc_now())),
        })
    }

    /// What of a case file may go to these readers now.
    fn preview(&mut self, section: SectionId, audience: &Audience) -> Result<Preview, Problem> {
        Ok(match self.withdrawn_elsewhere(section)? {
            Some(held) => Preview { held_back: vec![held], ..Preview::default() },
            None => share::preview(&self.own_view(&section)?, audience, day(utc_now())),
        })
    }

    /// Another organisation that a case file is shared with was told first that consent is withdrawn: its word is enough.
    /// Not that of any member: what stands in the commons anybody could say.
    fn withdrawn_elsewhere(&mut self, section: SectionId) -> Result<Option<HeldBack>, Problem> {
        let withdrawn = self.hidden_by_others(&section)?;
        let held = |orgs| HeldBack { what: What::Case, reason: Reason::Consent(Refusal::Withdrawn, orgs) };
        Ok(Some(withdrawn).filter(|orgs| !orgs.is_empty()).map(held))
    }

    /// The case files meant: those named, or all. Only the own ones are shared.
    fn own_cases(&mut self, records: &[String]) -> Result<Vec<SectionId>, Problem> {
        let own = Circle::Own(self.us());
        if records.is_empty() {
            let shelves = self.shelves(&own)?;
            let cases = shelves.into_iter().filter(|shelf| shelf.kind == RecordKind::Case);
            return Ok(cases.map(|shelf| shelf.section).collect());
        }
        let mut sections = Vec::new();
        for record in records {
            let shelf = self.find(record)?;
            if shelf.circle != own || shelf.kind != RecordKind::Case {
                let message = format!("«{record}» is no case file of this organisation");
                return Err(Problem::new(codes::NOT_OWN_CASE, message));
            }
            sections.push(shelf.section);
        }
        sections.sort_unstable();
        sections.dedup();
        Ok(sections)
    }

    /// Who is meant, and the rows that remember the countries told.
    fn whom(&mut self, with: &Readers) -> Result<(Whom, Batch), Problem> {
        let Readers::Organisations(guests) = with else { return Ok((Whom::Everyone, Batch::default())) };
        let (us, mut organisations, mut batch) = (self.us(), BTreeMap::new(), Batch::default());
        for guest in guests {
            let org = self.find_organisation(&guest.organisation)?;
            if org == us {
                continue;
            }
            let country = match &guest.country {
                None => self.country(&org)?,
                Some(country) => {
                    let value = Value::Text(country.to_uppercase());
                    let checked = Schema::current().check("consent_grant.audience_country", &value);
                    let checked = checked.map_err(|error| desk::value_problem(&error))?.into_value();
                    let country = checked.as_text().unwrap_or_default().to_owned();
                    batch.put(country_row(&org), country.clone().into_bytes());
                    Some(country)
                }
            };
            organisations.insert(org, country);
        }
        if organisations.is_empty() {
            return Err(Problem::new(codes::NO_READERS, "a case file is shared with other organisations"));
        }
        Ok((Whom::Circle(Audience { own: us, organisations }), batch))
    }

    fn audience_of(&self, circle: &Circle) -> Result<Audience, Problem> {
        let Circle::Named { organisations, .. } = circle else { unreachable!("asked of named circles only") };
        let own = self.us();
        let others = organisations.iter().filter(|org| **org != own);
        let organisations = others.map(|org| Ok((*org, self.country(org)?))).collect::<Result<_, Problem>>()?;
        Ok(Audience { own, organisations })
    }

    fn country(&self, org: &OrgId) -> Result<Option<String>, Problem> {
        let row = self.folder.store.get(&country_row(org)).map_err(|error| store_problem(&error))?;
        Ok(row.and_then(|country| String::from_utf8(country).ok()))
    }

    /// A circle of exactly these organisations and this one, whoever opened it.
    fn circle_with(&self, readers: &[OrgId]) -> Option<Circle> {
        let mut list = [readers, &[self.us()]].concat();
        list.sort_unstable();
        let is_list = |circle: &Circle| matches!(circle, Circle::Named { organisations, .. } if *organisations == list);
        let circles = self.state.replica().circles().map(|(_, held)| &held.circle);
        circles.into_iter().find(|circle| is_list(circle)).cloned()
    }

    /// Whether one more combination of organisations gets a circle: others hold so many of one steward.
    fn may_open(&self) -> Result<(), Problem> {
        if self.state.circles_of(&self.us()).count() < STEWARD_CIRCLES.0 {
            return Ok(());
        }
        let message =
            format!("{} combinations of organisations have a circle of ours: no more are held", STEWARD_CIRCLES.0);
        Err(Problem::new(codes::CROWDED, message).saying("own").with("count", STEWARD_CIRCLES.0))
    }

    /// The entries that open a circle: its secrets, for every device of its organisations.
    fn open_circle(&mut self, readers: &[OrgId]) -> Result<Vec<(CircleId, Content)>, Problem> {
        let (us, author) = (self.us(), self.folder.reading()?.expand());
        let mut entropy = Entropy::new(self.folder.entropy().bytes());
        let opening = Opening::fresh(Circle::named(us, readers, &mut entropy), &mut entropy);
        let members = &self.state.replica().members;
        let devices: Vec<_> = readers.iter().chain([&us]).flat_map(|org| members.devices(org)).collect();
        let commons = self.state.circle_of(&Circle::Commons);
        let grants = devices.chunks(GRANTED_AT_ONCE.0).map(|devices| {
            let keys: Vec<_> = devices.iter().map(|device| &device.reading).collect();
            let grant = grant::seal(&members.registry(), std::slice::from_ref(&opening), &keys, &author, &mut entropy);
            (commons, Content::Grant(grant))
        });
        Ok(grants.collect())
    }

    fn commit_desk(&mut self, batch: &Batch) -> Result<(), Problem> {
        if batch.is_empty() {
            return Ok(());
        }
        self.folder.store.commit(batch).map_err(|error| store_problem(&error))
    }

    fn can_write(&self) -> bool {
        self.folder.pens().is_some() && !self.is_broken()
    }
}

fn country_row(org: &OrgId) -> Row {
    Row::new(Table::Desk, [b"country", &org.0[..]].concat(), 0)
}
