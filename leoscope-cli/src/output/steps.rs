//! The steps of runs, a line each, as they come.

use std::io;

use leoscope_core::model::JobEvent;

use super::{Output, Record, clean, put, utc};

impl Output {
    /// A step as a line among others.
    ///
    /// # Errors
    /// Those of the stream; somebody who has gone reads no more of it.
    pub(crate) fn step(&self, step: &JobEvent) -> io::Result<()> {
        let line = if self.quiet {
            step.id()
        } else if self.is_for_programs() {
            return self.object_line(&step.json());
        } else {
            let JobEvent { stage, outcome, message, reason, .. } = step;
            let reason = reason.as_ref().map(|reason| format!("  {reason}")).unwrap_or_default();
            // As wide as the longest of the stages and of the outcomes.
            format!("{}  {:<10}  {:<7}  {message}{reason}", utc(step.at), stage.name(), outcome.name())
        };
        put(&self.data, format!("{}\n", clean(&line)).as_bytes())
    }
}
