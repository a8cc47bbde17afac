//! The kernel service: experiments ask for another congestion control, and get it for as long as
//! they run.

mod connection;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::sync::Mutex;

pub(super) use self::connection::serve;
use super::{Inner, kept};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunId;
use crate::kernel::{self, ACCESS_DENIED, Changes, Command};
use crate::model::{JournalEntry, KernelSetting, Step};
use crate::ports::{Kernel, Place, Resident};
use crate::time::Timestamp;

/// How long the orchestrator's answer on a run is good for. An experiment that asks all the time
/// does not make the node ask all the time.
const ANSWER_GOOD: SignedDuration = SignedDuration::from_secs(10);

/// Changes settings for runs, and restores them.
///
/// What a setting was before is in a file before the setting is changed, so whatever happens to
/// this process, another one restores it.
#[derive(Debug)]
pub(super) struct KernelKeeper {
    kernel: Option<Arc<dyn Kernel>>,
    /// What was changed, and how it was before: for runs of this process and of others of the node.
    file: PathBuf,
    /// One at a time changes and restores.
    busy: Mutex<()>,
    /// Which runs may ask, and when the orchestrator said so.
    access: Mutex<BTreeMap<RunId, (Timestamp, bool)>>,
}

impl KernelKeeper {
    /// A keeper that remembers in `work_dir` what has been changed.
    pub(super) fn new(work_dir: &Path, kernel: Option<Arc<dyn Kernel>>) -> Self {
        Self { kernel, file: work_dir.join("kernel.json"), busy: Mutex::default(), access: Mutex::default() }
    }

    /// The value of a setting; `None` on a node without kernel settings.
    pub(super) async fn read(&self, place: Place, setting: &KernelSetting) -> Option<Result<String>> {
        Some(self.kernel.as_ref()?.read(place, setting).await)
    }

    /// Restores the settings that were changed by runs that are no longer under way. What cannot be
    /// restored is tried again at the next call.
    pub(super) async fn restore(&self, node: &Inner) {
        let Some(kernel) = &self.kernel else { return };
        let _alone = self.busy.lock().await;
        // As it is while nothing can be changed.
        let known = node.journal.under_way().await.and_then(|runs| Ok((runs, kept::read(&self.file)?)));
        let (under_way, mut changes): (BTreeSet<RunId>, Changes) = match known {
            Ok(known) => known,
            Err(error) => {
                return tracing::warn!(%error, "cannot tell which kernel settings are to be restored");
            }
        };
        self.access.lock().await.retain(|run, _| under_way.contains(run));
        if changes.is_empty() {
            return;
        }
        for change in changes.to_restore(&under_way) {
            let setting = &change.setting;
            match kernel.write(Place::Host, setting, &change.before).await {
                Ok(()) => tracing::info!(%setting, value = change.before, "kernel setting restored"),
                // It went with its module.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    tracing::warn!(%setting, %error, "a kernel setting stays as an experiment left it");
                    continue;
                }
            }
            changes.restored(setting);
        }
        if let Err(error) = kept::write(&self.file, &changes) {
            tracing::warn!(%error, "restored kernel settings will be restored again");
        }
    }

    /// Sets `setting` for the run of `resident`, for the host and on the experiment's own network.
    async fn change(
        &self,
        node: &Inner,
        kernel: &dyn Kernel,
        resident: &Resident,
        (setting, value): (&KernelSetting, &str),
    ) -> Result<()> {
        let run = &resident.run;
        let _alone = self.busy.lock().await;
        // It may have ended since it asked, and what it changed has been restored then.
        if running(node, run).await.is_none() {
            return Err(Error::new(ErrorKind::PermissionDenied, ACCESS_DENIED));
        }
        let mut changes: Changes = kept::read(&self.file)?;
        let before = match changes.knows(setting) {
            true => String::new(),
            false => kernel.read(Place::Host, setting).await?,
        };
        changes.note(run, setting, &before);
        kept::write(&self.file, &changes)?;
        // The host's first: a network of its own may only use what the host has used.
        kernel.write(Place::Host, setting, value).await?;
        if let Some(process) = resident.process {
            kernel.write(Place::Process(process), setting, value).await?;
        }
        tracing::info!(%run, %setting, value, "kernel setting changed");
        Ok(())
    }

    /// Whether the owner of a run may have kernel settings changed.
    async fn may(&self, node: &Inner, entry: &JournalEntry) -> bool {
        let (run, user) = (&entry.run.id, &entry.job.owner);
        let mut access = self.access.lock().await;
        let now = node.clock.now();
        if let Some((at, may)) = access.get(run)
            && now.duration_since(*at) < ANSWER_GOOD
        {
            return *may;
        }
        let answer = node.control.kernel_access(user).await;
        if let Err(error) = &answer {
            tracing::info!(%run, %user, %error, "kernel settings refused");
            if error.kind().is_transient() {
                // That was no answer, so it is asked for again.
                return false;
            }
        }
        let may = answer.is_ok();
        access.insert(run.clone(), (now, may));
        may
    }
}

/// The entry of a run whose experiment may be running.
async fn running(node: &Inner, run: &RunId) -> Option<JournalEntry> {
    let entry = node.journal.all().await.ok()?.into_iter().find(|entry| entry.run.id == *run)?;
    matches!(entry.step, Step::Starting | Step::Executing).then_some(entry)
}

/// The answer to a request from `address`.
async fn answer(node: &Inner, kernel: &dyn Kernel, address: IpAddr, request: &[u8]) -> String {
    let resident = match node.runtime.run_at(address.to_canonical()).await {
        Ok(Some(resident)) => resident,
        Ok(None) => {
            tracing::info!(%address, "kernel settings refused: no running experiment has this address");
            return ACCESS_DENIED.to_owned();
        }
        Err(error) => {
            tracing::warn!(%address, %error, "cannot tell who asks for kernel settings");
            return ACCESS_DENIED.to_owned();
        }
    };
    let entry = running(node, &resident.run).await;
    let Some(entry) = entry else { return ACCESS_DENIED.to_owned() };
    if !node.kernel.may(node, &entry).await {
        return ACCESS_DENIED.to_owned();
    }
    match kernel::parse(request) {
        Err(refusal) => refusal,
        Ok(command) => match carry_out(node, kernel, &resident, &command).await {
            Ok(answer) => answer,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                tracing::warn!(run = %resident.run, %error, "kernel setting not changed");
                ACCESS_DENIED.to_owned()
            }
            Err(error) => format!("{error}\n"),
        },
    }
}

async fn carry_out(
    node: &Inner,
    kernel: &dyn Kernel,
    resident: &Resident,
    command: &Command,
) -> Result<String> {
    let place = resident.process.map_or(Place::Host, Place::Process);
    if let Command::Change(name) = command {
        let available = kernel.available().await?;
        if !available.contains(name) {
            return Ok(kernel::not_available(name, &available));
        }
    }
    let setting = match command.change() {
        Some((setting, value)) => {
            node.kernel.change(node, kernel, resident, (&setting, &value)).await?;
            setting
        }
        None => KernelSetting::CongestionControl,
    };
    Ok(kernel::told(&setting, &kernel.read(place, &setting).await?))
}
