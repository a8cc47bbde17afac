use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

use super::Proof;
use crate::error::{Error, Result};
use crate::model::Secret;
use crate::proto::metadata;

/// Who calls, as it travels with every call. Its token never prints: it is marked as sensitive,
/// which also keeps it out of header compression.
#[derive(Clone)]
pub(super) enum Credentials {
    Token { user: MetadataValue<Ascii>, token: MetadataValue<Ascii> },
    Jwt(MetadataValue<Ascii>),
}

impl Credentials {
    pub(super) fn new(proof: &Proof) -> Result<Self> {
        Ok(match proof {
            Proof::Token { user, token } => {
                let user = MetadataValue::try_from(user.as_str())
                    .map_err(|_| Error::invalid(format!("user id {user:?} cannot be sent")))?;
                Self::Token { user, token: sensitive("access token", token)? }
            }
            Proof::Jwt(token) => Self::Jwt(sensitive("JWT", token)?),
        })
    }
}

fn sensitive(what: &str, token: &Secret) -> Result<MetadataValue<Ascii>> {
    let mut value = MetadataValue::try_from(token.expose()).map_err(|_| {
        Error::invalid(format!("the {what} holds characters that no token has"))
            .hint(format!("check the {what}: it may have a line break in it"))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let headers = request.metadata_mut();
        match self {
            Self::Token { user, token } => {
                headers.insert(metadata::USER, user.clone());
                headers.insert(metadata::TOKEN, token.clone());
            }
            Self::Jwt(token) => {
                headers.insert(metadata::JWT, token.clone());
            }
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(proof: &Proof) -> Vec<(String, String, bool)> {
        let mut credentials = Credentials::new(proof).expect("credentials");
        let request = credentials.call(Request::new(())).expect("request");
        let mut headers: Vec<_> = request
            .into_parts()
            .0
            .into_headers()
            .iter()
            .map(|(name, value)| {
                let text = value.to_str().expect("text").to_owned();
                (name.to_string(), text, value.is_sensitive())
            })
            .collect();
        headers.sort();
        headers
    }

    #[test]
    fn a_caller_shows_one_proof_and_it_is_sensitive() {
        let header = |name: &str, text: &str, secret: bool| (name.to_owned(), text.to_owned(), secret);
        let token = Proof::Token { user: "u".parse().expect("id"), token: Secret::new("t") };
        let expected = [header(metadata::TOKEN, "t", true), header(metadata::USER, "u", false)];
        assert_eq!(sent(&token), expected);
        assert_eq!(sent(&Proof::Jwt(Secret::new("j"))), [header(metadata::JWT, "j", true)]);
    }
}
