//! Tests of grants: whom they open for, what their bytes reveal, how much work they cause.

use curve25519_dalek::MontgomeryPoint;

use super::*;
use crate::bytes::ids::OrgId;

const REGISTRY: RegistryId = RegistryId([8; 32]);

/// Bytes of an encapsulation's ML-KEM ciphertext; 32 of X25519 follow.
const ML_KEM: usize = 1088;

fn readers<const N: usize>(entropy: &mut Entropy) -> [ReadingSecret; N] {
    [(); N].map(|()| ReadingSecret(entropy.secret()))
}

fn slots(grant: &[u8]) -> Vec<[u8; SLOT]> {
    let Wire(slots, ..) = codec::decode("grant", grant, usize::MAX).expect("ours");
    slots.into_iter().map(ByteArray::into_array).collect()
}

#[test]
fn a_grant_opens_for_its_readers_and_does_not_tell_who_they_are() {
    let mut entropy = Entropy::new([1; 32]);
    let readers: [_; 3] = readers(&mut entropy);
    let [author, stranger] = self::readers(&mut entropy);
    let (a, b) = (OrgId([1; 32]), OrgId([2; 32]));
    let opening = Opening::fresh(Circle::named(a, &[b], &mut entropy), &mut entropy);
    assert_eq!(Opening::decode(&opening.encode()), Ok(opening.clone()));
    let keys: Vec<_> = readers.iter().map(ReadingSecret::public).collect();
    let mut make = |readers: &[&ReadingKey]| {
        seal(&REGISTRY, std::slice::from_ref(&opening), readers, &author.expand(), &mut entropy)
    };
    let grant = make(&keys.iter().collect::<Vec<_>>());
    let open = |reader: &ReadingSecret, registry| open(registry, &grant, &reader.expand(), &author.public());
    for reader in &readers {
        assert_eq!(open(reader, &REGISTRY), Ok(Some(vec![opening.clone()])));
    }
    assert_eq!(open(&stranger, &REGISTRY), Ok(None));
    assert_eq!(open(&readers[0], &RegistryId([9; 32])), Ok(None));
    assert_eq!(make(&[&keys[0]; 8]).len(), grant.len());
    assert_eq!(make(&[]).len(), grant.len());
}

/// Padding slots were random bytes: half of them had the top bit that no X25519 share has, half were on the twist, and
/// their coefficients were too even. Any member could count the devices of every circle.
#[test]
fn no_slot_tells_whether_it_is_a_devices_or_filling() {
    let mut entropy = Entropy::new([3; 32]);
    let [author, reader] = readers(&mut entropy);
    let (mut real, mut filling) = (Vec::new(), Vec::new());
    let mut places = std::collections::BTreeSet::new();
    for _ in 0..24 {
        let grant = seal(&REGISTRY, &[], &[&reader.public()], &author.expand(), &mut entropy);
        for (place, slot) in slots(&grant).into_iter().enumerate() {
            let opens = reader.expand().unwrap(INFO, &REGISTRY.0, slot.last_chunk().expect("a wrap")).is_some();
            if opens {
                places.insert(place);
                real.push(slot);
            } else {
                filling.push(slot);
            }
        }
    }
    assert_eq!((real.len(), filling.len()), (24, 7 * 24));
    assert!(places.len() > 4, "{places:?}");
    let chance: Vec<_> = (0..7 * 24).map(|_| entropy.bytes::<SLOT>()).collect();
    let (told, known) = (Look::at(&real), Look::at(&filling));
    assert_eq!((told.top_bits, told.off_curve, known.top_bits, known.off_curve), (0, 0, 0, 0));
    // 30.9 % of an ML-KEM ciphertext's values come of four coefficients each, and 25.1 % of all values are such.
    assert!((0.295..0.322).contains(&told.heavy) && (0.302..0.315).contains(&known.heavy), "{told:?} {known:?}");
    assert!((0.45..0.55).contains(&told.ones) && (0.48..0.52).contains(&known.ones), "{told:?} {known:?}");
    let chance = Look::at(&chance);
    assert!(chance.top_bits > 50 && chance.off_curve > 50 && chance.heavy < 0.26, "the measure is blind: {chance:?}");
}

