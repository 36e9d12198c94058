//! Texts of the pages of an archive. Names of fields and codes come from the schema.

use habeas_texts::messages;

messages! {
    page_title();
    /// Introduction: what the archive is, and how to read the page.
    page_lead();
    /// Warning that the archive is not encrypted.
    page_care();
    page_unread(entries: u64);
    page_as_of();
    page_registry();
    page_organisation();
    page_organisations();
    page_contents();
    /// Name of a part of the contents, as a link.
    page_part(number: u64);
    /// Heading of the further parts of the contents.
    page_parts();
    page_case_files();
    page_dockets();
    page_case_file();
    page_docket();
    page_nothing();
    /// Readers of a record, by the kind of its circle.
    page_circle_own();
    page_circle_named();
    page_circle_commons();
    page_id();
    page_digest();
    page_stage();
    page_read_by();
    page_last_stated();
    /// Heading of the disputed values.
    page_disputed();
    /// Introduction below that heading.
    page_disputed_lead();
    page_settled();
    page_timeline();
    page_undated();
    /// Heading of values that were replaced or taken back.
    page_former();
    /// Label before the person or body that an organisation speaks for.
    page_reported_by();
    page_grade();
    page_source();
    page_chosen();
    /// Label before the organisation that chose one of the values.
    page_resolved_by();
    /// Label before the organisation that chose none of the values.
    page_resolved_by_none();
    page_replaced();
    page_taken_back();
    page_attachment();
    page_bytes();
}
