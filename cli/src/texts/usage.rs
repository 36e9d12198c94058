//! Texts of the headings of help, in other languages than English: clap has the English ones.

use super::messages;

messages! {
    examples();
    heading_commands();
    heading_arguments();
    heading_options();
    heading_global();
    word_command();
    help_flag();
    version_flag();
    default_value(value: &str);
}
