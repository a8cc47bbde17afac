use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response};
use leoscope_core::control::Service;
use leoscope_core::ids::UserId;
use leoscope_core::jwt::JwtKey;
use leoscope_core::model::{Caller, Secret};
use leoscope_core::proto::{metadata, status};
use leoscope_core::{Error, ErrorKind, Result};
use tonic::body::Body;
use tower::Layer;

use crate::health;

/// Lets only calls with valid credentials through and puts the [`Caller`] in their extensions.
#[derive(Debug, Clone)]
pub(crate) struct AuthLayer {
    service: Arc<Service>,
    jwt_key: Option<Arc<JwtKey>>,
}

impl AuthLayer {
    /// Takes access tokens, and those of the web portal where there is a key to check them with.
    pub(crate) fn new(service: Arc<Service>, jwt_key: Option<JwtKey>) -> Self {
        Self { service, jwt_key: jwt_key.map(Arc::new) }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;
    fn layer(&self, inner: S) -> Auth<S> {
        Auth { service: Arc::clone(&self.service), jwt_key: self.jwt_key.clone(), inner }
    }
}

/// See [`AuthLayer`].
#[derive(Debug, Clone)]
pub(crate) struct Auth<S> {
    service: Arc<Service>,
    jwt_key: Option<Arc<JwtKey>>,
    inner: S,
}

impl<S, B> tower::Service<Request<B>> for Auth<S>
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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The service that was polled ready is the one to call; its clone takes its place.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let (service, jwt_key) = (Arc::clone(&self.service), self.jwt_key.clone());
        Box::pin(async move {
            if request.uri().path().starts_with(health::PATH) {
                return inner.call(request).await;
            }
            match authenticate(&service, jwt_key.as_deref(), request.headers()).await {
                Ok(caller) => {
                    tracing::debug!(user = %caller.id, path = request.uri().path(), "call");
                    request.extensions_mut().insert(caller);
                    inner.call(request).await
                }
                Err(error) => {
                    tracing::info!(path = request.uri().path(), %error, "call refused");
                    Ok(status::status_of(&error).into_http())
                }
            }
        })
    }
}

async fn authenticate(service: &Service, jwt_key: Option<&JwtKey>, headers: &HeaderMap) -> Result<Caller> {
    // Existing clients send the keys they do not use with an empty text.
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
    let refused = |hint: &str| Error::new(ErrorKind::Unauthenticated, status::INVALID_TOKEN).hint(hint);
    match (header(metadata::USER), header(metadata::TOKEN), header(metadata::JWT)) {
        (Some(user), Some(token), _) => {
            let user = UserId::parse(user).map_err(|_| refused("check the user id"))?;
            service.authenticate(&user, &Secret::new(token)).await
        }
        // The portal names a user beside its token; who calls is told by the token.
        (_, _, Some(token)) => match jwt_key {
            Some(key) => service.authenticate_jwt(key, token).await,
            None => {
                Err(refused("this orchestrator does not take tokens of the web portal; use an access token"))
            }
        },
        _ => Err(refused("give a user id and its access token")),
    }
}
