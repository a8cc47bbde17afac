//! Where orchestrators are: one, or several of the same testbed.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

use crate::error::{Error, Result};

/// Names or addresses with their ports, at least one.
#[derive(Debug, Clone)]
pub(super) struct Places(Vec<(String, u16)>);

impl Places {
    /// Reads names or addresses, separated by commas; `port` is that of those that have none.
    ///
    /// # Errors
    /// `InvalidArgument` for what cannot be one.
    pub(super) fn parse(text: &str, port: u16) -> Result<Self> {
        let places = text.split(',').map(|place| parse(place.trim(), port));
        places.collect::<Result<_>>().map(Self)
    }

    pub(super) fn into_addresses(self) -> Vec<(String, u16)> {
        self.0
    }

    /// The first one: the name its certificate is checked against.
    pub(super) fn authority(&self) -> String {
        self.0.first().map(shown).unwrap_or_default()
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(shown).collect::<Vec<_>>().join(", "))
    }
}

fn shown((host, port): &(String, u16)) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn parse(place: &str, port: u16) -> Result<(String, u16)> {
    let fault = |why: &str| {
        Error::invalid(format!("{place:?} cannot be the host of an orchestrator: {why}"))
            .hint("check --grpc-host: a name or an address, without a scheme; several are separated by commas, each with ':PORT' if it has another")
    };
    let plain = |host: &str| {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    if place.parse::<IpAddr>().is_ok() {
        return Ok((place.to_owned(), port));
    }
    let (host, own) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match place.split_once(':') {
            Some((host, own)) => (host, Some(own)),
            None => (place, None),
        },
    };
    if !plain(host) && host.parse::<IpAddr>().is_err() {
        return Err(fault("it is not a name or an address"));
    }
    let port = match own {
        None => port,
        Some(own) => {
            let own = own.parse().ok().filter(|own| *own > 0);
            own.ok_or_else(|| fault("what follows the colon is no port"))?
        }
    };
    Ok((host.to_owned(), port))
}

/// Connects to the places in turn, to the next one that answers.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    places: Arc<Places>,
    next: Arc<AtomicUsize>,
    /// How long one place may take.
    patience: Duration,
}

impl Connector {
    /// A connector that has tried all places within `timeout`.
    pub(super) fn new(places: Places, timeout: Duration) -> Self {
        let patience = timeout / u32::try_from(places.0.len().max(1)).unwrap_or(u32::MAX);
        Self { places: Arc::new(places), next: Arc::default(), patience }
    }

    async fn connect(self) -> io::Result<TokioIo<TcpStream>> {
        let (count, first) = (self.places.0.len(), self.next.load(Ordering::Relaxed));
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for index in (0..count).map(|step| (first + step) % count) {
            let Some((host, port)) = self.places.0.get(index) else { continue };
            let attempt = tokio::time::timeout(self.patience, TcpStream::connect((host.as_str(), *port)));
            match attempt.await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true)?;
                    // When this connection does not last, or does not even agree on its protection,
                    // the next one is made elsewhere.
                    self.next.store((index + 1) % count, Ordering::Relaxed);
                    return Ok(TokioIo::new(stream));
                }
                Ok(Err(error)) => failure = error,
                Err(_) => failure = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(failure)
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn each_form_of_a_place_is_read() {
        for (text, expected) in [
            ("localhost", "localhost:1"),
            ("::1", "[::1]:1"),
            ("[::1]", "[::1]:1"),
            ("[::1]:2", "[::1]:2"),
            ("192.0.2.1:3", "192.0.2.1:3"),
            ("a.example, b.example:2 ,192.0.2.1", "a.example:1, b.example:2, 192.0.2.1:1"),
        ] {
            assert_eq!(Places::parse(text, 1).expect(text).to_string(), expected);
        }
        for bad in ["", "a,", "http://a", "a b", "u@a", "a:0", "a:x", "a:1:2", "[::1", "a/b", "a?b#c"] {
            let error = Places::parse(bad, 1).expect_err(bad);
            assert!(error.message().contains("cannot be the host of an orchestrator"), "{error}");
        }
    }

    #[tokio::test]
    async fn places_are_tried_in_turn_until_one_answers() {
        let listen = async || TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let (first, second) = (listen().await, listen().await);
        let ports = [&first, &second].map(|listener| listener.local_addr().expect("address").port());
        let text = format!("127.0.0.1:{},127.0.0.1:{}", ports[0], ports[1]);
        let connector = Connector::new(Places::parse(&text, 1).expect("places"), Duration::from_secs(20));
        let connected = async || {
            let stream = connector.clone().connect().await?;
            Ok::<_, io::Error>(stream.inner().peer_addr()?.port())
        };
        assert_eq!(connected().await.expect("first"), ports[0]);
        drop(first);
        assert_eq!(connected().await.expect("second"), ports[1]);
        assert_eq!(connected().await.expect("second still"), ports[1]);
        let _first = TcpListener::bind(("127.0.0.1", ports[0])).await.expect("listen again");
        assert_eq!(connected().await.expect("the first again"), ports[0]);
        assert_eq!(connected().await.expect("the second in its turn"), ports[1]);
    }
}
