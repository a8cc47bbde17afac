//! What every call goes through: a turn, who calls, how much and how long, and what is counted.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use http::{Request, Response};
use leoscope_core::control::Service;
use leoscope_core::jwt::JwtKey;
use leoscope_core::proto::{metadata, status};
use leoscope_core::{Error, ErrorKind};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Layer;

use crate::limits::{Gate, Limits, Work};
use crate::metrics::Metrics;
use crate::{auth, health};

/// Calls of the web portal's own server, with which people sign up there.
const SIGN_UP: [&str; 4] = [
    "/unary.LeotestOrchestrator/submit_access_request",
    "/unary.LeotestOrchestrator/update_access_request_email_status",
    "/unary.LeotestOrchestrator/get_registration_invite",
    "/unary.LeotestOrchestrator/activate_signup_user",
];

/// A call that takes as long as its client needs to send everything.
const UPLOAD: &str = "/leoscope.v1.Artifacts/Upload";

/// The kind of error of a refusal that is told inside an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused(pub(crate) ErrorKind);

/// What calls need on their way.
#[derive(Debug)]
struct Desk {
    service: Arc<Service>,
    jwt_key: Option<JwtKey>,
    gate: Arc<Gate>,
    patience: Duration,
    metrics: Arc<Metrics>,
}

/// Lets calls through that are within the limits and have valid credentials, with their
/// [`Caller`](leoscope_core::model::Caller) in the extensions.
#[derive(Debug, Clone)]
pub(crate) struct CallLayer(Arc<Desk>);

impl CallLayer {
    /// Takes access tokens, and those of the web portal where there is a key to check them with.
    pub(crate) fn new(
        service: Arc<Service>,
        jwt_key: Option<JwtKey>,
        gate: Arc<Gate>,
        limits: &Limits,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self(Arc::new(Desk { service, jwt_key, gate, patience: limits.call_timeout, metrics }))
    }
}

impl<S> Layer<S> for CallLayer {
    type Service = Calls<S>;
    fn layer(&self, inner: S) -> Calls<S> {
        Calls { desk: Arc::clone(&self.0), inner }
    }
}

/// See [`CallLayer`].
#[derive(Debug, Clone)]
pub(crate) struct Calls<S> {
    desk: Arc<Desk>,
    inner: S,
}

impl<S, B> tower::Service<Request<B>> for Calls<S>
where
    S: tower::Service<Request<B>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that was polled ready is the one to call; its clone takes its place.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let desk = Arc::clone(&self.desk);
        Box::pin(async move {
            let (path, started) = (request.uri().path().to_owned(), Instant::now());
            let counted = desk.metrics.call();
            let answer = desk.answer(&path, request, &mut inner).await;
            drop(counted);
            if let Ok(response) = &answer {
                desk.metrics.answered(&path, outcome(response), started.elapsed());
            }
            answer
        })
    }
}

impl Desk {
    async fn answer<S, B>(
        &self,
        path: &str,
        mut request: Request<B>,
        inner: &mut S,
    ) -> Result<Response<Body>, S::Error>
    where
        S: tower::Service<Request<B>, Response = Response<Body>>,
    {
        if SIGN_UP.contains(&path) {
            return Ok(Status::unimplemented("people sign up at the web portal's own server").into_http());
        }
        let refuse = |error: &Error| {
            tracing::info!(path, %error, "call refused");
            Ok(status::status_of(error).into_http())
        };
        if path.starts_with(health::PATH) {
            return inner.call(request).await.map(|response| blame(path, response));
        }
        let work = if path == UPLOAD { Work::Upload } else { Work::Call };
        let deadline = tokio::time::Instant::now() + self.patience;
        let authenticated = auth::authenticate(&self.service, self.jwt_key.as_ref(), request.headers());
        let caller = match tokio::time::timeout_at(deadline, authenticated).await {
            Ok(caller) => caller,
            Err(_) => return refuse(&self.late()),
        };
        let admitted = caller.and_then(|caller| self.gate.admit(&caller.id, work).map(|turn| (caller, turn)));
        let (caller, turn) = match admitted {
            Ok(admitted) => admitted,
            Err(error) => return refuse(&error),
        };
        tracing::debug!(user = %caller.id, path, "call");
        // Nobody needs them any more, so nobody can show them.
        for secret in [metadata::TOKEN, metadata::JWT] {
            request.headers_mut().remove(secret);
        }
        request.extensions_mut().insert(caller);
        let call = AssertUnwindSafe(inner.call(request)).catch_unwind();
        let outcome = match work {
            Work::Upload => Ok(call.await),
            Work::Call => tokio::time::timeout_at(deadline, call).await,
        };
        drop(turn);
        match outcome {
            Ok(Ok(answer)) => answer.map(|response| blame(path, response)),
            Ok(Err(panic)) => Ok(fault(path, &*panic)),
            Err(_) => refuse(&self.late()),
        }
    }

