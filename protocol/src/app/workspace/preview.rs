//! Previews: which parts of case files may go to which readers, case by case, at the time of the request.
//!
//! A preview is made by scanning one case file at a time, so that other requests run in between. A share names
//! the preview that a person has read; it is queued only while that preview is still correct.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    app::{
        control::{CasePreview, Problem, Reader, Readers, RecordKind, Reply, SharePreview, codes},
        desk::{self, sharing},
    },
    bytes::{
        codec,
        ids::{OrgId, SectionId},
    },
    membership::circle::Circle,
    record::{
        date::day,
        schema::{Schema, Value},
    },
    sharing::{
        consent::Refusal,
        share::{
            self, Audience, HeldBack, Preview, Reason, What,
            commons::{self, Stub},
            restate::Seen,
        },
    },
    store::{Batch, Row, Store, Table},
};

use super::{RecordRef, Workspace};

/// Readers that a scan evaluates.
enum ScanAudience {
    Circle(Audience),
    Everyone,
}

/// A scan of case files, for a preview or a share.
pub struct ShareScan {
    /// Case files of the scan, in the order in which they are shown.
    order: Vec<SectionId>,
    /// Case files of the scan as a set.
    pub sections: BTreeSet<SectionId>,
    audience: ScanAudience,
    countries: Batch,
    purpose: ScanPurpose,
    scanned: BTreeMap<SectionId, CaseScan>,
}

/// The purpose of a scan.
pub enum ScanPurpose {
    /// Show the preview.
    Show,
    /// Share the content of an earlier preview.
    Share {
        /// Digest of the earlier preview.
        seen: String,
        /// Length of the hold in seconds.
        hold_s: u64,
    },
}

/// The scan of one case file: its preview, the fields that go, and the encoded values that go.
struct CaseScan {
    case: CasePreview,
    fields: Seen,
    content: Vec<u8>,
}

