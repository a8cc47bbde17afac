//! The settings of this host's kernel, below `/proc/sys` and `/sys`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;

use async_trait::async_trait;
use nix::sched::{CloneFlags, setns};
use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{CongestionControl, KernelSetting};
use crate::ports::{Kernel, Place};

/// Where the kernel shows the settings of TCP. What a thread finds there is of the network that
/// the thread is on.
const TCP: &str = "proc/sys/net/ipv4";
const BBR2: &str = "sys/module/tcp_bbr2/parameters";

/// The settings of this host's kernel. Changing them takes root's rights.
#[derive(Debug, Clone)]
pub struct ProcKernel {
    root: PathBuf,
}

impl Default for ProcKernel {
    fn default() -> Self {
        Self::below("/")
    }
}

impl ProcKernel {
    /// Settings whose files are in `proc/sys` and `sys` below `root`.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn file(&self, setting: &KernelSetting) -> PathBuf {
        match setting {
            KernelSetting::CongestionControl => self.root.join(TCP).join("tcp_congestion_control"),
            KernelSetting::Bbr2(parameter) => self.root.join(BBR2).join(parameter.as_str()),
        }
    }

    /// Does `work` on the network of `place`.
    async fn at<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Place::Process(process) = place else {
            let done = tokio::task::spawn_blocking(work).await;
            return done.map_err(|e| Error::while_doing("use a kernel setting", e))?;
        };
        let namespace = self.root.join(format!("proc/{process}/ns/net"));
        let (answer, answered) = oneshot::channel();
        // A thread of its own, which ends on the other network: no other work ever runs on it.
        let visit = move || {
            let moved = File::open(&namespace)
                .and_then(|file| setns(file, CloneFlags::CLONE_NEWNET).map_err(io::Error::from))
                .map_err(|e| fault(&format!("get on the network of process {process}"), &e));
            // An error says that nobody waits for the answer any more.
            let _ = answer.send(moved.and_then(|()| work()));
        };
        thread::Builder::new()
            .name("kernel-setting".into())
            .spawn(visit)
            .map_err(|e| Error::while_doing("start a thread", e))?;
        answered.await.map_err(|e| Error::while_doing("use a kernel setting", e))?
    }
}

#[async_trait]
impl Kernel for ProcKernel {
    async fn available(&self) -> Result<Vec<CongestionControl>> {
        let file = self.root.join(TCP).join("tcp_available_congestion_control");
        let text = self.at(Place::Host, move || read(&file)).await?;
        Ok(text.split_ascii_whitespace().filter_map(CongestionControl::parse).collect())
    }

    async fn read(&self, place: Place, setting: &KernelSetting) -> Result<String> {
        let file = self.file(setting);
        self.at(place, move || read(&file)).await
    }

    async fn write(&self, place: Place, setting: &KernelSetting, value: &str) -> Result<()> {
        let (file, value) = (self.file(setting), value.to_owned());
        self.at(place, move || write(&file, &value)).await
    }
}

fn read(file: &Path) -> Result<String> {
    let text = fs::read_to_string(file).map_err(|e| fault(&format!("read {}", file.display()), &e))?;
    Ok(text.trim().to_owned())
}

fn write(file: &Path, value: &str) -> Result<()> {
    let doing = format!("set {}", file.display());
    let opened = OpenOptions::new().write(true).truncate(true).open(file);
    let mut opened = opened.map_err(|e| fault(&doing, &e))?;
    opened.write_all(value.as_bytes()).map_err(|e| match e.kind() {
        io::ErrorKind::PermissionDenied => fault(&doing, &e),
        _ => Error::invalid(format!("cannot {doing}: the kernel refuses {value:?}: {e}")),
    })
}

fn fault(doing: &str, source: &io::Error) -> Error {
    let message = format!("cannot {doing}: {source}");
    match source.kind() {
        io::ErrorKind::NotFound => Error::not_found(message),
        io::ErrorKind::PermissionDenied => Error::new(ErrorKind::PermissionDenied, message)
            .hint("run the node as root, or leave 'kernel' out of the executor config"),
        _ => Error::internal(message),
    }
}
