//! Caps: restrictions of a share by circumstances of the case, whatever the consent.
//!
//! A cap applies to the whole case if anything in it triggers it. A cap on nothing but the kind of record that triggers
//! it (a paragraph that is an account) applies to each such record only.

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

/// Statuses of legal aid that make an organisation counsel.
const COUNSEL: [&str; 2] = ["accepted", "active"];

/// The caps in force for one audience.
pub(super) struct Caps {
    in_force: Vec<(&'static Cap, Scope)>,
    counsel: bool,
}

enum Scope {
    Case,
    Records(BTreeSet<EntityId>),
}

impl Caps {
    /// Caps for this audience; for all members if `None`.
    pub(super) fn of(view: &View, audience: Option<&Audience>) -> Self {
        let counsel = counsel(view);
        let counsel = audience.is_some_and(|audience| audience.organisations.keys().all(|org| counsel.contains(org)));
        Self {
            in_force: Schema::current().rules().caps.iter().filter_map(|cap| in_force(view, cap)).collect(),
            counsel,
        }
    }

    /// Whether every reader is counsel of the person.
    pub(super) fn is_counsel(&self) -> bool {
        self.counsel
    }

    /// Whether any cap is in force.
    pub(super) fn any(&self) -> bool {
        !self.in_force.is_empty()
    }

    /// Caps that keep a record in the own circle as a whole.
    pub(super) fn on_record<'a>(&'a self, entity: &'a EntityId, kind: &'a str) -> impl Iterator<Item = &'static str> {
        self.closed(entity).filter(|cap| cap.except_source_types.is_empty() && cap.entities.contains(kind)).map(name)
    }

    /// Caps that keep a value in the own circle, unless it has a source that is exempt from them.
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

    /// A cap on the field: it keeps values derived from the field out of the commons.
    pub(super) fn over(&self, field: &str) -> Option<&'static str> {
        self.in_force.iter().find(|(cap, _)| cap.covers(kind_of(field), field)).map(|(cap, _)| name(cap))
    }

    /// Caps on this record that this audience does not pass.
    fn closed<'a>(&'a self, entity: &'a EntityId) -> impl Iterator<Item = &'static Cap> {
        let reaches = |scope: &Scope| match scope {
            Scope::Case => true,
            Scope::Records(records) => records.contains(entity),
        };
        let passes = |cap: &Cap| cap.level == CapLevel::Sealed && (cap.audience.is_none() || self.counsel);
        self.in_force.iter().filter(move |(cap, scope)| reaches(scope) && !passes(cap)).map(|(cap, _)| *cap)
    }
}

fn name(cap: &'static Cap) -> &'static str {
    &cap.name
}

fn in_force(view: &View, cap: &'static Cap) -> Option<(&'static Cap, Scope)> {
    let sets = |field: &str, value: &Value| cap.set_by(field, value);
    let setting = view.cells().filter(|(_, field, cell)| cell.values().into_iter().any(|value| sets(field, value)));
    let records: BTreeSet<EntityId> = setting.map(|(entity, ..)| *entity).collect();
    if records.is_empty() {
        return None;
    }
    let own_kind = |condition: &str| cap.entities.len() == 1 && cap.entities.contains(kind_of(condition));
    let own = cap.fields.is_empty() && cap.any.iter().all(|condition| own_kind(&condition.field));
    Some((cap, if own { Scope::Records(records) } else { Scope::Case }))
}

/// The organisations that are counsel of the person.
fn counsel(view: &View) -> BTreeSet<OrgId> {
    let engagements = of_kind(view, "legal_aid_engagement");
    let is_engaged = |engagement: &&EntityId| {
        let status = texts(view, engagement, "legal_aid_engagement.status");
        !status.is_empty() && status.iter().all(|status| COUNSEL.contains(&&**status))
    };
    let orgs = engagements.iter().filter(is_engaged).flat_map(|at| values(view, at, "legal_aid_engagement.org"));
    orgs.filter_map(|org| if let Value::Org(org) = org { Some(*org) } else { None }).collect()
}
