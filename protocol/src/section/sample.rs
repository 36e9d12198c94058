//! Small sections for tests.

use super::assertion::{Assertion, ClaimedTime, Plain, Statement};
use super::view::View;
use super::{Contribution, Section};
use crate::ids::{EntityId, EntryId, FeedKey, Incarnation, OrgId, SectionId};
use crate::schema::{Schema, Value};

/// That the field of entity `entity` has a value; nothing else is said.
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

/// That one entity refers to another.
pub(crate) fn refers(entity: u8, field: &str, to: u8) -> Statement {
    says(entity, field, Value::Ref(EntityId([to; 16])))
}

/// What organisations 1, 2, … make together, each saying its part in one entry without knowing the others.
pub(crate) fn view(organisations: &[Vec<Statement>]) -> View {
    let mut section = Section::new(SectionId([1; 16]));
    for (number, statements) in (1..).zip(organisations) {
        let plain = Plain {
            schema: Schema::VERSION,
            section: section.id(),
            claimed_time: ClaimedTime(u64::from(number) * 60),
            deps: vec![],
            batch: None,
            statements: statements.clone(),
        };
        let (id, feed, org) = (EntryId([number; 32]), FeedKey([number; 32]), OrgId([number; 32]));
        let contribution = Contribution { id, feed, run: Incarnation([0; 8]), seq: 1, org, plain };
        section.insert(contribution).expect("one entry per feed");
    }
    section.view()
}
