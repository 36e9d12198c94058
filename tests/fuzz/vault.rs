//! Targets for the header of a vault, which is read before a passphrase is tried.

use std::fs;

use node::vault::{Cost, Header, Vault};
use protocol::{app::control::Passphrase, bytes::seal::Entropy};

use super::fuzz;

fn example() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let passphrase = Passphrase::new("an invented passphrase".to_owned());
    Vault::create(folder.path(), &passphrase, Cost::FLOOR, &mut Entropy::new([8; 32])).expect("a writable folder");
    fs::read(folder.path().join("vault")).expect("just written")
}

#[test]
fn vault_headers() {
    let example = example();
    fuzz!(rounds 8000, signed true, vec![example.clone()], |bytes: &[u8]| {
        let Ok(header) = Header::decode(bytes) else { return false };
        assert_eq!(header.encode(), bytes);
        assert_eq!(bytes, example, "only what has its sum is accepted");
        true
    });
}

/// Vault headers whose sum was made right, whatever their content. An accepted header asks for a cost within bounds.
#[test]
fn summed_vault_headers() {
    let mut example = example();
    example.truncate(example.len() - 32);
    fuzz!(rounds 8000, signed false, vec![example], |bytes: &[u8]| {
        let file = [bytes, blake3::hash(bytes).as_bytes()].concat();
        let Ok(header) = Header::decode(&file) else { return false };
        assert_eq!(header.encode(), file, "one header, one form");
        let (slots, _) = file[48..48 + 8 * 109].as_chunks::<109>();
        let mut costs: Vec<[u32; 3]> = slots
            .iter()
            .map(|slot| [16, 20, 24].map(|at| u32::from_be_bytes(slot[at..at + 4].try_into().expect("four bytes"))))
            .collect();
        costs.sort_unstable();
        costs.dedup();
        assert!(costs.len() <= 2, "{costs:?}");
        let within = |[memory, passes, lanes]: &[u32; 3]| Cost::new(*memory, *passes, *lanes).is_ok();
        assert!(costs.iter().all(within), "{costs:?}");
        true
    });
}
