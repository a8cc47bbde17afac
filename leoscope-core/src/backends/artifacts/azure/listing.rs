//! The blobs of a container, page by page.

use jiff::fmt::rfc2822::DateTimeParser;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::model::{BlobFolder, StoredBundle};
use crate::time::Timestamp;

/// A page, as the service sends it.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(rename = "Blobs", default)]
    blobs: Blobs,
    #[serde(rename = "NextMarker", default)]
    next: String,
}

#[derive(Debug, Default, Deserialize)]
struct Blobs {
    #[serde(rename = "Blob", default)]
    blobs: Vec<Blob>,
}

#[derive(Debug, Deserialize)]
struct Blob {
    #[serde(rename = "Name")]
    name: Name,
    #[serde(rename = "Properties")]
    properties: Properties,
}

/// Names with characters that XML cannot hold are encoded; none of ours is.
#[derive(Debug, Deserialize)]
struct Name {
    #[serde(rename = "$text", default)]
    text: String,
}

#[derive(Debug, Deserialize)]
struct Properties {
    #[serde(rename = "Last-Modified")]
    modified: String,
    #[serde(rename = "Content-Length", default)]
    size: u64,
}

impl Page {
    /// Reads what the service has sent.
    pub(super) fn read(text: &[u8]) -> Result<Self> {
        quick_xml::de::from_reader(text).map_err(|e| Error::while_doing("read a list of bundles", e))
    }

    /// Where the next page begins; `None` after the last.
    pub(super) fn next(&self) -> Option<&str> {
        (!self.next.is_empty()).then_some(self.next.as_str())
    }

    /// The bundles among the blobs.
    pub(super) fn bundles(&self, folder: &BlobFolder) -> Vec<Result<StoredBundle>> {
        let bundle = |blob: &Blob| {
            let key = folder.key(&blob.name.text)?;
            let modified = instant(&blob.properties.modified);
            Some(modified.map(|modified| StoredBundle { key, size: blob.properties.size, modified }))
        };
        self.blobs.blobs.iter().filter_map(bundle).collect()
    }
}

fn instant(text: &str) -> Result<Timestamp> {
    let parsed = DateTimeParser::new().parse_timestamp(text);
    parsed.map_err(|e| Error::while_doing("read when a bundle was stored", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_are_found_among_what_else_is_there() {
        let text = r#"<?xml version="1.0" encoding="utf-8"?>
            <EnumerationResults ServiceEndpoint="https://a/" ContainerName="c">
            <Prefix>a/</Prefix><MaxResults>2</MaxResults><Blobs>
            <Blob><Name>a/node-1/job@example.org/run-1.tar.gz</Name><Properties>
              <Creation-Time>Tue, 01 Dec 2026 11:00:00 GMT</Creation-Time>
              <Last-Modified>Tue, 01 Dec 2026 12:00:00 GMT</Last-Modified>
              <Content-Length>1234567890123</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>
            <Blob><Name>a/node-1/job/experiment-config.yaml</Name><Properties>
              <Last-Modified>Tue, 01 Dec 2026 12:00:00 GMT</Last-Modified></Properties><OrMetadata /></Blob>
            <Blob><Name Encoded="true">a/%EF%BF%BE</Name><Properties>
              <Last-Modified>Tue, 01 Dec 2026 12:00:00 GMT</Last-Modified>
              <Content-Length>1</Content-Length></Properties></Blob>
            </Blobs><NextMarker>2!92!x=</NextMarker></EnumerationResults>"#;
        let page = Page::read(text.as_bytes()).expect("page");
        assert_eq!(page.next(), Some("2!92!x="));
        let folder = BlobFolder::parse("abc", "a").expect("folder");
        let bundles: Vec<_> = page.bundles(&folder).into_iter().collect::<Result<_>>().expect("bundles");
        let [bundle] = bundles.as_slice() else { panic!("{bundles:?}") };
        assert_eq!(bundle.key.to_string(), "node-1/job@example.org/run-1.tar.gz");
        assert_eq!(bundle.size, 1_234_567_890_123);
        assert_eq!(bundle.modified.to_string(), "2026-12-01T12:00:00Z");
    }

    #[test]
    fn the_last_page_says_so() {
        for end in ["<NextMarker />", "<NextMarker></NextMarker>", ""] {
            let page = format!("<EnumerationResults><Blobs />{end}</EnumerationResults>");
            let page = Page::read(page.as_bytes()).expect("page");
            assert_eq!(page.next(), None, "{end}");
        }
        Page::read(b"<html>").expect_err("no list");
    }
}
