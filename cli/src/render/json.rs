//! Replies as JSON for scripts: one object with its version; each time as seconds since 1970 and as RFC 3339, both UTC.

use jiff::Timestamp;
use protocol::app::control::{Reply, SCHEMA};
use serde::Serialize;
use serde_json::{Map, Value};

/// The keys of times in replies: seconds since 1970, UTC.
const TIMES: &[&str] =
    &["as_of", "at", "changed", "clock", "due_at", "equal_at", "latest_claim", "since", "time", "when"];

#[derive(Serialize)]
struct Versioned<'a> {
    schema: u32,
    #[serde(flatten)]
    reply: &'a Reply,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<u64>,
}

/// A reply with its version, and with the time of the reply if the node does not give one.
pub(super) fn versioned(reply: &Reply, now: u64) -> Value {
    let as_of = match reply {
        Reply::Peers { .. }
        | Reply::Names { .. }
        | Reply::Records { .. }
        | Reply::Shares { .. }
        | Reply::Digest { .. } => Some(now),
        _ => None,
    };
    let json = serde_json::to_value(Versioned { schema: SCHEMA, reply, as_of });
    dated(json.expect("what is shown is made of texts, numbers and lists"))
}

/// The dated JSON: `NAME_utc` is added behind each time `NAME`.
fn dated(json: Value) -> Value {
    match json {
        Value::Array(values) => values.into_iter().map(dated).collect(),
        Value::Object(members) => {
            let mut all = Map::new();
            for (name, value) in members {
                let utc = value.as_i64().filter(|_| TIMES.contains(&&*name));
                let utc = utc.and_then(|seconds| Timestamp::from_second(seconds).ok());
                let dated_name = format!("{name}_utc");
                all.insert(name, dated(value));
                utc.map(|utc| all.insert(dated_name, utc.to_string().into()));
            }
            Value::Object(all)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_time_stands_there_as_a_number_and_as_a_text_in_utc_and_nothing_else_is_touched() {
        let given = json!({
            "as_of": 1_795_515_600,
            "cells": [{ "at": 0, "index": 7 }],
            "at": { "index": 1 },
            "since": null,
            "changed": u64::MAX,
        });
        let expected = json!({
            "as_of": 1_795_515_600,
            "as_of_utc": "2026-11-24T10:20:00Z",
            "cells": [{ "at": 0, "at_utc": "1970-01-01T00:00:00Z", "index": 7 }],
            "at": { "index": 1 },
            "since": null,
            "changed": u64::MAX,
        });
        assert_eq!(dated(given).to_string(), expected.to_string());
    }
}
