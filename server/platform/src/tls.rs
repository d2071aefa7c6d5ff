//! TLS towards the systems that we stand on: who needs it, and whom to believe.
//!
//! Three degrees, which are libpq's: whoever answers (encrypted, but a man in the middle goes unnoticed), whoever has a
//! certificate of a known authority, and whoever has one for the very name that was dialled.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::{Error, Result};

/// Whether what is said to this host stays on this machine, and so needs no TLS. An IPv6 address may be in brackets.
pub(crate) fn is_local_host(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Whom a client believes. Authorities come from a file, or, without one, from the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust<'a> {
    /// Whoever answers.
    Anyone,
    /// Whoever shows a certificate of the authorities, for any name.
    Signed(Option<&'a Path>),
    /// Whoever shows a certificate of the authorities for the name that was dialled.
    Named(Option<&'a Path>),
}

/// A client's side of TLS 1.2 and 1.3.
pub fn client(trust: Trust<'_>) -> Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?;
    let chain = match trust {
        Trust::Named(file) => return Ok(builder.with_root_certificates(roots(file)?).with_no_client_auth()),
        Trust::Anyone => None,
        Trust::Signed(file) => Some(
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots(file)?), provider.clone())
                .build()
                .map_err(Error::internal)?,
        ),
    };
    let verifier = Arc::new(AnyName { chain, provider });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// The PEM text of a file of authorities, for a library that reads it itself and passes over what it can't read.
pub fn authorities(file: &Path) -> Result<String> {
    roots(Some(file))?;
    std::fs::read_to_string(file).map_err(Error::internal)
}

fn roots(file: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            let unreadable = |why: String| Error::internal(format!("tls_ca_file {}: {why}", file.display()));
            let found = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(error.to_string()))?;
            for certificate in found {
                let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
                roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(unreadable("there is no certificate in it".to_owned()));
            }
        }
        None => {
            // Some of a system's certificates may be unreadable; without any nobody would be believed.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(Error::internal("the system has no certificate authorities: set tls_ca_file"));
            }
        }
    }
    Ok(roots)
}

/// Accepts any name, and without a chain anybody; that the other side holds the certificate's key is checked always.
#[derive(Debug)]
struct AnyName {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        // The name is looked at after all else was found good.
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_on_this_machine_is_known() {
        for host in ["localhost", "127.0.0.1", "127.255.255.254", "::1", "[::1]"] {
            assert!(is_local_host(host), "{host}");
        }
        for host in [
            "",
            "db.internal",
            "localhost.evil.com",
            "127.0.0.1.evil.com",
            "notlocalhost",
            "[localhost]",
            "0.0.0.0",
            "10.0.0.1",
            "128.0.0.1",
            "::",
            "::2",
            "[::2]",
            "[::1",
        ] {
            assert!(!is_local_host(host), "{host}");
        }
    }
}
