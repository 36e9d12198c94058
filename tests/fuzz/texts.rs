//! Targets for texts that people type and paste: ids, files as text.

use std::str::FromStr;

use protocol::bytes::{
    armour::{self, Kind},
    ids::{
        CharterHash, CircleId, EntityId, EntryId, EpochId, FeedKey, Incarnation, LinkId, NodeKey, OrgId, RegistryId,
    },
};

use super::fuzz;

/// Reads a text as an id of every kind; at most one kind accepts it, and writes the same text.
fn read_id(text: &str) -> bool {
    let kinds = [
        again::<RegistryId>(text),
        again::<CharterHash>(text),
        again::<OrgId>(text),
        again::<LinkId>(text),
        again::<FeedKey>(text),
        again::<NodeKey>(text),
        again::<Incarnation>(text),
        again::<CircleId>(text),
        again::<EntryId>(text),
        again::<EpochId>(text),
        again::<EntityId>(text),
    ];
    let taken: Vec<_> = kinds.into_iter().flatten().collect();
    assert!(taken.len() <= 1, "{text} is an id of two kinds");
    taken.iter().for_each(|written| assert_eq!(*written, text.trim().to_lowercase(), "one id, one text"));
    !taken.is_empty()
}

fn again<T: FromStr + ToString>(text: &str) -> Option<String> {
    text.parse::<T>().ok().map(|id| id.to_string())
}

#[test]
fn ids() {
    let examples = vec![
        EntryId([7; 32]).to_string().into_bytes(),
        CircleId([8; 16]).to_string().into_bytes(),
        Incarnation([9; 8]).to_string().to_uppercase().into_bytes(),
    ];
    fuzz!(rounds 8000, signed true, examples, |bytes: &[u8]| std::str::from_utf8(bytes).is_ok_and(read_id));
}

#[test]
fn files() {
    let kinds = [Kind::Card, Kind::Draft, Kind::Signature, Kind::Registry, Kind::Device];
    let examples = kinds.iter().map(|kind| armour::wrap(*kind, &[5; 150]).into_bytes()).collect();
    fuzz!(rounds 8000, signed true, examples, |bytes: &[u8]| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        let mut taken = kinds.iter().filter_map(|kind| Some((kind, armour::unwrap(*kind, text).ok()?)));
        let Some((kind, content)) = taken.next() else { return false };
        assert_eq!(squeezed(&armour::wrap(*kind, &content)), squeezed(text), "one content, one text");
        assert!(taken.next().is_none(), "a file of two kinds");
        true
    });
}
