//! Texts of `conflicts`, `resolve`, `retract` and `history`.

pub(crate) const NO_CONFLICTS: &str = "Nothing is disputed, and nothing was.";
pub(crate) const OPEN: &str = "! disputed:";
pub(crate) const SETTLED: &str = "✓ settled:";
pub(crate) const NONE_OF_THEM: &str = "none of them";
pub(crate) const GONE_BY: &str = "stands, gone by";
pub(crate) const CONFLICT_COLUMNS: [&str; 6] = ["value", "who says so", "when", "grade", "source", "entry"];
pub(crate) const HISTORY_COLUMNS: [&str; 8] =
    ["what", "value", "what became of it", "who said so", "when", "grade", "source", "entry"];
pub(crate) const NEXT_RESOLVE: &str = "settle one of them; the other values stay in sight";
pub(crate) const NOTHING_THERE: &str = "nothing was ever said there";
pub(crate) const SEVERAL_ENTRIES: &str = "several entries begin so";
pub(crate) const WHOLE_ID: &str = "give more of the entry's id";
pub(crate) const CHOOSE_ONE: &str = "give one of these values, or `none`";

pub(crate) fn not_disputed(field: &str) -> String {
    format!("{field} of this record is not disputed")
}

pub(crate) fn several(field: &str) -> String {
    format!("{field} is disputed in several places of this record")
}

pub(crate) fn not_said(field: &str) -> String {
    format!("nobody says that of {field}")
}

pub(crate) fn settled(by: &str, when: &str, chosen: &str, reason: &str, holds: bool) -> String {
    let holds = if holds { "" } else { " — no longer: something was said that this had not seen" };
    format!("  {by} settled it on {when} for: {chosen} ({reason}){holds}")
}

pub(crate) fn retracted(when: &str, reason: &str) -> String {
    format!("taken back {when}: {reason}")
}

pub(crate) fn fate(fate: &str) -> &str {
    match fate {
        "superseded" => "replaced by its author",
        "retracted" => "taken back",
        other => other,
    }
}
