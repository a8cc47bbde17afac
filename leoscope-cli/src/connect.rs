//! From settings to a connection with the orchestrator.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use leoscope_core::backends::artifacts::AzureStorage;
use leoscope_core::client::{ClientConfig, GrpcClient, Proof, Tls};
use leoscope_core::ids::UserId;
use leoscope_core::jwt::Unverified;
use leoscope_core::model::Secret;
use leoscope_core::ports::{BlobStorage, ControlPlane};
use leoscope_core::{Error, Result};

use crate::cli::{Globals, ProofArgs};
use crate::settings::{Env, state_home, tokens};

/// How long to wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Who calls, and whom.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Else why it is not known.
    caller: Result<UserId>,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    Network {
        host: String,
        port: u16,
        credential: Credential,
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
            proof,
            grpc_host: host,
            grpc_port: port,
            tls_cert,
            profile: _,
            profile_file: _,
            output: _,
            fields: _,
            quiet: _,
            watch: _,
        } = global;
        let certificates = Certificates::new(tls_cert, env);
        let credential = Credential::from(proof);
        let caller = credential.caller(userid);
        Self { caller, way: Way::Network { host, port, credential, certificates } }
    }

    /// A session of `userid` with `plane`.
    #[cfg(test)]
    pub(crate) fn given(userid: &str, plane: Arc<dyn ControlPlane>) -> Self {
        Self { caller: UserId::parse(userid), way: Way::Given(plane) }
    }

    /// The same session, as `userid` where nobody else is named as caller.
    pub(crate) fn or_as(&self, userid: &UserId) -> Self {
        Self { caller: Ok(self.caller.as_ref().unwrap_or(userid).clone()), way: self.way.clone() }
    }

    /// Who calls.
    ///
    /// # Errors
    /// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) when nobody said.
    pub(crate) fn caller(&self) -> Result<&UserId> {
        self.caller.as_ref().map_err(Error::clone)
    }

    /// What proves who calls; `None` where the other side was given.
    pub(crate) fn credential(&self) -> Option<&Credential> {
        match &self.way {
            Way::Network { credential, .. } => Some(credential),
            #[cfg(test)]
            Way::Given(_) => None,
        }
    }

    /// The file with the certificate to trust; `None` where those of the web's authorities are.
    pub(crate) fn certificate(&self) -> Option<&Path> {
        match &self.way {
            Way::Network { certificates, .. } => certificates.file(),
            #[cfg(test)]
            Way::Given(_) => None,
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
        let user = self.caller()?.clone();
        match &self.way {
            Way::Network { host, port, credential, certificates } => {
                let proof = credential.proof(user)?;
                let tls = certificates.choose()?;
                let config = ClientConfig { host: host.clone(), port: *port, tls, proof, timeout: TIMEOUT };
                Ok(Arc::new(GrpcClient::connect(config)?))
            }
            #[cfg(test)]
            Way::Given(plane) => Ok(Arc::clone(plane)),
        }
    }
}

/// What proves who calls, as far as it is known before a call.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// A token of the web portal, which names the caller itself.
    Jwt(Secret),
    /// An access token.
    Token(Secret),
    /// The file with an access token.
    File(PathBuf),
    /// Nothing.
    Missing,
}

impl From<ProofArgs> for Credential {
    fn from(ProofArgs { access_token, access_token_file, jwt_access_token }: ProofArgs) -> Self {
        let given = |secret: Option<Secret>| secret.filter(|secret| !secret.is_empty());
        match (given(jwt_access_token), given(access_token), access_token_file) {
            (Some(jwt), _, _) => Self::Jwt(jwt),
            (None, Some(token), _) => Self::Token(token),
            (None, None, Some(file)) => Self::File(file),
            (None, None, None) => Self::Missing,
        }
    }
}

