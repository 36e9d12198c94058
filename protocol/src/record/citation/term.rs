//! Terms of punishment as verdicts state them.

use super::CitationError;

/// A term of punishment; life is not a number of months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// A number of whole months.
    Months(u32),
    /// Imprisonment for life.
    Life,
}

const YEARS: &[&str] = &["год", "года", "лет", "году", "рік", "роки", "років", "року", "year", "years", "г", "л", "р"];
const MONTHS: &[&str] =
    &["месяц", "месяца", "месяцев", "мес", "м", "місяць", "місяці", "місяців", "міс", "month", "months"];
const LIFE: &[&str] = &["пожизненн", "довічн", "life"];
/// Longest term of punishment in months; a longer one is a mistake or another system's notation for life.
const MONTHS_MAX: u32 = 600;

impl Term {
    /// Parses «1 год 6 месяцев», «1,5 года», "2 years", «пожизненное лишение свободы».
    ///
    /// # Errors
    /// Unknown words, a missing unit, or more than fifty years.
    pub fn read(text: &str) -> Result<Self, CitationError> {
        let text = text.to_lowercase();
        if LIFE.iter().any(|word| text.trim_start().starts_with(word)) {
            return Ok(Self::Life);
        }
        let words: Vec<_> = text.split_whitespace().filter(|word| !matches!(*word, "и" | "і" | "та" | "and")).collect();
        let (pairs, []) = words.as_chunks::<2>() else { return Err(CitationError::Term) };
        let mut months = 0u32;
        for [number, unit] in pairs {
            let unit = unit.trim_end_matches(['.', ',']);
            let part = if YEARS.contains(&unit) {
                years(number)
            } else if MONTHS.contains(&unit) {
                number.parse().ok()
            } else {
                None
            };
            months = part.and_then(|part| months.checked_add(part)).ok_or(CitationError::Term)?;
        }
        if (1..=MONTHS_MAX).contains(&months) { Ok(Self::Months(months)) } else { Err(CitationError::Term) }
    }
}

/// Converts a number of years to months; the only fraction accepted is a half.
fn years(number: &str) -> Option<u32> {
    let (whole, months) = match number.split_once([',', '.']) {
        None => (number, 0),
        Some((whole, "5")) => (whole, 6),
        Some(_) => return None,
    };
    whole.parse::<u32>().ok()?.checked_mul(12)?.checked_add(months)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_and_months_are_added() {
        let check = |text, expected| assert_eq!(Term::read(text), Ok(expected), "{text}");
        check("3 роки 6 місяців", Term::Months(42));
        check("1,5 года", Term::Months(18));
        check("2 г. 6 мес.", Term::Months(30));
        check("15 years", Term::Months(180));
        check("довічне позбавлення волі", Term::Life);
    }

    #[test]
    fn a_number_alone_or_a_huge_one_is_no_term() {
        for text in ["", "15", "15 суток", "лет 15", "10001 месяцев", "4294967295 лет", "1,3 года", "0 лет", "-1 год"]
        {
            assert_eq!(Term::read(text), Err(CitationError::Term), "{text}");
        }
    }
}
