//! Asking on the terminal for what must not be seen.

use std::io;

use leoscope_core::model::Secret;
use leoscope_core::{Error, Result};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

/// Reads a line of standard input, a terminal, without showing it.
///
/// # Errors
/// Those of the terminal, and when it is told to stop. It is as before then.
pub(crate) async fn silent_line() -> Result<Secret> {
    let fault = |e| Error::while_doing("read the terminal", e);
    // From now on they do not end the process with the terminal still silent.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(fault)?;
    let silence = Silence::begin().map_err(|e| fault(e.into()))?;
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = tokio::select! {
        line = line => line.map_err(|e| Error::while_doing("read the terminal", e))?.map_err(fault),
        _ = interrupt.recv() => Err(stopped()),
        _ = terminate.recv() => Err(stopped()),
        _ = hangup.recv() => Err(stopped()),
    };
    drop(silence);
    line.map(|line| Secret::new(line.trim()))
}

fn stopped() -> Error {
    Error::invalid("stopped before an access token was given")
}

/// While it lives, the terminal does not show what is typed, but for the end of the line.
struct Silence(Termios);

impl Silence {
    fn begin() -> nix::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        silent.local_flags.insert(LocalFlags::ECHONL);
        // What was typed too early was seen, and is not taken.
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.0);
    }
}
