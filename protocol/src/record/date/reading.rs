//! Parsing dates as people write them, in Russian, Ukrainian and English; the day precedes the month.
//!
//! Two digits of a year mean 1950 to 2049. Ambiguous texts (`03/04/2022`, «1992 или 1993») are refused.

use super::{Date, DateError, Form, Point, Unit, year};

/// Leading words that set the meaning of the rest, longest first where one begins another.
const BEFORE: &[&str] =
    &["не позднее", "не позже", "не пізніше", "до", "not later than", "no later than", "before", "until", "by"];
const AFTER: &[&str] = &[
    "не ранее",
    "не раньше",
    "не раніше",
    "начиная с",
    "починаючи з",
    "с",
    "со",
    "після",
    "после",
    "з",
    "not earlier than",
    "not before",
    "after",
    "since",
    "from",
];
const ABOUT: &[&str] = &[
    "около",
    "примерно",
    "приблизительно",
    "ориентировочно",
    "ок.",
    "ок",
    "приблизно",
    "близько",
    "біля",
    "орієнтовно",
    "about",
    "approximately",
    "approx.",
    "approx",
    "around",
    "circa",
    "ca.",
    "ca",
    "c.",
    "~",
    "≈",
];
const BETWEEN: &[(&str, &str)] = &[("между", " и "), ("між", " і "), ("між", " та "), ("between", " and ")];
/// Words between the bounds of an interval.
const TO: &[&str] = &[" по ", " до ", " to ", " till ", " until "];
const UNKNOWN: &[&str] =
    &["", "-", "–", "—", "?", "неизвестно", "не известно", "невідомо", "не відомо", "unknown", "n/a"];
/// Words without meaning.
const FILLERS: &[&str] = &[
    "г", "г.", "гг.", "год", "года", "году", "р", "р.", "рр.", "рік", "року", "році", "year", "в", "во", "у", "на",
    "in", "on", "of", "the", "of the",
];

const MONTHS: [&[&str]; 12] = [
    &["январь", "января", "январе", "янв", "січень", "січня", "січні", "січ", "january", "jan"],
    &["февраль", "февраля", "феврале", "фев", "февр", "лютий", "лютого", "лютому", "лют", "february", "feb"],
    &["март", "марта", "марте", "мар", "березень", "березня", "березні", "бер", "march", "mar"],
    &["апрель", "апреля", "апреле", "апр", "квітень", "квітня", "квітні", "квіт", "april", "apr"],
    &["май", "мая", "мае", "травень", "травня", "травні", "трав", "may"],
    &["июнь", "июня", "июне", "июн", "червень", "червня", "червні", "черв", "june", "jun"],
    &["июль", "июля", "июле", "июл", "липень", "липня", "липні", "лип", "july", "jul"],
    &["август", "августа", "августе", "авг", "серпень", "серпня", "серпні", "серп", "august", "aug"],
    &[
        "сентябрь",
        "сентября",
        "сентябре",
        "сен",
        "сент",
        "вересень",
        "вересня",
        "вересні",
        "вер",
        "september",
        "sep",
        "sept",
    ],
    &["октябрь", "октября", "октябре", "окт", "жовтень", "жовтня", "жовтні", "жовт", "october", "oct"],
    &["ноябрь", "ноября", "ноябре", "ноя", "нояб", "листопад", "листопада", "листопаді", "лист", "november", "nov"],
    &["декабрь", "декабря", "декабре", "дек", "грудень", "грудня", "грудні", "груд", "december", "dec"],
];
const SEASONS: [&[&str]; 4] = [
    &["весна", "весны", "весной", "весною", "весни", "весні", "навесні", "spring"],
    &["лето", "лета", "летом", "літо", "літа", "влітку", "улітку", "summer"],
    &["осень", "осени", "осенью", "осінь", "осені", "восени", "autumn", "fall"],
    &["зима", "зимы", "зимой", "зимою", "зими", "взимку", "узимку", "winter"],
];
const QUARTERS: [&[&str]; 4] =
    [&["1", "i", "1-й", "q1"], &["2", "ii", "2-й", "q2"], &["3", "iii", "3-й", "q3"], &["4", "iv", "4-й", "q4"]];
const QUARTER: &[&str] = &["квартал", "квартала", "квартале", "кв", "кв.", "кварталу", "кварталі", "quarter"];

pub(super) fn read(text: &str) -> Result<Option<Date>, DateError> {
    let text = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    if UNKNOWN.contains(&&*text) {
        return Ok(None);
    }
    // A canonical text is not read as anything else, even if it is wrong: "2023-02-30".
    match text.parse::<Date>() {
        Err(DateError::Form) => phrase(&text).map(Some),
        read => read.map(Some),
    }
}

