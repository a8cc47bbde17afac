//! What simulated experiments print: what a test says.

use std::sync::Arc;

use futures_util::stream;
use tokio::sync::watch;

use super::{SimulatedRuntime, State};
use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::model::{OutputPiece, OutputScope, RuntimeState, Tail};
use crate::ports::OutputStream;

impl SimulatedRuntime {
    /// Has the experiment of `run` print a piece, which counts as a line.
    pub fn print(&self, run: &RunId, piece: OutputPiece) {
        self.state().printed.entry(run.clone()).or_default().push(piece);
        self.machine.changes.send_replace(());
    }

    pub(super) fn follow_printed(&self, run: &RunId, scope: OutputScope) -> Result<OutputStream> {
        let state = self.engine()?;
        if !state.runs.contains_key(run) {
            return Err(Error::not_found(format!("there is no experiment of run {run}")));
        }
        let printed = |state: &State| state.printed.get(run).map_or(0, Vec::len);
        let next = match scope.tail {
            Tail::All => 0,
            Tail::Lines(lines) => printed(&state).saturating_sub(lines as usize),
        };
        drop(state);
        let changes = self.machine.changes.subscribe();
        let reader = Reader { runtime: self.clone(), run: run.clone(), follow: scope.follow, next, changes };
        Ok(Box::pin(stream::unfold(reader, |mut reader| async move {
            reader.next().await.map(|piece| (Ok(piece), reader))
        })))
    }
}

struct Reader {
    runtime: SimulatedRuntime,
    run: RunId,
    follow: bool,
    /// The place of the next piece.
    next: usize,
    changes: watch::Receiver<()>,
}

impl Reader {
    async fn next(&mut self) -> Option<OutputPiece> {
        loop {
            self.changes.mark_unchanged();
            let (piece, found, end) = {
                let state = self.runtime.state();
                let piece = state.printed.get(&self.run).and_then(|pieces| pieces.get(self.next)).cloned();
                let end = state.started(&self.run).and_then(|started| started.exit);
                (piece, state.look(&self.run, self.runtime.clock.now()), end)
            };
            if piece.is_some() {
                self.next += 1;
                return piece;
            }
            if !self.follow || !matches!(found, RuntimeState::Running(_) | RuntimeState::Prepared) {
                return None;
            }
            let clock = Arc::clone(&self.runtime.clock);
            let over = async {
                match end {
                    Some(exit) => clock.sleep_until(exit.at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => {}
                // The sender lives in the runtime.
                _ = self.changes.changed() => {}
            }
        }
    }
}
