//! Dates with their precision: a subset of EDTF (ISO 8601-2).
//!
//! `YYYY` · `YYYY-MM` · `YYYY-MM-DD` · seasons `YYYY-21` to `-24` · quarters `YYYY-33` to `-36`, each with an optional
//! `~` (approximately) · `A/B` from A to B · `../B` not later than B · `A/..` not earlier than A. Years 1900 to 2100.
//! One date has one text. Nothing here depends on the present day. An unknown date is no date.

mod reading;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use jiff::{Timestamp, civil, tz::TimeZone};
use thiserror::Error;

/// Length of the longest canonical text in bytes.
pub const DATE_BYTES: usize = 32;
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2100;

/// A date with its precision.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Date(Form);

/// The precision of a date; [`Precision::code`] is the code of the vocabulary `date_precision`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Known to the day.
    Day,
    /// Known to the month.
    Month,
    /// Known to the season or quarter.
    Season,
    /// Known to the year.
    Year,
    /// Known to lie between two dates.
    Interval,
    /// Approximately known, with an unknown error.
    Approx,
    /// Known to be not later than a date.
    Before,
    /// Known to be not earlier than a date.
    After,
}

/// Errors of parsing a date.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DateError {
    /// The text has no known form.
    #[error("not a date; write 2022-10-04, 2022-10, 2022, 2022-10~ (about), ../2022-10 (not later than) or 04.10.2022")]
    Form,
    /// The form is right, but the day or month does not exist.
    #[error("there is no such day or month")]
    NoSuchDay,
    /// The year is outside 1900 to 2100.
    #[error("the year is outside 1900 to 2100")]
    Year,
    /// The interval ends before it begins.
    #[error("the interval ends before it begins")]
    Reversed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    At(Point),
    Between(Point, Point),
    Until(Point),
    Since(Point),
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Point {
    unit: Unit,
    approximate: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Year(i16),
    /// Season: 21 spring, 22 summer, 23 autumn, 24 winter.
    Season(i16, i8),
    /// Quarter: 33 to 36 for the first to the fourth.
    Quarter(i16, i8),
    Month(i16, i8),
    Day(civil::Date),
}

/// The day of a moment, in UTC.
#[must_use]
pub fn day(utc_s: u64) -> civil::Date {
    let moment = i64::try_from(utc_s).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.map_or(civil::Date::MAX, |moment| moment.to_zoned(TimeZone::UTC).date())
}

impl Date {
    /// Makes the date of one day.
    ///
    /// # Errors
    /// The year is outside 1900 to 2100.
    pub fn of_day(day: civil::Date) -> Result<Self, DateError> {
        year(day.year())?;
        Ok(Self(Form::At(Point { unit: Unit::Day(day), approximate: false })))
    }

    /// Parses a date as people write it, in Russian, Ukrainian or English: «24.02.2022», «осень 2022», «около февраля
    /// 2023», «не позднее 22 сентября 2023». An empty text, `?` and "unknown" are no date.
    ///
    /// # Errors
    /// The text cannot be understood without guessing.
    pub fn read(text: &str) -> Result<Option<Self>, DateError> {
        reading::read(text)
    }

    /// The earliest possible day; none if the date is open to the past.
    #[must_use]
    pub fn earliest(&self) -> Option<civil::Date> {
        match self.0 {
            Form::At(point) | Form::Between(point, _) | Form::Since(point) => Some(point.unit.first()),
            Form::Until(_) => None,
        }
    }

    /// The latest possible day; none if the date is open to the future.
    #[must_use]
    pub fn latest(&self) -> Option<civil::Date> {
        match self.0 {
            Form::At(point) | Form::Between(_, point) | Form::Until(point) => Some(point.unit.last()),
            Form::Since(_) => None,
        }
    }

    /// The precision of the date.
    #[must_use]
    pub fn precision(&self) -> Precision {
        match self.0 {
            Form::Between(..) => Precision::Interval,
            Form::Until(_) => Precision::Before,
            Form::Since(_) => Precision::After,
            Form::At(Point { approximate: true, .. }) => Precision::Approx,
            Form::At(Point { unit, .. }) => match unit {
                Unit::Year(_) => Precision::Year,
                Unit::Season(..) | Unit::Quarter(..) => Precision::Season,
                Unit::Month(..) => Precision::Month,
                Unit::Day(_) => Precision::Day,
            },
        }
    }

    fn between(from: Point, to: Point) -> Result<Self, DateError> {
        if from.unit.first() > to.unit.last() { Err(DateError::Reversed) } else { Ok(Self(Form::Between(from, to))) }
    }
}

