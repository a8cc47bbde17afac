//! The first instant at which two jobs overlap.

use crate::model::Job;
use crate::time::Window;

/// The first pair of overlapping windows of `a` and `b` (`a`'s first), whatever their nodes.
///
/// Both lists of occurrences are ordered by start and all windows of one job are equally long, so
/// one pass over both finds the overlap: the window that ends first can overlap nothing later.
pub fn first_overlap(a: &Job, b: &Job) -> Option<(Window, Window)> {
    a.window.overlap(&b.window)?;
    let (mut left, mut right) = (a.occurrences(), b.occurrences());
    let (mut x, mut y) = (left.next()?, right.next()?);
    loop {
        if x.overlap(&y).is_some() {
            return Some((x, y));
        }
        if x.end() <= y.end() { x = left.next()? } else { y = right.next()? }
    }
}

/// The first two windows of `job` that overlap each other.
pub fn first_self_overlap(job: &Job) -> Option<(Window, Window)> {
    let mut windows = job.occurrences();
    let mut before = windows.next()?;
    for window in windows {
        if before.overlap(&window).is_some() {
            return Some((before, window));
        }
        before = window;
    }
    None
}