/// Statistics of slots that a member can compute.
#[derive(Debug)]
struct Look {
    /// X25519 shares with a bit that no share has.
    top_bits: usize,
    /// X25519 shares that no scalar gives.
    off_curve: usize,
    /// The part of ML-KEM's coefficients whose value is one of the frequent ones.
    heavy: f64,
    /// The part of the hints' bits that are set.
    ones: f64,
}

impl Look {
    fn at(slots: &[[u8; SLOT]]) -> Self {
        let mut frequent = vec![0; 1024];
        (0..3329_u32).for_each(|x| frequent[((x * 1024 + 1664) / 3329 % 1024) as usize] += 1);
        let (mut top_bits, mut off_curve, mut heavy, mut ones) = (0, 0, 0, 0);
        for slot in slots {
            let share: [u8; 32] = *slot[HINT + ML_KEM..].first_chunk().expect("an X25519 share");
            top_bits += usize::from(share[31] >> 7);
            off_curve += usize::from(MontgomeryPoint(share).to_edwards(0).is_none());
            for five in slot[HINT..HINT + 960].chunks(5) {
                let bits = five.iter().rev().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
                heavy += (0..4).filter(|nth| frequent[(bits >> (10 * nth) & 1023) as usize] == 4).count();
            }
            ones += slot[..HINT].iter().map(|byte| byte.count_ones() as usize).sum::<usize>();
        }
        let of = |count: usize, each: usize| count as f64 / (slots.len() * each) as f64;
        Self { top_bits, off_curve, heavy: of(heavy, 768), ones: of(ones, HINT * 8) }
    }
}

/// 300 grants of an infiltrated member cost twelve seconds, and again with each unlocking: every wrap was decapsulated.
#[test]
fn a_grant_costs_at_most_two_decapsulations_whoever_made_it() {
    let mut entropy = Entropy::new([4; 32]);
    let [author, reader, other] = readers(&mut entropy);
    let devices: [_; 80] = readers(&mut entropy);
    let keys: Vec<_> = devices.iter().map(ReadingSecret::public).collect();
    let many: Vec<_> = keys.iter().collect();
    let (ours, from) = (reader.expand(), author.expand());
    let mut cost = |readers: &[&ReadingKey]| {
        let grant = seal(&REGISTRY, &[], readers, &from, &mut entropy);
        let before = seal::decapsulations();
        let opened = open(&REGISTRY, &grant, &ours, &author.public()).expect("ours").is_some();
        (opened, seal::decapsulations() - before)
    };
    assert_eq!(cost(&many), (false, 0), "not for us");
    assert_eq!(cost(&[&many[..79], &[&reader.public()]].concat()), (true, 1), "for us");
    // An attacker knows the hint of its target, and seals malformed content under it as often as a body holds.
    let wraps: Vec<ByteArray<SLOT>> = (0..100).map(|_| liar(&reader, &from, &other, &mut entropy)).collect();
    let grant = codec::encode(&Wire(wraps, [0; NONCE].into(), ByteBuf::from(vec![0; 600])));
    let before = seal::decapsulations();
    assert_eq!(open(&REGISTRY, &grant, &ours, &author.public()), Ok(None));
    assert_eq!(seal::decapsulations() - before, SLOTS_TRIED.0);
}

/// A wrap to another device under the reader's hint.
fn liar(reader: &ReadingSecret, author: &Reader, other: &ReadingSecret, entropy: &mut Entropy) -> ByteArray<SLOT> {
    let wrap = other.public().wrap(INFO, &REGISTRY.0, &entropy.secret(), entropy).expect("a sound key");
    let hint = hint(&author.pair(&reader.public()), &wrap);
    ByteArray::new([&hint[..], &wrap].concat().try_into().expect("a slot"))
}