fn phrase(text: &str) -> Result<Date, DateError> {
    for (word, and) in BETWEEN {
        if let Some((from, to)) = after_word(text, &[word]).and_then(|rest| rest.split_once(and)) {
            return interval(from, to);
        }
    }
    if let Some(rest) = after_word(text, BEFORE) {
        return Ok(Date(Form::Until(point(rest)?)));
    }
    if let Some(rest) = after_word(text, AFTER) {
        return match TO.iter().find_map(|to| rest.split_once(to)) {
            Some((from, to)) => interval(from, to),
            None => Ok(Date(Form::Since(point(rest)?))),
        };
    }
    for dash in [" - ", "–", "—", "-"] {
        if let Some((from, to)) = text.split_once(dash)
            && let Ok(date) = interval(from, to)
        {
            return Ok(date);
        }
    }
    Ok(Date(Form::At(point(text)?)))
}

/// Returns the text after one of the words, if the text begins with it.
fn after_word<'a>(text: &'a str, words: &[&str]) -> Option<&'a str> {
    words.iter().find_map(|word| {
        let rest = text.strip_prefix(word)?;
        let separate = rest.starts_with(' ') || !word.ends_with(char::is_alphabetic);
        separate.then(|| rest.trim_start())
    })
}

/// Parses «22–25 апреля 2023»: parts that the first date lacks come from the second.
fn interval(from: &str, to: &str) -> Result<Date, DateError> {
    let end = point(to)?;
    if let Ok(start) = point(from) {
        return Date::between(start, end);
    }
    let words: Vec<_> = to.split(' ').collect();
    let completed = (1..words.len()).rev().find_map(|at| point(&format!("{from} {}", words[at..].join(" "))).ok());
    Date::between(completed.ok_or(DateError::Form)?, end)
}

fn point(text: &str) -> Result<Point, DateError> {
    let text = text.trim();
    if let Some(rest) = after_word(text, ABOUT) {
        return Ok(Point { unit: unit(rest)?, approximate: true });
    }
    match text.parse::<Point>() {
        Err(DateError::Form) => Ok(Point { unit: unit(text)?, approximate: false }),
        read => read,
    }
}

fn unit(text: &str) -> Result<Unit, DateError> {
    match text.parse::<Point>() {
        Ok(Point { unit, approximate: false }) => return Ok(unit),
        Err(error @ (DateError::NoSuchDay | DateError::Year)) => return Err(error),
        _ => {}
    }
    if let Some(unit) = numeric(text) {
        return unit;
    }
    let words = text.split([' ', ',']).filter(|word| !word.is_empty() && !FILLERS.contains(word));
    let words: Vec<_> = words.map(|word| word.trim_end_matches('.')).collect();
    match *words {
        [year] => Ok(Unit::Year(full_year(year)?)),
        [part, year] => match (month(part), index(&SEASONS, part), index(&QUARTERS, part)) {
            (Some(month), ..) => Unit::of_part(any_year(year)?, month),
            (_, Some(season), _) => Unit::of_part(full_year(year)?, 21 + season),
            (_, _, Some(quarter)) if part.starts_with('q') => Unit::of_part(full_year(year)?, 33 + quarter),
            _ => Err(DateError::Form),
        },
        [part, word, year] if QUARTER.contains(&word) => {
            Unit::of_part(full_year(year)?, 33 + index(&QUARTERS, part).ok_or(DateError::Form)?)
        }
        [first, second, year] => {
            let (day, month) = match (month(first), month(second)) {
                (None, Some(month)) => (first, month),
                (Some(month), None) => (second, month),
                _ => return Err(DateError::Form),
            };
            Unit::of_day(any_year(year)?, month, day_of_month(day)?)
        }
        _ => Err(DateError::Form),
    }
}

/// Parses «24.02.2022», «6.03.2019», «15.01.24», «03.2019», «24-02-2022»; none if the text has another form.
fn numeric(text: &str) -> Option<Result<Unit, DateError>> {
    let text = text.split(' ').filter(|word| !FILLERS.contains(word)).collect::<Vec<_>>().join("");
    let text = text.trim_end_matches("г.").trim_end_matches(['г', 'р', '.']);
    let parts: Vec<_> = text.split(['.', '-']).collect();
    if parts.iter().any(|part| part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let small = |part: &str| {
        if part.len() <= 2 { part.parse::<i8>().map_err(|_| DateError::Form) } else { Err(DateError::Form) }
    };
    match *parts {
        [day, month, year] if day.len() <= 2 => {
            let read = || Unit::of_day(any_year(year)?, small(month)?, small(day)?);
            Some(read())
        }
        [month, year] if month.len() <= 2 && year.len() == 4 => {
            let read = || match small(month)? {
                month @ 1..=12 => Unit::of_part(full_year(year)?, month),
                _ => Err(DateError::NoSuchDay),
            };
            Some(read())
        }
        _ => None,
    }
}

fn index(rows: &[&[&str]], word: &str) -> Option<i8> {
    let at = rows.iter().position(|row| row.contains(&word))?;
    i8::try_from(at).ok()
}

fn month(word: &str) -> Option<i8> {
    index(&MONTHS, word).map(|at| at + 1)
}

fn day_of_month(word: &str) -> Result<i8, DateError> {
    let digits = word.trim_end_matches("-го").trim_end_matches(|c: char| c.is_ascii_alphabetic());
    digits.parse().map_err(|_| DateError::Form)
}

fn full_year(word: &str) -> Result<i16, DateError> {
    if word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit()) {
        year(word.parse().map_err(|_| DateError::Form)?)
    } else {
        Err(DateError::Form)
    }
}

