use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature, verify_tls13_signature_with_raw_key};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::{Error, Result};

/// A verifier that trusts exactly the certificates of `pem`, and what they have signed.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) unless `pem` holds certificates.
pub(super) fn verifier(pem: &[u8]) -> Result<Arc<dyn ServerCertVerifier>> {
    let fault = |what: String| {
        Error::invalid(format!("the trusted certificate {what}"))
            .hint("give the orchestrator's certs/server.crt, in PEM form")
    };
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|e| fault(format!("is not in PEM form: {e}")))?;
    if certificates.is_empty() {
        return Err(fault("holds no certificate in PEM form".to_owned()));
    }
    let provider =
        CryptoProvider::get_default().map_or_else(|| Arc::new(ring::default_provider()), Arc::clone);
    let algorithms = provider.signature_verification_algorithms;
    let mut roots = RootCertStore::empty();
    let mut pinned = Vec::new();
    for certificate in certificates {
        roots.add(certificate.clone()).map_err(|e| fault(format!("is damaged: {e}")))?;
        let key = roots.roots.last().map(|anchor| sequence(&anchor.subject_public_key_info));
        pinned.push(Pinned { certificate, key: key.unwrap_or_default().into() });
    }
    let signed = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|e| fault(format!("cannot be used: {e}")))?;
    Ok(Arc::new(Trust { pinned, signed, algorithms }))
}

/// A certificate that is trusted as it stands.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    key: SubjectPublicKeyInfoDer<'static>,
}

/// Trusts a server that proves to hold the key of a pinned certificate, whatever that certificate
/// says of names, dates and its version: existing orchestrators make version 1 certificates, which
/// name no host. Every other certificate must stand the usual checks.
#[derive(Debug)]
struct Trust {
    pinned: Vec<Pinned>,
    signed: Arc<WebPkiServerVerifier>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Trust {
    fn pinned(&self, certificate: &CertificateDer<'_>) -> Option<&Pinned> {
        self.pinned.iter().find(|pinned| pinned.certificate == *certificate)
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.pinned(end_entity).is_some() {
            return Ok(ServerCertVerified::assertion());
        }
        self.signed.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match self.pinned(cert) {
            Some(pinned) => verify_tls13_signature_with_raw_key(message, &pinned.key, dss, &self.algorithms),
            None => verify_tls13_signature(message, cert, dss, &self.algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// `content` as a DER sequence.
fn sequence(content: &[u8]) -> Vec<u8> {
    let bytes = content.len().to_be_bytes();
    let significant = &bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len())..];
    let mut der = vec![0x30];
    match significant {
        [short] if *short < 0x80 => der.push(*short),
        // The number of bytes of a length is at most eight.
        long => {
            der.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            der.extend_from_slice(long);
        }
    }
    der.extend_from_slice(content);
    der
}
