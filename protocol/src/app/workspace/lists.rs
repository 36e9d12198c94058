//! Lists: pages of records and of precedents, read from the catalogue, the newest records first.

use crate::{
    app::{
        catalogue::{self, Counts, Filter, Line, stage_code},
        control::{Found, Page, Precedent, Problem, Question, RecordKind, Reply, Summary, codes},
        desk::value_problem,
        question::{Answers, Sought},
    },
    bytes::{
        ids::{CircleId, OrgId},
        words,
    },
    record::{
        docket::Docket,
        schema::{Schema, ValueError},
    },
    store::Store,
};

use super::{MergedRecord, RecordRef, Workspace, evaluation::AT_ONCE};

/// Lines on a page, unless a request names a smaller number.
const PAGE: usize = 500;
/// Lines that are read for a page of precedents: an answer whose codes do not tell the dockets exactly may have few
/// matches among many.
const READ: usize = 2_000;
/// Lines that a docket counts for which has to be folded.
const FOLDED: usize = 100;
/// A field whose codes are those of stages.
const STAGE: &str = "case_file.asserted_stage";
/// Number of the newest records of a kind whose claimed times are compared with the clock.
const NEWEST: usize = 64;

impl<S: Store> Workspace<'_, S> {
    /// Lists records of a kind, the newest first. `stage`: a code of `stage` that they have.
    ///
    /// # Errors
    /// A stage that the schema does not know.
    pub fn list(&mut self, kind: RecordKind, stage: Option<&str>, page: Page) -> Result<Reply, Problem> {
        self.readable()?;
        self.evaluate_a_few();
        let limit = limit(page);
        let counts = catalogue::counts(self.store, kind)?;
        let (mut lines, all) = match stage {
            None => (catalogue::page(self.store, kind, page.after, limit + 1)?, counts.lines),
            Some(stage) => {
                let filter = Filter { codes: vec![stage_code(&known_stage(stage)?)], instead: None };
                let mut lines = Vec::new();
                filter.visit::<Problem>(self.store, kind, page.after, |number| {
                    lines.extend(catalogue::line(self.store, kind, number)?.map(|line| (number, line)));
                    Ok(lines.len() <= limit)
                })?;
                (lines, filter.count(self.store, kind)?)
            }
        };
        let more = lines.len() > limit;
        lines.truncate(limit);
        let next = lines.last().map(|(number, _)| *number).filter(|_| more);
        let records = lines.into_iter().map(|(_, line)| self.shown(line)).collect();
        Ok(Reply::Records { records, all, next, behind: self.behind()? })
    }

    /// Finds the dockets that answer a question, the newest first.
    ///
    /// # Errors
    /// A question with a code that the schema does not know.
    pub fn precedents(&mut self, question: &Question, page: Page) -> Result<Reply, Problem> {
        self.readable()?;
        self.evaluate_a_few();
        let (kind, sought, limit) = (RecordKind::Docket, Sought::read(question)?, limit(page));
        let (filter, is_exact) = sought.filter();
        let large = Filter { codes: filter.instead.iter().cloned().collect(), instead: None };
        let is_exact = is_exact && large.count(self.store, kind)? == 0;
        let (mut numbers, mut is_cut) = (Vec::new(), false);
        filter.visit::<Problem>(self.store, kind, page.after, |number| {
            is_cut = numbers.len() >= READ;
            numbers.extend((!is_cut).then_some(number));
            Ok(!is_cut)
        })?;
        let (mut found, mut next, mut read) = (Vec::new(), None, 0);
        for (at, number) in numbers.iter().enumerate() {
            read += 1;
            if let Some(line) = catalogue::line(self.store, kind, *number)? {
                read += if line.is_large { FOLDED } else { 0 };
                let answer = self.answer(&sought, &line)?;
                found.extend(answer.map(|found| Precedent { summary: self.shown(line), found }));
            }
            if found.len() == limit || read >= READ {
                next = (is_cut || at + 1 < numbers.len()).then_some(*number);
                break;
            }
        }
        Ok(Reply::Precedents {
            found,
            all: is_exact.then(|| filter.count(self.store, kind)).transpose()?,
            next,
            asked: catalogue::counts(self.store, kind)?.lines,
            behind: self.behind()?,
            as_of: self.now,
        })
    }

    /// Answers a question from a docket's line. A docket that has too much for a line is folded.
    fn answer(&mut self, sought: &Sought, line: &Line) -> Result<Option<Found>, Problem> {
        if let Some(answers) = &line.answers {
            return Ok(sought.found_in(answers));
        }
        let Some(record) = self.record_at(&(line.circle, line.section))? else { return Ok(None) };
        match self.merged(&record) {
            Err(problem) if problem.code == codes::BROKEN => Ok(None),
            merged => Ok(sought.found_in(&Answers::of(&Docket::new(&merged?.view)))),
        }
    }

    /// Number of records whose lines may not be those of their sections: due ones, and all of a circle whose lines are
    /// made again.
    fn behind(&self) -> Result<u64, Problem> {
        let mut behind = self.cache.due.len();
        for circle in self.cache.due.circles() {
            for kind in [RecordKind::Case, RecordKind::Docket] {
                behind += self.cache.library.count(self.store, circle, kind)?;
            }
        }
        Ok(behind)
    }

    /// The counts over all records of a kind.
    ///
    /// # Errors
    /// An error of the store.
    pub fn counts(&self, kind: RecordKind) -> Result<Counts, Problem> {
        Ok(catalogue::counts(self.store, kind)?)
    }

    /// The record of a line; `None`: it is no longer shown. Numbers are in order of arrival, from 0 to
    /// [`Counts::end`].
    ///
    /// # Errors
    /// An error of the store.
    pub fn numbered(&self, kind: RecordKind, number: u64) -> Result<Option<RecordRef>, Problem> {
        match catalogue::line(self.store, kind, number)? {
            Some(line) => self.record_at(&(line.circle, line.section)),
            None => Ok(None),
        }
    }

    /// Makes the summary of a record that was read already.
    ///
    /// # Errors
    /// An error of the store.
    pub fn summary(&self, record: &RecordRef, merged: &MergedRecord) -> Result<Summary, Problem> {
        Ok(self.shown(self.line_of(record, merged)?))
    }

    /// Makes the summary that a line stands for. Readers are those of today.
    fn shown(&self, line: Line) -> Summary {
        let circles = line.copies.iter().map(|(circle, _)| circle).chain([&line.circle]);
        Summary {
            record: line.section,
            pseudonym: words::pseudonym(&line.section.0),
            stage: line.stage,
            conflicts: line.conflicts,
            changed: line.changed,
            label: line.label,
            readers: self.readers(circles),
            parts: line.copies.iter().map(|(_, section)| *section).collect(),
        }
    }

    /// Call-signs of the other organisations that read these circles.
    fn readers<'a>(&self, circles: impl Iterator<Item = &'a CircleId>) -> Vec<String> {
        let held: Vec<_> = circles.filter_map(|id| self.state.replica().circle(id)).collect();
        let us = self.us();
        let reads = |org: &OrgId| *org != us && held.iter().any(|held| held.circle.admits(org));
        let members = self.state.replica().members.organisations();
        let mut readers: Vec<String> = members.filter(|(org, _)| reads(org)).map(|(_, sign)| sign.to_owned()).collect();
        readers.sort_unstable();
        readers
    }

    /// Number of own case files with a shared copy.
    ///
    /// # Errors
    /// An error of the store.
    pub fn shared_cases(&mut self) -> Result<u64, Problem> {
        self.evaluate_a_few();
        Ok(catalogue::counts(self.store, RecordKind::Case)?.shared)
    }

    /// Number of case files of others that can be read here.
    ///
    /// # Errors
    /// An error of the store.
    pub fn received_cases(&mut self) -> Result<u64, Problem> {
        self.evaluate_a_few();
        Ok(catalogue::counts(self.store, RecordKind::Case)?.received)
    }

    /// Number of conflicts in all records.
    ///
    /// # Errors
    /// An error of the store.
    pub fn all_conflicts(&mut self) -> Result<u64, Problem> {
        self.evaluate_a_few();
        let of = |kind| catalogue::counts(self.store, kind).map(|counts| counts.conflicts);
        Ok(of(RecordKind::Case)? + of(RecordKind::Docket)?)
    }

    /// The alarms: one for each own case file for which another organisation recorded a withdrawal of consent.
    ///
    /// # Errors
    /// An error of the store.
    pub fn withdrawn_by_others(&mut self) -> Result<Vec<Problem>, Problem> {
        self.evaluate_a_few();
        let alarm = |line: Line| {
            let (case, who) = (words::pseudonym(&line.section.0), line.followed.others.iter());
            let who = who.map(|org| self.call_sign(org)).collect::<Vec<_>>().join(", ");
            let message = format!("{who} withdrew consent for «{case}»: it is hidden wherever it was shared");
            let problem = Problem::new(codes::WITHDRAWN_ELSEWHERE, message).saying("case");
            problem.with("case", case).with("organisation", who)
        };
        Ok(catalogue::withdrawn(self.store)?.into_iter().map(alarm).collect())
    }

    /// The latest claimed time in the newest records: UTC, seconds.
    ///
    /// # Errors
    /// An error of the store.
    pub fn latest_claim(&mut self) -> Result<Option<u64>, Problem> {
        let mut latest = None;
        for kind in [RecordKind::Case, RecordKind::Docket] {
            let lines = catalogue::page(self.store, kind, None, NEWEST)?;
            latest = latest.max(lines.iter().map(|(_, line)| line.changed).max());
        }
        Ok(latest)
    }

    /// Evaluates a few due sections, so that a list shows what a person did a moment ago.
    fn evaluate_a_few(&mut self) {
        let _unreadable = self.evaluate(AT_ONCE);
    }
}

fn limit(page: Page) -> usize {
    let limit = page.limit.and_then(|limit| usize::try_from(limit).ok());
    limit.unwrap_or(PAGE).clamp(1, PAGE)
}

fn known_stage(text: &str) -> Result<String, Problem> {
    let stages = Schema::current().vocabulary("stage").expect("the schema has stages");
    stages.code_of(text).map(str::to_owned).ok_or_else(|| {
        let near = stages.near(text).into_iter().map(str::to_owned).collect();
        value_problem(&ValueError::UnknownCode { field: STAGE.to_owned(), code: text.to_owned(), near })
    })
}
