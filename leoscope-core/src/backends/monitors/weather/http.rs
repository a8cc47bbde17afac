//! Requests to weather services.

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::service::Service;
use crate::backends::https::{chain, connector};
use crate::error::{Error, Result};
use crate::model::Secret;

/// The longest answer in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Who asks.
const AGENT: &str = concat!("leoscope/", env!("CARGO_PKG_VERSION"));

/// What sends requests. It follows no redirection: the key would go there as well.
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

/// What a service has answered.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<String>,
    pub(super) body: Bytes,
}

impl Http {
    pub(super) fn new() -> Result<Self> {
        let connector = connector("the weather service")?;
        // Minutes pass from one request to the next: no server keeps a connection for so long.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { client })
    }

    /// Asks `service` with `query`, which may hold its key.
    pub(super) async fn get(&self, service: &Service, query: &Secret) -> Result<Reply> {
        let request = Request::get(format!("{}?{}", service.address(), query.expose()))
            .header(header::USER_AGENT, AGENT)
            .header(header::ACCEPT, "application/json")
            .body(Empty::new());
        // The error would not say more, and its text might show the query.
        let request = request
            .map_err(|_| Error::internal(format!("a request to {} cannot be written", service.name())))?;
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|e| service.unreachable(&chain(&e)))?;
        let (head, body) = answer.into_parts();
        let retry_after = head.headers.get(header::RETRY_AFTER).map(HeaderValue::to_str);
        let retry_after = retry_after.and_then(std::result::Result::ok).map(str::to_owned);
        let body = if head.status == StatusCode::OK {
            let body = Limited::new(body, MAX_BYTES).collect().await;
            let body = body.map_err(|e| match e.downcast_ref::<LengthLimitError>() {
                Some(_) => service.too_long(MAX_BYTES),
                None => service.broke_off(&chain(&*e)),
            });
            body?.to_bytes()
        } else {
            // Not read: it might repeat the key.
            Bytes::new()
        };
        Ok(Reply { status: head.status, retry_after, body })
    }
}
