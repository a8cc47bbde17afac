//! Where orbital elements come from and are kept.

mod directory;
mod file;
mod web;

use std::path::PathBuf;
use std::sync::Arc;

pub use directory::DirectoryShelf;
pub use file::FileSource;
pub use web::WebSource;

use crate::error::{Error, Result};
use crate::ports::ElementSource;

/// CelesTrak's general perturbations data, see <https://celestrak.org/NORAD/documentation/gp-data-formats.php>.
const CELESTRAK: &str = "https://celestrak.org/NORAD/elements/gp.php";

/// Where a set of orbital elements is to come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElementLocation {
    /// A web address.
    Web(String),
    /// A file.
    File(PathBuf),
}

impl ElementLocation {
    /// Reads `celestrak`, `celestrak:GROUP`, a web address, or a path.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for none of these.
    pub fn parse(text: &str) -> Result<Self> {
        let group = match text.split_once(':') {
            None if text == "celestrak" => Some("starlink"),
            Some(("celestrak", group)) => Some(group),
            _ => None,
        };
        if let Some(group) = group {
            let is_group = !group.is_empty() && group.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            if !is_group {
                return Err(Error::invalid(format!("{group:?} is no group of CelesTrak"))
                    .hint("write celestrak:starlink, celestrak:oneweb, or another group's name"));
            }
            return Ok(Self::Web(format!("{CELESTRAK}?GROUP={group}&FORMAT=csv")));
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return Ok(Self::Web(text.to_owned()));
        }
        if text.is_empty() || text.contains("://") {
            return Err(Error::invalid(format!("orbital elements cannot be taken from {text:?}"))
                .hint("give celestrak, celestrak:GROUP, an address that begins with https://, or a file"));
        }
        Ok(Self::File(PathBuf::from(text)))
    }

    /// What fetches from there.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for an address that cannot be asked.
    pub fn open(&self) -> Result<Arc<dyn ElementSource>> {
        Ok(match self {
            Self::Web(address) => Arc::new(WebSource::new(address)?),
            Self::File(path) => Arc::new(FileSource::new(path.clone())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        let web = |address: &str| ElementLocation::Web(address.into());
        for (text, expected) in [
            ("celestrak", web("https://celestrak.org/NORAD/elements/gp.php?GROUP=starlink&FORMAT=csv")),
            ("celestrak:oneweb", web("https://celestrak.org/NORAD/elements/gp.php?GROUP=oneweb&FORMAT=csv")),
            ("http://127.0.0.1:1/x", web("http://127.0.0.1:1/x")),
            ("./elements.csv", ElementLocation::File("./elements.csv".into())),
        ] {
            assert_eq!(ElementLocation::parse(text).expect(text), expected);
        }
        for bad in ["", "celestrak:", "celestrak:a&b", "ftp://host/file"] {
            ElementLocation::parse(bad).expect_err(bad);
        }
    }
}
