//! One look for every table.

use comfy_table::{ContentArrangement, Table};

/// Two spaces between columns, no lines; on a terminal it is as wide as that.
pub(crate) fn table(header: &[impl AsRef<str>], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if cfg!(test) {
        table.force_no_tty();
    }
    if header.iter().any(|title| !title.as_ref().is_empty()) {
        table.set_header(header.iter().map(|title| title.as_ref().to_uppercase()));
    }
    table.add_rows(rows);
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    table.trim_fmt()
}
