use std::path::Path;

use nix::sys::statvfs::statvfs;

use super::{Decision, Plan};
use crate::error::{Error, Result};

/// Refuses what surely does not fit: an archive unpacks to no less than its own size, and where it is
/// kept it takes its room as well.
///
/// Where it cannot be told how much is free it is tried.
pub(super) fn check(plan: &Plan, keep_archive: bool) -> Result<()> {
    let needed = needed(plan, keep_archive);
    let Some(free) = plan.dir.ancestors().find_map(free) else { return Ok(()) };
    if needed <= free {
        return Ok(());
    }
    Err(Error::internal(format!(
        "{} has {free} bytes free, and the results take {needed} at least",
        plan.dir.display()
    ))
    .hint("choose another directory, or fewer runs"))
}

fn needed(plan: &Plan, keep_archive: bool) -> u64 {
    let of_run = |decision: &Decision| match decision {
        Decision::Fetch { size: Some(size), kept } if keep_archive => (size - kept.min(size)) + size,
        // It is here and unpacked until the archive is removed; then there is room again.
        Decision::Fetch { size: Some(size), kept } => size - kept.min(size),
        Decision::Fetch { size: None, .. } | Decision::There | Decision::Missing(_) => 0,
    };
    plan.runs.iter().map(|planned| of_run(&planned.decision)).sum()
}

fn free(dir: &Path) -> Option<u64> {
    // A bare name has the empty path above it.
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let found = statvfs(dir).ok()?;
    Some(found.blocks_available().saturating_mul(found.fragment_size()))
}