#[test]
fn a_hint_says_nothing_to_another_reader_and_a_registry_file_has_none() {
    let mut entropy = Entropy::new([5; 32]);
    let [author, reader, other] = readers(&mut entropy);
    let keys = [reader.public(), other.public()];
    let grant = seal(&REGISTRY, &[], &keys.each_ref(), &author.expand(), &mut entropy);
    let fits = |pair: &Secret| {
        let fits = |slot: &[u8; SLOT]| slot[..HINT] == hint(pair, slot.last_chunk().expect("a wrap"));
        slots(&grant).iter().filter(|slot| fits(slot)).count()
    };
    assert_eq!(fits(&author.expand().pair(&reader.public())), 1);
    assert_eq!(fits(&reader.expand().pair(&other.public())), 0, "one reader looks for another");
    let file = seal_bytes(&REGISTRY, b"annex", &keys.each_ref(), None, &mut entropy);
    let open = |author: Option<&ReadingKey>| open_bytes(&REGISTRY, &file, &reader.expand(), author).expect("ours");
    assert_eq!(open(None).as_deref(), Some(&b"annex"[..]));
    assert_eq!(open(Some(&author.public())), None);
}

#[test]
fn a_circle_is_its_id_and_its_id_is_the_circle() {
    let mut entropy = Entropy::new([2; 32]);
    let (a, b, c) = (OrgId([1; 32]), OrgId([2; 32]), OrgId([3; 32]));
    let named = Circle::named(b, &[a, b], &mut entropy);
    for circle in [Circle::Own(a), named.clone(), Circle::Commons] {
        assert_eq!(Circle::decode(&circle.encode()), Ok(circle));
    }
    assert!(named.admits(&a) && named.admits(&b) && !named.admits(&c));
    assert_ne!(named.id(&REGISTRY), Circle::named(b, &[a, b], &mut entropy).id(&REGISTRY));
    let Circle::Named { steward, salt, .. } = named else { unreachable!() };
    let unsorted = Circle::Named { steward, salt, organisations: vec![b, a] };
    assert!(Circle::decode(&unsorted.encode()).is_err());
    let without_steward = Circle::Named { steward, salt, organisations: vec![a, c] };
    assert!(Circle::decode(&without_steward.encode()).is_err());
    // The list is part of the name: what needs none has none, and one is as long as a registry has organisations.
    for (kind, owner) in [(0_u64, Some(a)), (2, None)] {
        let bytes = |list: Vec<OrgId>| codec::encode(&(kind, owner, None::<ByteArray<16>>, list));
        assert!(Circle::decode(&bytes(vec![])).is_ok());
        assert!(Circle::decode(&bytes(vec![a])).is_err());
    }
    let crowd = |count: usize| (0..count).map(|nth| OrgId([u8::try_from(nth).expect("few"); 32])).collect::<Vec<_>>();
    let of = |organisations: Vec<OrgId>| Circle::Named { steward: organisations[0], salt, organisations };
    assert!(Circle::decode(&of(crowd(ORGANISATIONS.0)).encode()).is_ok());
    assert!(Circle::decode(&of(crowd(ORGANISATIONS.0 + 1)).encode()).is_err());
}

#[test]
fn an_epochs_commitment_is_to_its_name_and_its_key() {
    let (id, key) = (crate::bytes::ids::EpochId([1; 16]), Secret::new([2; 32]));
    let commitment = Epoch(id, key.clone()).commitment();
    assert_ne!(Epoch(crate::bytes::ids::EpochId([3; 16]), key).commitment(), commitment);
    assert_ne!(Epoch(id, Secret::new([4; 32])).commitment(), commitment);
    assert_eq!(Epoch(id, Secret::new([2; 32])).commitment(), commitment);
}
