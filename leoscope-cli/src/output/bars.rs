//! Progress bars on a terminal.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use leoscope_core::fetch::{Progress, Totals};
use leoscope_core::ids::RunId;

/// One bar for each bundle that comes, and one for all of them. They go when this is dropped.
#[derive(Debug)]
pub(crate) struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    runs: Mutex<HashMap<RunId, Bar>>,
}

#[derive(Debug)]
struct Bar {
    bar: ProgressBar,
    /// How many bytes of it the total has counted.
    counted: u64,
}

impl Bars {
    /// Bars on `target` for what is `expected`.
    pub(super) fn new(target: ProgressDrawTarget, expected: Totals) -> Self {
        let all = MultiProgress::with_draw_target(target);
        let total = all.add(bar(Some(expected.bytes), &format!("all {}", expected.fetch)));
        Self { all, total, runs: Mutex::default() }
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<RunId, Bar>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bar(size: Option<u64>, name: &str) -> ProgressBar {
    let template = match size {
        Some(_) => {
            "{bar:24} {decimal_bytes:>10} of {decimal_total_bytes:>10} {decimal_bytes_per_sec:>12} {msg}"
        }
        None => "{spinner:24} {decimal_bytes:>10} {decimal_bytes_per_sec:>12} {msg}",
    };
    let bar = size.map_or_else(ProgressBar::no_length, ProgressBar::new);
    // A template that cannot be read would show in a test; the usual one does as well.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style).with_message(name.to_owned())
}

impl Progress for Bars {
    fn begin(&self, run: &RunId, size: Option<u64>, kept: u64) {
        let new = self.all.insert_before(&self.total, bar(size, run.as_str()));
        new.set_position(kept);
        if size.is_none() {
            self.total.inc_length(kept);
        }
        let before = self.runs().insert(run.clone(), Bar { bar: new, counted: kept });
        if let Some(before) = before {
            before.bar.finish_and_clear();
        }
    }

    fn at(&self, run: &RunId, bytes: u64) {
        if let Some(Bar { bar, counted }) = self.runs().get_mut(run) {
            bar.set_position(bytes);
            let is_sized = bar.length().is_some();
            let more = bytes.saturating_sub(*counted);
            if !is_sized {
                self.total.inc_length(more);
            }
            self.total.inc(more);
            // What comes again was to come once.
            self.total.inc_length(counted.saturating_sub(bytes));
            *counted = bytes;
        }
    }

    fn end(&self, run: &RunId) {
        if let Some(Bar { bar, .. }) = self.runs().remove(run) {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.total.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_counts_each_byte_once() {
        let expected = Totals { fetch: 2, bytes: 3_000_000, unknown: 1 };
        let bars = Bars::new(ProgressDrawTarget::hidden(), expected);
        let id = |text| RunId::parse(text).expect("id");
        bars.begin(&id("a"), Some(2_000_000), 500_000);
        bars.begin(&id("b"), None, 0);
        bars.at(&id("a"), 1_000_000);
        bars.at(&id("b"), 250_000);
        bars.end(&id("c"));
        assert_eq!((bars.total.position(), bars.total.length()), (750_000, Some(3_250_000)));
        bars.at(&id("a"), 0);
        assert_eq!(bars.total.length(), Some(4_250_000), "what comes again");
        let all: Vec<ProgressBar> = bars.runs().values().map(|bar| bar.bar.clone()).collect();
        bars.end(&id("a"));
        bars.end(&id("b"));
        assert!(all.iter().all(ProgressBar::is_finished), "nothing stays");
    }
}
