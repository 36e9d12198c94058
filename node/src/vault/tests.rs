//! Tests of the vault as a whole, on a disk.

use std::{
    cell::Cell,
    fs,
    rc::Rc,
    time::{Duration, SystemTime},
};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::*;
use crate::steps::watched;

/// A vault with one reader, "first", and a clock that is always past the wait.
struct Room {
    folder: TempDir,
    entropy: Entropy,
    now: SystemTime,
}

impl Room {
    fn new() -> (Self, Vault, Keys) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut entropy = Entropy::new([7; 32]);
        let (vault, keys) =
            Vault::create(folder.path(), &typed("first"), Cost::FLOOR, &mut entropy).expect("a writable folder");
        (Self { folder, entropy, now: SystemTime::UNIX_EPOCH }, vault, keys)
    }

    fn later(&mut self) -> SystemTime {
        self.now += Duration::from_secs(3600);
        self.now
    }

    fn open(&mut self, passphrase: &str) -> Result<Keys, VaultError> {
        let now = self.later();
        Vault::open(self.folder.path(), &typed(passphrase), now).map(|(_, keys)| keys)
    }

    fn add(&mut self, vault: &Vault, by: &str, passphrase: &str, role: Role) -> Result<SlotNumber, VaultError> {
        let now = self.later();
        let new = NewSlot { passphrase: &typed(passphrase), role, cost: Cost::FLOOR };
        vault.add_slot(&typed(by), new, now, &mut self.entropy)
    }

    fn remove(&mut self, vault: &Vault, by: &str, slot: SlotNumber) -> Result<(), VaultError> {
        let now = self.later();
        vault.remove_slot(&typed(by), slot, now, &mut self.entropy)
    }

    fn copies(&self) -> [std::path::PathBuf; 2] {
        ["vault", "vault.copy"].map(|name| self.folder.path().join(name))
    }
}

fn typed(passphrase: &str) -> Passphrase {
    Passphrase::new(format!("an invented passphrase, {passphrase}"))
}

/// Recomputes the unkeyed sum of a header, as an attacker would.
fn summed(mut header: Vec<u8>) -> Vec<u8> {
    let at = header.len() - 32;
    let sum = blake3::hash(&header[..at]);
    header[at..].copy_from_slice(sum.as_bytes());
    header
}

#[test]
fn the_passphrase_opens_what_was_made_and_no_other_does() {
    let (mut room, _, keys) = Room::new();
    assert_eq!(room.open("first").expect("the right passphrase"), keys);
    assert!(matches!(room.open("First"), Err(VaultError::WrongPassphrase)));
    assert!(matches!(room.open(""), Err(VaultError::WrongPassphrase)));
    let again = Vault::create(room.folder.path(), &typed("x"), Cost::FLOOR, &mut room.entropy);
    assert!(matches!(again, Err(VaultError::Exists)));
    let empty = tempfile::tempdir().expect("a temporary folder");
    assert!(matches!(Vault::open(empty.path(), &typed("first"), room.now), Err(VaultError::Missing)));
}

#[test]
fn an_administrator_opens_the_carrier_tables_only_and_cannot_climb() {
    let (mut room, vault, keys) = Room::new();
    let slot = room.add(&vault, "first", "admin", Role::Administrator).expect("a free slot");
    let opened = room.open("admin").expect("the right passphrase");
    assert_eq!(opened.carrier, keys.carrier);
    assert!(opened.reader.is_none());
    assert!(matches!(room.add(&vault, "admin", "spy", Role::Reader), Err(VaultError::NotAReader)));
    assert!(matches!(room.remove(&vault, "admin", SlotNumber(0)), Err(VaultError::NotAReader)));
    room.add(&vault, "admin", "deputy", Role::Administrator).expect("a free slot");
    room.remove(&vault, "admin", slot).expect("its own slot");
    assert!(matches!(room.open("admin"), Err(VaultError::WrongPassphrase)));
    assert!(room.open("deputy").is_ok());
}

