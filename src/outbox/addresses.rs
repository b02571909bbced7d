//! Which addresses a webhook may be sent to.
//!
//! A subscriber names an address, and this service connects to it from inside a network. So an address that only this
//! network reaches is refused: private, loopback, link-local (with the metadata services of clouds), and all that are
//! reserved. The check is made on the addresses to which the connection is then opened. A name that changes its address
//! between check and connection gains nothing. Nothing here connects.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The most characters of an address.
const URL_MAX: usize = 2_000;

/// How far webhooks may reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    /// Only public addresses, by HTTPS.
    #[default]
    Public,
    /// Also addresses of this machine and its network, by HTTPS or HTTP. Public addresses still by HTTPS only.
    Private,
}

/// Why an address is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The text is not a URL with a host.
    #[error("not an address: write one such as https://example.org/throughline")]
    Unreadable,
    /// The URL is longer than a stored one may be.
    #[error("the address is longer than {URL_MAX} characters: use a shorter one")]
    TooLong,
    /// The scheme is neither HTTPS nor, where it is allowed, HTTP.
    #[error("the address must begin with https://")]
    Scheme,
    /// The URL has a user name or a password, which would be shown in lists.
    #[error("the address must not hold a user name or password: the signature proves who sends")]
    Credentials,
    /// The host is, or resolves to, an address that is not public.
    #[error(
        "{0} is not a public address: use one that anybody can reach, or start the server with --allow-private-webhooks"
    )]
    Private(IpAddr),
    /// HTTP to a public address.
    #[error("{0} is a public address: use https://")]
    Clear(IpAddr),
}

/// Reads an address and checks all that can be checked without resolving its name.
pub fn read(url: &str, reach: Reach) -> Result<Url, Refused> {
    if url.len() > URL_MAX {
        return Err(Refused::TooLong);
    }
    let url = Url::parse(url).map_err(|_| Refused::Unreadable)?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(Refused::Unreadable)?;
    let door = Door::of(&url, reach).ok_or(Refused::Scheme)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::Credentials);
    }
    if let Some(address) = literal(host) {
        door.admits(address)?;
    }
    Ok(url)
}

/// The address that a host is written as, if it is no name. The reader of URLs has already put every spelling of an
/// address, such as `0x7f.1`, into its usual form.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Which addresses one scheme may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// HTTPS to public addresses.
    Public,
    /// HTTPS to any address.
    Any,
    /// HTTP to addresses that are not public.
    NotPublic,
}

impl Door {
    /// The door that a URL takes; none if its scheme may not be used.
    pub(super) fn of(url: &Url, reach: Reach) -> Option<Self> {
        match (url.scheme(), reach) {
            ("https", Reach::Public) => Some(Self::Public),
            ("https", Reach::Private) => Some(Self::Any),
            ("http", Reach::Private) => Some(Self::NotPublic),
            _ => None,
        }
    }

    fn admits(self, address: IpAddr) -> Result<(), Refused> {
        match (self, is_public(address)) {
            (Self::Any, _) | (Self::Public, true) | (Self::NotPublic, false) => Ok(()),
            (Self::Public, false) => Err(Refused::Private(address)),
            (Self::NotPublic, true) => Err(Refused::Clear(address)),
        }
    }

    /// The addresses of a name. A name with one address that is refused is refused as a whole.
    pub(super) async fn resolve(self, name: &str) -> std::io::Result<Result<Vec<SocketAddr>, Refused>> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
        let refused = found.iter().find_map(|address| self.admits(address.ip()).err());
        Ok(refused.map_or(Ok(found), Err))
    }
}

/// Resolves names for the HTTP client, which connects to what it returns and to nothing else.
impl Resolve for Door {
    fn resolve(&self, name: Name) -> Resolving {
        let door = *self;
        Box::pin(async move {
            let found = Self::resolve(door, name.as_str()).await??;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Checks the name of an address, if it can be resolved now. It is checked again at each connection.
pub async fn check_name(url: &Url, reach: Reach) -> Result<(), Refused> {
    let (Some(host), Some(door)) = (url.host_str(), Door::of(url, reach)) else { return Ok(()) };
    if literal(host).is_some() {
        return Ok(());
    }
    // A name that does not resolve yet is no reason to refuse: the deliveries will say so.
    door.resolve(host).await.map_or(Ok(()), |found| found.map(drop))
}

/// Whether an address can be reached from everywhere.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// All blocks of the registry of special addresses (RFC 6890 and its successors) that are not globally reachable.
const fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

/// Only `2000::/3` is given out; within it, blocks for special use, and those that carry an address of version 4.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let carried = |high: u16, low: u16| {
        let ([one, two], [three, four]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(one, two, three, four))
    };
    match address.segments() {
        // Mapped addresses, and translation between the versions.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            carried(high, low)
        }
        // Teredo, benchmarks, identifiers, documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_machine_or_network_are_not_public() {
        for address in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.100.200",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "fc00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "::127.0.0.1",
            "64:ff9b:1::7f00:1",
            "fec0::1",
        ] {
            assert!(!is_public(address.parse().expect("an address")), "{address}");
        }
        for address in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::",
            "2001:4860:4860::8888",
        ] {
            assert!(is_public(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn an_address_is_refused_in_every_spelling() {
        let refused = |url: &str| read(url, Reach::Public).expect_err(url);
        for url in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://127.1/",
            "https://169.254.169.254/latest/meta-data/",
        ] {
            assert!(matches!(refused(url), Refused::Private(_)), "{url}");
        }
        assert_eq!(refused("http://example.org/"), Refused::Scheme);
        assert_eq!(refused("ftp://example.org/"), Refused::Scheme);
        assert_eq!(refused("file:///etc/passwd"), Refused::Unreadable);
        assert_eq!(refused("https://user:word@example.org/"), Refused::Credentials);
        assert_eq!(refused("example.org"), Refused::Unreadable);
        assert_eq!(refused(&format!("https://example.org/{}", "x".repeat(URL_MAX))), Refused::TooLong);
        assert!(read("https://example.org:8443/in?from=throughline", Reach::Public).is_ok());
    }

    #[test]
    fn where_private_addresses_are_allowed_http_still_reaches_no_public_one() {
        for url in ["http://127.0.0.1:9/", "https://10.0.0.1/", "https://8.8.8.8/", "http://[::1]/"] {
            assert!(read(url, Reach::Private).is_ok(), "{url}");
        }
        assert!(matches!(read("http://8.8.8.8/", Reach::Private), Err(Refused::Clear(_))));
    }

    #[tokio::test]
    async fn a_name_counts_as_the_addresses_that_it_resolves_to() {
        let url = read("https://localhost/", Reach::Public).expect("a name cannot be judged by its spelling");
        assert!(matches!(check_name(&url, Reach::Public).await, Err(Refused::Private(_))));
        assert_eq!(check_name(&url, Reach::Private).await, Ok(()));
        let resolved = Door::Public.resolve("localhost").await.expect("every machine knows itself");
        assert!(matches!(resolved, Err(Refused::Private(_))));
    }
}
