//! Shared access signatures: what gives the right to a request, made from the account's key.
//!
//! The texts that are signed are those of
//! <https://learn.microsoft.com/rest/api/storageservices/create-service-sas> and
//! <https://learn.microsoft.com/rest/api/storageservices/create-account-sas>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::names::encode;
use crate::error::{Error, Result};
use crate::model::{AccountKey, Secret};
use crate::time::Timestamp;

/// The version of the service whose rules requests and signatures follow.
pub(super) const VERSION: &str = "2020-12-06";

/// What a signature lets its holder do with one blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// Read it.
    Read,
    /// Upload it: write it, and see which blocks are there, for which the service asks for the right to
    /// read.
    Upload,
}

impl Right {
    const fn letters(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::Upload => "rcw",
        }
    }
}

/// An account and its key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signer<'a> {
    pub(super) account: &'a str,
    pub(super) key: &'a AccountKey,
    /// Whether requests without TLS are to be refused.
    pub(super) is_https: bool,
}

impl Signer<'_> {
    /// The query that gives a right to one blob, and to nothing else, until `expires`.
    pub(super) fn blob(
        self,
        container: &str,
        name: &str,
        right: Right,
        expires: Timestamp,
    ) -> Result<Secret> {
        let (expires, protocol) = (instant(expires), self.protocol());
        let resource = format!("/blob/{}/{container}/{name}", self.account);
        let signature = self.sign(&[
            right.letters(),
            "", // from when on: at once
            &expires,
            &resource,
            "", // stored access policy
            "", // addresses
            protocol,
            VERSION,
            "b",
            "", // snapshot
            "", // encryption scope
            "", // headers of the answer, five of them
            "",
            "",
            "",
            "",
        ])?;
        Ok(query(&[
            ("sv", VERSION),
            ("sr", "b"),
            ("sp", right.letters()),
            ("se", &expires),
            ("spr", protocol),
            ("sig", &signature),
        ]))
    }

    /// The query for requests of the holder of the key: what a store does in its account.
    pub(super) fn account(self, expires: Timestamp) -> Result<Secret> {
        const RIGHTS: &str = "rwdlc";
        let (expires, protocol) = (instant(expires), self.protocol());
        let signature = self.sign(&[
            self.account,
            RIGHTS,
            "b",  // the service: blobs
            "co", // containers and what is in them
            "",   // from when on: at once
            &expires,
            "", // addresses
            protocol,
            VERSION,
            "", // encryption scope
            "", // the text ends with a line break
        ])?;
        Ok(query(&[
            ("sv", VERSION),
            ("ss", "b"),
            ("srt", "co"),
            ("sp", RIGHTS),
            ("se", &expires),
            ("spr", protocol),
            ("sig", &signature),
        ]))
    }

    fn sign(self, lines: &[&str]) -> Result<String> {
        let mac = Hmac::<Sha256>::new_from_slice(self.key.expose());
        let mut mac = mac.map_err(|e| Error::while_doing("sign a request to blob storage", e))?;
        mac.update(lines.join("\n").as_bytes());
        Ok(STANDARD.encode(mac.finalize().into_bytes()))
    }

    const fn protocol(self) -> &'static str {
        if self.is_https { "https" } else { "" }
    }
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn query(pairs: &[(&str, &str)]) -> Secret {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<_> = given.map(|(name, value)| format!("{name}={}", encode(value))).collect();
    Secret::new(pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BlobAccess, ConnectionString};
    use crate::time::parse_time;

    /// The bytes 0 to 31.
    const KEY: &str = "AccountName=results;AccountKey=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn signed(make: impl Fn(Signer<'_>, Timestamp) -> Result<Secret>, is_https: bool) -> String {
        let parsed = ConnectionString::parse(&Secret::new(KEY)).expect("connection string");
        let BlobAccess::Key { account, key } = &parsed.access else { panic!("a key") };
        let expires = parse_time("2026-12-01T12:00:00").expect("time");
        make(Signer { account, key, is_https }, expires).expect("signed").expose().to_owned()
    }

    // The signatures are those that Python gives, with the lines as above:
    //   base64.b64encode(hmac.new(bytes(range(32)), "\n".join(lines).encode(), hashlib.sha256).digest())

    #[test]
    fn a_blob_is_signed_with_the_name_it_has() {
        let name = "a b/node-1/job@example.org/run+1.tar.gz";
        assert_eq!(
            signed(|signer, expires| signer.blob("bundles", name, Right::Read, expires), true),
            "sv=2020-12-06&sr=b&sp=r&se=2026-12-01T12%3A00%3A00Z&spr=https&sig=qe1AmeW%2FH1cjIo9uD%2FnKdgeudKhVKsYDyC4YPDyYIOI%3D"
        );
    }

    #[test]
    fn without_tls_no_protocol_is_asked_for() {
        assert_eq!(
            signed(|signer, expires| signer.blob("bundles", "x.tar.gz", Right::Upload, expires), false),
            "sv=2020-12-06&sr=b&sp=rcw&se=2026-12-01T12%3A00%3A00Z&sig=zuPXVWNsjE%2F9VXVVda7NKbsz1tjRTLBLdxKhemTzwes%3D"
        );
    }

    #[test]
    fn an_account_is_signed() {
        assert_eq!(
            signed(|signer, expires| signer.account(expires), true),
            "sv=2020-12-06&ss=b&srt=co&sp=rwdlc&se=2026-12-01T12%3A00%3A00Z&spr=https&sig=Pg0USJhGJ7IhY6IObFuiTspGdTkvk5DKsiyZomyRcb0%3D"
        );
    }
}
