//! The machine and its system.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use nix::sys::utsname::uname;

use crate::error::{Error, Result};
use crate::model::HostDescription;
use crate::ports::HostFacts;

/// Where a system tells its name, in the order in which to look; see os-release(5).
const RELEASES: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

/// What the kernel and the system of this machine tell.
#[derive(Debug, Clone)]
pub struct SystemFacts {
    root: PathBuf,
}

impl Default for SystemFacts {
    fn default() -> Self {
        Self::below("/")
    }
}

impl SystemFacts {
    /// Those of this machine's kernel, and of the system below `root`.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn operating_system(&self) -> Result<Option<String>> {
        for release in RELEASES {
            if let Some(text) = read(&self.root.join(release))? {
                return Ok(pretty_name(&text));
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl HostFacts for SystemFacts {
    async fn describe(&self) -> Result<HostDescription> {
        let kernel = uname().map_err(|e| Error::while_doing("ask for the kernel's release", e))?;
        let text = |name: &std::ffi::OsStr| Some(name.to_str()?.to_owned()).filter(|name| !name.is_empty());
        let named = text(kernel.sysname()).zip(text(kernel.release()));
        Ok(HostDescription {
            // A small file that is in the cache of every machine.
            operating_system: self.operating_system()?,
            kernel: named.map(|(system, release)| format!("{system} {release}")),
            architecture: text(kernel.machine()),
        })
    }
}

fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(|e| Error::while_doing(format!("read {}", path.display()), e)),
    }
}

/// The name for people in an os-release file.
fn pretty_name(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("PRETTY_NAME="))?;
    let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    let name = quoted('"').or_else(|| quoted('\'')).unwrap_or(value).trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_machine_tells_what_uname_tells() {
        let facts = SystemFacts::default().describe().await.expect("facts");
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("release");
        assert_eq!(facts.kernel, Some(format!("Linux {}", release.trim())));
        assert_eq!(facts.architecture.as_deref(), Some(std::env::consts::ARCH));
    }

    #[tokio::test]
    async fn a_system_is_called_as_it_calls_itself_or_not_at_all() {
        let root = tempfile::tempdir().expect("directory");
        let facts = SystemFacts::below(root.path());
        assert_eq!(facts.describe().await.expect("facts").operating_system, None);
        std::fs::create_dir_all(root.path().join("usr/lib")).expect("directory");
        for (text, name) in [
            ("ID=a\nPRETTY_NAME=\"Some System 1.2 (old)\"\n", Some("Some System 1.2 (old)")),
            ("PRETTY_NAME='Plain'\n", Some("Plain")),
            ("PRETTY_NAME=Bare\n", Some("Bare")),
            ("PRETTY_NAME=\"\"\n", None),
            ("ID=a\n", None),
        ] {
            std::fs::write(root.path().join("usr/lib/os-release"), text).expect("write");
            assert_eq!(facts.describe().await.expect("facts").operating_system.as_deref(), name, "{text}");
        }
    }
}
