//! From settings to what a connection with the orchestrator needs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use leoscope_core::client::{ClientConfig, Proof, Tls};
use leoscope_core::ids::UserId;
use leoscope_core::jwt::Unverified;
use leoscope_core::model::Secret;
use leoscope_core::{Error, Result};

use super::{ConnectionArgs, Env, ProofArgs, state_home, tokens};

/// Who calls, and whom, as far as it is known before a call.
#[derive(Debug, Clone)]
pub struct Access {
    /// Else why it is not known.
    caller: Result<UserId>,
    host: String,
    port: u16,
    credential: Credential,
    certificates: Certificates,
}

impl Access {
    /// With these settings; nothing is read or contacted yet.
    pub fn new(args: ConnectionArgs, env: &Env) -> Self {
        let ConnectionArgs { userid, proof, grpc_host, grpc_port, tls_cert, profile: _, profile_file: _ } =
            args;
        let credential = Credential::from(proof);
        Self {
            caller: credential.caller(userid),
            host: grpc_host,
            port: grpc_port,
            credential,
            certificates: Certificates::new(tls_cert, env),
        }
    }

    /// The same, as `userid` where nobody else is named as caller.
    #[must_use]
    pub fn or_as(&self, userid: &UserId) -> Self {
        Self { caller: Ok(self.caller.as_ref().unwrap_or(userid).clone()), ..self.clone() }
    }

    /// Who calls.
    ///
    /// # Errors
    /// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) when nobody said, and for a JWT that
    /// is none.
    pub fn caller(&self) -> Result<&UserId> {
        self.caller.as_ref().map_err(Error::clone)
    }

    /// What proves who calls.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The file with the certificate to trust; `None` where those of the web's authorities are.
    pub fn certificate(&self) -> Option<&Path> {
        self.certificates.file()
    }

    /// How the orchestrator is called; an answer may take as long as `timeout`.
    ///
    /// # Errors
    /// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) for a caller or a proof that is
    /// missing, and for a token or a certificate that cannot be read.
    pub fn client_config(&self, timeout: Duration) -> Result<ClientConfig> {
        let proof = self.credential.proof(self.caller()?.clone())?;
        let tls = self.certificates.choose()?;
        Ok(ClientConfig { host: self.host.clone(), port: self.port, tls, proof, timeout })
    }
}

/// What proves who calls, as far as it is known before a call.
#[derive(Debug, Clone)]
pub enum Credential {
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
    pub(crate) fn caller(&self, userid: Option<UserId>) -> Result<UserId> {
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
    pub fn proof(&self, user: UserId) -> Result<Proof> {
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
mod tests;
