//! From settings to a connection with the orchestrator.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use leoscope_core::Result;
use leoscope_core::backends::artifacts::AzureStorage;
use leoscope_core::client::GrpcClient;
use leoscope_core::ids::UserId;
use leoscope_core::ports::{BlobStorage, ControlPlane};
use leoscope_settings::{Access, ConnectionArgs, Credential, Env};

/// How long to wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Who calls, and whom.
#[derive(Debug, Clone)]
pub(crate) enum Session {
    /// Over the network.
    Network(Access),
    /// With a control plane that was given, by a caller, if the id was one.
    #[cfg(test)]
    Given(Result<UserId>, Arc<dyn ControlPlane>),
}

impl Session {
    /// A session with these settings; nothing is contacted yet.
    pub(crate) fn new(connection: ConnectionArgs, env: &Env) -> Self {
        Self::Network(Access::new(connection, env))
    }

    /// A session of `userid` with `plane`.
    #[cfg(test)]
    pub(crate) fn given(userid: &str, plane: Arc<dyn ControlPlane>) -> Self {
        Self::Given(UserId::parse(userid), plane)
    }

    /// The same session, as `userid` where nobody else is named as caller.
    pub(crate) fn or_as(&self, userid: &UserId) -> Self {
        match self {
            Self::Network(access) => Self::Network(access.or_as(userid)),
            #[cfg(test)]
            Self::Given(caller, plane) => {
                Self::Given(Ok(caller.as_ref().unwrap_or(userid).clone()), Arc::clone(plane))
            }
        }
    }

    /// Who calls.
    ///
    /// # Errors
    /// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) when nobody said.
    pub(crate) fn caller(&self) -> Result<&UserId> {
        match self {
            Self::Network(access) => access.caller(),
            #[cfg(test)]
            Self::Given(caller, _) => caller.as_ref().map_err(leoscope_core::Error::clone),
        }
    }

    /// What proves who calls; `None` where the other side was given.
    pub(crate) fn credential(&self) -> Option<&Credential> {
        match self {
            Self::Network(access) => Some(access.credential()),
            #[cfg(test)]
            Self::Given(..) => None,
        }
    }

    /// The file with the certificate to trust; `None` where those of the web's authorities are.
    pub(crate) fn certificate(&self) -> Option<&Path> {
        match self {
            Self::Network(access) => access.certificate(),
            #[cfg(test)]
            Self::Given(..) => None,
        }
    }

    /// What reads the links to results that lie in blob storage.
    ///
    /// # Errors
    /// [`Internal`](leoscope_core::ErrorKind::Internal) when TLS cannot be set up.
    pub(crate) fn blob(&self) -> Result<Arc<dyn BlobStorage>> {
        Ok(Arc::new(AzureStorage::new()?))
    }

    /// The orchestrator.
    ///
    /// # Errors
    /// Missing credentials, an unreadable certificate, or a host that cannot be one; the
    /// connection itself is made with the first call.
    pub(crate) fn connect(&self) -> Result<Arc<dyn ControlPlane>> {
        match self {
            Self::Network(access) => Ok(Arc::new(GrpcClient::connect(access.client_config(TIMEOUT)?)?)),
            #[cfg(test)]
            Self::Given(caller, plane) => {
                caller.as_ref().map_err(leoscope_core::Error::clone)?;
                Ok(Arc::clone(plane))
            }
        }
    }
}
