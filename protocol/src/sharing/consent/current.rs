//! Current values in a view, as the rules of consent and sharing use them.

use std::collections::BTreeSet;

use crate::{
    bytes::ids::EntityId,
    record::{
        date::Date,
        schema::Value,
        section::view::{Shown, View},
    },
};

/// The entities of a kind that have a current value.
pub(crate) fn of_kind(view: &View, kind: &str) -> BTreeSet<EntityId> {
    let is_kind = |field: &str| field.split_once('.').is_some_and(|(entity, _)| entity == kind);
    let cells = view.cells().filter(|(_, field, cell)| is_kind(field) && cell.shown != Shown::Nothing);
    cells.map(|(entity, ..)| *entity).collect()
}

/// The values of a field that count: see [`Cell::values`](crate::record::section::view::Cell::values).
pub(crate) fn values<'a>(view: &'a View, entity: &EntityId, field: &str) -> BTreeSet<&'a Value> {
    view.cell(entity, field).map(|cell| cell.values()).unwrap_or_default()
}

/// The values of a field that are texts.
pub(crate) fn texts(view: &View, entity: &EntityId, field: &str) -> Vec<String> {
    values(view, entity, field).into_iter().filter_map(Value::as_text).map(str::to_owned).collect()
}

/// Whether a restriction applies: any value but a plain "no" sets it, and an unstated field does not.
pub(crate) fn is_set(view: &View, entity: &EntityId, field: &str) -> bool {
    is_plainly(view, entity, field, &Value::Bool(false)) == Some(false)
}

/// Whether the field has exactly this value; `None` if it has none.
pub(super) fn is_plainly(view: &View, entity: &EntityId, field: &str, value: &Value) -> Option<bool> {
    let current = values(view, entity, field);
    (!current.is_empty()).then(|| current == BTreeSet::from([value]))
}

pub(super) fn refs(view: &View, entity: &EntityId, field: &str) -> BTreeSet<EntityId> {
    let of = |value: &Value| if let Value::Ref(entity) = value { Some(*entity) } else { None };
    values(view, entity, field).into_iter().filter_map(of).collect()
}

pub(super) fn dates(view: &View, entity: &EntityId, field: &str) -> Vec<Date> {
    texts(view, entity, field).iter().filter_map(|text| text.parse().ok()).collect()
}
