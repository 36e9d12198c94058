//! The sections that the library keeps: their number, and the section that a name means.

use protocol::{
    app::{control::RecordKind, library::Library},
    bytes::{ids::SectionId, words},
    store::{Batch, Memory, Store},
};
use tests::bench::federation::Federation;

#[test]
fn a_section_is_counted_once_and_found_by_its_id_and_by_its_words() {
    let mut federation = Federation::new(1);
    let mut seat = federation.seat(0, Memory::default());
    let commons = federation.commons();
    let ids: Vec<_> = federation.write(&mut seat, 5).iter().map(|arrival| arrival.entry.id()).collect();
    let mut library = Library::default();
    // The entries are read in two parts, and the second part once more: reading again changes nothing.
    for part in [&ids[..2], &ids[2..], &ids[2..]] {
        let reading = library.read(&seat.state, &seat.store, Batch::default(), part).expect("memory");
        seat.store.commit(&reading.batch).expect("memory");
    }
    let count = |kind| library.count(&seat.store, &commons, kind).expect("memory");
    assert_eq!((count(RecordKind::Docket), count(RecordKind::Case)), (5, 0));

    let named = |words: &str| library.named(&seat.state, &seat.store, &commons, words).expect("memory");
    let shelf = |section: &SectionId| library.kind(&seat.state, &seat.store, &commons, section).expect("memory");
    let sections = library.sections(&seat.store, &commons).expect("memory");
    assert_eq!(sections.len(), 5);
    for (section, kind) in sections {
        assert_eq!(named(&words::pseudonym(&section.0)), Some((section, kind)));
        assert_eq!(shelf(&section), Some(kind));
    }
    assert_eq!(shelf(&SectionId([9; 16])), None);
    assert_eq!(named("no words of ours"), None);
}
