//! Records: finding the record that a text names, and listing the records of a circle.

use crate::{
    app::{
        control::{Problem, RecordKind, codes},
        desk::Stand,
    },
    bytes::{
        ids::{CircleId, OrgId, SectionId},
        words,
    },
    membership::circle::Circle,
    record::{date, schema::Place, section::view::View},
    store::{Row, Store, Table},
};

use super::{SectionKey, Workspace};

/// A record: a section of a circle, and its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRef {
    /// The circle.
    pub circle: Circle,
    /// Id of the circle.
    pub id: CircleId,
    /// The section.
    pub section: SectionId,
    /// Case file or docket.
    pub kind: RecordKind,
}

impl RecordRef {
    /// The section and its circle.
    #[must_use]
    pub fn at(&self) -> SectionKey {
        (self.id, self.section)
    }

    /// The context in which `us` states facts about the record (`now`: UTC, seconds).
    #[must_use]
    pub fn context<'a>(&'a self, view: Option<&'a View>, us: &'a OrgId, now: u64) -> Stand<'a> {
        let Self { circle, section, kind, .. } = self;
        Stand { kind: *kind, section, view, place: place(circle), today: date::day(now), us }
    }
}

impl<S: Store> Workspace<'_, S> {
    /// The circle in which a new record of this kind is made.
    #[must_use]
    pub fn home(&self, kind: RecordKind) -> Circle {
        match kind {
            RecordKind::Case => Circle::Own(self.us()),
            RecordKind::Docket => Circle::Commons,
        }
    }

    /// The reference of an own case file.
    #[must_use]
    pub fn own_case(&self, section: SectionId) -> RecordRef {
        let circle = Circle::Own(self.us());
        RecordRef { id: self.state.circle_of(&circle), circle, section, kind: RecordKind::Case }
    }

    /// The records of a circle, in order of arrival.
    ///
    /// # Errors
    /// The error of the store, or a row that does not decode.
    pub fn records_of(&self, circle: &Circle) -> Result<Vec<RecordRef>, Problem> {
        let id = self.state.circle_of(circle);
        let sections = self.cache.library.sections(self.store, &id)?;
        let record = |(section, kind)| RecordRef { circle: circle.clone(), id, section, kind };
        Ok(sections.into_iter().map(record).collect())
    }

    /// The record in a section of a circle, if the section is known.
    ///
    /// # Errors
    /// The error of the store, or a row that does not decode.
    pub fn record_at(&self, (id, section): &SectionKey) -> Result<Option<RecordRef>, Problem> {
        let Some(held) = self.state.replica().circle(id) else { return Ok(None) };
        let kind = self.cache.library.kind(self.state, self.store, id, section)?;
        Ok(kind.map(|kind| RecordRef { circle: held.circle.clone(), id: *id, section: *section, kind }))
    }

    /// Finds the record that a text names: by id, by pseudonym words, or by the label it was imported with. The id of a
    /// shared copy of an own case file finds the case file.
    ///
    /// # Errors
    /// [`codes::NO_RECORD`], with the candidates if there are several.
    pub fn find(&self, text: &str) -> Result<RecordRef, Problem> {
        let record = self.found(text)?;
        Ok(self.case_of(&record)?.map_or(record, |case| self.own_case(case)))
    }

    /// Finds the member that a text names: by call-sign, petname or id.
    ///
    /// # Errors
    /// [`codes::NO_ORGANISATION`], with the candidates if there are several.
    pub fn find_organisation(&self, text: &str) -> Result<OrgId, Problem> {
        let members = &self.state.replica().members;
        let mut found = self.cache.names.find(text);
        found.retain(|org| members.is_member(org));
        match found.pop_first() {
            Some(org) if found.is_empty() => Ok(org),
            None => {
                let message = format!("no member has the call-sign, name or id «{text}»");
                Err(Problem::new(codes::NO_ORGANISATION, message).saying("name").with("name", text))
            }
            Some(org) => {
                let ids: Vec<_> = std::iter::once(org).chain(found).map(|org| org.to_string()).collect();
                let (names, message) = (ids.join(", "), format!("«{text}» names {} members", ids.len()));
                let problem = Problem::new(codes::NO_ORGANISATION, message).saying("several");
                Err(problem.with("name", text).with("names", names))
            }
        }
    }

    /// The label under which a record was imported.
    ///
    /// # Errors
    /// The error of the store.
    pub fn label(&self, section: &SectionId) -> Result<Option<String>, Problem> {
        Ok(self.store.get(&label_row(section))?.and_then(|label| String::from_utf8(label).ok()))
    }

    /// Finds all records imported under a label.
    pub(super) fn all_labelled(&self, label: &str) -> Result<Vec<RecordRef>, Problem> {
        let (mut sections, mut found) = (Vec::new(), Vec::new());
        self.store.scan(Table::Desk, &labelled_rows(label), 0, &mut |_, section| {
            sections.extend(section.try_into().map(SectionId));
            true
        })?;
        for section in sections {
            for circle in [Circle::Own(self.us()), Circle::Commons] {
                let id = self.state.circle_of(&circle);
                let kind = self.cache.library.kind(self.state, self.store, &id, &section)?;
                found.extend(kind.map(|kind| RecordRef { circle, id, section, kind }));
            }
        }
        Ok(found)
    }

    /// Finds the one record imported under a label.
    fn labelled(&self, label: &str) -> Result<Option<RecordRef>, Problem> {
        let mut found = self.all_labelled(label)?;
        if found.len() > 1 {
            let message = format!("{} records were brought in as «{label}»", found.len());
            return Err(Problem::new(codes::NO_RECORD, message).with_details(pseudonyms(&found)));
        }
        Ok(found.pop())
    }

    /// Finds the record whose pseudonym begins with these words, since a list has no room for all six. Own records come
    /// first, as in [`Self::found`].
    fn beginning(&self, text: &str) -> Result<Option<RecordRef>, Problem> {
        for circles in [vec![Circle::Own(self.us())], self.shared_circles()] {
            let mut found = Vec::new();
            for circle in circles {
                let id = self.state.circle_of(&circle);
                let sections = self.cache.library.beginning(self.store, &id, text)?;
                found.extend(sections.into_iter().map(|(section, kind)| RecordRef {
                    circle: circle.clone(),
                    id,
                    section,
                    kind,
                }));
            }
            if found.len() > 1 {
                let message = format!("the words of {} records begin with «{text}»", found.len());
                return Err(Problem::new(codes::NO_RECORD, message).with_details(pseudonyms(&found)));
            }
            if let Some(record) = found.pop() {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    fn found(&self, text: &str) -> Result<RecordRef, Problem> {
        let by_id = text.trim().parse::<SectionId>().ok();
        // Circles with fewer authors are searched first, so that a record with the same id in a wider circle does not
        // take the place of the one meant.
        let mut circles: Vec<_> = self.state.replica().circles().collect();
        circles.sort_by_key(|(_, held)| match held.circle {
            Circle::Own(_) => 0,
            Circle::Named { .. } => 1,
            Circle::Commons => 2,
        });
        let library = &self.cache.library;
        for (id, held) in circles {
            let found = match by_id {
                Some(section) => library.kind(self.state, self.store, id, &section)?.map(|kind| (section, kind)),
                None => library.named(self.state, self.store, id, &spaced(text))?,
            };
            if let Some((section, kind)) = found {
                return Ok(RecordRef { circle: held.circle.clone(), id: *id, section, kind });
            }
        }
        // An id is not a label, and a search of all labels takes long: repeated requests for a record that has not
        // arrived yet would delay its arrival.
        if by_id.is_none()
            && let Some(record) = self.labelled(text.trim())?
        {
            return Ok(record);
        }
        if let Some(record) = self.beginning(&spaced(text))? {
            return Ok(record);
        }
        let message = format!("no case file or docket here is called «{text}»");
        Err(Problem::new(codes::NO_RECORD, message).saying("name").with("name", text))
    }
}

fn pseudonyms(records: &[RecordRef]) -> Vec<String> {
    records.iter().map(|record| words::pseudonym(&record.section.0)).collect()
}

/// The row with the label of a record, kept on this node only, since the label may be a name.
pub(super) fn label_row(section: &SectionId) -> Row {
    Row::new(Table::Desk, [b"label", &section.0[..]].concat(), 0)
}

/// The key prefix of the rows that list the records of a label.
fn labelled_rows(label: &str) -> Vec<u8> {
    [b"records of the label ", label.as_bytes()].concat()
}

/// The row that lists one record of a label. `number`: the row number of the record.
pub(super) fn labelled_row(label: &str, number: u64) -> Row {
    Row::new(Table::Desk, labelled_rows(label), number)
}

/// Normalises the separators between words to single spaces: `able-acid…`, `able acid …`.
fn spaced(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c == '-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The place of a circle in the schema's rules on which fields may be stated.
pub(super) fn place(circle: &Circle) -> Place {
    match circle {
        Circle::Own(_) => Place::Own,
        Circle::Named { .. } => Place::Named,
        Circle::Commons => Place::Commons,
    }
}
