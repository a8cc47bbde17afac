//! A sign of life while something is waited for.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Output, clean};

/// How often it turns.
const TURN_EVERY: Duration = Duration::from_millis(200);

/// Turns on a terminal, with where things stand and for how long it has turned. It goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Spinner(ProgressBar);

impl Output {
    /// A spinner: on a terminal, and for people.
    pub(crate) fn spinner(&self) -> Option<Spinner> {
        let is_wanted = self.terminals.messages && !self.quiet && !self.is_for_programs();
        is_wanted.then(|| Spinner::new(ProgressDrawTarget::stderr()))
    }
}

impl Spinner {
    fn new(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::no_length();
        bar.set_draw_target(target);
        // A template that cannot be read would show in a test; the usual one does as well.
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(TURN_EVERY);
        Self(bar)
    }

    /// Says where things stand.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        self.0.set_message(clean(text.as_ref()));
    }

    /// Does `work`, which prints, out of its way.
    pub(crate) fn hidden_while(&self, work: impl FnOnce()) {
        self.0.suspend(work);
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_where_things_stand_and_goes() {
        ProgressStyle::with_template("{spinner} {msg} ({elapsed})").expect("template");
        let spinner = Spinner::new(ProgressDrawTarget::hidden());
        spinner.say("run r is RUNNING");
        assert_eq!(spinner.0.message(), "run r is RUNNING");
        let bar = spinner.0.clone();
        drop(spinner);
        assert!(bar.is_finished());
    }
}
