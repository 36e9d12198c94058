//! The commons could be published: every value in it was public before, and any tool can check the signatures.

use std::{collections::BTreeMap, env, fs, path::Path};

use curve25519_dalek::{EdwardsPoint, Scalar, edwards::CompressedEdwardsY};
use protocol::{
    app::control::{ExportedEntry, Readers, RecordKind, Reply, Request, Scope},
    bytes::{ids::EntityId, seal::Entropy},
    log::{body::Body, entry::Signed},
    record::{
        schema::{Kind, Schema, Value},
        section::assertion::{Content, Plain, Statement, content},
    },
};
use sha2::{Digest, Sha512};
use tests::{
    daemons::{Daemons, Node, eventually},
    evil::Member,
};

use crate::NODE;

const DAY: u64 = 86_400;

/// Every value in the commons is from a public source. The test takes the commons off the wire as any member can, opens
/// it, and prints all of it.
#[test]
fn every_value_in_the_commons_is_from_a_public_source_and_nothing_else_is_in_it() {
    let mut entropy = Entropy::new([0xc0; 32]);
    let reader = Member::new(&mut entropy);
    let (nodes, registry) = Daemons::found_with(NODE, 1, &[&reader]);
    nodes[0].import_sample();
    let stubs = show_everyone_what_consent_allows(&nodes[0]);
    let shown = eventually("both dockets are shown, and a stub of each case file that all may know of", || {
        Some(nodes[0].digest(Scope::Commons)).filter(|digest| digest.records == 2 + stubs)
    });

    let mut wire = reader.meet(&registry, &nodes[0], &mut entropy);
    let fetched = wire.fetch();
    assert_eq!(fetched.len() as u64, shown.entries, "all of it came");
    let mut sections: BTreeMap<_, Vec<Plain>> = BTreeMap::new();
    for (entry, body) in fetched {
        let entry = Signed::parse(&entry).expect("an entry").verify(&wire.commons.registry).expect("its author's");
        let body = Body::check(entry.header(), body.expect("it came with its body")).expect("its own body");
        let plain = wire.commons.read(&entry, &body).expect("a member can open it");
        let Content::Good(plain) = content(&plain) else { panic!("the commons holds what cannot be read") };
        sections.entry(plain.section).or_default().push(plain);
    }
    assert_eq!(sections.len() as u64, 2 + stubs);
    let (mut values, mut structure, mut coarse) = (0, 0, 0);
    for (section, plains) in sections {
        println!("\n{section}");
        let public = public_sources(&plains);
        for plain in &plains {
            // The claimed time reveals no working hours, and the entry does not reveal the imported file.
            assert_eq!(plain.claimed_time.0 % DAY, 0);
            assert_eq!(plain.batch, None);
            for statement in &plain.statements {
                let Statement::Assert(said) = statement else { panic!("an import only asserts") };
                let sources: Vec<_> = said.sources.iter().map(|source| public.get(source)).collect();
                println!("  {} = {} {sources:?} {:?}", said.field, printed(&said.value), said.grade);
                let field = Schema::current().field(&said.field).expect("a field of ours");
                if COARSE.contains(&&*said.field) {
                    assert!(said.sources.is_empty() && said.grade.is_none() && said.reported_by.is_none());
                    assert!(matches!(&said.value, Value::Bool(_)) || printed(&said.value).len() < 24, "{}", said.field);
                    coarse += 1;
                    continue;
                }
                assert!(field.entity.starts_with("docket"), "{} is no field of a docket", said.field);
                assert!(!matches!(field.kind, Kind::File | Kind::Url), "{} leads elsewhere", said.field);
                assert_eq!(said.reported_by, None, "{} names who reported it", said.field);
                let is_structure = said.field == "docket.docket_id"
                    || said.field.ends_with(".parent")
                    || field.entity == "docket_source";
                if is_structure {
                    structure += 1;
                } else {
                    values += 1;
                    assert!(!sources.is_empty() && sources.iter().all(Option::is_some), "{} is unsourced", said.field);
                    assert!(said.grade.is_some(), "{} has no grade", said.field);
                }
            }
        }
    }
    assert!(values > 20 && structure > 10, "{values} values, {structure} of structure: too few to be the sample");
    assert!(coarse >= stubs, "{coarse} coarse values of {stubs} case files");
}

/// The coarse fields: all that a stub may contain.
const COARSE: [&str; 4] =
    ["case_file.year_of_return", "case_file.category_group", "case_file.article_family", "case_file.restricted"];

/// Shows everyone what the commons may hold of the case files; returns the number of case files with a stub.
fn show_everyone_what_consent_allows(node: &Node) -> u64 {
    let request = Request::SharePreview { records: vec![], with: Readers::Everyone };
    let Reply::SharePreview(preview) = node.done(request) else { panic!("no preview") };
    let stubs = preview.cases.iter().filter(|case| !case.goes.is_empty()).count();
    assert!((1..12).contains(&stubs), "{stubs} of 12");
    node.done(Request::Share { records: vec![], with: Readers::Everyone, seen: preview.seen, hold_s: 0 });
    stubs as u64
}

