//! What is said of arguments: the headings of help, and what is wrong with what was typed.

use super::messages;

messages! {
    examples();
    heading_usage();
    heading_commands();
    heading_arguments();
    heading_options();
    heading_global();
    word_command();
    help_flag();
    version_flag();
    default_value(value: &str);
    possible_values(values: &str);
    wrong();
    unknown_command(typed: &str);
    unknown_argument(typed: &str);
    missing_argument(names: &str);
    missing_command(names: &str);
    no_value(argument: &str);
    wrong_value(value: &str, argument: &str);
    wrong_value_because(value: &str, argument: &str, why: &str);
    too_many_values(value: &str, argument: &str);
    conflict(argument: &str, other: &str);
    repeated(argument: &str);
    did_you_mean(nearest: &str);
    more_help();
}
