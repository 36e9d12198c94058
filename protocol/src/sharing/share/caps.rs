//! Caps: what a circumstance of the case takes away from a share, whatever the consent.
//!
//! A cap holds for the whole case if anything in it sets it. Only one that takes nothing but the kind of record that
//! sets it (a paragraph that is an account) is about each such record alone.

use std::collections::BTreeSet;

use super::{Audience, kind_of};
use crate::{
    bytes::ids::{EntityId, OrgId},
    record::{
        schema::{Cap, CapLevel, Schema, Value},
        section::view::View,
    },
    sharing::consent::{of_kind, texts, values},
};

/// Help that makes an organisation the counsel's.
const COUNSEL: [&str; 2] = ["accepted", "active"];

/// The caps in force for one audience.
pub(super) struct Caps {
    in_force: Vec<(&'static Cap, Reach)>,
    counsel: bool,
}

enum Reach {
    Case,
    Records(BTreeSet<EntityId>),
}

impl Caps {
    /// For this audience; `None`: for all members.
    pub(super) fn of(view: &View, audience: Option<&Audience>) -> Self {
        let counsel = counsel(view);
        let counsel = audience.is_some_and(|audience| audience.organisations.keys().all(|org| counsel.contains(org)));
        Self {
            in_force: Schema::current().rules().caps.iter().filter_map(|cap| in_force(view, cap)).collect(),
            counsel,
        }
    }

    /// Whether all who would read stand by the person as counsel.
    pub(super) fn is_counsel(&self) -> bool {
        self.counsel
    }

    /// Whether there is any.
    pub(super) fn any(&self) -> bool {
        !self.in_force.is_empty()
    }

    /// Caps that keep a record at home as a whole.
    pub(super) fn on_record<'a>(&'a self, entity: &'a EntityId, kind: &'a str) -> impl Iterator<Item = &'static str> {
        self.closed(entity).filter(|cap| cap.except_source_types.is_empty() && cap.entities.contains(kind)).map(name)
    }

    /// Caps that keep a value at home, if it does not rest on a source that is free of them.
    pub(super) fn on_value<'a>(
        &'a self,
        view: &'a View,
        entity: &'a EntityId,
        kind: &'a str,
        field: &'a str,
        sources: &'a [EntityId],
    ) -> impl Iterator<Item = &'static str> {
        let free = |cap: &Cap| {
            sources.iter().any(|source| {
                let types = texts(view, source, "source.type");
                !types.is_empty() && types.iter().all(|code| cap.except_source_types.contains(code))
            })
        };
        self.closed(entity).filter(move |cap| cap.covers(kind, field) && !free(cap)).map(name)
    }

    /// A cap over the field: it keeps whatever is made of it from the commons.
    pub(super) fn over(&self, field: &str) -> Option<&'static str> {
        self.in_force.iter().find(|(cap, _)| cap.covers(kind_of(field), field)).map(|(cap, _)| name(cap))
    }

    /// Caps of this record that this audience does not pass.
    fn closed<'a>(&'a self, entity: &'a EntityId) -> impl Iterator<Item = &'static Cap> {
        let reaches = |reach: &Reach| match reach {
            Reach::Case => true,
            Reach::Records(records) => records.contains(entity),
        };
        let passes = |cap: &Cap| cap.level == CapLevel::Sealed && (cap.audience.is_none() || self.counsel);
        self.in_force.iter().filter(move |(cap, reach)| reaches(reach) && !passes(cap)).map(|(cap, _)| *cap)
    }
}

fn name(cap: &'static Cap) -> &'static str {
    &cap.name
}

fn in_force(view: &View, cap: &'static Cap) -> Option<(&'static Cap, Reach)> {
    let sets = |field: &str, value: &Value| cap.set_by(field, value);
    let setting = view.cells().filter(|(_, field, cell)| cell.values().into_iter().any(|value| sets(field, value)));
    let records: BTreeSet<EntityId> = setting.map(|(entity, ..)| *entity).collect();
    if records.is_empty() {
        return None;
    }
    let own_kind = |condition: &str| cap.entities.len() == 1 && cap.entities.contains(kind_of(condition));
    let own = cap.fields.is_empty() && cap.any.iter().all(|condition| own_kind(&condition.field));
    Some((cap, if own { Reach::Records(records) } else { Reach::Case }))
}

/// The organisations that stand by the person as counsel.
fn counsel(view: &View) -> BTreeSet<OrgId> {
    let engagements = of_kind(view, "legal_aid_engagement");
    let stands = |engagement: &&EntityId| {
        let status = texts(view, engagement, "legal_aid_engagement.status");
        !status.is_empty() && status.iter().all(|status| COUNSEL.contains(&&**status))
    };
    let orgs = engagements.iter().filter(stands).flat_map(|at| values(view, at, "legal_aid_engagement.org"));
    orgs.filter_map(|org| if let Value::Org(org) = org { Some(*org) } else { None }).collect()
}