/// The sources of a section, each with its type, which must be a public one.
fn public_sources(plains: &[Plain]) -> BTreeMap<EntityId, String> {
    let public = &Schema::current().rules().commons_codes["docket_source.type"];
    let mut sources = BTreeMap::new();
    for statement in plains.iter().flat_map(|plain| &plain.statements) {
        if let Statement::Assert(said) = statement
            && said.field == "docket_source.type"
        {
            let kind = said.value.as_text().expect("a code").to_owned();
            assert!(public.contains(&kind), "{kind} is not public");
            sources.insert(said.entity, kind);
        }
    }
    sources
}

fn printed(value: &Value) -> String {
    serde_json::to_string(value).expect("a value has a JSON form")
}

/// The entries are exported as COSE that verifies without our code. With `HABEAS_EXPORT=FOLDER` they are left there,
/// for deploy/interop/verify.py.
#[test]
fn entries_are_exported_as_cose_that_verifies_without_our_code() {
    let nodes = Daemons::found(NODE, 2);
    nodes[0].import_sample();
    let dockets = eventually("both dockets arrive", || {
        Some(nodes[1].list(RecordKind::Docket)).filter(|dockets| dockets.len() == 2)
    });
    let mut exported = Vec::new();
    for docket in dockets {
        match nodes[1].done(Request::Export { record: docket.record.to_string() }) {
            Reply::Exported { entries } => exported.extend(entries),
            other => panic!("not exported: {other:?}"),
        }
    }
    assert_eq!(exported.len() as u64, nodes[1].digest(Scope::Commons).entries);
    for entry in &exported {
        assert_eq!(verifies(entry, |_| {}), Ok(()));
        assert_eq!(verifies(entry, |message| message[40] ^= 1), Err("the signature does not fit"));
        let json = serde_json::to_value(entry).expect("it has a JSON form");
        let keys: Vec<_> = json.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["cose", "key", "aad", "registry", "id"]);
    }
    if let Some(folder) = env::var_os("HABEAS_EXPORT") {
        fs::create_dir_all(&folder).expect("writable");
        for (number, entry) in exported.iter().enumerate() {
            let json = serde_json::to_vec_pretty(entry).expect("it has a JSON form");
            fs::write(Path::new(&folder).join(format!("exported-{number}.json")), json).expect("writable");
        }
    }
}

/// Verifies COSE_Sign1 with tag 18 (RFC 9052 §4.4) and Ed25519 (RFC 8032 §5.1.7), implemented from the RFCs.
fn verifies(entry: &ExportedEntry, spoil: impl Fn(&mut Vec<u8>)) -> Result<(), &'static str> {
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| "not hex");
    let (cose, key, aad) = (hex(&entry.cose)?, hex(&entry.key)?, hex(&entry.aad)?);
    if aad != [b"habeas/1/entry", &hex(&entry.registry)?[..]].concat() {
        return Err("another aad");
    }
    // tag 18, [bstr {1: -8}, {}, bstr payload, bstr 64]
    let rest = cose.strip_prefix(&[0xd2, 0x84, 0x43, 0xa1, 0x01, 0x27, 0xa0, 0x58]).ok_or("another shape")?;
    let (length, rest) = rest.split_first().ok_or("no payload")?;
    let (payload, rest) = rest.split_at_checked(usize::from(*length)).ok_or("a short payload")?;
    let signature: &[u8; 64] =
        rest.strip_prefix(&[0x58, 0x40]).ok_or("no signature")?.try_into().map_err(|_| "length")?;
    let byte_string = |bytes: &[u8]| [&[0x58, u8::try_from(bytes.len()).expect("short")][..], bytes].concat();
    let mut message = [b"\x84\x6aSignature1\x43\xa1\x01\x27", &byte_string(&aad)[..], &byte_string(payload)].concat();
    spoil(&mut message);

    let (r, s) = signature.split_at(32);
    let point = |bytes: &[u8]| CompressedEdwardsY::from_slice(bytes).ok().and_then(|point| point.decompress());
    let (a, r_point) = (point(&key).ok_or("no key")?, point(r).ok_or("no point")?);
    let s = Scalar::from_canonical_bytes(s.try_into().expect("32 bytes")).into_option().ok_or("not canonical")?;
    let hash: [u8; 64] = Sha512::new().chain_update(r).chain_update(&key).chain_update(&message).finalize().into();
    let k = Scalar::from_bytes_mod_order_wide(&hash);
    let fits = EdwardsPoint::vartime_double_scalar_mul_basepoint(&-k, &a, &s) == r_point;
    if fits { Ok(()) } else { Err("the signature does not fit") }
}