    fn late(&self) -> Error {
        let secs = self.patience.as_secs_f64();
        Error::new(ErrorKind::Timeout, format!("the call took longer than {secs} s and was given up"))
            .hint("what it was to change may have changed; look before you try again")
    }
}

/// The library that reads requests takes one that cannot be read for a fault of the server. Faults
/// of our own come with details.
fn blame(path: &str, response: Response<Body>) -> Response<Body> {
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() == Code::Internal && status.details().is_empty() => {
            tracing::debug!(path, fault = status.message(), "a request cannot be read");
            let error = Error::invalid(format!("the request cannot be read: {}", status.message()));
            status::status_of(&error.hint("check that it was made from the protocol's own definitions"))
                .into_http()
        }
        _ => response,
    }
}

/// A fault of this program must cost no more than the call that met it.
fn fault(path: &str, panic: &(dyn Any + Send)) -> Response<Body> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
    tracing::error!(path, panic = text, "a fault of this program; please report it");
    status::status_of(&Error::internal("a fault in the orchestrator")).into_http()
}

/// The name under which an answer is counted.
fn outcome(response: &Response<Body>) -> &'static str {
    if let Some(Refused(kind)) = response.extensions().get::<Refused>() {
        return kind.name();
    }
    match Status::from_header_map(response.headers()).map(|status| status.code()) {
        None | Some(Code::Ok) => "ok",
        Some(code) => ErrorKind::from(code).name(),
    }
}

#[cfg(test)]
mod tests {
    use leoscope_core::backends::artifacts::DirectoryStore;
    use leoscope_core::backends::clock::SystemClock;
    use leoscope_core::backends::store::MemoryStore;
    use leoscope_core::model::{Caller, Secret};
    use tower::{ServiceExt as _, service_fn};

    use super::*;

    const PATH: &str = "/unary.LeotestOrchestrator/get_runs";

    /// What becomes of a call by the administrator that is handled so.
    async fn answered<F>(limits: Limits, handler: fn(Request<()>) -> F) -> (Code, String)
    where
        F: Future<Output = Result<Response<Body>, Error>> + Send + 'static,
    {
        let dir = tempfile::tempdir().expect("directory");
        let artifacts = DirectoryStore::new(dir.path().to_owned()).await.expect("artifacts");
        let service =
            Service::new(Arc::new(MemoryStore::default()), Arc::new(artifacts), Arc::new(SystemClock));
        service.ensure_admin(&Secret::new("token")).await.expect("admin");
        let layer = CallLayer::new(service, None, Arc::new(Gate::new(&limits)), &limits, Metrics::new());
        let request = Request::post(PATH).header(metadata::USER, "admin").header(metadata::TOKEN, "token");
        let request = request.body(()).expect("request");
        let response = layer.layer(service_fn(handler)).oneshot(request).await.expect("an answer");
        let status = Status::from_header_map(response.headers()).unwrap_or_else(|| Status::ok("handled"));
        (status.code(), status.message().to_owned())
    }

    #[tokio::test]
    async fn a_fault_in_one_call_is_the_answer_of_that_call() {
        async fn broken(_: Request<()>) -> Result<Response<Body>, Error> {
            panic!("index out of bounds");
        }
        let (code, message) = answered(Limits::default(), broken).await;
        assert_eq!((code, message.as_str()), (Code::Internal, "a fault in the orchestrator"));
    }

    #[tokio::test]
    async fn a_call_is_handled_as_its_caller_without_the_credentials() {
        async fn handle(request: Request<()>) -> Result<Response<Body>, Error> {
            let caller = request.extensions().get::<Caller>().expect("caller");
            assert_eq!(caller.id.as_str(), "admin");
            assert!(!request.headers().contains_key(metadata::TOKEN));
            Ok(Response::new(Body::empty()))
        }
        assert_eq!(answered(Limits::default(), handle).await, (Code::Ok, "handled".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_takes_too_long_is_given_up() {
        async fn hang(_: Request<()>) -> Result<Response<Body>, Error> {
            std::future::pending().await
        }
        let (code, message) = answered(Limits::default(), hang).await;
        assert_eq!(code, Code::DeadlineExceeded);
        assert_eq!(message, "the call took longer than 30 s and was given up");
    }

    #[tokio::test]
    async fn a_request_that_cannot_be_read_is_the_client_s_fault() {
        async fn unreadable(_: Request<()>) -> Result<Response<Body>, Error> {
            Ok(Status::internal("failed to decode").into_http())
        }
        let (code, message) = answered(Limits::default(), unreadable).await;
        assert_eq!(
            (code, message.as_str()),
            (Code::InvalidArgument, "the request cannot be read: failed to decode")
        );
        async fn ours(_: Request<()>) -> Result<Response<Body>, Error> {
            Ok(status::status_of(&Error::internal("a full disk")).into_http())
        }
        assert_eq!(answered(Limits::default(), ours).await, (Code::Internal, "a full disk".to_owned()));
    }
}
