//! The server's certificate: made on the first start or given, and read anew when its files change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use leoscope_core::{Error, Result};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::state::{make_dir, write_secret};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How often it is looked whether the files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Where a certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, with those it was signed by, the server's own first (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
}

/// The certificate that is shown to clients.
#[derive(Debug)]
pub(crate) struct Certificates {
    files: CertificateFiles,
    shown: RwLock<Shown>,
}

#[derive(Debug)]
struct Shown {
    read: Read,
    certified: Arc<CertifiedKey>,
}

/// What is in the files.
#[derive(PartialEq, Eq)]
struct Read {
    pem: Vec<u8>,
    key: Vec<u8>,
}

impl std::fmt::Debug for Read {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Read {
    fn from(files: &CertificateFiles) -> Result<Self> {
        let read = |path: &Path| {
            fs::read(path).map_err(|e| {
                Error::invalid(format!("cannot read {}: {e}", path.display()))
                    .hint("check --tls-certificate and --tls-key, and that this user can read both")
            })
        };
        Ok(Self { pem: read(&files.certificate)?, key: read(&files.key)? })
    }

    fn certified(&self, files: &CertificateFiles) -> Result<CertifiedKey> {
        let CertificateFiles { certificate, key } = files;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.pem)
            .collect::<Result<_, _>>()
            .map_err(|e| Error::invalid(format!("{} is no certificate: {e}", certificate.display())))?;
        if chain.is_empty() {
            return Err(Error::invalid(format!("there is no certificate in {}", certificate.display()))
                .hint("it must be in PEM form: -----BEGIN CERTIFICATE-----"));
        }
        // What the parser says could quote the key.
        let key_der = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| {
            Error::invalid(format!("there is no private key in {}", key.display()))
                .hint("it must be in PEM form, without a pass phrase: -----BEGIN PRIVATE KEY-----")
        })?;
        CertifiedKey::from_der(chain, key_der, &ring::default_provider()).map_err(|e| {
            Error::invalid(format!(
                "{} and {} cannot be used together: {e}",
                certificate.display(),
                key.display()
            ))
            .hint("the key must be that of the first certificate")
        })
    }
}

impl Certificates {
    /// The certificate in `files`.
    pub(crate) fn load(files: CertificateFiles) -> Result<Self> {
        let read = Read::from(&files)?;
        let certified = Arc::new(read.certified(&files)?);
        Ok(Self { files, shown: RwLock::new(Shown { read, certified }) })
    }

    /// The file that holds the certificate.
    pub(crate) fn path(&self) -> &Path {
        &self.files.certificate
    }

    /// Reads the files anew and says whether something else is in them. What cannot be used changes
    /// nothing: while files are being replaced, one may be new and the other old.
    pub(crate) fn reload(&self) -> Result<bool> {
        let read = Read::from(&self.files)?;
        if self.shown.read().unwrap_or_else(PoisonError::into_inner).read == read {
            return Ok(false);
        }
        let certified = Arc::new(read.certified(&self.files)?);
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Shown { read, certified };
        tracing::info!(certificate = %self.files.certificate.display(), "showing a new certificate");
        Ok(true)
    }

    /// [Reloads](Self::reload) for ever when the files change.
    pub(crate) async fn keep(self: Arc<Self>) {
        let mut told = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let certificates = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || certificates.reload()).await;
            let fault = match looked {
                Ok(Ok(_)) | Err(_) => None,
                Ok(Err(error)) => Some(error.to_string()),
            };
            if let Some(fault) = fault.as_ref().filter(|_| fault != told) {
                tracing::warn!(fault, "cannot use the new certificate, going on with the old one");
            }
            told = fault;
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner).certified))
    }
}

struct Made {
    pem: String,
    key: String,
}

