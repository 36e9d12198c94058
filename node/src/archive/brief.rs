//! The brief JSON form of a view: nothing is repeated, and nothing is lost.
//!
//! ```text
//! "said":   [{entry, org, claimed_time, and batch, sources, grade, basis, reported_by if there are any}, …]
//! a claim:  {"said": place in that list, from 0; "number": of the statement in the entry; "value": …}
//! a cell:   without "resolutions" and "history" if there are none; "shown": "agreed" if that is the value of all claims
//! ```
//!
//! Everything else is as in a reply of the node.

use std::collections::BTreeMap;

use protocol::record::section::view::View;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// Writes the brief form of a view.
pub(super) fn serialize<S: Serializer>(view: &View, to: S) -> Result<S::Ok, S::Error> {
    let mut view = serde_json::to_value(view).map_err(S::Error::custom)?;
    let mut said = Said::default();
    for cell in cells(&mut view) {
        claims(cell).for_each(|claim| said.shorten(claim));
        cell.retain(|name, value| !(matches!(name.as_str(), "resolutions" | "history") && is_empty(value)));
        if cell["shown"]
            .get("agreed")
            .is_some_and(|agreed| cell["claims"].get(0).is_some_and(|first| first["value"] == *agreed))
        {
            cell["shown"] = json!("agreed");
        }
    }
    view["said"] = Value::Array(said.all);
    view.serialize(to)
}

/// Reads the brief form of a view.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<View, D::Error> {
    let mut view = Value::deserialize(from)?;
    let said = view.as_object_mut().and_then(|view| view.remove("said")).unwrap_or_default();
    for cell in cells(&mut view) {
        for name in ["resolutions", "history"] {
            cell.entry(name).or_insert_with(|| json!([]));
        }
        for claim in claims(cell) {
            lengthen(claim, &said).ok_or_else(|| D::Error::custom("a claim names nothing that was said"))?;
        }
        if cell.get("shown").is_some_and(|shown| shown == "agreed") {
            let value = cell.get("claims").and_then(|claims| claims.get(0)?.get("value")).cloned();
            cell.insert("shown".to_owned(), json!({ "agreed": value }));
        }
    }
    serde_json::from_value(view).map_err(D::Error::custom)
}

/// Statements that claims of a view share, each once: all of a claim except its number and value.
#[derive(Default)]
struct Said {
    all: Vec<Value>,
    places: BTreeMap<String, usize>,
}

impl Said {
    fn shorten(&mut self, claim: &mut Object) {
        let mut said = std::mem::take(claim);
        let at = said.remove("at").unwrap_or_default();
        claim.insert("value".to_owned(), said.remove("value").unwrap_or_default());
        claim.insert("number".to_owned(), at[1].clone());
        said.retain(|_, value| !value.is_null() && !is_empty(value));
        said.insert("entry".to_owned(), at[0].clone());
        let said = Value::Object(said);
        let place = *self.places.entry(said.to_string()).or_insert_with(|| {
            self.all.push(said);
            self.all.len() - 1
        });
        claim.insert("said".to_owned(), json!(place));
    }
}

fn lengthen(claim: &mut Object, said: &Value) -> Option<()> {
    let place = claim.remove("said")?.as_u64()?;
    let mut said = said.get(usize::try_from(place).ok()?)?.as_object()?.clone();
    let at = json!([said.remove("entry")?, claim.remove("number")?]);
    claim.append(&mut said);
    claim.insert("at".to_owned(), at);
    claim.entry("sources").or_insert_with(|| json!([]));
    Some(())
}

fn cells(view: &mut Value) -> impl Iterator<Item = &mut Object> {
    let entities = view.get_mut("entities").and_then(Value::as_array_mut).into_iter().flatten();
    let fields = entities.filter_map(|entity| entity.get_mut(1)?.as_object_mut());
    fields.flat_map(|fields| fields.values_mut()).filter_map(Value::as_object_mut)
}

/// The claims of a cell, the former ones too.
fn claims(cell: &mut Object) -> impl Iterator<Item = &mut Object> {
    let lists = cell.iter_mut().filter(|(name, _)| matches!(name.as_str(), "claims" | "history"));
    let all = lists.flat_map(|(name, list)| {
        let is_former = name == "history";
        let items = list.as_array_mut().into_iter().flatten();
        items.filter_map(move |item| if is_former { item.get_mut("claim") } else { Some(item) })
    });
    all.filter_map(Value::as_object_mut)
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}
