use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::model::Secret;
use crate::proto::metadata;

/// Who calls, as it travels with every call. Its token never prints: it is marked as sensitive,
/// which also keeps it out of header compression.
#[derive(Clone)]
pub(super) struct Credentials {
    user: MetadataValue<Ascii>,
    token: MetadataValue<Ascii>,
}

impl Credentials {
    pub(super) fn new(user: &UserId, token: &Secret) -> Result<Self> {
        let user = MetadataValue::try_from(user.as_str())
            .map_err(|_| Error::invalid(format!("user id {user:?} cannot be sent")))?;
        let mut token = MetadataValue::try_from(token.expose()).map_err(|_| {
            Error::invalid("the access token holds characters that no token has")
                .hint("check the access token: it may have a line break in it")
        })?;
        token.set_sensitive(true);
        Ok(Self { user, token })
    }
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let headers = request.metadata_mut();
        headers.insert(metadata::USER, self.user.clone());
        headers.insert(metadata::TOKEN, self.token.clone());
        Ok(request)
    }
}
