//! Texts of dates in records, by how exactly the dates are known.

use super::messages;

messages! {
    date_about(date: &str);
    date_until(date: &str);
    date_since(date: &str);
    date_year_of(year: &str);
    date_month(month: u64, year: &str);
    date_month_of(month: u64, year: &str);
    date_season(season: u64, year: &str);
    date_season_of(season: u64, year: &str);
    date_quarter(quarter: u64, year: &str);
    date_quarter_of(quarter: u64, year: &str);
}
