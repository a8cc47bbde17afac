//! What is on this machine.

use std::path::Path;

use leoscope_core::Error;
use leoscope_settings::{Credential, Profile, ProfileChoice, Profiles, tokens};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::connect::Session;
use crate::output::Finding;

const HOW_TO_LOG_IN: &str =
    "log in with 'leoscope login --userid=…', or set LEOSCOPE_USERID and LEOSCOPE_ACCESS_TOKEN";

/// The profile file and what else settings are taken from.
pub(super) fn settings(fault: Option<&Error>, choice: &ProfileChoice) -> Finding {
    if let Some(fault) = fault {
        return Finding::error(fault);
    }
    let Ok(file) = choice.file() else {
        return Finding::warning(
            "there is no configuration directory",
            "set HOME or XDG_CONFIG_HOME, or name a profile file with --profile-file",
        );
    };
    let shown = file.display();
    if !file.exists() {
        return Finding::ok(format!("there is no profile file {shown}; 'leoscope login' makes one"));
    }
    let profiles = match Profiles::open(choice) {
        Ok(profiles) => profiles,
        Err(error) => return Finding::error(&error),
    };
    if profiles.all().iter().any(Profile::holds_token) && tokens::is_open(file) {
        return Finding::warning(
            format!("others can read {shown}, and there is a token in it"),
            format!("run 'chmod 600 {shown}'"),
        );
    }
    let name = profiles.chosen();
    match profiles.get(name) {
        Ok(_) => Finding::ok(format!("profile {name} of {shown}")),
        Err(_) => Finding::ok(format!("{shown} has no profile {name}")),
    }
}

/// The file with the access token.
pub(super) fn token_file(session: &Session) -> Finding {
    let Some(Credential::File(file)) = session.credential() else { return Finding::ok("none is used") };
    let shown = file.display();
    match tokens::read(file) {
        Err(error) => Finding::error(&error),
        Ok(_) if tokens::is_open(file) => {
            Finding::warning(format!("others can read {shown}"), format!("run 'chmod 600 {shown}'"))
        }
        Ok(_) => Finding::ok(format!("{shown} is private")),
    }
}

/// Who calls, and what proves it.
pub(super) fn credentials(session: &Session) -> Finding {
    let user = match session.caller() {
        Ok(user) => user,
        Err(error) => return Finding::failed(error.message(), error.what_to_do().unwrap_or(HOW_TO_LOG_IN)),
    };
    match session.credential() {
        Some(Credential::Missing) => {
            Finding::failed(format!("there is no access token of {user}"), HOW_TO_LOG_IN)
        }
        Some(Credential::Jwt(_)) => Finding::ok(format!("{user}, by a JWT")),
        Some(Credential::File(_)) => Finding::ok(format!("{user}, by the token file")),
        Some(Credential::Token(_)) | None => Finding::ok(format!("{user}, by an access token")),
    }
}

/// What the orchestrator is known by.
pub(super) fn certificate(session: &Session) -> Finding {
    match session.certificate() {
        None => Finding::ok("none is named: one of a public authority is trusted"),
        Some(file) => match certificates(file) {
            Ok(count) => Finding::ok(format!("{} holds {count}", file.display())),
            Err(what) => Finding::failed(
                format!("{} {what}", file.display()),
                "name the orchestrator's certs/server.crt with --tls-cert",
            ),
        },
    }
}

/// How many certificates there are in `file`, else what is wrong with it.
fn certificates(file: &Path) -> Result<usize, String> {
    let pem = std::fs::read(file).map_err(|e| format!("cannot be read: {e}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|e| format!("is not in PEM form: {e}"))?;
        roots.add(certificate).map_err(|e| format!("is damaged: {e}"))?;
    }
    if roots.is_empty() {
        return Err("holds no certificate in PEM form".to_owned());
    }
    Ok(roots.len())
}
