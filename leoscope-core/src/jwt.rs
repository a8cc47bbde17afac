//! The tokens of the web portal: JSON Web Tokens (RFC 7519), signed with a shared secret.
//!
//! Only HMAC with SHA-256 (`HS256`) is taken, whatever a token says of itself: a token that chooses
//! how it is checked could choose not to be.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;

use crate::error::{Error, ErrorKind};
use crate::ids::UserId;
use crate::model::Secret;
use crate::time::Timestamp;

/// The only algorithm.
pub const ALGORITHM: &str = "HS256";

/// The longest token in bytes; those of the portal have a few hundred.
const MOST_BYTES: usize = 8 * 1024;

/// What a token says, which nobody has checked: only who has the [key](JwtKey) can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified {
    /// The user it names.
    pub user: UserId,
}

impl Unverified {
    /// Reads a token without checking it.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a token that is not well formed, and for
    /// one that names no user. It holds nothing of the token.
    pub fn read(token: &str) -> Result<Self, Error> {
        let fault = |why: &str| {
            Error::invalid(format!("the JWT {why}"))
                .hint("give the token of the web portal whole: three parts with dots between them")
        };
        let malformed = || fault("is not well formed");
        let mut parts = token.split('.');
        let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed());
        };
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| malformed())?;
        let Claims { userid, exp: _, nbf: _ } =
            serde_json::from_slice(&claims).map_err(|_| fault("has no claim userid that is a text"))?;
        UserId::parse(&userid).map(|user| Self { user }).map_err(|_| fault("names no user"))
    }
}

/// What the tokens are checked with.
#[derive(Debug, Clone)]
pub struct JwtKey(Secret);

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    userid: String,
    /// From then on it is not valid, in seconds since 1970.
    exp: Option<f64>,
    /// Before then it is not valid yet.
    nbf: Option<f64>,
}

impl JwtKey {
    /// A key of this secret.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for an empty secret.
    pub fn new(secret: Secret) -> Result<Self, Error> {
        if secret.is_empty() {
            return Err(Error::invalid("the secret of the web portal's tokens is empty")
                .hint("give the secret that the portal signs with"));
        }
        Ok(Self(secret))
    }

