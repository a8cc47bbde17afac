use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{Checksum, Constellation};
use crate::ports::{ElementShelf, Kept, Standing};
use crate::time::Timestamp;

/// A directory with two files: the elements as they were fetched, and what is known of them.
///
/// The second names the first by its checksum, so that what was written in part is not taken for whole.
#[derive(Debug)]
pub struct DirectoryShelf {
    dir: PathBuf,
    name: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    standing: Standing,
    elements: Option<Origin>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Origin {
    sha256: Checksum,
    source: Option<String>,
    fetched: Option<Timestamp>,
}

impl DirectoryShelf {
    /// The files in `dir` that are called by `name`; the directory is made when there is something to keep.
    pub fn new(dir: PathBuf, name: &str) -> Self {
        Self { dir, name: name.to_owned() }
    }

    fn note(&self) -> PathBuf {
        self.dir.join(format!("{}.json", self.name))
    }

    fn text(&self) -> PathBuf {
        self.dir.join(format!("{}.elements", self.name))
    }

    fn read(&self) -> Result<Option<Kept>> {
        let Some(note) = if_there(&self.note())? else { return Ok(None) };
        let Ok(Note { standing, elements }) = serde_json::from_slice(&note) else { return Ok(None) };
        let text = if elements.is_some() { if_there(&self.text())? } else { None };
        let elements = elements.zip(text).and_then(|(Origin { sha256, source, fetched }, text)| {
            let elements = Constellation::read(Bytes::from(text), source, fetched).ok()?;
            (elements.facts().sha256 == sha256).then_some(elements)
        });
        Ok(Some(Kept { elements, standing }))
    }

    fn write(&self, kept: &Kept) -> Result<()> {
        let cannot = |e: std::io::Error| Error::while_doing(format!("write to {}", self.dir.display()), e);
        std::fs::create_dir_all(&self.dir).map_err(cannot)?;
        if let Some(elements) = &kept.elements {
            replace(&self.dir, &self.text(), elements.text()).map_err(cannot)?;
        }
        let elements = kept.elements.as_ref().map(|elements| {
            let facts = elements.facts();
            Origin { sha256: facts.sha256, source: facts.source.clone(), fetched: facts.fetched }
        });
        let note = Note { standing: kept.standing.clone(), elements };
        let note = serde_json::to_vec_pretty(&note).map_err(|e| Error::while_doing("write a note", e))?;
        replace(&self.dir, &self.note(), &note).map_err(cannot)
    }
}

/// What is in a file; `None` where there is none.
fn if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::while_doing(format!("read {}", path.display()), error)),
    }
}

/// Puts a file in the place of another at once.
fn replace(dir: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    std::fs::File::open(dir)?.sync_all()
}

#[async_trait]
impl ElementShelf for DirectoryShelf {
    fn place(&self) -> String {
        self.note().display().to_string()
    }

    async fn kept(&self) -> Result<Option<Kept>> {
        let shelf = Self { dir: self.dir.clone(), name: self.name.clone() };
        let read = tokio::task::spawn_blocking(move || shelf.read()).await;
        read.map_err(|e| Error::while_doing("read orbital elements", e))?
    }

    async fn keep(&self, kept: &Kept) -> Result<()> {
        let (shelf, kept) = (Self { dir: self.dir.clone(), name: self.name.clone() }, kept.clone());
        let written = tokio::task::spawn_blocking(move || shelf.write(&kept)).await;
        written.map_err(|e| Error::while_doing("keep orbital elements", e))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orbit::Walker;
    use crate::time::parse_time;

    fn elements(number: u32) -> Constellation {
        let walker = Walker {
            name: "TEST".into(),
            first_number: number,
            altitude_km: 550.0,
            inclination_deg: 53.0,
            planes: 1,
            per_plane: 2,
            phasing: 0,
            first_node_deg: 0.0,
            first_anomaly_deg: 0.0,
        };
        let time = parse_time("2026-12-01T00:00:00").expect("time");
        let text = walker.omm(time).expect("possible");
        Constellation::read(Bytes::from(text), Some("test".into()), Some(time)).expect("elements")
    }

    #[tokio::test]
    async fn what_is_kept_is_there_again_and_what_is_broken_is_not() {
        let dir = tempfile::tempdir().expect("directory");
        let shelf = DirectoryShelf::new(dir.path().join("elements"), "default");
        assert!(shelf.kept().await.expect("read").is_none());
        let standing = Standing {
            source: "test".into(),
            answered: parse_time("2026-12-01T00:00:00").ok(),
            refused: Some("no".into()),
        };
        shelf.keep(&Kept { elements: None, standing: standing.clone() }).await.expect("kept");
        let kept = shelf.kept().await.expect("read").expect("kept");
        assert!(kept.elements.is_none() && kept.standing == standing);
        for number in [90_001, 90_011] {
            let kept = Kept { elements: Some(elements(number)), standing: standing.clone() };
            shelf.keep(&kept).await.expect("kept");
            let back = shelf.kept().await.expect("read").expect("kept").elements.expect("elements");
            assert_eq!(back.facts(), elements(number).facts());
            assert_eq!(back.text(), elements(number).text());
        }
        // Cut short, as by a full disk.
        let text = std::fs::read(shelf.text()).expect("text");
        std::fs::write(shelf.text(), &text[..text.len() - 100]).expect("write");
        let kept = shelf.kept().await.expect("read").expect("kept");
        assert!(kept.elements.is_none() && kept.standing == standing);
        std::fs::write(shelf.note(), "{").expect("write");
        assert!(shelf.kept().await.expect("read").is_none());
    }
}
