//! Founding as people do it: together, or alone with one request; then a second device if there is one organisation.

use protocol::app::control::{Request, codes};

use super::site::Site;
use crate::{error::Failure, texts};

/// Founds a registry of all sites, each an organisation; or, if `alone`, of the first site, with the second as its
/// device. Returns the registry's words.
pub(super) async fn found(sites: &mut [Site], alone: bool) -> Result<String, Failure> {
    let founders = if alone { 1 } else { sites.len() };
    for (nth, site) in sites.iter_mut().enumerate() {
        site.init(nth < founders).await?;
    }
    let words = if alone { sites[0].found_alone().await? } else { together(sites).await? };
    for further in founders..sites.len() {
        let organisation = sites[0].organisation.ok_or_else(|| Failure::new(codes::REQUEST, texts::other_reply()))?;
        let request = Request::DeviceRequest { organisation, addresses: vec![sites[further].address.clone()] };
        let request = sites[further].file(&request).await?;
        let root_passphrase = sites[0].root_passphrase();
        let registry = sites[0].file(&Request::DeviceAdd { request, root_passphrase }).await?;
        sites[further].join(&registry).await?;
    }
    Ok(words)
}

/// Founds a registry together, as several people do: everybody's card, a draft, everybody's signature, the registry
/// file.
async fn together(sites: &mut [Site]) -> Result<String, Failure> {
    let mut cards = Vec::new();
    for site in &*sites {
        let addresses = vec![site.address.clone()];
        cards.push(site.file(&Request::Card { addresses, root_passphrase: site.root_passphrase() }).await?);
    }
    let draft = sites[0].file(&Request::Found { cards }).await?;
    let mut signatures = Vec::new();
    for site in &*sites {
        let request = Request::Sign { draft: draft.clone(), root_passphrase: site.root_passphrase() };
        signatures.push(site.file(&request).await?);
    }
    let root_passphrase = sites[0].root_passphrase();
    let registry = sites[0].file(&Request::Complete { draft, signatures, root_passphrase }).await?;
    let mut words = String::new();
    for site in sites {
        words = site.join(&registry).await?;
    }
    Ok(words)
}
