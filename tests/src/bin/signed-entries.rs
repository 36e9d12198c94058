//! Writes signed entries as files, to be verified by programs that are not ours: `signed-entries FOLDER`.
//!
//! One JSON object per file, every value in hex: `cose` (COSE_Sign1 with tag 18), `key`, `aad`, `registry`, `id`.

use std::{env, error::Error, fs, path::Path};

use protocol::{
    bytes::{
        cose::{self, Domain, Signer},
        ids::{BodyRoot, CharterHash, CircleId, EntryId, FeedKey, Incarnation, RegistryId},
        limits::BODY_BYTES,
        seal::Secret,
    },
    log::entry::{self, FeedId, Header, Kind, Verified},
};
use serde_json::json;
use tests::written::Registry;

/// The number of real entries, which nodes wrote, besides those with numbers at every edge.
const REAL: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).ok_or("usage: signed-entries FOLDER")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    for registry in [RegistryId([1; 32]), RegistryId([2; 32])] {
        write_chain(folder, &registry)?;
    }
    let Registry { id, entries, .. } = Registry::new([9; 32], REAL / 2);
    entries.iter().try_for_each(|written| write(folder, "written", &id, &written.entry))
}

/// Writes one entry to a file named by its id.
fn write(folder: &Path, group: &str, registry: &RegistryId, entry: &Verified) -> Result<(), Box<dyn Error>> {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let file = json!({
        "cose": hex(&cose::tagged(&entry.envelope())),
        "key": hex(&entry.header().feed.key.0),
        "aad": hex(&Domain::Entry.aad(&registry.0)),
        "registry": hex(&registry.0),
        "id": hex(&entry.id().0),
    });
    let name = format!("{group}-{}.json", hex(&entry.id().0[..8]));
    Ok(fs::write(folder.join(name), format!("{file:#}\n"))?)
}

/// Writes a chain of entries of one feed, with numbers on both sides of every length that CBOR has for them.
fn write_chain(folder: &Path, registry: &RegistryId) -> Result<(), Box<dyn Error>> {
    let signer = Signer::new(&Secret::new([registry.0[0] + 2; 32]));
    let feed = FeedId { circle: CircleId([5; 16]), key: FeedKey(signer.public()), run: Incarnation([6; 8]) };
    let body_len_max = u64::try_from(BODY_BYTES.0)?;
    let shapes = [(1, 1), (23, 23), (24, 24), (255, 255), (256, 256), (65_535, 65_535), (65_536, 65_536)];
    let large = [(u64::from(u32::MAX), body_len_max), (1 << 32, 512), (u64::MAX - 1, 512)];
    let mut prev = EntryId([7; 32]);
    for (seq, body_len) in shapes.into_iter().chain(large) {
        let kind = if seq % 2 == 0 { Kind::EPOCH } else { Kind::ASSERTIONS };
        let (charter, body_root) = (CharterHash([8; 32]), BodyRoot([9; 32]));
        let entry = entry::sign(registry, &signer, Header { feed, seq, prev, charter, kind, body_root, body_len });
        prev = entry.id();
        write(folder, "edge", registry, &entry)?;
    }
    Ok(())
}
