use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use leoscope_core::{Error, Result};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};

use crate::state::{make_dir, write_secret};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The server's certificate and key, in PEM form.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) key: String,
}

/// The certificate in `dir`, made for `host` if there is none yet.
///
/// The whole directory appears at once, so that a crash cannot leave a certificate without its
/// key.
pub(crate) fn load_or_make(dir: &Path, host: &str) -> Result<Certificate> {
    let (crt, key) = (dir.join("server.crt"), dir.join("server.key"));
    match (crt.exists(), key.exists()) {
        (true, true) => {
            let read = |path: &Path| {
                fs::read_to_string(path)
                    .map_err(|e| Error::while_doing(format!("read {}", path.display()), e))
            };
            Ok(Certificate { pem: read(&crt)?, key: read(&key)? })
        }
        (false, false) => {
            let made = make(host)?;
            let draft = dir.with_extension("new");
            keep(&draft, dir, &made)
                .map_err(|e| Error::while_doing(format!("write the certificate to {}", dir.display()), e))?;
            Ok(made)
        }
        (has_certificate, _) => {
            let (there, missing) = if has_certificate { (crt, key) } else { (key, crt) };
            Err(Error::internal(format!("{} is there, but {} is not", there.display(), missing.display()))
                .hint("put the missing file back, or remove the other, and both are made anew"))
        }
    }
}

fn keep(draft: &Path, dir: &Path, made: &Certificate) -> std::io::Result<()> {
    if draft.exists() {
        fs::remove_dir_all(draft)?;
    }
    make_dir(draft)?;
    write_secret(&draft.join("server.key"), made.key.as_bytes())?;
    write_secret(&draft.join("server.crt"), made.pem.as_bytes())?;
    fs::rename(draft, dir)
}

fn make(host: &str) -> Result<Certificate> {
    let fault = |e| Error::while_doing("make the server's certificate", e);
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    // An address to listen on everywhere is no name of a server.
    if !names.iter().any(|name| name == host) && !matches!(host, "0.0.0.0" | "::") {
        names.push(host.to_owned());
    }
    let mut params = CertificateParams::new(names).map_err(fault)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "localhost");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = date_time_ymd(1970, 1, 1);
    // Clients whose clocks are behind must be able to connect as well.
    params.not_before = epoch + now.saturating_sub(DAY);
    params.not_after = epoch + (now + 3652 * DAY);
    let key = KeyPair::generate().map_err(fault)?;
    let certificate = params.self_signed(&key).map_err(fault)?;
    Ok(Certificate { pem: certificate.pem(), key: key.serialize_pem() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_certificate_is_made_once_with_files_for_its_owner_alone() {
        let state = tempfile::tempdir().expect("dir");
        let dir = state.path().join("certs");
        let made = load_or_make(&dir, "orchestrator.example").expect("certificate");
        let again = load_or_make(&dir, "other.example").expect("certificate");
        assert_eq!((made.pem, made.key), (again.pem, again.key));
        let mode = |name: &str| fs::metadata(dir.join(name)).expect(name).permissions().mode() & 0o777;
        assert_eq!((mode(""), mode("server.crt"), mode("server.key")), (0o700, 0o600, 0o600));
        fs::remove_file(dir.join("server.key")).expect("remove");
        let error = load_or_make(&dir, "localhost").err().expect("half a pair");
        assert!(error.message().ends_with("server.key is not"), "{error}");
    }
}
