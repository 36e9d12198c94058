//! Tests of checking and parsing values: which are accepted, in which form, and with which errors others are refused.

use super::*;
use crate::bytes::ids::{EntityId, OrgId};

fn schema() -> &'static Schema {
    Schema::current()
}

/// Checks that a typed text parses to the canonical text or number.
fn typed(field: &str, text: &str, expected: impl Into<Value>) {
    let value = schema().parse(field, text).unwrap_or_else(|error| panic!("{field} «{text}»: {error}"));
    assert!(value == expected.into(), "{field} «{text}»");
    assert!(schema().check(field, &value).is_ok(), "what is parsed is canonical: {field} «{text}»");
}

fn refused(field: &str, text: &str, expected: &str) {
    let error = schema().parse(field, text).expect_err(text).to_string();
    assert!(error.starts_with(field) && error.contains(expected), "{error} lacks {field} or {expected}");
}

/// Checks that a value which is not in canonical form is refused.
fn not_written(field: &str, value: impl Into<Value>) {
    let value = value.into();
    assert!(schema().check(field, &value).is_err(), "{field} {value:?}");
}

#[test]
fn codes_may_be_typed_as_labels_or_articles() {
    typed("capture_episode.circumstances", "Wounded", "wounded");
    typed("charge.code", "ст. 352.1 УК РФ", "RU-CC-352.1");
    typed("charge.code", "ч. 3 ст. 338 УК РФ", "RU-CC-338.3");
    typed("charge.code", "RU-CC-275", "RU-CC-275");
    typed("person.sex", "Мужской", "m");
    typed("person.sex", "female", "f");
    typed("consent_grant.answer", "згоду надано", "granted");
    refused("capture_episode.circumstances", "woundet", "did you mean wounded?");
    refused("charge.code", "ч. 3 ст. 30, ст. 352.1", "unknown code");
    not_written("capture_episode.circumstances", "Wounded");
    not_written("capture_episode.circumstances", Value::Int(1));
}

#[test]
fn an_unknown_code_names_field_and_nearest() {
    let error = schema().check("person.sex", &"мужской".into());
    let code = "мужской".to_owned();
    assert_eq!(error, Err(ValueError::UnknownCode { field: "person.sex".into(), code, near: vec!["m".into()] }));
    let error = schema().check("charge.status", &"drooped".into());
    let near = vec!["dropped".to_owned()];
    assert_eq!(error, Err(ValueError::UnknownCode { field: "charge.status".into(), code: "drooped".into(), near }));
}

#[test]
fn texts_are_composed_single_lines() {
    typed("source.publisher", "  два\t слова \n", "два слова");
    typed("source.publisher", "и\u{306}", "й");
    typed("source.publisher", "\u{202a}+7 000\u{202c}", "+7 000");
    for wrong in ["два  слова", " a", "a\n", "и\u{306}", "a\u{202e}b", "a\u{a0}b", "", "a\u{7}b"] {
        not_written("source.publisher", wrong);
    }
    not_written("source.publisher", &*"я".repeat(201));
    assert!(schema().check("source.publisher", &(&*"я".repeat(200)).into()).is_ok());
    refused("source.publisher", "   ", "is empty");
}

#[test]
fn paragraphs_keep_their_lines() {
    let field = "paragraph.text";
    assert!(schema().check(field, &"раз\nдва".into()).is_ok());
    for wrong in ["раз\r\nдва", " раз", "раз\tдва", "раз\u{2029}два", &*"я".repeat(4001)] {
        not_written(field, wrong);
    }
    let value = schema().parse(field, " раз\r\nдва ").expect("a paragraph");
    assert!(value == "раз\nдва".into(), "line breaks survive");
}

#[test]
fn dates_are_read_as_people_write_them() {
    typed("capture_episode.date", "около февраля 2023", "2023-02~");
    typed("capture_episode.date", "2023-06-10~", "2023-06-10~");
    refused("capture_episode.date", "31.02.2023", "no such day");
    refused("capture_episode.date", "неизвестно", "is empty");
    not_written("capture_episode.date", "10.06.2023");
}

#[test]
fn regions_countries_and_languages_are_iso() {
    typed("person.region_home", "ru-pri", "RU-PRI");
    typed("person.region_home", "Донецкая область", "UA-14");
    typed("person.region_home", "TR-34", "TR-34");
    refused("person.region_home", "RU-PRY", "did you mean RU-PRI or RU-BRY?");
    refused("person.region_home", "Приморье", "a region of ISO 3166-2");
    not_written("person.region_home", "ru-pri");
    typed("person.citizenship", "ru", "RU");
    refused("person.citizenship", "XX", "unknown code");
    assert_eq!(COUNTRIES.split_whitespace().count(), 249);
    typed("person.language", "RU", "ru");
    refused("person.language", "русский", "ISO 639");
}

