//! Previews of shares, as people read them before anything is shared.

use std::collections::BTreeMap;

use crate::{
    app::control::{CasePreview, GoesField, HeldBack, HeldBackWhat},
    bytes::{
        codec,
        ids::{OrgId, SectionId},
        seal, words,
    },
    record::section::assertion::Statement,
    sharing::share::{Notice, Preview, Reason, What, commons::Stub},
};

/// Converts a preview into the form that people read.
#[must_use]
pub fn case_preview(section: SectionId, label: Option<String>, preview: &Preview) -> CasePreview {
    let mut goes: BTreeMap<_, u64> = BTreeMap::new();
    for value in &preview.goes {
        *goes.entry((value.entity, &value.field)).or_default() += 1;
    }
    let fields = goes.into_iter().map(|((entity, field), values)| GoesField { field: field.clone(), entity, values });
    let notice = |notice: &Notice| match notice {
        Notice::ReviewDue => "review_due".to_owned(),
        Notice::Conditions(_) => "conditions".to_owned(),
    };
    CasePreview {
        record: section,
        pseudonym: words::pseudonym(&section.0),
        label,
        goes: fields.collect(),
        held_back: preview.held_back.iter().map(|held| held_back(&held.what, &held.reason)).collect(),
        notices: preview.notices.iter().map(notice).collect(),
    }
}

/// Converts the stub of a case file, which all members would read, into the form that people read.
#[must_use]
pub fn stub_preview(section: SectionId, label: Option<String>, stub: &Stub) -> CasePreview {
    let field = |statement: &Statement| match statement {
        Statement::Assert(said) => Some(GoesField { field: said.field.clone(), entity: said.entity, values: 1 }),
        Statement::Retract { .. } | Statement::Resolve { .. } => None,
    };
    CasePreview {
        record: section,
        pseudonym: words::pseudonym(&section.0),
        label,
        goes: stub.statements.iter().filter_map(field).collect(),
        held_back: stub.held_back.iter().map(|held| held_back(&held.what, &held.reason)).collect(),
        notices: vec![],
    }
}

/// The values that would go, encoded: equal bytes for equal values.
#[must_use]
pub fn content(preview: &Preview) -> Vec<u8> {
    let values = preview.goes.iter().map(|goes| (goes.entity, &goes.field, &goes.value));
    codec::encode(&values.collect::<Vec<_>>())
}

/// The digest of a preview: readers and every value that would go. A different digest means that the preview has
/// changed.
#[must_use]
pub fn seen<'a>(
    readers: impl Iterator<Item = &'a OrgId>,
    cases: impl Iterator<Item = (&'a SectionId, &'a Vec<u8>)>,
) -> String {
    let mut bytes = codec::encode(&readers.collect::<Vec<_>>());
    for (section, content) in cases {
        bytes.extend(codec::encode(&(section, serde_bytes::Bytes::new(content))));
    }
    data_encoding::HEXLOWER.encode(&seal::hash("habeas 1 share preview", &[&bytes])[..16])
}

fn held_back(what: &What, reason: &Reason) -> HeldBack {
    let what = match what {
        What::Case => HeldBackWhat::Case,
        What::Record(entity, kind) => HeldBackWhat::Record { entity: *entity, kind: kind.clone() },
        What::Field(entity, field) => HeldBackWhat::Field { entity: *entity, field: field.clone() },
    };
    HeldBack {
        what,
        code: reason.code().to_owned(),
        about: reason.about().map(str::to_owned),
        organisations: reason.organisations(),
        reason: reason.to_string(),
        next: reason.next_step().to_owned(),
    }
}
