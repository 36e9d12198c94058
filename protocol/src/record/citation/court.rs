//! Case numbers and unique identifiers that courts assign.

use std::fmt;
use std::str::FromStr;

use super::CitationError;

/// A case number, in the normal form `series-number/year`: `1-117/2022`, `3/2-14/2023`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CourtNumber {
    series: String,
    seq: u32,
    year: u16,
}

/// A case number with the former numbers of the case: a case not finished at the year's end gets a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourtNumbers {
    /// The present number.
    pub current: CourtNumber,
    /// Former numbers, as listed in brackets.
    pub previous: Vec<CourtNumber>,
}

/// The unique identifier of a case: court, group, year, number, check digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CourtUid(String);

impl CourtNumber {
    /// The series of the register: `1` criminal cases of first instance, `22` appeals of regional courts …
    #[must_use]
    pub fn series(&self) -> &str {
        &self.series
    }

    /// Number in the register.
    #[must_use]
    pub const fn seq(&self) -> u32 {
        self.seq
    }

    /// Year of the register.
    #[must_use]
    pub const fn year(&self) -> u16 {
        self.year
    }

    /// The kind of proceedings that the register holds, as far as the series shows.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &*self.series {
            "1" => "criminal-1",
            "2" => "criminal-2", // district military and regional courts as first instance
            "3/1" => "custody",
            "3/2" => "custody-extension",
            "3/10" => "complaint-125",
            "10" => "appeal-10",
            "22" => "appeal-22",
            _ => "other",
        }
    }
}

impl fmt::Display for CourtNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}/{}", self.series, self.seq, self.year)
    }
}

/// Accepts any dash, spaces around it, a second dash before the year, and a year of two digits.
impl FromStr for CourtNumber {
    type Err = CitationError;
    fn from_str(text: &str) -> Result<Self, CitationError> {
        let compact = text.chars().filter(|c| !c.is_whitespace()).map(|c| if "–—−‑".contains(c) { '-' } else { c });
        let compact: String = compact.collect::<String>().to_lowercase();
        let compact = compact.trim_start_matches('№');
        let (series, rest) = compact.split_once('-').ok_or(CitationError::CourtNumber)?;
        let (seq, year) = rest.split_once(['/', '-']).ok_or(CitationError::CourtNumber)?;
        let year = match (number(year)?, year.len()) {
            (short, 2) => 2000 + short,
            (year, 4) => year,
            _ => return Err(CitationError::CourtNumber),
        };
        let seq = if seq.len() <= 7 { number(seq)? } else { 0 };
        if !is_series(series) || seq == 0 || !(1990..=2100).contains(&year) {
            return Err(CitationError::CourtNumber);
        }
        Ok(Self { series: series.to_owned(), seq, year: u16::try_from(year).expect("at most 2100") })
    }
}

/// Reads the form `1-5/2022 (1-205/2021;)`.
impl FromStr for CourtNumbers {
    type Err = CitationError;
    fn from_str(text: &str) -> Result<Self, CitationError> {
        let (current, brackets) = match text.split_once('(') {
            None => (text, ""),
            Some((current, rest)) => (current, rest.trim().strip_suffix(')').ok_or(CitationError::CourtNumber)?),
        };
        let previous = brackets.split([';', ',']).map(str::trim).filter(|number| !number.is_empty()).map(str::parse);
        Ok(Self { current: current.parse()?, previous: previous.collect::<Result<_, _>>()? })
    }
}

impl CourtUid {
    /// Code of the court.
    #[must_use]
    pub fn court_id(&self) -> &str {
        self.part(0)
    }

    /// Group of proceedings: `01` criminal.
    #[must_use]
    pub fn group(&self) -> &str {
        self.part(1)
    }

    /// Year of registration.
    #[must_use]
    pub fn year(&self) -> u32 {
        self.part(2).parse().expect("checked when read")
    }

    /// Number within the year.
    #[must_use]
    pub fn seq(&self) -> u32 {
        self.part(3).parse().expect("checked when read")
    }

    /// Check digits.
    #[must_use]
    pub fn check(&self) -> &str {
        self.part(4)
    }

    fn part(&self, at: usize) -> &str {
        self.0.split('-').nth(at).expect("five parts were checked when read")
    }
}

impl fmt::Display for CourtUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CourtUid {
    type Err = CitationError;
    fn from_str(text: &str) -> Result<Self, CitationError> {
        let text = text.trim().to_uppercase();
        let parts: Vec<_> = text.split('-').collect();
        let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        match *parts {
            [court, group, year, seq, check]
                if is_court_id(court) && digits(group, 2) && digits(year, 4) && digits(seq, 6) && digits(check, 2) =>
            {
                Ok(Self(text.clone()))
            }
            _ => Err(CitationError::CourtUid),
        }
    }
}

/// Whether `text` has the form of a court's code: `27GV0008`. Its first two digits are not the region of the court.
#[must_use]
pub fn is_court_id(text: &str) -> bool {
    text.is_ascii()
        && text.len() == 8
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 2 | 3) { byte.is_ascii_uppercase() } else { byte.is_ascii_digit() })
}

/// Whether `series` is one: `1`, `22`, `3/10`, `22к`: one or two numbers of at most two digits, perhaps a letter.
fn is_series(series: &str) -> bool {
    let series = series.strip_suffix(|c| ('а'..='я').contains(&c)).unwrap_or(series);
    let small = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    match series.split_once('/') {
        Some((register, kind)) => small(register) && small(kind),
        None => small(series),
    }
}

fn number(digits: &str) -> Result<u32, CitationError> {
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if valid { digits.parse().map_err(|_| CitationError::CourtNumber) } else { Err(CitationError::CourtNumber) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_a_number_has_one_form() {
        let check =
            |text: &str, expected: &str| assert_eq!(text.parse::<CourtNumber>().expect(text).to_string(), expected);
        check("1-117/2022", "1-117/2022");
        check("1-48-2021", "1-48/2021");
        check("№ 1-64/22", "1-64/2022");
        check("10 – 1587/ 2022", "10-1587/2022");
        check("3/2-14/2023", "3/2-14/2023");
        check("22К-007/2024", "22к-7/2024");
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for text in
            ["", "1-117", "117/2022", "1-0/2022", "1-117/202", "a-1/2022", "1-1/1899", "1-99999999/2022", "1--1/2022"]
        {
            assert_eq!(text.parse::<CourtNumber>(), Err(CitationError::CourtNumber), "{text}");
        }
        assert!("1-5/2022 (1-205/2021".parse::<CourtNumbers>().is_err());
        assert!("1-5/2022 (слова)".parse::<CourtNumbers>().is_err());
    }

    #[test]
    fn a_uid_has_five_parts() {
        for text in [
            "27GV0008-01-2019-000081",
            "27GV008-01-2019-000081-20",
            "27GV0008-1-2019-000081-20",
            "27ЖЖ0008-01-2019-000081-20",
        ] {
            assert_eq!(text.parse::<CourtUid>(), Err(CitationError::CourtUid), "{text}");
        }
    }
}
