//! Fields that the operator of a node has added: what a file or a command says.

mod command;
mod file;

use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::error::{Error, Result};
use crate::model::{CustomConfig, CustomSource};
use crate::ports::{Around, Monitor, Observation};
use crate::time::SignedDuration;
use crate::trigger::{Key, Sample, Source, Value};

/// The most bytes that are read of a file, or of what a command prints.
const MAX_BYTES: u64 = 64 << 10;

/// The longest text that is a value, in bytes.
const MAX_TEXT_BYTES: usize = 256;

/// How much longer than its command the monitor may take, to end it.
const MARGIN: SignedDuration = SignedDuration::from_secs(1);

/// A field that the operator of a node has added.
///
/// Its value is the first line of the file, or of what the command prints: a number, `true`, `false`, or
/// a text; none where the line is empty. It counts as observed when it is read.
#[derive(Debug)]
pub struct CustomMonitor {
    key: Key,
    from: CustomSource,
    interval: SignedDuration,
    patience: SignedDuration,
    turn: file::Turn,
}

impl CustomMonitor {
    /// A monitor of the field that `config` describes.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a name that is none.
    pub fn new(config: &CustomConfig) -> Result<Self> {
        let CustomConfig { name, from, interval, patience } = config;
        let (key, from) = (Key::custom(name)?, from.clone());
        Ok(Self { key, from, interval: *interval, patience: *patience, turn: file::Turn::default() })
    }

    async fn line(&self) -> Result<String> {
        let patience = Duration::try_from(self.patience).unwrap_or_default();
        let content = async {
            match &self.from {
                CustomSource::File(path) => self.turn.content(path).await,
                CustomSource::Command(words) => command::output(words).await,
            }
        };
        match tokio::time::timeout(patience, content).await {
            Ok(content) => first_line(&content?),
            Err(_) => {
                let seconds = patience.as_secs_f64();
                Err(Error::new(crate::ErrorKind::Timeout, format!("it took more than {seconds} s")))
            }
        }
    }
}

#[async_trait]
impl Monitor for CustomMonitor {
    fn source(&self) -> Source {
        Source::Custom
    }

    fn name(&self) -> String {
        self.key.to_string()
    }

    fn interval(&self) -> SignedDuration {
        self.interval
    }

    fn stale_after(&self) -> Option<SignedDuration> {
        Some(super::counts_for(self.interval))
    }

    fn patience(&self) -> SignedDuration {
        self.patience.saturating_add(MARGIN)
    }

    async fn read(&self, around: &Around) -> Result<Observation> {
        let value = self.line().await.and_then(|line| value(&line));
        let value = value.map_err(|error| error.context(format!("cannot read {}", self.key)))?;
        let sample = Sample { key: self.key.clone(), value, at: around.now };
        Ok(Observation { samples: vec![sample], ..Observation::default() })
    }
}

/// All that `from` has; `None` where that is too much.
async fn limited(from: impl AsyncRead + Unpin) -> std::io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut content).await?;
    Ok((content.len() as u64 <= MAX_BYTES).then_some(content))
}

fn first_line(content: &[u8]) -> Result<String> {
    let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match std::str::from_utf8(line) {
        Ok(line) => Ok(line.trim().to_owned()),
        Err(_) => Err(Error::unavailable("its first line is not UTF-8")),
    }
}

/// The value that a line is; none where it is empty or a number that is not finite.
fn value(line: &str) -> Result<Option<Value>> {
    if line.is_empty() {
        return Ok(None);
    }
    if let Ok(number) = line.parse::<f64>() {
        return Ok(Value::number(number));
    }
    match line {
        "true" => Ok(Some(Value::Flag(true))),
        "false" => Ok(Some(Value::Flag(false))),
        text if text.len() > MAX_TEXT_BYTES => Err(Error::unavailable(format!(
            "its first line has {} bytes, at most {MAX_TEXT_BYTES} are a value",
            text.len()
        ))),
        text if text.contains(char::is_control) => {
            Err(Error::unavailable("its first line has characters that cannot be printed"))
        }
        text => Ok(Some(Value::text(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_number_a_flag_a_text_or_nothing() {
        for (line, expected) in [
            ("", None),
            ("3", Some(Value::Number(3.0))),
            ("-2.5e3", Some(Value::Number(-2500.0))),
            ("NaN", None),
            ("inf", None),
            ("1e999", None),
            ("true", Some(Value::Flag(true))),
            ("false", Some(Value::Flag(false))),
            ("True", Some(Value::text("True"))),
            ("3 dB", Some(Value::text("3 dB"))),
            ("größer", Some(Value::text("größer"))),
        ] {
            assert_eq!(value(line).expect(line), expected, "{line}");
        }
        value(&"x".repeat(256)).expect("as long as may be");
        value(&"x".repeat(257)).expect_err("too long");
        value("a\u{1b}[2J").expect_err("a control character");
    }

    #[test]
    fn only_the_first_line_counts_and_the_rest_may_be_anything() {
        assert_eq!(first_line(b" 7 \r\nrest \xff").expect("line"), "7");
        assert_eq!(first_line(b"").expect("empty"), "");
        first_line(b"\xff\n").expect_err("not UTF-8");
    }
}
