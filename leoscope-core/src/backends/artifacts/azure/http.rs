//! Requests to blob storage, given up when nothing moves any more.

use std::convert::Infallible;
use std::fmt;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, sleep_until, timeout};

use super::fault;
use super::sign::VERSION;
use crate::backends::https::{chain, connector};
use crate::error::{Error, Result};
use crate::model::Secret;

/// How long a transfer may stand still before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a connection is kept for the next request. Servers close them after a while, some after five
/// seconds, and a request that meets that has to be sent again.
const KEPT: Duration = Duration::from_secs(4);

/// Bytes of a request that count as moved at a time.
const PIECE: usize = 64 << 10;

/// What sends requests; all its clones share their connections.
#[derive(Clone)]
pub(super) struct Http {
    client: Arc<Client<HttpsConnector<HttpConnector>, Sent>>,
    patience: Duration,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

/// A request that may be sent again if the connection breaks.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// The address, without a query.
    pub(super) address: &'a str,
    /// The query that says what is asked for, without a right; may be empty.
    pub(super) query: &'a str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl<'a> Call<'a> {
    pub(super) fn new(method: Method, address: &'a str, query: &'a str) -> Self {
        Self { method, address, query, headers: Vec::new(), body: Bytes::new() }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

/// What the server has answered, with what is still to come of it.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>,
    patience: Duration,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Http {
    pub(super) fn new() -> Result<Self> {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT)
            .build(connector("blob storage")?);
        Ok(Self { client: Arc::new(client), patience: PATIENCE })
    }

    /// One that gives up earlier.
    #[cfg(test)]
    pub(super) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sends `call` with `right`, the query that allows it. All that the server can answer is given back;
    /// an error says that no answer came.
    pub(super) async fn send(&self, call: &Call<'_>, right: &Secret) -> Result<Answer> {
        match self.attempt(call, right).await? {
            // All requests have the same effect when they are sent twice.
            Err(broken) if !broken.is_connect() => match self.attempt(call, right).await? {
                Err(broken) => Err(fault::unreachable(call.address, &broken)),
                Ok(answer) => Ok(answer),
            },
            Err(broken) => Err(fault::unreachable(call.address, &broken)),
            Ok(answer) => Ok(answer),
        }
    }

    async fn attempt(
        &self,
        call: &Call<'_>,
        right: &Secret,
    ) -> Result<Result<Answer, hyper_util::client::legacy::Error>> {
        let moved = Moved::default();
        let query = [call.query, right.expose()].into_iter().filter(|part| !part.is_empty());
        let uri = format!("{}?{}", call.address, query.collect::<Vec<_>>().join("&"));
        let mut request =
            Request::builder().method(call.method.clone()).uri(uri).header("x-ms-version", VERSION);
        if call.method == Method::PUT {
            // Also where it is 0: the service insists.
            request = request.header(header::CONTENT_LENGTH, call.body.len());
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Sent { rest: call.body.clone(), moved: moved.clone() });
        // The error would not say more, and its text might show the address.
        let request = request.map_err(|_| Error::internal("a request to blob storage cannot be written"))?;
        let sent = self.client.request(request);
        let Some(outcome) = moved.watch(sent, self.patience).await else {
            return Err(fault::stalled(call.address, self.patience));
        };
        Ok(outcome.map(|response| Answer::new(response, self.patience)))
    }
}

impl Answer {
    fn new<B>(response: Response<B>, patience: Duration) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (head, body) = response.into_parts();
        let body = Box::pin(body.map_err(Into::into));
        Self { status: head.status, headers: head.headers, body, patience }
    }

    /// The text of a header of the answer.
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).map(HeaderValue::to_str)?.ok()
    }

    /// How many bytes the server says that the body has.
    pub(super) fn length(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH)?.parse().ok()
    }

    /// The next piece of the body; an error where none came, with what is known of why.
    pub(super) async fn piece(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            match timeout(self.patience, self.body.frame()).await {
                Err(_) => return Some(Err(format!("nothing came for {} s", self.patience.as_secs_f32()))),
                Ok(None) => return None,
                Ok(Some(Err(error))) => return Some(Err(chain(&*error))),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
            }
        }
    }

    /// The whole body; `None` where it is longer than `limit` bytes.
    pub(super) async fn body(mut self, limit: usize) -> Result<Option<Vec<u8>>> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece().await {
            body.extend_from_slice(&piece.map_err(|why| fault::broken(&why))?);
            if body.len() > limit {
                return Ok(None);
            }
        }
        Ok(Some(body))
    }
}

