use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::super::https::{chain, connector, host};
use crate::error::{Error, ErrorKind, Result};
use crate::ports::{ElementSource, Fetched};
use crate::time::SignedDuration;

/// How long a source is left alone after it has answered. CelesTrak asks for three or four checks a day,
/// see <https://celestrak.org/usage-policy.php>.
const INTERVAL: SignedDuration = SignedDuration::from_hours(6);

/// How long an answer may take, all of it.
const DEADLINE: Duration = Duration::from_secs(60);

/// The longest answer.
const MAX_BYTES: usize = 64 << 20;

/// How much is read of an answer that is no set.
const MAX_EXPLANATION: usize = 4 << 10;

/// Who asks.
const AGENT: &str = concat!("leoscope/", env!("CARGO_PKG_VERSION"));

/// A web address at which orbital elements are published.
///
/// It is asked as CelesTrak wants it: rarely, without following redirections, and never again after an
/// answer that is not a set.
pub struct WebSource {
    address: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl fmt::Debug for WebSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WebSource").field(&self.name()).finish()
    }
}

impl WebSource {
    /// A source at that address.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for what is no web address,
    /// [`Internal`](ErrorKind::Internal) where TLS cannot be set up.
    pub fn new(address: &str) -> Result<Self> {
        let uri: Option<Uri> = address.parse().ok().filter(|uri: &Uri| uri.host().is_some());
        let uri = uri.ok_or_else(|| {
            Error::invalid(format!("{:?} is no address of orbital elements", host(address)))
                .hint("give one that begins with https://")
        })?;
        let connector = connector("the source of orbital elements")?;
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { address: uri, client })
    }

    async fn ask(&self) -> Result<Fetched> {
        let request = Request::get(self.address.clone()).header(header::USER_AGENT, AGENT).body(Empty::new());
        let request = request.map_err(|e| Error::while_doing("write a request for orbital elements", e))?;
        let name = self.name();
        let answer = self.client.request(request).await;
        let (head, body) = answer
            .map_err(|e| Error::unavailable(format!("cannot reach {name}: {}", chain(&e))))?
            .into_parts();
        let most = if head.status == StatusCode::OK { MAX_BYTES } else { MAX_EXPLANATION };
        let body = Limited::new(body, most).collect().await.map(|body| body.to_bytes());
        if head.status != StatusCode::OK {
            return Ok(no_set(&name, head.status, &body.unwrap_or_default()));
        }
        match body {
            Ok(text) => Ok(Fetched::Text(text)),
            Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
                Ok(Fetched::Refused(format!("{name} sends more than {MAX_BYTES} bytes")))
            }
            Err(error) => Err(Error::unavailable(format!("{name} broke off: {}", chain(&*error)))),
        }
    }
}

/// What an answer with another status than 200 means.
fn no_set(name: &str, status: StatusCode, body: &[u8]) -> Fetched {
    let text = String::from_utf8_lossy(body);
    if status == StatusCode::FORBIDDEN && text.contains("has not updated since") {
        return Fetched::Unchanged;
    }
    let said: String = text.trim().lines().next().unwrap_or_default().chars().take(200).collect();
    let said = if said.is_empty() { String::new() } else { format!(": {said:?}") };
    Fetched::Refused(format!("{name} answers with status {}{said}", status.as_u16()))
}

#[async_trait]
impl ElementSource for WebSource {
    /// The address without its query but for what says which set it is: a query may hold a key.
    fn name(&self) -> String {
        let uri = &self.address;
        let scheme = uri.scheme_str().unwrap_or("http");
        let at = uri.authority().map_or("", |authority| authority.as_str().rsplit('@').next().unwrap_or(""));
        let shown = ["GROUP", "FILE", "CATNR", "NAME"];
        let parts = uri.query().unwrap_or_default().split('&');
        let which = parts.filter(|part| shown.iter().any(|key| part.split('=').next() == Some(key)));
        let which: Vec<&str> = which.collect();
        let question = if which.is_empty() { "" } else { "?" };
        format!("{scheme}://{at}{}{question}{}", uri.path(), which.join("&"))
    }

    fn interval(&self) -> SignedDuration {
        INTERVAL
    }

    async fn fetch(&self) -> Result<Fetched> {
        tokio::time::timeout(DEADLINE, self.ask()).await.unwrap_or_else(|_| {
            let message = format!("{} has not answered within {} s", self.name(), DEADLINE.as_secs());
            Err(Error::new(ErrorKind::Timeout, message))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_no_secret_is_told() {
        let name = |address: &str| WebSource::new(address).expect(address).name();
        assert_eq!(
            name("https://celestrak.org/NORAD/elements/gp.php?GROUP=starlink&FORMAT=csv"),
            "https://celestrak.org/NORAD/elements/gp.php?GROUP=starlink"
        );
        assert_eq!(name("https://me:secret@host/a?key=secret"), "https://host/a");
        for bad in ["", "no address", "https://"] {
            WebSource::new(bad).expect_err(bad);
        }
    }

    #[test]
    fn a_refusal_is_told_apart_from_nothing_new() {
        let answer = |status: u16, body: &str| {
            no_set("x", StatusCode::from_u16(status).expect("status"), body.as_bytes())
        };
        let text = "GP data has not updated since your last successful download of GROUP=starlink";
        assert_eq!(answer(403, text), Fetched::Unchanged);
        assert_eq!(
            answer(403, "go away\nplease"),
            Fetched::Refused("x answers with status 403: \"go away\"".into())
        );
        assert_eq!(answer(301, ""), Fetched::Refused("x answers with status 301".into()));
        assert_eq!(answer(500, text), Fetched::Refused(format!("x answers with status 500: {text:?}")));
    }
}