impl Credential {
    /// Who calls, where `userid` is what was said.
    fn caller(&self, userid: Option<UserId>) -> Result<UserId> {
        match self {
            Self::Jwt(jwt) => Unverified::read(jwt.expose()).map(|token| token.user),
            Self::Token(_) | Self::File(_) | Self::Missing => userid.ok_or_else(|| {
                Error::invalid("no user id is given")
                    .hint("give --userid or set LEOSCOPE_USERID, or log in once with 'leoscope login'")
            }),
        }
    }

    /// What proves that it is `user` who calls.
    ///
    /// # Errors
    /// A file that cannot be read; nothing that could be a proof.
    pub(crate) fn proof(&self, user: UserId) -> Result<Proof> {
        Ok(match self {
            Self::Jwt(jwt) => Proof::Jwt(jwt.clone()),
            Self::Token(token) => Proof::Token { user, token: token.clone() },
            Self::File(file) => Proof::Token { user, token: tokens::read(file)? },
            Self::Missing => {
                return Err(Error::invalid("no access token is given")
                    .hint("give --access-token or --access-token-file, or set LEOSCOPE_ACCESS_TOKEN, or log in once with 'leoscope login'"));
            }
        })
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

    /// The certificate named, else the first of the usual ones that is there.
    fn file(&self) -> Option<&Path> {
        let found = || self.usual.iter().find(|path| path.exists());
        self.named.as_ref().or_else(found).map(PathBuf::as_path)
    }

    /// What is trusted: the certificate, else the web's authorities.
    fn choose(&self) -> Result<Tls> {
        match self.file() {
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
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    /// Claims: `{"userid":"someone@example.org"}`.
    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyaWQiOiJzb21lb25lQGV4YW1wbGUub3JnIn0.c2ln";

    /// Who calls and how that is proved, with these options.
    fn shown(options: &[&str]) -> Result<(String, Proof)> {
        let words = ["leoscope", "user", "get"].iter().chain(options);
        let session = Session::new(Cli::try_parse_from(words).expect("command line").global, &Env::new());
        let user = session.caller()?.clone();
        let proof = session.credential().expect("network").proof(user.clone())?;
        Ok((user.to_string(), proof))
    }

    #[test]
    fn a_jwt_comes_first_then_the_token_then_the_file() {
        let dir = tempfile::tempdir().expect("directory");
        let file = dir.path().join("token");
        let option = format!("--access-token-file={}", file.display());
        let token = |token: &str| {
            let user = UserId::parse("me").expect("id");
            ("me".to_owned(), Proof::Token { user, token: Secret::new(token) })
        };
        // Not read while there is no need.
        assert_eq!(shown(&["--userid=me", "--access-token=a", &option]).expect("token"), token("a"));
        let error = shown(&["--userid=me", &option]).expect_err("no file");
        assert!(error.message().contains(&file.display().to_string()), "{error}");
        std::fs::write(&file, "b\n").expect("file");
        assert_eq!(shown(&["--userid=me", &option]).expect("file"), token("b"));
        assert_eq!(shown(&["--userid=me", "--access-token=", &option]).expect("file"), token("b"));

        let jwt = format!("--jwt-access-token={JWT}");
        let (user, proof) = shown(&["--userid=me", "--access-token=a", &option, &jwt]).expect("jwt");
        assert_eq!((user.as_str(), proof), ("someone@example.org", Proof::Jwt(Secret::new(JWT))));
        assert_eq!(shown(&[&jwt]).expect("jwt alone").0, "someone@example.org");
        let error = shown(&["--userid=me", "--jwt-access-token=hunter2"]).expect_err("no jwt");
        assert_eq!(error.message(), "the JWT is not well formed");
    }

    #[test]
    fn what_is_missing_is_told() {
        let told = |options: &[&str]| shown(options).expect_err("missing").message().to_owned();
        assert_eq!(told(&["--access-token=a"]), "no user id is given");
        assert_eq!(told(&["--userid=me"]), "no access token is given");
        assert_eq!(told(&["--userid=me", "--access-token="]), "no access token is given");
    }

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
