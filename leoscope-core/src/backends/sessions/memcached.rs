//! Claims in memcached, for processes that share nothing else.
//!
//! Speaks the part of the text protocol (memcached's `doc/protocol.txt`) that claims need: `add`,
//! `gets` and `cas`.

use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::error::{Error, Result};
use crate::ports::{Claim, Sessions};

/// How long one question may take, connecting included.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a claim is tried again that changed hands while it was looked at.
const ATTEMPTS: usize = 16;

/// The longest key of memcached, in bytes.
const LONGEST_KEY: usize = 250;

/// The longest holder that is read.
const LONGEST_VALUE: usize = 1024;

/// Relative times beyond this are taken for instants by memcached.
const LONGEST_TTL: u64 = 30 * 24 * 60 * 60;

/// Claims in one memcached.
#[derive(Debug)]
pub struct MemcachedSessions {
    address: String,
    connection: Mutex<Option<Connection>>,
}

type Connection = BufReader<TcpStream>;

/// What memcached holds under a key, and the number that changes with it.
struct Held {
    holder: String,
    version: u64,
}

impl MemcachedSessions {
    /// Claims in the memcached at `location`, `memcached://HOST:PORT`. It need not answer yet.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a location of another form.
    pub fn new(location: &str) -> Result<Self> {
        let refused = || {
            Error::invalid(format!("session store {location:?} is not possible"))
                .hint("give memcached://HOST:PORT, for example memcached://127.0.0.1:11211")
        };
        let address = location.strip_prefix("memcached://").ok_or_else(refused)?.trim_end_matches('/');
        let (host, port) = address.rsplit_once(':').ok_or_else(refused)?;
        let is_host = !host.is_empty() && !host.contains(['@', '/']);
        if !is_host || !port.parse::<u16>().is_ok_and(|port| port > 0) {
            return Err(refused());
        }
        Ok(Self { address: address.to_owned(), connection: Mutex::default() })
    }

    /// Sends `request` and gives the line that answers it, with the value if there is one.
    ///
    /// A connection that fails is not used again; one that memcached has closed meanwhile, as when
    /// it was restarted, is opened anew and the request sent once more. That is harmless: all
    /// requests tell by their answer what is there.
    async fn ask(&self, request: &[u8]) -> Result<(String, Option<Held>)> {
        let unavailable = |e: &dyn std::fmt::Display| {
            Error::unavailable(format!("memcached at {} does not answer: {e}", self.address))
                .hint("see that it runs, and that --sessions names it")
        };
        let mut slot = self.connection.lock().await;
        let exchange = async {
            if let Some(mut connection) = slot.take()
                && let Ok(answer) = exchange(&mut connection, request).await
            {
                *slot = Some(connection);
                return Ok(answer);
            }
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            let mut connection = BufReader::new(stream);
            let answer = exchange(&mut connection, request).await?;
            *slot = Some(connection);
            Ok::<_, std::io::Error>(answer)
        };
        match timeout(PATIENCE, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(e)) => Err(unavailable(&e)),
            Err(_) => Err(unavailable(&format!("nothing came within {} s", PATIENCE.as_secs()))),
        }
    }

    async fn held(&self, key: &str) -> Result<Option<Held>> {
        let (line, held) = self.ask(format!("gets {key}\r\n").as_bytes()).await?;
        if line == "END" { Ok(held) } else { Err(self.refused(&line)) }
    }

    fn refused(&self, line: &str) -> Error {
        Error::unavailable(format!("memcached at {} answered {line:?}", self.address))
    }
}

#[async_trait]
impl Sessions for MemcachedSessions {
    async fn claim(&self, key: &str, holder: &str, ttl: Duration) -> Result<Claim> {
        let (key, ttl, length) = (safe(key), ttl.as_secs().clamp(1, LONGEST_TTL), holder.len());
        for _ in 0..ATTEMPTS {
            let add = format!("add {key} 0 {ttl} {length}\r\n{holder}\r\n");
            match self.ask(add.as_bytes()).await?.0.as_str() {
                "STORED" => return Ok(Claim::Ours),
                "NOT_STORED" => {}
                other => return Err(self.refused(other)),
            }
            // It may have ended meanwhile.
            let Some(held) = self.held(&key).await? else { continue };
            if held.holder != holder {
                return Ok(Claim::Theirs(held.holder));
            }
            let renew = format!("cas {key} 0 {ttl} {length} {}\r\n{holder}\r\n", held.version);
            match self.ask(renew.as_bytes()).await?.0.as_str() {
                "STORED" => return Ok(Claim::Ours),
                "EXISTS" | "NOT_FOUND" => {}
                other => return Err(self.refused(other)),
            }
        }
        Err(Error::unavailable(format!("the claim {key} changes hands all the time")))
    }

