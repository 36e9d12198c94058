//! The main tables in the other two languages.

use protocol::schema::Language;

use super::*;
use crate::{error::Failure, tongue::speak};

const OTHERS: [(Language, &str); 2] = [(Language::Ru, "ru"), (Language::Uk, "uk")];

#[test]
fn how_things_stand_in_every_language() {
    for (language, tag) in OTHERS {
        speak(language);
        assert_snapshot!(format!("status_open_{tag}"), plain(&standing::status(&open(), false)));
        assert_snapshot!(format!("status_troubled_{tag}"), plain(&standing::status(&troubled(), false)));
        assert_snapshot!(format!("status_verbose_{tag}"), plain(&standing::status(&open(), true)));
        assert_snapshot!(format!("peers_{tag}"), plain(&standing::peers(&troubled().peers, NOW)));
    }
}

#[test]
fn records_in_every_language_with_the_labels_and_dates_of_that_language() {
    let dated = |mut record: Record| {
        let decided = cell("docket_decision.date", "agreed", vec![claim(json!("2025-04-15"), ONE)]);
        record.entities.insert(1, entity(4, "docket_decision", vec![decided]));
        record
    };
    for (language, tag) in OTHERS {
        speak(language);
        assert_snapshot!(format!("record_{tag}"), plain(&record::record(&dated(docket()), false)));
        assert_snapshot!(format!("record_provenance_{tag}"), plain(&record::record(&dated(docket()), true)));
        let cases = [summary(1, Some("SYN-01"), 0), summary(2, None, 2)];
        assert_snapshot!(format!("cases_{tag}"), plain(&record::records(RecordKind::Case, &cases, NOW)));
        assert_snapshot!(format!("no_cases_{tag}"), plain(&record::records(RecordKind::Case, &[], NOW)));
    }
}

#[test]
fn a_failure_in_every_language_names_what_was_typed_and_what_to_do() {
    let problem = Problem::new(codes::UNKNOWN_CODE, "docket_penalty.type: unknown code «fin»; did you mean fine?");
    let problem =
        problem.saying("nearest").with("field", "docket_penalty.type").with("code", "fin").with("nearest", "fine");
    for (language, tag) in OTHERS {
        speak(language);
        let failure = Failure::from(problem.clone());
        assert_snapshot!(format!("failure_{tag}"), plain(&texts::failure(&failure.problem)));
    }
}

#[test]
fn scripts_see_codes_and_never_labels() {
    let english =
        serde_json::to_string(&versioned(&Reply::Record(Box::new(docket())), NOW)).expect("texts and numbers");
    for (language, _) in OTHERS {
        speak(language);
        let other =
            serde_json::to_string(&versioned(&Reply::Record(Box::new(docket())), NOW)).expect("texts and numbers");
        assert_eq!(english, other);
    }
}