#[test]
fn slots_fill_empty_and_never_lose_the_last_reader() {
    let (mut room, vault, keys) = Room::new();
    for person in 1..SLOTS {
        let slot = room.add(&vault, "first", &format!("person {person}"), Role::Reader).expect("a free slot");
        assert_eq!(slot, SlotNumber(person));
    }
    assert!(matches!(room.add(&vault, "first", "ninth", Role::Reader), Err(VaultError::NoFreeSlot)));
    assert_eq!(room.open("person 7").expect("the last slot"), keys);
    for person in 1..SLOTS {
        room.remove(&vault, "first", SlotNumber(person)).expect("a reader may");
    }
    assert!(matches!(room.remove(&vault, "first", SlotNumber(3)), Err(VaultError::NoSuchSlot(SlotNumber(3)))));
    assert!(matches!(room.remove(&vault, "first", SlotNumber(8)), Err(VaultError::NoSuchSlot(SlotNumber(8)))));
    room.add(&vault, "first", "admin", Role::Administrator).expect("a free slot");
    assert!(matches!(room.remove(&vault, "first", SlotNumber(0)), Err(VaultError::LastReader)));
    assert_eq!(vault.slots(&keys).expect("a sound vault")[..3], [Some(Role::Reader), Some(Role::Administrator), None]);
    assert!(matches!(room.open("person 3"), Err(VaultError::WrongPassphrase)));
}

#[test]
fn a_changed_passphrase_opens_the_same_keys_and_the_old_one_nothing() {
    let (mut room, vault, keys) = Room::new();
    let (now, old, new) = (room.later(), typed("first"), typed("second"));
    vault.change_passphrase(&old, &new, Cost::FLOOR, now, &mut room.entropy).expect("the right passphrase");
    assert_eq!(room.open("second").expect("the new passphrase"), keys);
    assert!(matches!(room.open("first"), Err(VaultError::WrongPassphrase)));
}

#[test]
fn free_slots_look_like_taken_ones() {
    let (room, _, _) = Room::new();
    let bytes = fs::read(&room.copies()[0]).expect("just written");
    let header = Header::decode(&bytes).expect("a sound header");
    for (at, slot) in header.slots.iter().enumerate() {
        let bytes = slot.encode();
        assert_eq!(slot.cost, Cost::FLOOR, "slot {at}");
        for part in [&bytes[..16], &bytes[28..77], &bytes[77..]] {
            assert!(part.iter().filter(|byte| **byte == 0).count() < 4, "slot {at} shows zeros");
        }
        assert!(header.slots[..at].iter().all(|other| other.encode()[..16] != bytes[..16]), "slot {at} repeats a salt");
    }
}

#[test]
fn a_torn_first_copy_is_mended_from_the_second() {
    let (mut room, _, keys) = Room::new();
    let [first, second] = room.copies();
    let whole = fs::read(&first).expect("just written");
    for torn in [vec![], whole[..7].to_vec(), whole[..500].to_vec(), vec![0; whole.len()], {
        let mut flipped = whole.clone();
        flipped[300] ^= 4;
        flipped
    }] {
        for (torn_copy, sound_copy) in [(&first, &second), (&second, &first)] {
            fs::write(torn_copy, &torn).expect("a writable folder");
            assert_eq!(room.open("first").expect("one sound copy is enough"), keys);
            assert_eq!(fs::read(torn_copy).expect("mended"), fs::read(sound_copy).expect("sound"));
        }
    }
    fs::remove_file(&first).expect("there");
    assert_eq!(room.open("first").expect("one sound copy is enough"), keys);
    for copy in [&first, &second] {
        fs::write(copy, &whole[..500]).expect("a writable folder");
    }
    assert!(matches!(room.open("first"), Err(VaultError::Damaged)));
}

/// A crash between the two copies of a removal must not leave a copy that still opens.
#[test]
fn the_newer_generation_counts_and_replaces_the_older() {
    let (mut room, vault, _) = Room::new();
    let slot = room.add(&vault, "first", "leaver", Role::Reader).expect("a free slot");
    let old = fs::read(&room.copies()[1]).expect("just written");
    room.remove(&vault, "first", slot).expect("a reader may");
    for copy in room.copies() {
        fs::write(&copy, &old).expect("a writable folder");
        assert!(matches!(room.open("leaver"), Err(VaultError::WrongPassphrase)));
        room.open("first").expect("the right passphrase");
        assert_ne!(fs::read(&copy).expect("mended"), old);
    }
}

