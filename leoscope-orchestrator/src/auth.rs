//! Who calls.

use std::net::IpAddr;

use http::HeaderMap;
use leoscope_core::control::Service;
use leoscope_core::ids::UserId;
use leoscope_core::jwt::JwtKey;
use leoscope_core::model::{Caller, Secret};
use leoscope_core::proto::{metadata, status};
use leoscope_core::{Error, ErrorKind, Result};

/// Where a call comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address(pub(crate) Option<IpAddr>);

/// The caller with the credentials in `headers`.
///
/// # Errors
/// [`Unauthenticated`](ErrorKind::Unauthenticated), and those of the store.
pub(crate) async fn authenticate(
    service: &Service,
    jwt_key: Option<&JwtKey>,
    headers: &HeaderMap,
) -> Result<Caller> {
    // Existing clients send the keys they do not use with an empty text.
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
    let refused = |hint: &str| Error::new(ErrorKind::Unauthenticated, status::INVALID_TOKEN).hint(hint);
    match (header(metadata::USER), header(metadata::TOKEN), header(metadata::JWT)) {
        (Some(user), Some(token), _) => {
            let user = UserId::parse(user).map_err(|_| refused("check the user id"))?;
            service.authenticate(&user, &Secret::new(token)).await
        }
        // The portal names a user beside its token; who calls is told by the token.
        (_, _, Some(token)) => match jwt_key {
            Some(key) => service.authenticate_jwt(key, token).await,
            None => {
                Err(refused("this orchestrator does not take tokens of the web portal; use an access token"))
            }
        },
        _ => Err(refused("give a user id and its access token")),
    }
}