/// When something was last sent.
#[derive(Clone)]
struct Moved(Arc<Mutex<Instant>>);

impl Default for Moved {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Moved {
    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// What comes of `future`; `None` if nothing was sent for so long before it did.
    async fn watch<F: Future>(&self, future: F, patience: Duration) -> Option<F::Output> {
        let mut future = pin!(future);
        loop {
            let until = self.last() + patience;
            tokio::select! {
                output = &mut future => return Some(output),
                () = sleep_until(until) => {
                    if self.last() + patience <= until {
                        return None;
                    }
                }
            }
        }
    }
}

/// The body of a request: tells when it moves.
struct Sent {
    rest: Bytes,
    moved: Moved,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.moved.now();
        let length = self.rest.len().min(PIECE);
        Poll::Ready((length > 0).then(|| Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::ErrorKind;

    /// The address of a server that does `serve` with each connection.
    async fn server<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = listener.local_addr().expect("address");
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("accept");
                tokio::spawn(serve(stream));
            }
        });
        format!("http://{address}/c/b")
    }

    fn impatient() -> Http {
        Http::new().expect("client").with_patience(Duration::from_millis(200))
    }

    fn right() -> Secret {
        Secret::new("sig=planted-signature")
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_given_up() {
        let address = server(|stream| async move {
            std::future::pending::<()>().await;
            drop(stream);
        })
        .await;
        // More than fits into what is on the way.
        let call = Call::new(Method::PUT, &address, "").body(vec![0; 64 << 20]);
        let error = impatient().send(&call, &right()).await.err().expect("no answer");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("127.0.0.1"), "{error}");
        assert!(!format!("{error:?}").contains("planted"), "{error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_transfer_that_moves_is_not_given_up() {
        let moved = Moved::default();
        let slow = async {
            for _ in 0..10 {
                tokio::time::sleep(PATIENCE * 9 / 10).await;
                moved.now();
            }
        };
        assert_eq!(moved.watch(slow, PATIENCE).await, Some(()));
        let begun = Instant::now();
        assert_eq!(moved.watch(std::future::pending::<()>(), PATIENCE).await, None);
        assert_eq!(begun.elapsed().as_secs(), PATIENCE.as_secs());
    }

    #[tokio::test]
    async fn an_answer_that_stops_is_given_up() {
        let address = server(|mut stream| async move {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await.expect("write");
            std::future::pending::<()>().await;
        })
        .await;
        let call = Call::new(Method::GET, &address, "");
        let mut answer = impatient().send(&call, &right()).await.expect("answer");
        assert_eq!(answer.length(), Some(10));
        assert_eq!(answer.piece().await, Some(Ok(Bytes::from_static(b"half"))));
        assert_eq!(answer.piece().await, Some(Err("nothing came for 0.2 s".to_owned())));
    }

    #[tokio::test]
    async fn nobody_there_is_said_without_the_right() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = format!("http://{}/c/b", listener.local_addr().expect("address"));
        drop(listener);
        let call = Call::new(Method::GET, &address, "comp=list");
        let error = impatient().send(&call, &right()).await.err().expect("nobody");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("onnection refused"), "{error}");
        assert!(!format!("{error:?}").contains("planted"), "{error:?}");
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_meanwhile_is_made_anew() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let count = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&count);
        let address = server(move |mut stream| {
            let first = seen.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                if !first {
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                }
            }
        })
        .await;
        let call = Call::new(Method::DELETE, &address, "");
        let answer = impatient().send(&call, &right()).await.expect("answer");
        assert_eq!((answer.status, count.load(Ordering::SeqCst)), (StatusCode::NO_CONTENT, 2));
    }
}
