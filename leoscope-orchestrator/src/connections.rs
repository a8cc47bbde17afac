//! Connections of clients, and how they are protected.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, stream};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use crate::auth::Address;
use crate::certificate::Certificates;
use crate::metrics::{Counted, Metrics};

/// How long a client may take to agree on the protection of a connection.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long to wait when the system has nothing to give for another connection.
const PAUSE: Duration = Duration::from_millis(100);

/// How many connections may wait between being protected and being served.
const READY: usize = 64;

/// How connections are protected.
pub(crate) enum Protection {
    /// By TLS.
    Tls(TlsAcceptor),
    /// Not at all; something in front of the orchestrator does it.
    Plaintext,
}

impl Protection {
    /// By TLS with the certificate that `certificates` holds when a client connects. Browsers come
    /// with HTTP/1.1, all others with HTTP/2.
    pub(crate) fn tls(certificates: Arc<Certificates>) -> Self {
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(certificates);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self::Tls(TlsAcceptor::from(Arc::new(config)))
    }
}

enum Channel {
    Tls(Box<TlsStream<TcpStream>>),
    Plain(TcpStream),
}

/// A connection ready to be served.
pub(crate) struct Connection {
    channel: Channel,
    address: Option<IpAddr>,
    _place: OwnedSemaphorePermit,
    _counted: Counted,
}

/// The connections that come in, at most `most` at once, until `stop`.
pub(crate) fn incoming(
    listener: TcpListener,
    protection: Protection,
    most: usize,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> impl Stream<Item = io::Result<Connection>> {
    let (ready, waiting) = mpsc::channel(READY);
    let accept = Accept { protection: Arc::new(protection), metrics, ready };
    tokio::spawn(async move { stop.run_until_cancelled(accept.run(listener, most)).await });
    stream::unfold(waiting, |mut waiting| async move { Some((Ok(waiting.recv().await?), waiting)) })
}

struct Accept {
    protection: Arc<Protection>,
    metrics: Arc<Metrics>,
    ready: mpsc::Sender<Connection>,
}

impl Accept {
    async fn run(self, listener: TcpListener, most: usize) {
        let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        loop {
            let (stream, address) = match listener.accept().await {
                Ok((stream, address)) => (stream, Some(address.ip())),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection; trying again");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                tracing::warn!(most, "too many connections, refusing one");
                continue;
            };
            let counted = self.metrics.connection();
            let (protection, metrics, ready) =
                (Arc::clone(&self.protection), Arc::clone(&self.metrics), self.ready.clone());
            // Each by itself: a client that takes its time must not hold up the others.
            tokio::spawn(async move {
                match tokio::time::timeout(HANDSHAKE, protect(&protection, stream)).await {
                    Ok(Ok(channel)) => {
                        let connection = Connection { channel, address, _place: place, _counted: counted };
                        // An error says that the server has stopped.
                        let _ = ready.send(connection).await;
                    }
                    Ok(Err(error)) => {
                        metrics.handshake_failed();
                        tracing::debug!(?address, %error, "no connection");
                    }
                    Err(_) => {
                        metrics.handshake_failed();
                        tracing::debug!(?address, "a client took too long to connect");
                    }
                }
            });
        }
    }
}

async fn protect(protection: &Protection, stream: TcpStream) -> io::Result<Channel> {
    stream.set_nodelay(true)?;
    Ok(match protection {
        Protection::Tls(acceptor) => Channel::Tls(Box::new(acceptor.accept(stream).await?)),
        Protection::Plaintext => Channel::Plain(stream),
    })
}

impl Connected for Connection {
    type ConnectInfo = Address;
    fn connect_info(&self) -> Address {
        Address(self.address)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.channel {
            Channel::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Channel::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.channel {
            Channel::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Channel::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.channel {
            Channel::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Channel::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.channel {
            Channel::Tls(stream) => stream.is_write_vectored(),
            Channel::Plain(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.channel {
            Channel::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Channel::Plain(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.channel {
            Channel::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Channel::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
