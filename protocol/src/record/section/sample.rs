//! Small sections for tests.

use super::assertion::{Assertion, ClaimedTime, Plain, Statement};
use super::view::View;
use super::{Contribution, Section};
use crate::{
    bytes::ids::{EntityId, EntryId, FeedKey, Incarnation, OrgId, SectionId},
    record::schema::{Schema, Value},
};

/// An assertion of a value of a field of entity `entity`, without sources.
pub(crate) fn says(entity: u8, field: &str, value: impl Into<Value>) -> Statement {
    Statement::Assert(Assertion {
        entity: EntityId([entity; 16]),
        field: field.to_owned(),
        value: value.into(),
        sources: vec![],
        grade: None,
        basis: None,
        reported_by: None,
    })
}

/// An assertion that one entity refers to another.
pub(crate) fn refers(entity: u8, field: &str, to: u8) -> Statement {
    says(entity, field, Value::Ref(EntityId([to; 16])))
}

/// The view of one concurrent entry each by organisations 1, 2, ….
pub(crate) fn view(organisations: &[Vec<Statement>]) -> View {
    fold((1..).zip(organisations).map(|(number, statements)| (number, 1, statements)))
}

/// The view of consecutive entries by one organisation.
pub(crate) fn view_of_one(entries: &[Vec<Statement>]) -> View {
    fold((1..).zip(entries).map(|(seq, statements)| (1, seq, statements)))
}

fn fold<'a>(entries: impl Iterator<Item = (u8, u64, &'a Vec<Statement>)>) -> View {
    let mut section = Section::new(SectionId([1; 16]));
    for (organisation, seq, statements) in entries {
        let plain = Plain {
            schema: Schema::VERSION,
            section: section.id(),
            claimed_time: ClaimedTime(u64::from(organisation) * 60 + seq),
            deps: vec![],
            batch: None,
            statements: statements.clone(),
        };
        let mut id = [organisation; 32];
        id[31] = u8::try_from(seq).expect("samples are small");
        let (feed, org) = (FeedKey([organisation; 32]), OrgId([organisation; 32]));
        let contribution = Contribution { id: EntryId(id), feed, run: Incarnation([0; 8]), seq, org, plain };
        section.insert(contribution).expect("each entry has a place of its own");
    }
    section.view()
}