impl Precision {
    /// The code in the vocabulary `date_precision`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Season => "season",
            Self::Year => "year",
            Self::Interval => "interval",
            Self::Approx => "approx",
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// Orders by earliest bound, then by latest: "not later than" comes first, "2025-06" after "2025-02~".
impl Ord for Date {
    fn cmp(&self, other: &Self) -> Ordering {
        let open_last = |date: &Self| date.latest().map_or((1, civil::Date::MAX), |day| (0, day));
        self.earliest()
            .cmp(&other.earliest())
            .then_with(|| open_last(self).cmp(&open_last(other)))
            .then_with(|| self.to_string().cmp(&other.to_string()))
    }
}

impl PartialOrd for Date {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The canonical text.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Form::At(point) => point.fmt(f),
            Form::Between(from, to) => write!(f, "{from}/{to}"),
            Form::Until(to) => write!(f, "../{to}"),
            Form::Since(from) => write!(f, "{from}/.."),
        }
    }
}

/// Shows the precision only: a date is content.
impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({})", self.precision().code())
    }
}

/// Parses canonical text only; [`Date::read`] parses what people write.
impl FromStr for Date {
    type Err = DateError;
    fn from_str(text: &str) -> Result<Self, DateError> {
        match text.split_once('/') {
            None => Ok(Self(Form::At(text.parse()?))),
            Some(("..", to)) => Ok(Self(Form::Until(to.parse()?))),
            Some((from, "..")) => Ok(Self(Form::Since(from.parse()?))),
            Some((from, to)) => Self::between(from.parse()?, to.parse()?),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::Year(year) => write!(f, "{year:04}"),
            Unit::Season(year, part) | Unit::Quarter(year, part) | Unit::Month(year, part) => {
                write!(f, "{year:04}-{part:02}")
            }
            Unit::Day(day) => write!(f, "{:04}-{:02}-{:02}", day.year(), day.month(), day.day()),
        }?;
        f.write_str(if self.approximate { "~" } else { "" })
    }
}

impl FromStr for Point {
    type Err = DateError;
    fn from_str(text: &str) -> Result<Self, DateError> {
        let (text, approximate) = text.strip_suffix('~').map_or((text, false), |rest| (rest, true));
        let shape_is = |lengths: &[usize]| text.split('-').map(str::len).eq(lengths.iter().copied());
        if !(shape_is(&[4]) || shape_is(&[4, 2]) || shape_is(&[4, 2, 2]))
            || text.bytes().any(|byte| byte != b'-' && !byte.is_ascii_digit())
        {
            return Err(DateError::Form);
        }
        let mut numbers = text.split('-').map(|part| part.parse::<i16>().expect("at most four digits"));
        let year = year(numbers.next().expect("a split has a first part"))?;
        let mut part = || numbers.next().map(|number| i8::try_from(number).expect("two digits"));
        let unit = match (part(), part()) {
            (None, _) => Unit::Year(year),
            (Some(month), None) => Unit::of_part(year, month)?,
            (Some(month), Some(day)) => Unit::of_day(year, month, day)?,
        };
        Ok(Self { unit, approximate })
    }
}

impl Unit {
    fn of_part(year: i16, part: i8) -> Result<Self, DateError> {
        match part {
            1..=12 => Ok(Self::Month(year, part)),
            21..=24 => Ok(Self::Season(year, part)),
            33..=36 => Ok(Self::Quarter(year, part)),
            _ => Err(DateError::NoSuchDay),
        }
    }

    fn of_day(year: i16, month: i8, day: i8) -> Result<Self, DateError> {
        civil::Date::new(year, month, day).map(Self::Day).map_err(|_| DateError::NoSuchDay)
    }

    fn first(self) -> civil::Date {
        match self {
            Self::Year(year) => first_of(year, 1),
            // "Winter of a year" can mean its beginning or its end; the bounds cover both.
            Self::Season(year, 24) => first_of(year, 1),
            Self::Season(year, season) => first_of(year, (season - 21) * 3 + 3),
            Self::Quarter(year, quarter) => first_of(year, (quarter - 33) * 3 + 1),
            Self::Month(year, month) => first_of(year, month),
            Self::Day(day) => day,
        }
    }

    fn last(self) -> civil::Date {
        match self {
            Self::Year(year) => first_of(year, 12).last_of_month(),
            Self::Season(year, 24) => first_of(year + 1, 2).last_of_month(),
            Self::Season(year, season) => first_of(year, (season - 21) * 3 + 5).last_of_month(),
            Self::Quarter(year, quarter) => first_of(year, (quarter - 33) * 3 + 3).last_of_month(),
            Self::Month(year, month) => first_of(year, month).last_of_month(),
            Self::Day(day) => day,
        }
    }
}

