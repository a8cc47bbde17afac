//! From settings to a connection with the orchestrator.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use leoscope_core::backends::artifacts::AzureStorage;
use leoscope_core::client::{ClientConfig, GrpcClient, Tls};
use leoscope_core::ids::UserId;
use leoscope_core::model::Secret;
use leoscope_core::ports::{BlobStorage, ControlPlane};
use leoscope_core::{Error, ErrorKind, Result};

use crate::cli::Globals;
use crate::settings::{Env, state_home};

/// How long to wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Who calls, and whom.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    userid: Option<UserId>,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    Network {
        host: String,
        port: u16,
        token: Option<Secret>,
        certificates: Certificates,
    },
    #[cfg(test)]
    Given(Arc<dyn ControlPlane>),
}

impl Session {
    /// A session with these settings; nothing is contacted yet.
    pub(crate) fn new(global: Globals, env: &Env) -> Self {
        let Globals {
            userid,
            access_token,
            grpc_host: host,
            grpc_port: port,
            tls_cert,
            profile: _,
            profile_file: _,
            output: _,
            quiet: _,
        } = global;
        let certificates = Certificates::new(tls_cert, env);
        Self { userid, way: Way::Network { host, port, token: access_token, certificates } }
    }

    /// A session of `userid` with `plane`.
    #[cfg(test)]
    pub(crate) fn given(userid: &str, plane: Arc<dyn ControlPlane>) -> Self {
        Self { userid: Some(UserId::parse(userid).expect("user id")), way: Way::Given(plane) }
    }

    /// The same session, as `userid` where nobody else is named as caller.
    pub(crate) fn or_as(&self, userid: &UserId) -> Self {
        Self { userid: Some(self.userid.as_ref().unwrap_or(userid).clone()), way: self.way.clone() }
    }

    /// Who calls.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) when nobody said.
    pub(crate) fn caller(&self) -> Result<&UserId> {
        self.userid
            .as_ref()
            .ok_or_else(|| Error::invalid("no user id is given").hint("give --userid or set LEOSCOPE_USERID"))
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
        let user = self.caller()?.clone();
        match &self.way {
            Way::Network { host, port, token, certificates } => {
                let token = token.clone().filter(|token| !token.is_empty()).ok_or_else(|| {
                    Error::new(ErrorKind::InvalidArgument, "no access token is given")
                        .hint("give --access-token or set LEOSCOPE_ACCESS_TOKEN")
                })?;
                let tls = certificates.choose()?;
                let config =
                    ClientConfig { host: host.clone(), port: *port, tls, user, token, timeout: TIMEOUT };
                Ok(Arc::new(GrpcClient::connect(config)?))
            }
            #[cfg(test)]
            Way::Given(plane) => Ok(Arc::clone(plane)),
        }
    }
}

/// Where the certificate to trust may be.
#[derive(Debug, Clone)]
struct Certificates {
    named: Option<PathBuf>,
    usual: Vec<PathBuf>,
}

impl Certificates {
    fn new(named: Option<PathBuf>, env: &Env) -> Self {
        let beside = PathBuf::from("./certs/server.crt");
        let usual = [Some(beside), state_home(env).map(|state| state.join("leoscope/certs/server.crt"))];
        Self { named, usual: usual.into_iter().flatten().collect() }
    }

    /// The certificate named, else the first of the usual ones that is there, else the web's
    /// authorities.
    fn choose(&self) -> Result<Tls> {
        let found = self.usual.iter().find(|path| path.exists());
        match self.named.as_ref().or(found) {
            Some(path) => read(path).map(Tls::Pem),
            None => Ok(Tls::SystemRoots),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| {
        Error::invalid(format!("certificate {} cannot be read: {e}", path.display()))
            .hint("name the orchestrator's certificate with --tls-cert")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_certificate_comes_first_then_the_state_directory_then_the_web() {
        let state = tempfile::tempdir().expect("directory");
        let env = Env::from([("XDG_STATE_HOME".into(), state.path().display().to_string())]);
        assert!(matches!(Certificates::new(None, &env).choose(), Ok(Tls::SystemRoots)));

        let certs = state.path().join("leoscope/certs");
        std::fs::create_dir_all(&certs).expect("directory");
        std::fs::write(certs.join("server.crt"), "from the state directory").expect("certificate");
        let Ok(Tls::Pem(pem)) = Certificates::new(None, &env).choose() else { panic!("no certificate") };
        assert_eq!(pem, b"from the state directory");

        let missing = Certificates::new(Some("/nowhere/a.crt".into()), &env).choose();
        let error = missing.expect_err("a named certificate must be there");
        assert!(error.message().starts_with("certificate /nowhere/a.crt cannot be read"), "{error}");
    }
}
