//! Texts of errors in typed values.

use super::messages;

messages! {
    heading_usage();
    possible_values(values: &str);
    unknown_command(typed: &str);
    unknown_argument(typed: &str);
    word_too_many(typed: &str);
    missing_argument(names: &str);
    missing_command(names: &str);
    no_value(argument: &str);
    wrong_value(value: &str, argument: &str);
    wrong_value_because(value: &str, argument: &str, why: &str);
    too_many_values(value: &str, argument: &str);
    conflict(argument: &str, other: &str);
    repeated(argument: &str);
    not_understood();
    not_within(range: &str);
    not_a_number();
    did_you_mean(nearest: &str);
    no_such_field(field: &str);
    no_such_field_but(field: &str, nearest: &str);
    next_fields(record: &str);
    field_value_form();
}