impl<S: Store> Workspace<'_, S> {
    /// Begins a scan of own case files. `records`: ids, pseudonym words or labels; all case files if empty.
    ///
    /// # Errors
    /// A reader or record that is not found, or a record that is not an own case file.
    pub fn begin_scan(
        &mut self,
        records: &[String],
        with: &Readers,
        purpose: ScanPurpose,
    ) -> Result<ShareScan, Problem> {
        self.readable()?;
        let (audience, countries) = self.audience(with)?;
        let order = self.own_cases(records)?;
        let sections = order.iter().copied().collect();
        Ok(ShareScan { order, sections, audience, countries, purpose, scanned: BTreeMap::new() })
    }

    /// Scans one case file.
    ///
    /// # Errors
    /// A section that cannot be read.
    pub fn scan_case(&mut self, scan: &mut ShareScan, section: SectionId) -> Result<(), Problem> {
        let label = self.label(&section)?;
        let scanned = match &scan.audience {
            ScanAudience::Circle(audience) => {
                let preview = self.preview(section, audience)?;
                let case = sharing::case_preview(section, label, &preview);
                CaseScan { case, fields: preview.fields(), content: sharing::content(&preview) }
            }
            ScanAudience::Everyone => {
                let copy = self.copy(&section, &Circle::Commons)?;
                let stub = self.stub(section, &copy)?;
                let case = sharing::stub_preview(section, label, &stub);
                CaseScan { case, fields: stub.fields(), content: codec::encode(&stub.statements) }
            }
        };
        scan.scanned.insert(section, scanned);
        Ok(())
    }

    /// Ends a scan: returns the preview, or queues the share if the preview is still the one that was read.
    ///
    /// # Errors
    /// [`codes::SHARE_CHANGED`], [`codes::NOTHING_GOES`], or the error of the store.
    pub fn end_scan(&mut self, scan: ShareScan) -> Result<Reply, Problem> {
        let ShareScan { order, audience, countries, purpose, mut scanned, .. } = scan;
        let cases: Vec<_> =
            order.into_iter().filter_map(|section| Some((section, scanned.remove(&section)?))).collect();
        let readers = match audience {
            ScanAudience::Circle(audience) => audience.organisations,
            ScanAudience::Everyone => BTreeMap::new(),
        };
        let seen = sharing::seen(readers.keys(), cases.iter().map(|(section, scan)| (section, &scan.content)));
        let readers = readers.into_iter().map(|(organisation, country)| Reader {
            organisation,
            call_sign: self.call_sign(&organisation),
            country,
        });
        let readers = readers.collect();
        let (cases, fields): (Vec<_>, Vec<_>) =
            cases.into_iter().map(|(section, CaseScan { case, fields, .. })| (case, (section, fields))).unzip();
        let preview = SharePreview { seen, readers, cases, as_of: self.now };
        let fields: Vec<_> = fields.into_iter().filter(|(_, fields)| !fields.is_empty()).collect();
        match purpose {
            // A preview writes no rows, not even a country.
            ScanPurpose::Show => Ok(Reply::SharePreview(preview)),
            ScanPurpose::Share { seen, hold_s } => self.enqueue_share(fields, &preview, countries, &seen, hold_s),
        }
    }

    /// The stub of a case file: the values that may now go to the commons.
    pub(super) fn stub(&mut self, section: SectionId, copy: &RecordRef) -> Result<Stub, Problem> {
        Ok(match self.withdrawn_elsewhere(section)? {
            Some(held) => Stub { held_back: vec![held], ..Stub::default() },
            None => commons::stub(&self.own_view(&section)?, &copy.section, day(self.now)),
        })
    }

    /// The preview of a case file for these readers, at this time.
    pub(super) fn preview(&mut self, section: SectionId, audience: &Audience) -> Result<Preview, Problem> {
        #[cfg(any(test, feature = "sim"))]
        if self.cache.mistake == Some(super::Mistake::ConsentIgnored) {
            return Ok(share::preview_without_consent(&self.own_view(&section)?, audience));
        }
        Ok(match self.withdrawn_elsewhere(section)? {
            Some(held) => Preview { held_back: vec![held], ..Preview::default() },
            None => share::preview(&self.own_view(&section)?, audience, day(self.now)),
        })
    }

    /// The reason to hold the whole case file back, if another organisation in a named circle with it recorded a
    /// withdrawal of consent; one such record is enough. A withdrawal in the commons does not count, since any member
    /// could state one there.
    fn withdrawn_elsewhere(&mut self, section: SectionId) -> Result<Option<HeldBack>, Problem> {
        let mut withdrawn = self.hidden_by_others(&section)?;
        if !self.heeds_others() {
            withdrawn.clear();
        }
        let held = |orgs| HeldBack { what: What::Case, reason: Reason::Consent(Refusal::Withdrawn, orgs) };
        Ok(Some(withdrawn).filter(|orgs| !orgs.is_empty()).map(held))
    }

    /// The own case files that a request names, or all of them. Only own case files are shared.
    fn own_cases(&mut self, records: &[String]) -> Result<Vec<SectionId>, Problem> {
        let own = Circle::Own(self.us());
        if records.is_empty() {
            let records = self.records_of(&own)?;
            let cases = records.into_iter().filter(|record| record.kind == RecordKind::Case);
            return Ok(cases.map(|record| record.section).collect());
        }
        let mut sections = Vec::new();
        for text in records {
            let record = self.find(text)?;
            if record.circle != own || record.kind != RecordKind::Case {
                let message = format!("«{text}» is no case file of this organisation");
                return Err(Problem::new(codes::NOT_OWN_CASE, message));
            }
            sections.push(record.section);
        }
        sections.sort_unstable();
        sections.dedup();
        Ok(sections)
    }

    /// The readers that a request names, and the rows that store their countries.
    fn audience(&mut self, with: &Readers) -> Result<(ScanAudience, Batch), Problem> {
        let Readers::Organisations(guests) = with else { return Ok((ScanAudience::Everyone, Batch::default())) };
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
        Ok((ScanAudience::Circle(Audience { own: us, organisations }), batch))
    }

    /// The readers of a circle; nobody for a circle that is not a list.
    pub(super) fn audience_of(&self, circle: &Circle) -> Result<Audience, Problem> {
        let own = self.us();
        let listed = match circle {
            Circle::Named { organisations, .. } => organisations.as_slice(),
            Circle::Own(_) | Circle::Commons => &[],
        };
        let others = listed.iter().filter(|org| **org != own);
        let organisations = others.map(|org| Ok((*org, self.country(org)?))).collect::<Result<_, Problem>>()?;
        Ok(Audience { own, organisations })
    }

    fn country(&self, org: &OrgId) -> Result<Option<String>, Problem> {
        Ok(self.store.get(&country_row(org))?.and_then(|country| String::from_utf8(country).ok()))
    }
}

fn country_row(org: &OrgId) -> Row {
    Row::new(Table::Desk, [b"country", &org.0[..]].concat(), 0)
}