#[test]
fn numbers_have_limits() {
    typed("benefit_loss.monthly_rub", "195 000 ₽", Value::Int(195_000));
    typed("benefit_loss.monthly_rub", "195\u{a0}000,50 руб.", Value::Int(195_001));
    typed("benefit_loss.monthly_rub", "10,49", Value::Int(10));
    refused("benefit_loss.monthly_rub", "1.000.000", "roubles");
    typed("person.minor_children", "2", Value::Int(2));
    refused("person.minor_children", "-2", "a whole number");
    refused("person.minor_children", "двое", "a whole number");
    typed("possible_duplicate.score", "85 %", Value::Int(85));
    refused("possible_duplicate.score", "101", "at most 100");
    not_written("person.minor_children", Value::Int(1 << 53));
    not_written("person.minor_children", "2");
    typed("proceeding.closed_trial", "Да", Value::Bool(true));
    typed("proceeding.closed_trial", "ні", Value::Bool(false));
    refused("proceeding.closed_trial", "возможно", "yes or no");
}

#[test]
fn identifiers_match_their_format() {
    typed("proceeding.court_number", "10 – 1587/ 2022", "10-1587/2022");
    typed("proceeding.uid", "27gv0008-01-2019-000081-20", "27GV0008-01-2019-000081-20");
    typed("docket_charge.provision", "ст.158 ч.3 п.в", "ст. 158 ч. 3 п. в");
    refused("docket.court_id", "Приморский суд", "27GV0008");
    refused("docket_source.publisher_domain", "not a domain", "example.org");
    typed("docket_argument.cited_act", "RU-SC-PLENUM-11/2023", "RU-SC-PLENUM-11/2023");
    refused("docket_argument.cited_act", "Постановление Пленума", "a norm");
    typed("case_file.urgency", "24h", "24h");
}

#[test]
fn addresses_are_serialised_one_way() {
    typed("source.url", "HTTPS://Example.ORG", "https://example.org/");
    typed("source.url", "https://example.org:443/a?b=в#part", "https://example.org/a?b=%D0%B2");
    typed("source.url", "http://abc.onion/x y", "http://abc.onion/x%20y");
    for wrong in
        ["ftp://example.org/", "https://u:p@example.org/", "example.org", "https://пример.рф/", "https://e.org/a/../b"]
    {
        refused("source.url", wrong, "an http or https address");
    }
    not_written("source.url", "https://example.org");
}

#[test]
fn references_organisations_and_files_are_not_text() {
    let entity = EntityId([7; 16]);
    typed("captivity_episode.capture", &entity.to_string(), Value::Ref(entity));
    not_written("captivity_episode.capture", "entity");
    typed("referral.to_org", &OrgId([7; 32]).to_string(), Value::Org(OrgId([7; 32])));
    typed("referral.to_org", "org:gamma", "org:gamma");
    let file = |bytes, media: &str| Value::File { blake3: [1; 32], bytes, media: media.into() };
    assert!(schema().check("person.photo", &file(1 << 32, "image/jpeg")).is_ok());
    not_written("person.photo", file((1 << 32) + 1, "image/jpeg"));
    not_written("person.photo", file(1, "image"));
    let hash = format!("sha256:{}", "0f".repeat(32));
    typed("evidence_item.sha256", &hash, &*hash);
    not_written("evidence_item.sha256", &*hash.to_uppercase());
}

#[test]
fn computed_and_unknown_fields_are_not_written() {
    let check = |field: &str, expected| assert_eq!(schema().check(field, &"x".into()), Err(expected));
    check("case_file.stage", ValueError::Computed { field: "case_file.stage".into() });
    let nearest = Some("capture_episode.date".to_owned());
    check("capture_episod.date", ValueError::UnknownField { field: "capture_episod.date".into(), nearest });
}

#[test]
fn no_error_shows_a_text_longer_than_a_code() {
    let secret = "СИН ".repeat(30);
    let error = schema().check("person.sex", &secret.trim().into()).expect_err("not a sex").to_string();
    assert!(error.len() < 200, "{error}");
}

proptest::proptest! {
    /// Any text typed into any field is refused or becomes canonical; parsing never panics.
    #[test]
    fn what_is_read_is_canonical(at in 0usize..10_000, text in "\\PC{0,40}|[0-9 .,/~–-]{1,16}|https?://[a-z.:/?#@]{1,20}") {
        let fields: Vec<_> = schema().fields().collect();
        let field = fields[at % fields.len()];
        if let Ok(value) = schema().parse(&field.name, &text) {
            proptest::prop_assert!(schema().check(&field.name, &value).is_ok());
            if let Some(canonical) = value.as_text() {
                let again = schema().parse(&field.name, canonical);
                proptest::prop_assert!(again == Ok(value.clone()), "reading the canonical text gives the same value");
            }
        }
    }
}
