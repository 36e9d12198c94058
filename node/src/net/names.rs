//! Host names among the addresses of peers: looked up only with a person's permission, at each dial, off the caller's
//! thread.
//!
//! A DNS query for a member's name reveals to the resolver, in clear, who is a member. So names are refused unless a
//! person here allowed them. The answer is untrusted: it never leads to this machine or its local link.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use protocol::bytes::address::{Address, is_dialable};
use tokio::{sync::Semaphore, time::timeout};

/// Maximum concurrent look-ups, of all peers: one without an answer holds a thread until the system gives up.
const LOOKUPS: usize = 4;
/// Maximum addresses of one name that are tried.
const ADDRESSES_PER_NAME: usize = 8;

/// Resolver of host names: finds the addresses of a name; the port is passed through.
pub type Resolver = Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Policy for host names: whether and how they are looked up.
#[derive(Clone)]
pub struct Names {
    resolver: Option<Resolver>,
    /// Whether a name may lead to this machine; for tests, whose peers are all here.
    even_here: bool,
    turns: Arc<Semaphore>,
}

impl Names {
    /// Refuses all names: only IP addresses are dialled.
    #[must_use]
    pub fn refused() -> Self {
        Self { resolver: None, even_here: false, turns: Arc::new(Semaphore::new(LOOKUPS)) }
    }

    /// Allows names, looked up by this resolver.
    #[must_use]
    pub fn by(resolver: Resolver) -> Self {
        Self { resolver: Some(resolver), ..Self::refused() }
    }

    /// Allows names, looked up by the system's resolver, with a thread for each look-up.
    #[must_use]
    pub fn by_the_system() -> Self {
        Self::by(Arc::new(|host, port| {
            async move { Ok(tokio::net::lookup_host((host.as_str(), port)).await?.collect()) }.boxed()
        }))
    }

    /// Allows names, and dials whatever this resolver answers.
    #[cfg(test)]
    pub(super) fn by_even_here(resolver: Resolver) -> Self {
        Self { even_here: true, ..Self::by(resolver) }
    }

    /// Whether a name may be looked up.
    #[must_use]
    pub const fn are_allowed(&self) -> bool {
        self.resolver.is_some()
    }

    /// Resolves an address to the socket addresses to dial now, in order. Empty if its name may not be looked up, or
    /// has no usable answer within `limit`. `ours` are the addresses at which this node listens.
    pub(super) async fn to_dial(&self, address: &Address, ours: &[SocketAddr], limit: Duration) -> Vec<SocketAddr> {
        let (host, port, resolver) = match (address, &self.resolver) {
            (Address::Literal(literal), _) => return vec![*literal],
            (Address::Name { .. }, None) => return vec![],
            (Address::Name { host, port }, Some(resolver)) => (host.clone(), *port, Arc::clone(resolver)),
        };
        let turns = Arc::clone(&self.turns);
        let looked_up = timeout(limit, async move {
            let turn = turns.acquire_owned().await.ok()?;
            // A separate task: a late look-up keeps its permit as long as it keeps the system's thread.
            let looked_up = tokio::spawn(async move {
                let found = resolver(host, port).await;
                drop(turn);
                found
            });
            looked_up.await.ok()
        });
        match looked_up.await {
            Ok(Some(Ok(found))) => {
                let mut usable: Vec<_> = {
                    let may = |found: &SocketAddr| self.even_here || is_elsewhere(found, ours);
                    found.into_iter().filter(may).collect()
                };
                usable.truncate(ADDRESSES_PER_NAME);
                usable
            }
            Ok(Some(Err(error))) => {
                tracing::debug!(%error, "a name was looked up in vain");
                vec![]
            }
            Ok(None) | Err(_) => {
                tracing::debug!("a name was looked up in vain: no answer in time");
                vec![]
            }
        }
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("allowed", &self.are_allowed()).finish_non_exhaustive()
    }
}

/// Whether a resolved address may be dialled: another host, beyond this machine and its link.
fn is_elsewhere(found: &SocketAddr, ours: &[SocketAddr]) -> bool {
    let here = match found.ip().to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local(),
    };
    is_dialable(found) && !here && !ours.contains(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_neither_here_nor_to_the_link_nor_to_everybody() {
        let ours = ["192.0.2.1:4001".parse().expect("an address")];
        for (found, usable) in [
            ("192.0.2.7:4001", true),
            ("10.0.0.7:4001", true),
            ("[2001:db8::7]:4001", true),
            ("192.0.2.1:4002", true),
            ("192.0.2.1:4001", false),
            ("127.0.0.1:4001", false),
            ("127.9.9.9:4001", false),
            ("[::1]:4001", false),
            ("[::ffff:127.0.0.1]:4001", false),
            ("0.0.0.0:4001", false),
            ("[::]:4001", false),
            ("169.254.169.254:80", false),
            ("[fe80::1]:4001", false),
            ("224.0.0.1:4001", false),
            ("[ff02::1]:4001", false),
            ("255.255.255.255:4001", false),
            ("192.0.2.7:0", false),
        ] {
            assert_eq!(is_elsewhere(&found.parse().expect("an address"), &ours), usable, "{found}");
        }
    }
}
