//! Tests of hostile files: each is refused with places and messages, at a bounded cost, and nothing of it is imported.

use super::*;

/// The sample as bytes, with one text replaced by another.
fn spoilt(from: &str, to: &[u8]) -> Vec<u8> {
    let at = CASES.find(from).expect("the sample has it");
    [&CASES.as_bytes()[..at], to, &CASES.as_bytes()[at + from.len()..]].concat()
}

/// The errors of a file that is refused.
fn refused(file: &[u8]) -> Vec<ImportError> {
    let mut last = 0_u128;
    let mut new_id = || {
        last += 1;
        EntityId(last.to_be_bytes())
    };
    let ImportErrors(errors) = import(file, &mut new_id).expect_err("must be refused");
    assert!(!errors.is_empty() && errors.len() <= ERRORS + 1, "{}", errors.len());
    let told: usize = errors.iter().map(|error| error.to_string().len()).sum();
    assert!(told <= (ERRORS + 1) * (4 * PATH_CHARS + 400), "{told} bytes are told of {}", file.len());
    errors
}

#[test]
fn a_million_keys_are_counted_and_a_thousand_of_them_named() {
    let keys: Vec<String> = (0..1_000_000).map(|nth| format!("\"k{nth}\":0")).collect();
    let errors = refused(format!("{{\"cases\":[{{{}}}]}}", keys.join(",\n")).as_bytes());
    assert_eq!(errors.len(), ERRORS + 1);
    assert_eq!((errors[0].line, &*errors[0].path), (1, "$.cases[0].k0"));
    assert_eq!(errors[ERRORS - 1].line, ERRORS);
    assert_eq!(errors[ERRORS].problem, Problem::More { count: 1_000_000 - ERRORS });
}

#[test]
fn a_million_records_with_one_mistake_each_are_counted_too() {
    let records = vec!["{\"x\":1}"; 1_000_000].join("\n,");
    let errors = refused(format!("{{\"dockets\":[{records}]}}").as_bytes());
    assert!(matches!(errors[ERRORS].problem, Problem::More { count } if count >= 1_000_000 - ERRORS));
}

#[test]
fn a_cell_or_a_key_of_many_megabytes_is_refused_and_not_repeated() {
    let huge = "я".repeat(16 << 20);
    let cell = refused(&spoilt("\"2025-02-10\"", format!("\"{huge}\"").as_bytes()));
    assert_eq!(cell.len(), 1, "{}", cell.len());
    let key = refused(format!("{{\"{huge}\": 1, \"cases\": []}}").as_bytes());
    assert_eq!(key[0].path.chars().count(), PATH_CHARS + 1);
    let label = refused(format!("{{\"cases\":[{{\"case_id\":\"a\",\"case_id\":\"{huge}\"}}]}}").as_bytes());
    assert!(label.iter().any(|error| error.problem == Problem::RepeatedKey));
    let beyond = vec![b' '; FILE_BYTES + 1];
    assert_eq!(refused(&beyond)[0].problem, Problem::TooLong { found: FILE_BYTES + 1 });
}

#[test]
fn bytes_that_are_no_text_are_named_with_their_line() {
    for bytes in [&[0xff][..], &[0xc0, 0x80], &[0xed, 0xa0, 0x80], &[0xf4, 0x90, 0x80, 0x80], &[0xe2, 0x82]] {
        let file = spoilt("2025-02-10", bytes);
        let errors = refused(&file);
        let at = CASES.find("2025-02-10").expect("there");
        let line = CASES[..at].lines().count();
        assert_eq!((errors.len(), errors[0].line, &errors[0].problem), (1, line, &Problem::NotText), "{bytes:x?}");
    }
    // UTF-16, as a spreadsheet may write it.
    let wide: Vec<u8> = CASES.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for file in [wide.clone(), [&[0xff, 0xfe], &wide[..]].concat()] {
        assert!(matches!(refused(&file)[0].problem, Problem::NotText | Problem::NotJson { .. }));
    }
}

#[test]
fn a_nul_is_refused_raw_and_inside_a_value() {
    assert!(matches!(refused(&spoilt("2025-02-10", b"2025\0-02-10"))[0].problem, Problem::NotJson { .. }));
    let escaped = refused(&spoilt("2025-02-10", b"2025\\u0000-02-10"));
    assert_eq!(escaped.len(), 1, "{escaped:?}");
    assert!(refused(&[0; 4096]).len() == 1 && refused(b"\0{}").len() == 1);
}

/// Nested brackets must neither end the process nor cost more than their own length.
#[test]
fn what_is_nested_without_end_is_refused() {
    let deep = 4_000_000;
    let list = [vec![b'['; deep], vec![b']'; deep]].concat();
    let object = [b"{\"cases\":".repeat(1_000_000), b"1".to_vec(), vec![b'}'; 1_000_000]].concat();
    let value = spoilt("\"2025-02-10\"", &list);
    for file in [list, object, value, vec![b'['; deep], b"{\"a\":".repeat(1_000_000)] {
        assert!(!refused(&file).is_empty());
    }
}

/// Line ends of three systems in one file: the import is the same, and an error names the line that an editor shows.
#[test]
fn mixed_line_ends_change_nothing() {
    let mut nth = 0;
    let mixed: String = CASES
        .split_inclusive('\n')
        .map(|line| {
            nth += 1;
            if nth % 2 == 0 { line.replace('\n', "\r\n") } else { line.to_owned() }
        })
        .collect();
    assert_eq!(read(&mixed).expect("the same file").len(), 14);
    assert_eq!(read(&CASES.replace('\n', "\r")).expect("no line ends that count").len(), 14);
    let at = mixed.find("2025-02-10").expect("there");
    let wrong = mixed.replacen("2025-02-10", "2025-13-10", 1);
    assert_eq!(refused(wrong.as_bytes())[0].line, mixed[..at].lines().count());
}

/// One wrong value in the last record of a large file: none of the other records is imported.
#[test]
fn nothing_comes_in_if_the_last_of_many_records_is_wrong() {
    let case = |label: &str, rest: &str| format!("{{\"case_id\":\"{label}\"{rest}}}");
    let mut cases: Vec<String> = (0..10_000).map(|nth| case(&nth.to_string(), "")).collect();
    let sound = |cases: &[String]| format!("{{\"cases\":[{}]}}", cases.join(",\n"));
    assert_eq!(read(&sound(&cases)).expect("sound").len(), 10_000);
    cases.push(case("last", ",\"no such key\":1"));
    let errors = refused(sound(&cases).as_bytes());
    assert_eq!((errors.len(), errors[0].line), (1, 10_001));
}
