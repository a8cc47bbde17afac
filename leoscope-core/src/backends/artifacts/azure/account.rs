//! By what right requests are made, and the container that they go to.

use http::{Method, StatusCode};

use super::fault;
use super::http::{Answer, Call, Http};
use super::names;
use super::sign::{Right, Signer};
use crate::error::Result;
use crate::model::{BlobAccess, BlobFolder, BlobSettings, ConnectionString, Secret};
use crate::time::{SignedDuration, Timestamp};

/// How long a request of our own stays valid; it is signed just before it is sent.
const VALID: SignedDuration = SignedDuration::from_mins(15);

/// A folder of a container of an account.
#[derive(Debug)]
pub(super) struct Account {
    http: Http,
    endpoint: String,
    access: BlobAccess,
    pub(super) folder: BlobFolder,
}

impl Account {
    pub(super) fn open(http: Http, settings: &BlobSettings) -> Result<Self> {
        let BlobSettings { connection_string, container, artifact_path } = settings;
        let ConnectionString { endpoint, access } = ConnectionString::parse(connection_string)?;
        let folder = BlobFolder::parse(container, artifact_path)?;
        Ok(Self { http, endpoint, access, folder })
    }

    /// The address of a blob, without a right.
    pub(super) fn address(&self, name: &str) -> String {
        names::blob(&self.endpoint, &self.folder, name)
    }

    /// The address of the container, without a right.
    pub(super) fn container(&self) -> String {
        names::container(&self.endpoint, &self.folder)
    }

    /// The address of a blob with a right to it alone. A signature that was given for the whole container
    /// is handed out to nobody.
    pub(super) fn link(&self, name: &str, right: Right, expires: Timestamp) -> Option<Secret> {
        let query = self.signer()?.blob(self.folder.container(), name, right, expires).ok()?;
        Some(Secret::new(format!("{}?{}", self.address(name), query.expose())))
    }

    /// Sends a request. A container that is not there is made, where the right to it allows that.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Answer> {
        let answer = self.http.send(call, &self.right()?).await?;
        if fault::is_no_container(&answer) && self.signer().is_some() {
            self.create().await?;
            return self.http.send(call, &self.right()?).await;
        }
        Ok(answer)
    }

    async fn create(&self) -> Result<()> {
        let address = self.container();
        let call = Call::new(Method::PUT, &address, "restype=container");
        let answer = self.http.send(&call, &self.right()?).await?;
        match answer.status {
            // Somebody else may have made it at the same time.
            StatusCode::CREATED | StatusCode::CONFLICT => {
                tracing::info!(container = self.folder.container(), "made the container for results");
                Ok(())
            }
            _ => Err(fault::refused(&format!("create container {}", self.folder.container()), &answer)),
        }
    }

    fn signer(&self) -> Option<Signer<'_>> {
        match &self.access {
            BlobAccess::Key { account, key } => {
                Some(Signer { account, key, is_https: self.endpoint.starts_with("https:") })
            }
            BlobAccess::Signature(_) => None,
        }
    }

    /// The query that allows a request now.
    fn right(&self) -> Result<Secret> {
        let now = Timestamp::now();
        match (&self.access, self.signer()) {
            (BlobAccess::Signature(signature), _) => Ok(signature.clone()),
            (_, Some(signer)) => signer.account(now.checked_add(VALID).unwrap_or(now)),
            (_, None) => Ok(Secret::default()),
        }
    }
}
