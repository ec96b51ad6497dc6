//! The certificate, and the CAs whose clients are let in, as they are on disk now.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::time;
use tokio_rustls::TlsAcceptor;
use upgrade_gate_core::escape;

use crate::error::Error;

/// How often the files are looked at. Their bytes are compared, so that it does not matter how they are replaced:
/// written over, renamed, or behind a symbolic link that Kubernetes points elsewhere.
const INTERVAL: Duration = Duration::from_secs(1);

/// Where the certificates are, as PEM.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// The server's certificate, and those that lead to its CA.
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Where there are any, a client has to have a certificate of one of them.
    pub(crate) client_cas: Vec<PathBuf>,
}

/// What is on disk, and what is in use.
pub(super) struct Certificates {
    files: Files,
    in_use: RwLock<TlsAcceptor>,
    /// As they were read.
    bytes: Bytes,
}

type Bytes = Vec<Vec<u8>>;

impl Certificates {
    /// # Errors
    /// [`Error::Certificate`]: which file, and why.
    pub(super) fn load(files: Files) -> Result<Self, Error> {
        let bytes = files.read()?;
        let in_use = RwLock::new(files.acceptor(&bytes)?);
        Ok(Self { files, in_use, bytes })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.in_use.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Uses what is new on disk, for new connections. What cannot be used is logged once, and the old stays: also
    /// between the moments at which a certificate and its key are replaced.
    pub(super) async fn follow(self: Arc<Self>) {
        let (mut seen, mut said) = (self.bytes.clone(), String::new());
        let mut ticks = time::interval(INTERVAL);
        loop {
            ticks.tick().await;
            let read = self.files.read().and_then(|bytes| {
                if bytes == seen {
                    return Ok(false);
                }
                seen.clone_from(&bytes);
                *self.in_use.write().unwrap_or_else(PoisonError::into_inner) = self.files.acceptor(&bytes)?;
                Ok(true)
            });
            match read {
                Ok(true) => tracing::info!("certificates read again"),
                Ok(false) => {}
                Err(error) => {
                    let reason = escape(&error.to_string());
                    if reason != said {
                        tracing::warn!(reason, "certificates not read: the old ones stay");
                    }
                    said = reason;
                    continue;
                }
            }
            said.clear();
        }
    }
}

impl Files {
    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.certificate, &self.key].into_iter().chain(&self.client_cas)
    }

    fn read(&self) -> Result<Bytes, Error> {
        self.all().map(|path| fs::read(path).map_err(|error| wrong(path, error.to_string()))).collect()
    }

    fn acceptor(&self, bytes: &[Vec<u8>]) -> Result<TlsAcceptor, Error> {
        let [certificate, key, client_cas @ ..] = bytes else {
            return Err(wrong(&self.certificate, "is not read".into()));
        };
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| wrong(&self.certificate, error.to_string()))?;
        let builder = if self.client_cas.is_empty() {
            builder.with_no_client_auth()
        } else {
            let mut roots = RootCertStore::empty();
            for (path, bytes) in self.client_cas.iter().zip(client_cas) {
                for ca in chain(path, bytes)? {
                    roots.add(ca).map_err(|error| wrong(path, error.to_string()))?;
                }
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| wrong(&self.certificate, error.to_string()))?)
        };
        let chain = chain(&self.certificate, certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| wrong(&self.key, "expected a private key as PEM (`-----BEGIN PRIVATE KEY-----`)".into()))?;
        let config = builder.with_single_cert(chain, key).map_err(|error| {
            let reason = format!("does not go with the key `{}`: {error}", self.key.display());
            wrong(&self.certificate, reason)
        })?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn chain(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    chain.ok_or_else(|| wrong(path, "expected certificates as PEM (`-----BEGIN CERTIFICATE-----`)".into()))
}

fn wrong(path: &Path, reason: String) -> Error {
    Error::Certificate { path: path.into(), reason }
}
