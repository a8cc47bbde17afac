//! Connections of clients, and how they are protected.

use std::collections::HashMap;
use std::future::Future as _;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, stream};
use nix::sys::resource::{Resource, getrlimit};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use crate::auth::Address;
use crate::certificate::Certificates;
use crate::metrics::{Counted, Metrics};

/// How long a client may take to agree on the protection of a connection.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a client may be silent on a connection before it says the first thing.
const FIRST_WORD: Duration = Duration::from_secs(20);

/// What one address may have of all connections is one in so many. Nodes behind one address of
/// their provider share it; this machine itself is not counted, it may be a proxy.
const SHARE: usize = 4;

/// How often it is told that connections are refused.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// How many files this process needs besides connections.
const OTHER_FILES: usize = 128;

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
    /// Until when it must have said something; `None` once it has.
    first_word: Option<Pin<Box<Sleep>>>,
    _share: Option<Shared>,
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

/// How many connections there are of each address.
type Addresses = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// One connection of an address.
struct Shared(IpAddr, Addresses);

impl Shared {
    /// One more of `address`, if there are less than `most`.
    fn take(address: IpAddr, addresses: &Addresses, most: usize) -> Option<Self> {
        let mut counts = addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Self(address, Arc::clone(addresses)))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let mut counts = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.0) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.0);
            }
        }
    }
}

/// As many connections as this process may have files for, at most `wanted`.
fn affordable(wanted: usize) -> usize {
    let files = getrlimit(Resource::RLIMIT_NOFILE)
        .map_or(usize::MAX, |(soft, _)| soft.try_into().unwrap_or(usize::MAX));
    let most = wanted.min(files.saturating_sub(OTHER_FILES).max(1));
    if most < wanted {
        tracing::warn!(wanted, most, "fewer connections than wanted: this process may open {files} files");
    }
    most
}

struct Accept {
    protection: Arc<Protection>,
    metrics: Arc<Metrics>,
    ready: mpsc::Sender<Connection>,
}

impl Accept {
    async fn run(self, listener: TcpListener, most: usize) {
        let most = affordable(most);
        let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        let addresses = Addresses::default();
        let mut told: Option<Instant> = None;
        loop {
            let (stream, address) = match listener.accept().await {
                Ok((stream, address)) => (stream, Some(address.ip())),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection; trying again");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let counted = address.filter(|address| !address.is_loopback());
            let share = counted.map(|address| Shared::take(address, &addresses, (most / SHARE).max(1)));
            let place = Arc::clone(&places).try_acquire_owned();
            let (Ok(place), None | Some(Some(_))) = (place, &share) else {
                if told.is_none_or(|told| told.elapsed() > TELL_EVERY) {
                    told = Some(Instant::now());
                    tracing::warn!(most, ?address, "too many connections, refusing some");
                }
                continue;
            };
            let share = share.flatten();
            let counted = self.metrics.connection();
            let (protection, metrics, ready) =
                (Arc::clone(&self.protection), Arc::clone(&self.metrics), self.ready.clone());
            // Each by itself: a client that takes its time must not hold up the others.
            tokio::spawn(async move {
                match tokio::time::timeout(HANDSHAKE, protect(&protection, stream)).await {
                    Ok(Ok(channel)) => {
                        let first_word = Some(Box::pin(tokio::time::sleep(FIRST_WORD)));
                        let connection = Connection {
                            channel,
                            address,
                            first_word,
                            _share: share,
                            _place: place,
                            _counted: counted,
                        };
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
        let read = match &mut self.channel {
            Channel::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Channel::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        if read.is_ready() {
            self.first_word = None;
        } else if let Some(first_word) = &mut self.first_word
            && first_word.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client says nothing")));
        }
        read
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

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_connects_and_says_nothing_is_sent_away() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
        let address = listener.local_addr().expect("address");
        let stop = CancellationToken::new();
        let connections = incoming(listener, Protection::Plaintext, 8, Metrics::new(), stop);
        let mut connections = std::pin::pin!(connections);
        let begun = Instant::now();
        let _silent = TcpStream::connect(address).await.expect("connected");
        let mut connection = connections.next().await.expect("one").expect("accepted");
        let error = connection.read_u8().await.expect_err("silence");
        assert_eq!(
            (error.kind(), begun.elapsed().as_secs()),
            (io::ErrorKind::TimedOut, FIRST_WORD.as_secs())
        );

        let mut client = TcpStream::connect(address).await.expect("connected");
        client.write_all(b"ab").await.expect("written");
        let mut connection = connections.next().await.expect("one").expect("accepted");
        assert_eq!(connection.read_u8().await.expect("a word"), b'a');
        assert!(connection.first_word.is_none(), "who has spoken may be silent");
    }

    #[test]
    fn one_address_has_its_share_and_no_more() {
        let addresses = Addresses::default();
        let take = |address: &str| Shared::take(address.parse().expect("address"), &addresses, 2);
        let (first, _second) = (take("192.0.2.1"), take("192.0.2.1"));
        assert!(first.is_some() && take("192.0.2.1").is_none());
        assert!(take("192.0.2.2").is_some(), "another one has its own");
        drop(first);
        assert!(take("192.0.2.1").is_some(), "there is room again");
    }
}