    /// Who a token names, if it is valid at `now`.
    ///
    /// # Errors
    /// [`Unauthenticated`](ErrorKind::Unauthenticated) with the reason, but nothing of the token.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<UserId, Error> {
        let refused = |why: &str| Error::new(ErrorKind::Unauthenticated, why);
        let malformed = || refused("the token is not well formed");
        if token.len() > MOST_BYTES {
            return Err(malformed());
        }
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed());
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| malformed())?;
        if header.alg != ALGORITHM || header.crit.is_some() {
            return Err(refused("the token is not signed with HS256"));
        }
        // A key may have any length, so this cannot fail.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes())
            .map_err(|e| Error::while_doing("check a token", e))?;
        mac.update(signed.as_bytes());
        // It compares in constant time.
        mac.verify_slice(&decode(signature)?).map_err(|_| refused("the token's signature is wrong"))?;
        // Only now is what it says worth reading.
        let Claims { userid, exp, nbf } =
            serde_json::from_slice(&decode(claims)?).map_err(|_| malformed())?;
        let now = now.as_duration().as_secs_f64();
        if exp.is_some_and(|exp| now >= exp) {
            return Err(refused("the token has expired"));
        }
        if nbf.is_some_and(|nbf| now < nbf) {
            return Err(refused("the token is not valid yet"));
        }
        UserId::parse(&userid).map_err(|_| refused("the token names no user"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_time;

    fn signed(header: &str, claims: &str, secret: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("key");
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    fn verify(token: &str) -> Result<String, String> {
        let key = JwtKey::new(Secret::new("s3cret")).expect("key");
        let now = parse_time("2026-12-01T00:00:00").expect("time");
        key.verify(token, now).map(String::from).map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::Unauthenticated);
            error.message().to_owned()
        })
    }

    /// The example of RFC 7515, appendix A.1, whose claims name no user.
    #[test]
    fn the_signature_is_that_of_the_standard() {
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&URL_SAFE_NO_PAD.decode(key).expect("key")).expect("key");
        let (signed, signature) = token.rsplit_once('.').expect("token");
        mac.update(signed.as_bytes());
        mac.verify_slice(&URL_SAFE_NO_PAD.decode(signature).expect("signature")).expect("valid");
    }

    #[test]
    fn whom_a_token_names_is_told_without_a_key() {
        let token = signed(HS256, r#"{"userid":"someone@example.org","exp":1}"#, "unknown");
        assert_eq!(Unverified::read(&token).expect("claims").user.as_str(), "someone@example.org");
        for claims in ["{}", "[]", r#"{"userid":""}"#, r#"{"userid":"a b"}"#, r#"{"userid":7}"#] {
            let error = Unverified::read(&signed(HS256, claims, "s")).expect_err(claims);
            assert!(error.message().starts_with("the JWT "), "{error}");
        }
        for bad in ["", "hunter2", "a.b", "a.hunter2.c", "a..c", "a.b.c.d"] {
            let error = Unverified::read(bad).expect_err(bad);
            assert!(!error.message().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_valid_token_names_its_user() {
        for claims in [
            r#"{"userid":"someone@example.org","exp":1796083201}"#,
            r#"{"userid":"someone@example.org","exp":1796083200.5,"nbf":1796083200,"other":[1]}"#,
            r#"{"userid":"someone@example.org"}"#,
        ] {
            assert_eq!(
                verify(&signed(HS256, claims, "s3cret")),
                Ok("someone@example.org".into()),
                "{claims}"
            );
        }
    }

    #[test]
    fn what_is_forged_expired_or_signed_otherwise_is_refused() {
        let good = r#"{"userid":"u","exp":1796083201}"#;
        let refused = |header: &str, claims: &str, secret: &str| {
            verify(&signed(header, claims, secret)).expect_err(claims)
        };
        assert_eq!(refused(HS256, good, "other"), "the token's signature is wrong");
        assert_eq!(refused(HS256, r#"{"userid":"u","exp":1796083200}"#, "s3cret"), "the token has expired");
        assert_eq!(
            refused(HS256, r#"{"userid":"u","nbf":1796083201}"#, "s3cret"),
            "the token is not valid yet"
        );
        assert_eq!(refused(HS256, r#"{"userid":"../u"}"#, "s3cret"), "the token names no user");
        assert_eq!(refused(HS256, r#"{"sub":"u"}"#, "s3cret"), "the token is not well formed");
        assert_eq!(
            refused(HS256, r#"{"userid":"u","exp":"soon"}"#, "s3cret"),
            "the token is not well formed"
        );
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"HS512"}"#,
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"hs256"}"#,
            r#"{"alg":"HS256","crit":["exp"]}"#,
        ] {
            assert_eq!(refused(header, good, "s3cret"), "the token is not signed with HS256", "{header}");
        }
        let token = signed(HS256, good, "s3cret");
        let (signed_part, signature) = token.rsplit_once('.').expect("token");
        let unsigned =
            format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(good));
        let other = URL_SAFE_NO_PAD.encode(r#"{"userid":"admin"}"#);
        let (header, _) = signed_part.split_once('.').expect("token");
        let long = "a".repeat(MOST_BYTES + 1);
        for forged in [
            &unsigned,
            &format!("{signed_part}."),
            &format!("{header}.{other}.{signature}"),
            &format!("{signed_part}.{}", &signature[1..]),
            &format!("{token}."),
            &format!("{token}="),
            "",
            ".",
            "..",
            "a.b.c",
            &long,
        ] {
            verify(forged).expect_err(forged);
        }
        JwtKey::new(Secret::default()).expect_err("an empty secret");
    }
}
