//! Texts of fields: their possible values, and how far they may be shared.

use protocol::record::schema::{Field, Format, Kind};

use super::messages;
use crate::{
    commands::help::fields::{Goes, Root},
    render::record,
};

messages! {
    root_case();
    root_docket();
    column_part_of_record();
    column_to_type();
    column_fields();
    how_to_go_on();
    next_list_fields();
    row_type();
    row_value();
    row_goes();
    several();
    many_codes(codes: usize, field: &str);
    of_the_past(value: &str);
    form_code();
    form_text();
    form_paragraph();
    form_bool();
    form_int();
    form_money();
    form_date();
    form_region();
    form_country();
    form_language();
    form_ref(part: &str);
    form_org();
    form_hash();
    form_url();
    form_days();
    form_percent();
    form_identifier();
    form_like(example: &str);
    goes_nowhere();
    goes_shared();
    goes_shared_and_year();
    goes_shared_and_group();
    goes_public();
}

pub(crate) fn root(root: Root) -> String {
    match root {
        Root::Case => root_case(),
        Root::Docket => root_docket(),
    }
}

pub(crate) fn part_columns() -> [String; 3] {
    [column_part_of_record(), column_to_type(), column_fields()]
}

pub(crate) fn goes(goes: Goes) -> String {
    match goes {
        Goes::Nowhere => goes_nowhere(),
        Goes::Shared => goes_shared(),
        Goes::SharedAndYear => goes_shared_and_year(),
        Goes::SharedAndGroup => goes_shared_and_group(),
        Goes::Public => goes_public(),
    }
}

/// The possible values of a field.
pub(crate) fn value(field: &Field, format: Option<Format>) -> String {
    match &field.kind {
        Kind::Code => form_code(),
        Kind::Text => form_text(),
        Kind::Paragraph => form_paragraph(),
        Kind::Bool => form_bool(),
        Kind::Int => form_int(),
        Kind::MoneyRub => form_money(),
        Kind::Date => form_date(),
        Kind::Region => form_region(),
        Kind::Country => form_country(),
        Kind::Language => form_language(),
        Kind::Ref(entity) => form_ref(&record::kind(entity)),
        Kind::Org => form_org(),
        Kind::Hash => form_hash(),
        Kind::Url => form_url(),
        Kind::DurationDays => form_days(),
        Kind::Percent => form_percent(),
        Kind::Identifier | Kind::File => format.map_or_else(form_identifier, |format| form_like(example(format))),
    }
}

/// An example that has the format.
const fn example(format: Format) -> &'static str {
    match format {
        Format::RandomId => "0123456789abcdef0123456789abcdef",
        Format::CourtNumber => "1-117/2022",
        Format::CourtId => "27GV0008",
        Format::CourtUid | Format::Judgment => "27GV0008-01-2019-000081-20",
        Format::Norm => "RU-CPC-241.2.1",
        Format::Provision => "ст. 158 ч. 3 п. в",
        Format::Domain => "example.org",
    }
}

#[cfg(test)]
mod tests {
    use protocol::record::schema::{Policy, Schema};

    use super::*;

    #[test]
    fn every_example_has_its_format() {
        let schema = Schema::current();
        for (format, fields) in &schema.rules().formats {
            let written = |field: &&String| schema.field(field).is_some_and(|known| known.policy != Policy::Drv);
            for field in fields.iter().filter(written) {
                assert!(schema.parse(field, example(*format)).is_ok(), "{field}: {}", example(*format));
            }
        }
    }
}