/// Parses a year of four digits, or of two that mean 1950 to 2049.
fn any_year(word: &str) -> Result<i16, DateError> {
    if word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_digit()) {
        let short: i16 = word.parse().map_err(|_| DateError::Form)?;
        return Ok(if short < 50 { 2000 + short } else { 1900 + short });
    }
    full_year(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let date = Date::read(text).unwrap_or_else(|error| panic!("{text}: {error}")).expect(text);
        assert_eq!(date.to_string(), expected, "{text}");
    }

    #[test]
    fn numbers_are_day_month_year() {
        check("24.02.2022", "2022-02-24");
        check("6.03.2019", "2019-03-06");
        check("15.01.24", "2024-01-15");
        check("05.05.88", "1988-05-05");
        check("03.2019", "2019-03");
        check("24.02.2022 г.", "2022-02-24");
        check("24.02.2022г.", "2022-02-24");
        check("2022 г.", "2022");
        check("2022 рік", "2022");
        check(" 2022-10-04 ", "2022-10-04");
        check("2022-10~", "2022-10~");
    }

    #[test]
    fn months_and_seasons_have_names_in_three_languages() {
        check("22 сентября 2023", "2023-09-22");
        check("22 сентября 2023 года", "2023-09-22");
        check("22 вересня 2023 року", "2023-09-22");
        check("September 22, 2023", "2023-09-22");
        check("22nd of September 2023", "2023-09-22");
        check("в феврале 2023", "2023-02");
        check("у лютому 2023 р.", "2023-02");
        check("Feb. 2023", "2023-02");
        check("январь 25", "2025-01");
        check("осень 2022", "2022-23");
        check("ОСЕНЬЮ 2022", "2022-23");
        check("навесні 2022", "2022-21");
        check("winter 2022", "2022-24");
        check("3 квартал 2022", "2022-35");
        check("IV квартал 2022", "2022-36");
        check("Q1 2022", "2022-33");
        for (at, names) in MONTHS.iter().enumerate() {
            names.iter().for_each(|name| check(&format!("{name} 2023"), &format!("2023-{:02}", at + 1)));
        }
    }

    #[test]
    fn about_before_and_after_are_kept() {
        check("около февраля 2023", "2023-02~");
        check("близько лютого 2023", "2023-02~");
        check("about February 2023", "2023-02~");
        check("~2023", "2023~");
        check("ок. 1985 г.", "1985~");
        check("не позднее 22 сентября 2023", "../2023-09-22");
        check("не пізніше 22 вересня 2023", "../2023-09-22");
        check("not later than 22 September 2023", "../2023-09-22");
        check("до 03.2019", "../2019-03");
        check("не ранее осени 2022", "2022-23/..");
        check("після 24.02.2022", "2022-02-24/..");
        check("since 2022", "2022/..");
        check("не позднее примерно мая 2023", "../2023-05~");
    }

    #[test]
    fn intervals_borrow_what_they_leave_out() {
        check("с 22.04.2023 по 25.04.2023", "2023-04-22/2023-04-25");
        check("22–25 апреля 2023", "2023-04-22/2023-04-25");
        check("22-25 апреля 2023", "2023-04-22/2023-04-25");
        check("июнь – август 2023", "2023-06/2023-08");
        check("с 30 апреля по 2 мая 2023 года", "2023-04-30/2023-05-02");
        check("between 2022-10 and 2022-12", "2022-10/2022-12");
        check("2022–2023", "2022/2023");
        check("22.04.2023-25.04.2023", "2023-04-22/2023-04-25");
    }

    #[test]
    fn unknown_is_no_date() {
        for text in ["", "  ", "?", "неизвестно", "Невідомо", "unknown", "-"] {
            assert_eq!(Date::read(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_would_need_a_guess_is_refused() {
        let refuse = |text: &str, expected| assert_eq!(Date::read(text), Err(expected), "{text}");
        for text in
            ["03/04/2022", "1992 или 1993", "22", "летом", "марафон 2022", "5.6", "13-го", "после обмена", "22 2023"]
        {
            refuse(text, DateError::Form);
        }
        refuse("31.02.2022", DateError::NoSuchDay);
        refuse("24.13.2022", DateError::NoSuchDay);
        refuse("2023-02-30", DateError::NoSuchDay);
        refuse("31 апреля 2022", DateError::NoSuchDay);
        refuse("с 25.04.2023 по 22.04.2023", DateError::Reversed);
        refuse("24.02.1822", DateError::Year);
    }
}
