//! Connection strings of Azure Storage accounts, in their documented forms.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Secret;
use crate::error::Error;

/// What the storage emulator that everybody has is called, and its key, which everybody knows.
const EMULATOR: (&str, &str) = (
    "devstoreaccount1",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
);
const EMULATOR_ADDRESS: &str = "http://127.0.0.1";
const EMULATOR_PORT: u16 = 10_000;

const DEFAULT_SUFFIX: &str = "core.windows.net";

/// The longest name of an account that is taken.
const MAX_ACCOUNT_NAME: usize = 63;

const HINT: &str = "copy it from \"Access keys\" or \"Shared access signature\" of the storage account";

/// A connection string that has been understood: where the account's blobs are, and by what right
/// they are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionString {
    /// The address of the account's blobs, without a slash at the end.
    pub endpoint: String,
    /// The right to use them.
    pub access: BlobAccess,
}

/// By what right blobs are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobAccess {
    /// The key of the account: every right, and that of giving rights to others.
    Key {
        /// The name of the account.
        account: String,
        /// Its key.
        key: AccountKey,
    },
    /// A shared access signature: the rights that its maker gave. The text is the query of an
    /// address, without the question mark.
    Signature(Secret),
}

/// The key of a storage account; it prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountKey(Vec<u8>);

impl AccountKey {
    /// The key itself, to sign with.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The parts of a connection string that matter for blobs.
#[derive(Default)]
struct Parts<'a> {
    protocol: Option<&'a str>,
    account: Option<&'a str>,
    key: Option<&'a str>,
    suffix: Option<&'a str>,
    endpoint: Option<&'a str>,
    signature: Option<&'a str>,
    emulator: Option<&'a str>,
    emulator_address: Option<&'a str>,
}

impl ConnectionString {
    /// Understands a connection string. Parts come in any order, their names in any case; those of
    /// other services of the account are passed over.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) that names the part that is wrong, and shows
    /// nothing of the text.
    pub fn parse(text: &Secret) -> Result<Self, Error> {
        let parts = Parts::of(text.expose())?;
        if let Some(value) = parts.emulator {
            return parts.emulated(value);
        }
        let access = parts.access()?;
        let endpoint = match (parts.endpoint, parts.account) {
            (Some(endpoint), _) => address("BlobEndpoint", endpoint)?,
            (None, Some(account)) => parts.default_endpoint(account)?,
            (None, None) => return Err(fault("has neither BlobEndpoint nor AccountName")),
        };
        Ok(Self { endpoint, access })
    }
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, Error> {
        let mut parts = Self::default();
        for (index, part) in text.split(';').map(str::trim).enumerate() {
            if part.is_empty() {
                continue;
            }
            // Not even the name of an unknown part is shown: a key that was pasted alone has one.
            let Some((name, value)) = part.split_once('=') else {
                return Err(fault(format!("has no '=' in its part {}", index + 1)));
            };
            let name = name.trim();
            let Some((name, place)) = parts.named(name) else { continue };
            let value = value.trim();
            if value.is_empty() {
                return Err(fault(format!("gives {name} no value")));
            }
            if place.replace(value).is_some() {
                return Err(fault(format!("gives {name} twice")));
            }
        }
        Ok(parts)
    }

    /// The part of this name, as it is documented, and its value.
    fn named(&mut self, name: &str) -> Option<(&'static str, &mut Option<&'a str>)> {
        let all = [
            ("DefaultEndpointsProtocol", &mut self.protocol),
            ("AccountName", &mut self.account),
            ("AccountKey", &mut self.key),
            ("EndpointSuffix", &mut self.suffix),
            ("BlobEndpoint", &mut self.endpoint),
            ("SharedAccessSignature", &mut self.signature),
            ("UseDevelopmentStorage", &mut self.emulator),
            ("DevelopmentStorageProxyUri", &mut self.emulator_address),
        ];
        all.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    fn emulated(&self, value: &str) -> Result<ConnectionString, Error> {
        if !value.eq_ignore_ascii_case("true") {
            return Err(fault("gives UseDevelopmentStorage a value other than true"));
        }
        let host = address("DevelopmentStorageProxyUri", self.emulator_address.unwrap_or(EMULATOR_ADDRESS))?;
        let (account, key) = EMULATOR;
        Ok(ConnectionString {
            endpoint: format!("{host}:{EMULATOR_PORT}/{account}"),
            access: BlobAccess::Key { account: account.to_owned(), key: account_key(key)? },
        })
    }

    fn access(&self) -> Result<BlobAccess, Error> {
        match (self.key, self.signature) {
            (Some(_), Some(_)) => Err(fault("has both AccountKey and SharedAccessSignature")),
            (None, None) => Err(fault("has neither AccountKey nor SharedAccessSignature")),
            (None, Some(text)) => Ok(BlobAccess::Signature(signature(text)?)),
            (Some(key), None) => {
                let account = self.account.ok_or_else(|| fault("has an AccountKey without AccountName"))?;
                Ok(BlobAccess::Key { account: account_name(account)?.to_owned(), key: account_key(key)? })
            }
        }
    }

    fn default_endpoint(&self, account: &str) -> Result<String, Error> {
        let protocol = self.protocol.unwrap_or("https").to_ascii_lowercase();
        if !matches!(protocol.as_str(), "http" | "https") {
            return Err(fault("gives DefaultEndpointsProtocol a value other than http and https"));
        }
        let suffix = self.suffix.unwrap_or(DEFAULT_SUFFIX);
        if !is_host(suffix) {
            return Err(fault("has an EndpointSuffix that is no name of a domain"));
        }
        Ok(format!("{protocol}://{}.blob.{suffix}", account_name(account)?))
    }
}

fn account_name(name: &str) -> Result<&str, Error> {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() > MAX_ACCOUNT_NAME || !name.chars().all(is_allowed) {
        return Err(fault("has an AccountName that is not made of lower case letters and digits"));
    }
    Ok(name)
}

fn account_key(text: &str) -> Result<AccountKey, Error> {
    let bytes = STANDARD.decode(text).map_err(|_| fault("has an AccountKey that is not in base64"))?;
    Ok(AccountKey(bytes))
}

fn signature(text: &str) -> Result<Secret, Error> {
    let query = text.strip_prefix('?').unwrap_or(text);
    let is_signed = query.split('&').any(|pair| pair.strip_prefix("sig=").is_some_and(|sig| !sig.is_empty()));
    if !is_signed || !query.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '#' | '?' | '"' | '<' | '>'))
    {
        return Err(fault("has a SharedAccessSignature that is none: its \"sig\" or part of it is missing"));
    }
    Ok(Secret::new(query))
}

/// An http or https address without a slash at the end. It may hold a path and nothing else.
fn address(part: &str, text: &str) -> Result<String, Error> {
    let wrong = || fault(format!("has a {part} that is no http or https address without a query"));
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    let scheme = scheme.to_ascii_lowercase();
    let rest = rest.trim_end_matches('/');
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_ipv6 = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).is_some_and(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'))
    });
    let is_segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~'))
    };
    let fits = matches!(scheme.as_str(), "http" | "https")
        && (is_host(name) || is_ipv6)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
        && path.is_none_or(|path| path.split('/').all(is_segment));
    if !fits {
        return Err(wrong());
    }
    Ok(format!("{scheme}://{rest}"))
}

fn is_host(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        })
}

fn fault(what: impl fmt::Display) -> Error {
    Error::invalid(format!("the connection string {what}")).hint(HINT)
}

#[cfg(test)]
mod tests;