#[test]
fn an_altered_header_opens_nothing_even_with_its_sum_made_right() {
    let (mut room, _, _) = Room::new();
    let whole = fs::read(&room.copies()[0]).expect("just written");
    let slots_at = 48;
    // One byte each of: generation, database, salt, commitment, wrapped secret, a free slot, the roles, the MAC.
    for at in [10, 20, 40, slots_at + 80, slots_at + 30, slots_at + 109 * 5 + 3, whole.len() - 100, whole.len() - 40] {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        for copy in room.copies() {
            fs::write(copy, summed(altered.clone())).expect("a writable folder");
        }
        let refused = room.open("first");
        assert!(matches!(refused, Err(VaultError::Damaged | VaultError::WrongPassphrase)), "byte {at}: {refused:?}");
    }
}

#[test]
fn absurd_costs_are_refused_before_anything_is_allocated() {
    let (mut room, _, _) = Room::new();
    let whole = fs::read(&room.copies()[0]).expect("just written");
    for slot in [0, 7] {
        for (memory_kib, passes, lanes) in [(u32::MAX, 3, 4), (8, 2, 1), (19 * 1024, u32::MAX, 1), (19 * 1024, 2, 99)] {
            let (at, mut altered) = (48 + slot * 109 + 16, whole.clone());
            for (field, value) in [memory_kib, passes, lanes].into_iter().enumerate() {
                altered[at + 4 * field..][..4].copy_from_slice(&u32::to_be_bytes(value));
            }
            fs::write(&room.copies()[1], summed(altered)).expect("a writable folder");
            let refused = room.open("first");
            let expected = VaultError::AbsurdParameters { memory_kib, passes, lanes };
            assert_eq!(refused.expect_err("must be refused").to_string(), expected.to_string());
        }
    }
}

#[test]
fn a_foreign_or_newer_file_is_named() {
    let (mut room, _, _) = Room::new();
    let mut newer = fs::read(&room.copies()[0]).expect("just written");
    newer[7] = 3;
    for (bytes, expected) in [
        (newer, VaultError::Newer { found: 3, known: 2 }),
        (b"habeas\0\x01".to_vec(), VaultError::NotHabeas),
        (b"LUKS\xba\xbe\0\x02".to_vec(), VaultError::NotHabeas),
    ] {
        for copy in room.copies() {
            fs::write(copy, &bytes).expect("a writable folder");
        }
        assert_eq!(room.open("first").expect_err("must be refused").to_string(), expected.to_string());
    }
}

#[test]
fn a_slot_moved_into_another_vault_opens_nothing() {
    let ((mut room, _, _), (other, _, _)) = (Room::new(), Room::new());
    let mut mixed = fs::read(&room.copies()[0]).expect("just written");
    let foreign = fs::read(&other.copies()[0]).expect("just written");
    mixed[16] ^= 1; // the rooms share a seed, so only the database id tells them apart
    mixed[48..48 + 109].copy_from_slice(&foreign[48..48 + 109]);
    for copy in room.copies() {
        fs::write(copy, summed(mixed.clone())).expect("a writable folder");
    }
    assert!(matches!(room.open("first"), Err(VaultError::Damaged)));
}

#[test]
fn wrong_passphrases_cost_waits_that_outlive_the_program() {
    let (room, _, _) = Room::new();
    let open = |passphrase: &str, ms: u64| {
        // Each call starts from the folder alone, as a restarted program does.
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        Vault::open(room.folder.path(), &typed(passphrase), now).map(|_| ())
    };
    assert!(matches!(open("wrong", 10_000), Err(VaultError::WrongPassphrase)));
    assert!(matches!(open("first", 10_999), Err(VaultError::TooSoon { wait }) if wait == Duration::from_millis(1)));
    for second in 11..16 {
        assert!(matches!(open("wrong", second * 1000), Err(VaultError::WrongPassphrase)), "{second}");
    }
    assert!(matches!(open("wrong", 17_000), Err(VaultError::WrongPassphrase)));
    assert!(matches!(open("first", 18_000), Err(VaultError::TooSoon { wait }) if wait == Duration::from_secs(3)));
    open("first", 21_000).expect("the right passphrase after the wait");
    open("first", 21_000).expect("success forgets the failures");
}

/// The program may be killed while it derives, so the attempt is counted before.
#[test]
fn an_attempt_counts_before_it_is_made() {
    let (room, vault, _) = Room::new();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(50);
    vault.attempts().admit(now).expect("the first attempt");
    assert!(matches!(Vault::open(room.folder.path(), &typed("first"), now), Err(VaultError::TooSoon { .. })));
}