    async fn release(&self, key: &str, holder: &str) -> Result<()> {
        let key = safe(key);
        let Some(held) = self.held(&key).await? else { return Ok(()) };
        if held.holder != holder {
            return Ok(());
        }
        // A negative time to live ends it at once. There is no delete that looks at the version.
        let end = format!("cas {key} 0 -1 {} {}\r\n{holder}\r\n", holder.len(), held.version);
        match self.ask(end.as_bytes()).await?.0.as_str() {
            "STORED" | "EXISTS" | "NOT_FOUND" => Ok(()),
            other => Err(self.refused(other)),
        }
    }
}

async fn exchange(connection: &mut Connection, request: &[u8]) -> std::io::Result<(String, Option<Held>)> {
    connection.get_mut().write_all(request).await?;
    let mut found = None;
    loop {
        let line = line(connection).await?;
        let Some(header) = line.strip_prefix("VALUE ") else { return Ok((line, found)) };
        let fields: Vec<&str> = header.split(' ').collect();
        let invalid = || std::io::Error::new(std::io::ErrorKind::InvalidData, format!("answer {line:?}"));
        let [_, _, length, version] = fields.as_slice() else { return Err(invalid()) };
        let length = length.parse::<usize>().ok().filter(|length| *length <= LONGEST_VALUE);
        let mut value = vec![0; length.ok_or_else(invalid)? + 2];
        connection.read_exact(&mut value).await?;
        value.truncate(value.len() - 2);
        let version = version.parse().map_err(|_| invalid())?;
        found = Some(Held { holder: String::from_utf8_lossy(&value).into_owned(), version });
    }
}

async fn line(connection: &mut Connection) -> std::io::Result<String> {
    let mut line = String::new();
    connection.take(LONGEST_VALUE as u64).read_line(&mut line).await?;
    match line.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_owned()),
        None => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

/// `key` as memcached takes it: as it is where it can be, else its digest.
fn safe(key: &str) -> String {
    let plain = format!("leoscope:{key}");
    let is_safe = plain.len() <= LONGEST_KEY && plain.bytes().all(|byte| byte.is_ascii_graphic());
    if is_safe {
        return plain;
    }
    let digest = Sha256::digest(key.as_bytes());
    // No key as it is begins like this.
    format!("leoscope#{}", hex::encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn keys_are_safe_and_stay_different() {
        let long = "k".repeat(300);
        let keys = ["run/n/r", "a b", "a\r\nflush_all", "ü", "", &long, &format!("{long}x")];
        let safe: std::collections::BTreeSet<String> = keys.iter().map(|key| safe(key)).collect();
        assert_eq!(safe.len(), keys.len());
        assert!(safe.iter().all(|key| key.len() <= 250 && key.bytes().all(|b| b.is_ascii_graphic())));
        assert!(safe.contains("leoscope:run/n/r"));
    }

    #[test]
    fn locations_of_another_form_are_refused() {
        for good in ["memcached://127.0.0.1:11211", "memcached://host.example:1/", "memcached://[::1]:11211"]
        {
            MemcachedSessions::new(good).expect(good);
        }
        for bad in [
            "memcached://",
            "memcached://host",
            "memcached://:11211",
            "host:1",
            "memcached://a:0",
            "memcached://u@h:1",
        ] {
            assert_eq!(MemcachedSessions::new(bad).expect_err(bad).kind(), ErrorKind::InvalidArgument);
        }
    }

    #[tokio::test]
    async fn a_memcached_that_is_not_there_is_unavailable() {
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("port");
        let address = free.local_addr().expect("address");
        drop(free);
        let sessions = MemcachedSessions::new(&format!("memcached://{address}")).expect("location");
        let error = sessions.claim("k", "me", Duration::from_secs(5)).await.expect_err("nobody there");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}
