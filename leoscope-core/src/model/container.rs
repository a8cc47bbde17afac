//! The place in a storage account that holds bundles: a container and a folder in it.

use super::{ArtifactKey, ExperimentFile};
use crate::error::Error;
use crate::ids::{JobId, NodeId};

/// The longest folder, in bytes, so that the name of no bundle is longer than blob storage takes.
const MAX_FOLDER: usize = 512;

/// A folder of a container: what is put there has names that begin with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobFolder {
    container: String,
    /// Empty, or with a slash at the end.
    prefix: String,
}

impl BlobFolder {
    /// The folder `path` of a container. The path may be empty; slashes around it, and those that
    /// follow others, do not count.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a name that no container can have, and for a
    /// path that is too long or holds `.`, `..` or control characters.
    pub fn parse(container: &str, path: &str) -> Result<Self, Error> {
        let container = check_container(container.trim())?.to_owned();
        let mut prefix = String::new();
        for segment in path.trim().split('/').filter(|segment| !segment.is_empty()) {
            if matches!(segment, "." | "..") || segment.chars().any(char::is_control) {
                return Err(path_fault("holds \".\", \"..\" or control characters"));
            }
            prefix.push_str(segment);
            prefix.push('/');
        }
        if prefix.len() > MAX_FOLDER {
            return Err(path_fault(&format!(
                "is {} bytes long, at most {MAX_FOLDER} are taken",
                prefix.len()
            )));
        }
        Ok(Self { container, prefix })
    }

    /// The name of the container.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// What all names in the folder begin with: nothing, or the folder with a slash at its end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The name of a bundle: `<path>/<nodeid>/<jobid>/<runid>.tar.gz`.
    pub fn name(&self, key: &ArtifactKey) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The name of a file of an experiment: `<path>/<nodeid>/<jobid>/<file>`.
    pub fn file_name(&self, node: &NodeId, job: &JobId, file: ExperimentFile) -> String {
        format!("{}{node}/{job}/{}", self.prefix, file.name())
    }

    /// The bundle of this name; `None` for the name of anything else.
    pub fn key(&self, name: &str) -> Option<ArtifactKey> {
        ArtifactKey::from_name(name.strip_prefix(&self.prefix)?)
    }
}

/// Names of containers have 3 to 63 lower case letters, digits and single hyphens between them
/// (<https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata>).
fn check_container(name: &str) -> Result<&str, Error> {
    // A connection string or a key that got into the wrong place is not shown.
    let what = if name.is_empty() {
        "the name of the container is missing".to_owned()
    } else if name.len() > 63 || name.contains(['=', ';', '&']) {
        format!("the name of the container, of {} bytes, is none", name.len())
    } else {
        format!("{name:?} can be the name of no container")
    };
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if (3..=63).contains(&name.len()) && name.split('-').all(is_word) {
        return Ok(name);
    }
    Err(Error::invalid(what).hint("use 3 to 63 lower case letters, digits and single hyphens between them"))
}

fn path_fault(what: &str) -> Error {
    Error::invalid(format!("the path of the results in the container {what}"))
        .hint("give a path like testbed/results, or none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_have_the_names_that_azure_allows() {
        for good in ["abc", "results-2026", "0-1", &"a".repeat(63), " results "] {
            assert_eq!(BlobFolder::parse(good, "").expect(good).container(), good.trim());
        }
        for (bad, message) in [
            ("", "the name of the container is missing"),
            ("ab", "\"ab\" can be the name of no container"),
            ("Results", "\"Results\" can be the name of no container"),
            ("a--b", "\"a--b\" can be the name of no container"),
            ("-ab", "\"-ab\" can be the name of no container"),
            ("ab-", "\"ab-\" can be the name of no container"),
            ("$root", "\"$root\" can be the name of no container"),
            ("a/b", "\"a/b\" can be the name of no container"),
            ("résultats", "\"résultats\" can be the name of no container"),
            (&"a".repeat(64), "the name of the container, of 64 bytes, is none"),
            ("AccountKey=c2VjcmV0", "the name of the container, of 19 bytes, is none"),
        ] {
            assert_eq!(BlobFolder::parse(bad, "").expect_err(bad).message(), message);
        }
    }

    #[test]
    fn names_lead_to_bundles_and_back() {
        let key = ArtifactKey::from_name("node-1/job@example.org/run-1.tar.gz").expect("key");
        for (path, prefix) in [("", ""), ("/", ""), (" a ", "a/"), ("/a b//c/", "a b/c/"), ("é", "é/")] {
            let folder = BlobFolder::parse("results", path).expect(path);
            assert_eq!(folder.prefix(), prefix);
            assert_eq!(folder.name(&key), format!("{prefix}node-1/job@example.org/run-1.tar.gz"));
            assert_eq!(folder.key(&folder.name(&key)), Some(key.clone()));
            let file = folder.file_name(&key.node, &key.job, ExperimentFile::Config);
            assert_eq!(file, format!("{prefix}node-1/job@example.org/experiment-config.yaml"));
            assert_eq!(folder.key(&file), None);
        }
        let folder = BlobFolder::parse("results", "a").expect("folder");
        assert_eq!(folder.key("b/node-1/job/run.tar.gz"), None);
        assert_eq!(folder.key("node-1/job/run.tar.gz"), None);
        for bad in ["a/../b", "./a", "a\nb", &"a".repeat(513)] {
            BlobFolder::parse("results", bad).expect_err(bad);
        }
    }
}