/// Regression: a wrong passphrase took eight derivations, one for each slot.
#[test]
fn a_passphrase_costs_one_derivation_whichever_slot_it_opens_and_a_wrong_one_no_more() {
    let (mut room, vault, _) = Room::new();
    let derivations = |room: &mut Room, passphrase: &str, expected: bool| {
        let (count, now) = (Rc::new(Cell::new(0)), room.later());
        let counting = Rc::clone(&count);
        let watch = move |_, step: &str| counting.set(counting.get() + u32::from(step == "derive"));
        let (opened, _) = watched(watch, || Vault::open(room.folder.path(), &typed(passphrase), now));
        assert_eq!(opened.is_ok(), expected, "{passphrase}");
        count.get()
    };
    for person in 1..SLOTS {
        room.add(&vault, "first", &format!("person {person}"), Role::Reader).expect("a free slot");
    }
    assert_eq!(derivations(&mut room, "first", true), 1);
    assert_eq!(derivations(&mut room, "person 7", true), 1);
    assert_eq!(derivations(&mut room, "nobody", false), 1);
    // One person has changed to a higher cost: two derivations until all have, and never more.
    let dearer = |passes| Cost::new(19 * 1024, passes, 1).expect("within bounds");
    let mut change = |old: &str, new: &str, cost| {
        let now = room.later();
        vault.change_passphrase(&typed(old), &typed(new), cost, now, &mut room.entropy)
    };
    change("person 7", "seventh", dearer(3)).expect("a second cost");
    let third = change("person 6", "sixth", dearer(4));
    assert!(matches!(third, Err(VaultError::AbsurdParameters { .. })), "{third:?}");
    assert_eq!(derivations(&mut room, "nobody", false), 2);
    assert_eq!(derivations(&mut room, "seventh", true), 2);
}

#[test]
fn a_header_with_a_cost_for_every_slot_is_refused_before_any_derivation() {
    let (mut room, _, _) = Room::new();
    let mut altered = fs::read(&room.copies()[0]).expect("just written");
    for slot in 0..SLOTS {
        let passes = 2 + u32::try_from(slot).expect("below eight");
        altered[48 + slot * 109 + 20..][..4].copy_from_slice(&passes.to_be_bytes());
    }
    for copy in room.copies() {
        fs::write(copy, summed(altered.clone())).expect("a writable folder");
    }
    let now = room.later();
    let watch = |_, step: &str| assert_ne!(step, "derive");
    let (opened, _) = watched(watch, || Vault::open(room.folder.path(), &typed("first"), now));
    assert!(matches!(opened, Err(VaultError::AbsurdParameters { passes: 4, .. })), "{opened:?}");
}

#[test]
fn a_weak_passphrase_opens_nothing_wherever_one_is_set() {
    let (mut room, vault, _) = Room::new();
    let weak = Passphrase::new("too short".into());
    let (now, by) = (room.later(), typed("first"));
    let new = NewSlot { passphrase: &weak, role: Role::Reader, cost: Cost::FLOOR };
    let added = vault.add_slot(&by, new, now, &mut room.entropy);
    assert!(matches!(added, Err(VaultError::Weak)), "{added:?}");
    let changed = vault.change_passphrase(&by, &weak, Cost::FLOOR, now, &mut room.entropy);
    assert!(matches!(changed, Err(VaultError::Weak)), "{changed:?}");
    let empty = tempfile::tempdir().expect("a temporary folder");
    let made = Vault::create(empty.path(), &weak, Cost::FLOOR, &mut room.entropy);
    assert!(matches!(made, Err(VaultError::Weak)), "{made:?}");
    assert_eq!(fs::read_dir(empty.path()).expect("there").count(), 0, "something was made");
}

/// Regression: a pipe in the place of the vault blocked the node for ever.
#[test]
fn a_pipe_in_the_place_of_a_copy_holds_nobody_up() {
    let (mut room, _, keys) = Room::new();
    let [first, second] = room.copies();
    let pipe = |path: &Path| {
        fs::remove_file(path).expect("there");
        mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a writable folder");
    };
    for copy in [&first, &second] {
        pipe(copy);
        assert_eq!(room.open("first").expect("one sound copy is enough"), keys);
        assert!(copy.metadata().expect("mended").is_file());
    }
    pipe(&room.folder.path().join("vault.attempts"));
    assert_eq!(room.open("first").expect("nothing was counted"), keys);
}
