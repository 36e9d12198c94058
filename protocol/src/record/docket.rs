//! A docket for reading: what courts, officials and the press made public about a proceeding.
//!
//! The pair of an argument and the court's response is the unit of precedent search: article × circumstance × argument
//! × court → response.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::{
    bytes::ids::EntityId,
    record::{
        schema::Value,
        section::{
            sheet::{Record, Sheet},
            view::View,
        },
        stage::{self, Stage},
    },
};

/// A docket: the public record of a proceeding.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Docket {
    /// The sheet: records, timeline, conflicts, provenance.
    pub sheet: Sheet,
    /// The stage of the proceeding, as far as is public.
    pub stage: Stage,
    /// Articles charged, as codes of `charge`.
    pub articles: BTreeSet<String>,
    /// Present and former case numbers of the court.
    pub numbers: BTreeSet<String>,
    /// Arguments of the defence, with the court's responses.
    pub arguments: Vec<Argument>,
}

/// An argument and the court's response.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Argument {
    /// The record of the argument.
    pub entity: EntityId,
    /// Codes of `defence_argument`: one, unless disputed.
    pub codes: Vec<String>,
    /// Codes of `capture_circumstance` that the court considered.
    pub circumstances: Vec<String>,
    /// Codes of `court_response`: one, unless disputed; none if unknown.
    pub responses: Vec<String>,
    /// Codes of the courts that answered: of the decision named, else of the docket.
    pub courts: Vec<String>,
    /// The court's own words, where published.
    pub wording: Vec<String>,
}

/// Shows ids and counts, never content.
impl fmt::Debug for Docket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Docket({:?}, {:?}, {} arguments)", self.sheet, self.stage, self.arguments.len())
    }
}

/// Shows the id, never content.
impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Argument({:?})", self.entity)
    }
}

impl Docket {
    /// Builds a docket from a view.
    #[must_use]
    pub fn new(view: &View) -> Self {
        let sheet = Sheet::new(view);
        let all = |kind: &str, fields: &[&str]| -> BTreeSet<String> {
            let records = sheet.of_kind(kind);
            let texts = records.iter().flat_map(|record| fields.iter().flat_map(|field| record.texts(field)));
            texts.map(str::to_owned).collect()
        };
        let mut numbers = all("docket", &["court_number", "previous_court_number"]);
        numbers.extend(all("docket_event", &["new_court_number"]));
        let arguments = sheet.of_kind("docket_argument").into_iter().map(|record| argument(&sheet, record)).collect();
        Self { stage: stage::stage(view), articles: all("docket_charge", &["code"]), numbers, arguments, sheet }
    }

    /// The root record of the docket: court, number, whether the trial was closed.
    #[must_use]
    pub fn header(&self) -> Option<&Record> {
        self.sheet.records.iter().find(|record| record.kind == "docket")
    }
}

fn argument(sheet: &Sheet, record: &Record) -> Argument {
    let texts = |field: &str| record.texts(field).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let decisions = record.cell("decision").map(crate::record::section::view::Cell::values).unwrap_or_default();
    let decided = |kind: &str, is_it: &dyn Fn(&Record) -> bool| -> Vec<String> {
        let records = sheet.of_kind(kind).into_iter().filter(|record| is_it(record));
        records.flat_map(|record| record.texts("court_id")).map(str::to_owned).collect()
    };
    let mut courts = decided("docket_decision", &|decision| decisions.contains(&Value::Ref(decision.entity)));
    if courts.is_empty() {
        courts = decided("docket", &|_| true);
    }
    Argument {
        entity: record.entity,
        codes: texts("code"),
        circumstances: texts("circumstance"),
        responses: texts("response"),
        courts,
        wording: texts("court_wording"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::section::sample::{self, refers, says};

    #[test]
    fn a_docket_answers_article_argument_court_and_response() {
        let docket = Docket::new(&sample::view(&[vec![
            says(1, "docket.court_id", "99GV0002"),
            says(1, "docket.court_number", "1-19/2024"),
            says(1, "docket.previous_court_number", "1-240/2023"),
            says(2, "docket_charge.code", "RU-CC-352.1"),
            says(3, "docket_charge.code", "RU-CC-337.5"),
            says(4, "docket_event.type", "verdict"),
            says(4, "docket_event.date", "2024-02-15"),
            says(5, "docket_decision.court_id", "99OV0000"),
            says(6, "docket_argument.code", "ARG-ORDER"),
            says(6, "docket_argument.response", "accepted"),
            says(6, "docket_argument.circumstance", "ordered_to_surrender"),
            refers(6, "docket_argument.decision", 5),
            says(7, "docket_argument.code", "ARG-RETRO"),
        ]]));
        assert_eq!(docket.stage.code, "65-verdict");
        assert_eq!(docket.articles.iter().collect::<Vec<_>>(), ["RU-CC-337.5", "RU-CC-352.1"]);
        assert_eq!(docket.numbers.len(), 2);
        let [order, retro] = &docket.arguments[..] else { panic!("two arguments") };
        assert_eq!(
            (&order.responses[..], &order.courts[..]),
            (&["accepted".to_owned()][..], &["99OV0000".to_owned()][..])
        );
        assert_eq!(order.circumstances, ["ordered_to_surrender"]);
        assert_eq!((retro.responses.len(), &retro.courts[..]), (0, &["99GV0002".to_owned()][..]));
        assert!(docket.header().is_some());
    }
}
