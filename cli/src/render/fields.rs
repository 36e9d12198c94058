//! The fields that can be stated, as people read them.

use super::{Ink, indented, table};
use crate::{
    commands::help::fields::{Explained, Fields, Part, Root},
    texts::fields as said,
};

/// The number of codes shown with their field; a field with more codes names the command that lists them.
const CODES_SHOWN: usize = 16;

/// The fields of all parts of records, or of one part.
pub(crate) fn fields(found: &Fields) -> String {
    match found {
        Fields::Parts(parts) => list(parts),
        Fields::Part(part) => self::part(part),
    }
}

fn list(parts: &[Part]) -> String {
    let section = |root: Root| {
        let row = |part: &Part| vec![part.label.clone(), part.record.clone(), part.fields.len().to_string()];
        let rows = parts.iter().filter(|part| part.of == root).map(row);
        format!("{}{}{}\n{}", Ink::STRONG, said::root(root), Ink::OFF, table(&said::part_columns(), rows))
    };
    [section(Root::Case), section(Root::Docket), said::how_to_go_on()].join("\n\n")
}

fn part(part: &Part) -> String {
    let head = format!("{}{}{}  ({})", Ink::STRONG, part.label, Ink::OFF, part.record);
    let alone = part.fields.len() == 1;
    let fields = part.fields.iter().map(|field| explained(field, alone));
    std::iter::once(head).chain(fields).collect::<Vec<_>>().join("\n\n")
}

fn explained(field: &Explained, alone: bool) -> String {
    let several = if field.many { said::several() } else { String::new() };
    let value = if field.codes.is_empty() { field.value.clone() } else { String::new() };
    let mut rows = vec![
        vec![said::row_type(), format!("{}=…{several}", field.field)],
        vec![said::row_goes(), said::goes(field.goes)],
    ];
    if !value.is_empty() {
        rows.insert(1, vec![said::row_value(), value]);
    }
    let codes = if field.codes.len() <= CODES_SHOWN || alone {
        let row =
            |code: &crate::commands::help::fields::Code| vec![String::new(), code.code.clone(), code.label.clone()];
        (!field.codes.is_empty()).then(|| {
            // The codes are in a column to the right of their field.
            let rows: Vec<_> = field.codes.iter().map(row).map(|row| row[1..].to_vec()).collect();
            format!("  {}\n{}", said::row_value(), shifted(&indented(rows)))
        })
    } else {
        rows.insert(1, vec![said::row_value(), said::many_codes(field.codes.len(), &field.field)]);
        None
    };
    let body = std::iter::once(indented(rows)).chain(codes);
    std::iter::once(field.label.clone()).chain(body).collect::<Vec<_>>().join("\n")
}

fn shifted(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
