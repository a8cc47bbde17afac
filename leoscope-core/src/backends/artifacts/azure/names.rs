//! Addresses of blobs.

use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::model::{BlobFolder, Secret};

/// `text` as it stands in a query, and in a path between two slashes.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The address of a blob, without any right in it.
pub(super) fn blob(endpoint: &str, folder: &BlobFolder, name: &str) -> String {
    let name: Vec<_> = name.split('/').map(encode).collect();
    format!("{endpoint}/{}/{}", folder.container(), name.join("/"))
}

/// The address of a container, without any right in it.
pub(super) fn container(endpoint: &str, folder: &BlobFolder) -> String {
    format!("{endpoint}/{}", folder.container())
}

/// Takes a link apart into address and query.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for what is no link; nothing of it is shown.
pub(super) fn split(link: &Secret) -> Result<(String, Secret)> {
    let wrong = || Error::invalid("what is to be used as a link to blob storage is none");
    let (address, query) = link.expose().split_once('?').ok_or_else(wrong)?;
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    let is_signed = query.split('&').any(|pair| pair.starts_with("sig="));
    let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_graphic() && c != '#');
    let uri = address.parse::<http::Uri>().ok().filter(|uri| uri.path().len() > 1);
    if !is_web || !is_signed || !is_plain(address) || !is_plain(query) || uri.is_none() {
        return Err(wrong());
    }
    Ok((address.to_owned(), Secret::new(query)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::model::ArtifactKey;

    #[test]
    fn names_are_encoded_segment_by_segment() {
        let key = ArtifactKey::from_name("node-1/a+b@example.org/run_1.tar.gz").expect("key");
        let folder = BlobFolder::parse("results", "a b/é%").expect("folder");
        assert_eq!(
            blob("https://a.example", &folder, &folder.name(&key)),
            "https://a.example/results/a%20b/%C3%A9%25/node-1/a%2Bb%40example.org/run_1.tar.gz"
        );
    }

    #[test]
    fn only_a_signed_address_is_a_link() {
        let (address, query) = split(&Secret::new("https://a.example/c/b?sv=1&sig=x%3D")).expect("link");
        assert_eq!((address.as_str(), query.expose()), ("https://a.example/c/b", "sv=1&sig=x%3D"));
        for bad in [
            "",
            "planted",
            "https://a.example/c/b",
            "https://a.example/c/b?sv=planted",
            "https://a.example/?sig=planted",
            "ftp://a.example/c/b?sig=planted",
            "https:///c/b?sig=planted",
            "https://a.example/c/b?sig=planted text",
            "https://a.example/c/b?sig=planted#x",
        ] {
            let error = split(&Secret::new(bad)).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(!error.message().contains("planted"), "{error}");
        }
    }
}
