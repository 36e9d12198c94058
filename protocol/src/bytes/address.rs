//! Network addresses of nodes, as their own organisations write them in a card.
//!
//! ```text
//! address = IPv4 ":" port | "[" IPv6 "]" ":" port | host name ":" port
//! ```
//!
//! Dialling an IP literal reveals nothing to third parties. Resolving a host name tells a DNS resolver who the members
//! of a registry are. A host name is therefore its own variant, and is resolved only where a person allowed it. Parsing
//! resolves nothing.

// The plain value of an address, from `core`: this package opens no socket.
use core::net::SocketAddr;
use std::fmt;

use crate::bytes::limits::ADDRESS_BYTES;

/// Length limit of a label of a host name, in bytes (RFC 1035 §2.3.4).
const LABEL_BYTES: usize = 63;
/// Length limit of a host name written as text, in bytes (RFC 1035 §2.3.4).
const NAME_BYTES: usize = 253;

/// An address at which a node can be dialled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// An IP address and a port; dialled without a look-up.
    Literal(SocketAddr),
    /// A host name and a port; dialled after a look-up.
    Name {
        /// The host name in lower case: letters, digits, hyphens and dots.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Address {
    /// Parses an address.
    ///
    /// Returns `None` for a missing port or port 0, an IP address that names no single host (unspecified, multicast,
    /// broadcast), a host name that RFC 1123 §2.1 does not allow, and a name that some systems read as a number
    /// ("127.1").
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > ADDRESS_BYTES.0 {
            return None;
        }
        if let Ok(literal) = text.parse::<SocketAddr>() {
            return is_dialable(&literal).then_some(Self::Literal(literal));
        }
        let (host, port) = text.rsplit_once(':')?;
        let port = port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok()).flatten()?;
        let host = host.to_ascii_lowercase();
        (port != 0 && is_host_name(&host)).then_some(Self::Name { host, port })
    }

    /// Whether the address is a host name, which needs a look-up before dialling.
    #[must_use]
    pub const fn is_name(&self) -> bool {
        matches!(self, Self::Name { .. })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(address) => address.fmt(f),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// Whether the address names one host that can be dialled. Loopback addresses count: two nodes may share a machine.
#[must_use]
pub fn is_dialable(address: &SocketAddr) -> bool {
    let ip = address.ip().to_canonical();
    let broadcast = matches!(ip, core::net::IpAddr::V4(v4) if v4.is_broadcast());
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
}

/// Whether `host` is a host name of RFC 1123 §2.1 whose last label is no number. The C library reads "127.1" and
/// "0x7f.1" as 127.0.0.1.
fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=LABEL_BYTES).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    let numeric = last.starts_with(|first: char| first.is_ascii_digit());
    host.len() <= NAME_BYTES && host.split('.').all(label) && !numeric
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Option<String> {
        match Address::parse(text) {
            Some(Address::Literal(address)) => Some(address.to_string()),
            Some(Address::Name { .. }) => panic!("{text} is a literal"),
            None => None,
        }
    }

    #[test]
    fn a_literal_is_dialled_as_it_stands() {
        for text in ["192.0.2.7:4100", "[2001:db8::1]:4001", "127.0.0.1:1", "[::1]:65535"] {
            assert_eq!(literal(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_literal_that_names_no_single_host_is_no_address() {
        for text in [
            "0.0.0.0:4001",
            "[::]:4001",
            "[::ffff:0.0.0.0]:4001",
            "224.0.0.1:4001",
            "[ff02::1]:4001",
            "255.255.255.255:4001",
            "192.0.2.7:0",
        ] {
            assert_eq!(literal(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_is_kept_as_a_name_in_lower_case() {
        let name = |host: &str, port| Some(Address::Name { host: host.into(), port });
        assert_eq!(Address::parse("A.example.ORG:4001"), name("a.example.org", 4001));
        assert_eq!(Address::parse("localhost:1"), name("localhost", 1));
        assert_eq!(Address::parse("xn--80ak6aa92e.example:65535"), name("xn--80ak6aa92e.example", 65535));
        assert!(Address::parse("a.example:1").is_some_and(|address| address.is_name()));
        assert_eq!(Address::parse("A.example:1").expect("a name").to_string(), "a.example:1");
    }

    #[test]
    fn what_the_c_library_would_read_as_a_number_is_no_name() {
        for text in ["127.1:4001", "2130706433:4001", "0x7f.1:4001", "0x7f000001:4001", "0177.0.0.1:4001", "1:1"] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_host_and_port_is_no_address() {
        for text in [
            "",
            ":",
            "a.example",
            "a.example:",
            "a.example:0",
            "a.example:65536",
            "a.example:+1",
            ":4001",
            "a..b:1",
            ".a:1",
            "a.:1",
            "-a:1",
            "a-:1",
            "a_b:1",
            "a b:1",
            "a\n:1",
            "ä.example:1",
            "a:1:2",
            "::1:4001",
            "[a]:1",
            "a.example/x:1",
            "u@a.example:1",
        ] {
            assert_eq!(Address::parse(text), None, "{text:?}");
        }
        let long = |label: usize| format!("{}.example:1", "a".repeat(label));
        assert!(Address::parse(&long(LABEL_BYTES)).is_some());
        assert_eq!(Address::parse(&long(LABEL_BYTES + 1)), None);
        let labels = |bytes: usize| {
            format!(
                "{}:1",
                ["a".repeat(49), "b".repeat(49), "c".repeat(49), "d".repeat(49), "e".repeat(bytes - 200)].join(".")
            )
        };
        assert!(Address::parse(&labels(NAME_BYTES)).is_some(), "a name of {NAME_BYTES} bytes");
        assert_eq!(Address::parse(&labels(NAME_BYTES + 1)), None);
    }
}