fn year(year: i16) -> Result<i16, DateError> {
    if YEARS.contains(&year) { Ok(year) } else { Err(DateError::Year) }
}

fn first_of(year: i16, month: i8) -> civil::Date {
    civil::Date::new(year, month, 1).expect("years and months were checked when the date was read")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn parse(text: &str) -> Date {
        text.parse().expect(text)
    }

    #[test]
    fn one_date_has_one_text_and_two_bounds() {
        let check = |text: &str, precision, earliest: Option<civil::Date>, latest: Option<civil::Date>| {
            let date = parse(text);
            assert_eq!(date.to_string(), text);
            assert!(text.len() <= DATE_BYTES);
            assert_eq!((date.precision(), date.earliest(), date.latest()), (precision, earliest, latest), "{text}");
        };
        let day = |y, m, d| Some(date(y, m, d));
        check("2022", Precision::Year, day(2022, 1, 1), day(2022, 12, 31));
        check("2024-02", Precision::Month, day(2024, 2, 1), day(2024, 2, 29));
        check("2022-10-04", Precision::Day, day(2022, 10, 4), day(2022, 10, 4));
        check("2022-21", Precision::Season, day(2022, 3, 1), day(2022, 5, 31));
        check("2022-23", Precision::Season, day(2022, 9, 1), day(2022, 11, 30));
        check("2022-24", Precision::Season, day(2022, 1, 1), day(2023, 2, 28));
        check("2022-33", Precision::Season, day(2022, 1, 1), day(2022, 3, 31));
        check("2022-36", Precision::Season, day(2022, 10, 1), day(2022, 12, 31));
        check("2023-06-10~", Precision::Approx, day(2023, 6, 10), day(2023, 6, 10));
        check("2023-04-22/2023-04-25", Precision::Interval, day(2023, 4, 22), day(2023, 4, 25));
        check("2023-04-22~/2023-04-25~", Precision::Interval, day(2023, 4, 22), day(2023, 4, 25));
        check("../2023-09", Precision::Before, None, day(2023, 9, 30));
        check("2023-09/..", Precision::After, day(2023, 9, 1), None);
        check("2100-24", Precision::Season, day(2100, 1, 1), day(2101, 2, 28));
    }

    #[test]
    fn everything_else_is_refused() {
        let check = |text: &str, expected| assert_eq!(text.parse::<Date>(), Err(expected), "{text}");
        for text in [
            "",
            "22",
            "2022-1",
            "2022-010",
            "2022/",
            "/2022",
            "../..",
            "..",
            "2022~~",
            "~2022",
            "-2022",
            "2022-1٣",
            "+022",
            "2022-10-04T00:00",
            " 2022",
            "2022-10-04/2022-10-05/2022-10-06",
            "XXXX",
        ] {
            check(text, DateError::Form);
        }
        check("2022-13", DateError::NoSuchDay);
        check("2022-20", DateError::NoSuchDay);
        check("2022-37", DateError::NoSuchDay);
        check("2023-02-29", DateError::NoSuchDay);
        check("2022-21-01", DateError::NoSuchDay);
        check("1899", DateError::Year);
        check("2101-01", DateError::Year);
        check("2023-05/2023-04", DateError::Reversed);
    }

    #[test]
    fn dates_sort_by_their_earliest_bound() {
        let sorted = ["../2030", "2025-02~", "2025-06-01", "2025-06", "2025-06/..", "2025-07-10"];
        let mut dates: Vec<_> = sorted.iter().rev().map(|text| parse(text)).collect();
        dates.sort();
        assert_eq!(dates.iter().map(Date::to_string).collect::<Vec<_>>(), sorted);
        assert_eq!(parse("2025-06").cmp(&parse("2025-06")), Ordering::Equal);
        assert_ne!(parse("2025-06").cmp(&parse("2025-06~")), Ordering::Equal);
    }

    #[test]
    fn each_precision_has_its_code_in_the_vocabulary() {
        let codes =
            crate::record::schema::Schema::current().vocabulary("date_precision").expect("the vocabulary exists");
        for text in ["2022", "2022-10", "2022-10-04", "2022-21", "2022~", "2022/2023", "../2022", "2022/.."] {
            assert!(codes.term(parse(text).precision().code()).is_some(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_accepted_text_is_canonical_and_its_bounds_are_in_order(text in "[0-9~./-]{4,23}|(19|20)[0-9]{2}-[0-9]{2}(-[0-9]{2})?~?") {
            if let Ok(date) = text.parse::<Date>() {
                proptest::prop_assert_eq!(date.to_string(), text);
                if let (Some(earliest), Some(latest)) = (date.earliest(), date.latest()) {
                    proptest::prop_assert!(earliest <= latest);
                }
            }
        }
    }
}