/// The certificate in `dir`, made for `host` if there is none yet.
///
/// The whole directory appears at once, so that a crash cannot leave a certificate without its
/// key.
pub(crate) fn find_or_make(dir: &Path, host: &str) -> Result<CertificateFiles> {
    let (crt, key) = (dir.join("server.crt"), dir.join("server.key"));
    match (crt.exists(), key.exists()) {
        (true, true) => Ok(CertificateFiles { certificate: crt, key }),
        (false, false) => {
            let made = make(host)?;
            let draft = dir.with_extension("new");
            keep(&draft, dir, &made)
                .map_err(|e| Error::while_doing(format!("write the certificate to {}", dir.display()), e))?;
            Ok(CertificateFiles { certificate: crt, key })
        }
        (has_certificate, _) => {
            let (there, missing) = if has_certificate { (crt, key) } else { (key, crt) };
            Err(Error::internal(format!("{} is there, but {} is not", there.display(), missing.display()))
                .hint("put the missing file back, or remove the other, and both are made anew"))
        }
    }
}

fn keep(draft: &Path, dir: &Path, made: &Made) -> std::io::Result<()> {
    if draft.exists() {
        fs::remove_dir_all(draft)?;
    }
    make_dir(draft)?;
    write_secret(&draft.join("server.key"), made.key.as_bytes())?;
    write_secret(&draft.join("server.crt"), made.pem.as_bytes())?;
    fs::rename(draft, dir)
}

fn make(host: &str) -> Result<Made> {
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
    Ok(Made { pem: certificate.pem(), key: key.serialize_pem() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_certificate_is_made_once_with_files_for_its_owner_alone() {
        let state = tempfile::tempdir().expect("dir");
        let dir = state.path().join("certs");
        let made = Read::from(&find_or_make(&dir, "orchestrator.example").expect("made")).expect("files");
        let again = Read::from(&find_or_make(&dir, "other.example").expect("found")).expect("files");
        assert!(made == again);
        let mode = |name: &str| fs::metadata(dir.join(name)).expect(name).permissions().mode() & 0o777;
        assert_eq!((mode(""), mode("server.crt"), mode("server.key")), (0o700, 0o600, 0o600));
        fs::remove_file(dir.join("server.key")).expect("remove");
        let error = find_or_make(&dir, "localhost").expect_err("half a pair");
        assert!(error.message().ends_with("server.key is not"), "{error}");
    }

    #[test]
    fn a_certificate_is_read_anew_when_both_files_fit() {
        let dir = tempfile::tempdir().expect("dir");
        let made = ["old", "new"].map(|name| {
            let files = find_or_make(&dir.path().join(name), "localhost").expect("certificate");
            (fs::read(files.certificate).expect("pem"), fs::read(files.key).expect("key"))
        });
        let files = CertificateFiles { certificate: dir.path().join("crt"), key: dir.path().join("key") };
        let write = |pem: &[u8], key: &[u8]| {
            fs::write(&files.certificate, pem).expect("pem");
            fs::write(&files.key, key).expect("key");
        };
        let [(old_pem, old_key), (new_pem, new_key)] = &made;
        write(old_pem, old_key);
        let certificates = Certificates::load(files.clone()).expect("loaded");
        let shown = || certificates.shown.read().expect("lock").certified.cert[0].to_vec();
        let before = shown();
        assert!(!certificates.reload().expect("nothing new"));
        for (pem, key, fault) in [
            (&new_pem[..], &old_key[..], "cannot be used together"),
            (b"nonsense", new_key, "there is no certificate in"),
            (new_pem, b"nonsense", "there is no private key in"),
        ] {
            write(pem, key);
            let error = certificates.reload().expect_err(fault);
            assert!(error.message().contains(fault), "{error}");
            assert_eq!(shown(), before, "the old one is shown on");
        }
        write(new_pem, new_key);
        assert!(certificates.reload().expect("new"));
        assert_ne!(shown(), before);
        fs::remove_file(&files.key).expect("removed");
        certificates.reload().expect_err("half a pair");
        assert!(Certificates::load(files).is_err());
        assert!(!format!("{certificates:?}").contains("PRIVATE"));
    }
}
