//! Connections: how many, how long they may take, and how they end.

use std::{convert::Infallible, future, io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time,
};

use crate::server::tls::Certificates;

/// Maximum number of clients at once; the next ones wait until one of them goes.
pub(super) const MAX_CONNECTIONS: usize = 2_048;

/// The same, of the second port.
pub(super) const MAX_PROBES: usize = 64;

/// From a connection's start, or its last answer, to the end of a request's head. It is above the 90 s after which an
/// API server closes a connection that it does not use: were it the server that closes, a request could be under way.
/// Source: Kubernetes v1.37, `apimachinery/pkg/util/net/http.go` (`SetTransportDefaults`), Go's `http.DefaultTransport`.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// After that a peer that takes no answer, or is gone, is given up.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// The head of a request, in bytes.
const MAX_HEAD: usize = 64 << 10;

/// How long nobody is accepted when the process has no file descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// One port.
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    /// Plain HTTP, where there are none.
    pub(super) certificates: Option<Arc<Certificates>>,
    pub(super) max_connections: usize,
}

impl Listener {
    /// Serves until it is told to stop and the last request is answered.
    pub(super) async fn serve(self, router: Router, mut stop: watch::Receiver<bool>) {
        let connections = Arc::new(Semaphore::new(self.max_connections));
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = async {
                let place = Arc::clone(&connections).acquire_owned().await.map_err(io::Error::other)?;
                self.socket.accept().await.map(|(stream, _)| (stream, place))
            };
            let stopped = async {
                // A sender that is gone never says stop.
                if stop.wait_for(|stop| *stop).await.is_err() {
                    future::pending::<Infallible>().await;
                }
            };
            let (stream, place) = tokio::select! {
                () = stopped => break,
                accepted = accepted => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "no connection accepted");
                        time::sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            let (router, watcher) = (router.clone(), graceful.watcher());
            let certificates = self.certificates.clone();
            tokio::spawn(async move {
                let _place = place;
                connection(stream, certificates, router, watcher).await;
            });
        }
        drop(self.socket);
        graceful.shutdown().await;
    }
}

async fn connection(stream: TcpStream, certificates: Option<Arc<Certificates>>, router: Router, watcher: Watcher) {
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ =
        rustix::net::sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED.as_millis().try_into().unwrap_or(u32::MAX));
    match certificates {
        None => http(stream, router, watcher).await,
        Some(certificates) => {
            let handshake = certificates.acceptor().accept(stream);
            match time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
                Ok(Ok(stream)) => http(stream, router, watcher).await,
                Ok(Err(error)) => tracing::debug!(%error, "no TLS connection"),
                Err(_) => tracing::debug!("no TLS connection: the handshake took too long"),
            }
        }
    }
}

/// HTTP/1.1 only: an API server opens as many connections as it needs.
async fn http(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router, watcher: Watcher) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection broke off");
    }
}

/// A connection is a file: as many as the machine allows, where the process was started with fewer.
pub(super) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit });
}
