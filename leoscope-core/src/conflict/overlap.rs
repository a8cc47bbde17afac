//! The first instant at which two jobs overlap.

use crate::model::Job;
use crate::time::{Timestamp, Window};

/// The first pair of overlapping windows of `a` and `b` (`a`'s first) that end after `from`,
/// whatever their nodes.
///
/// Both lists of occurrences are ordered by start and all windows of one job are equally long, so
/// one pass over both finds the overlap: the window that ends first can overlap nothing later.
pub fn first_overlap(a: &Job, b: &Job, from: Timestamp) -> Option<(Window, Window)> {
    a.window.overlap(&b.window)?;
    let (mut left, mut right) = (a.occurrences_after(from), b.occurrences_after(from));
    let (mut x, mut y) = (left.next()?, right.next()?);
    loop {
        if x.overlap(&y).is_some() {
            return Some((x, y));
        }
        if x.end() <= y.end() { x = left.next()? } else { y = right.next()? }
    }
}

/// The first two windows of `job` that overlap each other and end after `from`.
pub fn first_self_overlap(job: &Job, from: Timestamp) -> Option<(Window, Window)> {
    let mut windows = job.occurrences_after(from);
    let mut before = windows.next()?;
    for window in windows {
        if before.overlap(&window).is_some() {
            return Some((before, window));
        }
        before = window;
    }
    None
}
