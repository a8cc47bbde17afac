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

#[cfg(test)]
mod tests {
    use rustls::pki_types::PrivateKeyDer;
    use rustls::server::{ClientHello, ResolvesServerCert};
    use rustls::sign::CertifiedKey;
    use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};

    use super::*;

    /// As existing orchestrators make theirs: version 1, without a name of a host.
    const VERSION_1: &[u8] = include_bytes!("testdata/version1.crt");
    const KEY: &[u8] = include_bytes!("testdata/version1.key");

    #[derive(Debug)]
    struct Always(Arc<CertifiedKey>);

    impl ResolvesServerCert for Always {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }

    /// Shakes hands with a server that shows `certificate` and holds `key`.
    fn shake_hands(
        trusted: &[u8],
        certificate: CertificateDer<'static>,
        key: &[u8],
    ) -> Result<(), rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let key = PrivateKeyDer::from_pem_slice(key).expect("key");
        let key = provider.key_provider.load_private_key(key).expect("key");
        let shown = Always(Arc::new(CertifiedKey::new(vec![certificate], key)));
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shown));
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier(trusted).expect("verifier"))
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("name");
        let mut client = ClientConnection::new(Arc::new(client), name)?;
        let mut server = ServerConnection::new(Arc::new(server))?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).expect("memory");
            server.read_tls(&mut wire.as_slice()).expect("memory");
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server.write_tls(&mut wire).expect("memory");
            client.read_tls(&mut wire.as_slice()).expect("memory");
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn the_certificate_of_an_existing_orchestrator_is_trusted_by_being_the_one() {
        let certificate = || CertificateDer::from_pem_slice(VERSION_1).expect("certificate");
        shake_hands(VERSION_1, certificate(), KEY).expect("trusted");
    }

    #[test]
    fn showing_the_certificate_without_holding_its_key_is_not_enough() {
        let certificate = CertificateDer::from_pem_slice(VERSION_1).expect("certificate");
        let other = rcgen::KeyPair::generate().expect("key").serialize_pem();
        let error = shake_hands(VERSION_1, certificate, other.as_bytes()).expect_err("no key");
        assert!(error.to_string().contains("BadSignature"), "{error}");
    }

    #[test]
    fn another_certificate_is_not_trusted() {
        let key = rcgen::KeyPair::generate().expect("key");
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("params");
        let other = params.self_signed(&key).expect("certificate");
        let pem = key.serialize_pem();
        let error = shake_hands(VERSION_1, other.der().clone(), pem.as_bytes()).expect_err("other");
        assert!(error.to_string().contains("UnknownIssuer"), "{error}");
        shake_hands(other.pem().as_bytes(), other.der().clone(), pem.as_bytes()).expect("the one");
    }
}
