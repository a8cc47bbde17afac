//! Experiment configs without the secrets in them.

use serde_json::Value;

/// What stands for a secret.
const MASK: &str = "***";

/// What stands for a whole config that cannot be read and may hold a secret.
const DROPPED: &str = "# not shown: it cannot be read, and may hold the key of a store\n";

/// What precedes a config that was written anew.
const REWRITTEN: &str = "# written anew to take the key of a store out\n";

/// The shortest part of a connection string that is looked for by itself. Keys are 88 characters long,
/// and what is shorter than this stands for many other things as well.
const LEAST: usize = 8;

/// The config `text` without the connection strings in it: not as a whole, nor the account key or
/// shared access signature of one, wherever they occur. They are replaced by `***`, and a config
/// without any stays as it is.
///
/// Where they cannot be replaced in the text, because it writes them in another way (folded over lines,
/// with escapes), the config is written anew as JSON, which is YAML as well. A text that cannot be read
/// at all and speaks of a store is replaced by a comment.
#[must_use]
pub fn redacted(text: &str) -> String {
    let text = without_comments(text);
    let Ok(config) = serde_saphyr::from_str::<Value>(&text) else {
        return if speaks_of_store(&text) { DROPPED.to_owned() } else { text };
    };
    let mut secrets = Secrets::default();
    secrets.gather(&config);
    if secrets.is_empty() {
        return text;
    }
    let wanted = secrets.blanked(config);
    // A mask alone is no plain scalar of YAML; inside quotes a quoted one is none.
    for mask in [MASK, "'***'"] {
        let masked = secrets.masked(&text, mask);
        if serde_saphyr::from_str::<Value>(&masked).is_ok_and(|read| read == wanted) {
            return masked;
        }
    }
    format!("{REWRITTEN}{wanted:#}\n")
}

/// `text` without the secrets of `config`.
pub(super) fn without_secrets_of(config: &str, text: &str) -> String {
    let mut secrets = Secrets::default();
    if let Ok(config) = serde_saphyr::from_str::<Value>(config) {
        secrets.gather(&config);
    }
    secrets.masked(text, MASK)
}

/// What must not be seen of a config.
#[derive(Default)]
struct Secrets {
    /// Connection strings.
    whole: Vec<String>,
    /// What in them is secret, in each way it may be written.
    parts: Vec<String>,
}

impl Secrets {
    fn is_empty(&self) -> bool {
        self.whole.is_empty()
    }

    /// Adds the connection strings in `value`.
    fn gather(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (key, field) in fields {
                    match field {
                        Value::String(text) if is_connection_string(key) => self.add(text),
                        field => self.gather(field),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.gather(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn add(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let mut parts = Vec::new();
        for (name, value) in text.split(';').filter_map(|part| part.split_once('=')) {
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "accountkey" => parts.push(value.to_owned()),
                "sharedaccesssignature" => {
                    let signed = value.trim_start_matches('?').split('&');
                    parts.extend(signed.filter_map(|pair| pair.strip_prefix("sig=")).map(str::to_owned));
                    parts.push(value.to_owned());
                }
                _ => {}
            }
        }
        let escaped: Vec<String> = parts.iter().flat_map(|part| [escaped(part), unescaped(part)]).collect();
        parts.extend(escaped);
        // One that is as short as a word is found by its place alone.
        parts.extend((text.len() >= LEAST).then(|| text.to_owned()));
        self.whole.push(text.to_owned());
        self.parts.extend(parts.into_iter().filter(|part| part.len() >= LEAST));
        // The longest first, so that no part of one is left standing.
        self.whole.sort_by_key(|part| std::cmp::Reverse(part.len()));
        self.parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    }

    /// `text` with `mask` for connection strings and [`MASK`] for parts of them.
    fn masked(&self, text: &str, mask: &str) -> String {
        let whole = self.whole.iter().filter(|whole| whole.len() >= LEAST);
        let text = whole.fold(text.to_owned(), |text, whole| text.replace(whole, mask));
        self.parts.iter().fold(text, |text, part| text.replace(part, MASK))
    }

    /// `value` without them.
    fn blanked(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.masked(&text, MASK)),
            Value::Array(items) => items.into_iter().map(|item| self.blanked(item)).collect(),
            Value::Object(fields) => {
                let blanked = fields.into_iter().map(|(key, field)| {
                    let field = match field {
                        Value::String(text) if is_connection_string(&key) && !text.trim().is_empty() => {
                            Value::String(MASK.to_owned())
                        }
                        field => self.blanked(field),
                    };
                    (self.masked(&key, MASK), field)
                });
                Value::Object(blanked.collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }
}

/// Whether a field of that name holds a connection string.
fn is_connection_string(key: &str) -> bool {
    let letters = key.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).eq("connectionstring".chars())
}

/// Whether a text that cannot be read has the words of a store's access in it.
fn speaks_of_store(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["cloud", "connection", "accountkey", "sharedaccesssignature", "sig="]
        .iter()
        .any(|word| text.contains(word))
}

/// `text` without the comments that hold a connection string, as of a store used before.
fn without_comments(text: &str) -> String {
    let keep = |line: &str| {
        let lower = line.to_ascii_lowercase();
        let tells = lower.contains("accountkey=") || lower.contains("sharedaccesssignature=");
        !(tells && line.trim_start().starts_with('#'))
    };
    text.split_inclusive('\n').filter(|line| keep(line)).collect()
}

/// `text` with `%` escapes for what may not stand in the query of an address.
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            // Writing to a String cannot fail.
            _ => drop(write!(escaped, "%{byte:02X}")),
        }
        escaped
    })
}

/// `text` with its `%` escapes read.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let digits = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        (bytes, rest) = match digits {
            Some(byte) => (push(bytes, byte), after.get(2..).unwrap_or_default()),
            None => (push(bytes, b'%'), after),
        };
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn push(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}

#[cfg(test)]
mod tests;
