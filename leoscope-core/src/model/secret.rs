//! Values that must not be seen: tokens, keys, connection strings.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::Error;

/// A secret text. It prints as `***`; [`expose`](Self::expose) is the only way to read it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text that must not be printed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A fresh access token: 256 random bits as 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when the system has no randomness to give.
    pub fn random_token() -> Result<Self, Error> {
        let mut bits = [0_u8; 32];
        getrandom::fill(&mut bits).map_err(|e| Error::while_doing("make an access token", e))?;
        Ok(Self(hex::encode(bits)))
    }

    /// The text itself, for sending it where it belongs.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The SHA-256 of an access token, as it is stored.
///
/// A token is 256 random bits, so a plain hash is enough: there is nothing to guess.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(String);

impl TokenHash {
    /// The hash of `token`.
    pub fn of(token: &Secret) -> Self {
        Self(hex::encode(Sha256::digest(token.expose())))
    }

    /// Whether `token` has this hash, compared in constant time.
    pub fn matches(&self, token: &Secret) -> bool {
        Self::of(token).0.as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(format!("{:?}", TokenHash::of(&secret)), "***");
    }

    #[test]
    fn tokens_are_long_differ_and_match_only_their_hash() {
        let (a, b) = (Secret::random_token().expect("token"), Secret::random_token().expect("token"));
        assert_eq!(a.expose().len(), 64);
        assert_ne!(a, b);
        assert!(TokenHash::of(&a).matches(&a));
        assert!(!TokenHash::of(&a).matches(&b));
        assert!(!TokenHash::of(&a).matches(&Secret::default()));
    }
}
