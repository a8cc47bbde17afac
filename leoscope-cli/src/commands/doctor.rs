//! `leoscope doctor`: what a call needs, looked at step by step.

mod local;
mod remote;

use leoscope_core::{Error, Result};
use leoscope_settings::{ConnectionArgs, Env, ProfileChoice};

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{Checked, Finding, Output, Verdict};

// The names of the checks.
const SETTINGS: &str = "settings";
const TOKEN_FILE: &str = "token file";
const CREDENTIALS: &str = "credentials";
const CERTIFICATE: &str = "certificate";
const HOST: &str = "host name";
const CONNECTION: &str = "connection";
const LOG_IN: &str = "log-in";
const CLOCK: &str = "clock";

/// Runs `doctor`; `fault` is why the settings could not be read.
pub(crate) async fn run(
    args: ConnectionArgs,
    fault: Option<&Error>,
    env: &Env,
    out: &Output,
) -> Result<ExitStatus> {
    let choice = ProfileChoice::new(args.profile.clone(), args.profile_file.clone(), env);
    let (host, port) = (args.grpc_host.clone(), args.grpc_port);
    let session = Session::new(args, env);
    let mut examination = Examination::default();
    examination.local(fault, &choice, &session).await;
    examination.remote(&host, port, &session).await;
    let Examination { checks, is_refused } = examination;
    out.list(&checks);
    let has_failed = checks.iter().any(|made| made.finding.verdict == Verdict::Failed);
    Ok(match (is_refused, has_failed) {
        (true, _) => ExitStatus::NotAuthorised,
        (false, true) => ExitStatus::Failed,
        (false, false) => ExitStatus::Done,
    })
}

/// The checks so far.
#[derive(Debug, Default)]
pub(super) struct Examination {
    pub(super) checks: Vec<Checked>,
    /// Whether the orchestrator has refused the log-in.
    pub(super) is_refused: bool,
}

impl Examination {
    /// Looks, unless one of the checks that it `needs` has not gone well.
    async fn check(
        &mut self,
        check: &'static str,
        needs: &[&'static str],
        look: impl AsyncFnOnce() -> Finding,
    ) {
        let is_in_the_way = |made: &&Checked| {
            needs.contains(&made.check) && matches!(made.finding.verdict, Verdict::Failed | Verdict::Skipped)
        };
        let finding = match self.checks.iter().find(is_in_the_way) {
            Some(made) => Finding::skipped(format!("needs the check before it: {}", made.check)),
            None => look().await,
        };
        self.checks.push(Checked { check, finding });
    }

    /// What is on this machine.
    async fn local(&mut self, fault: Option<&Error>, choice: &ProfileChoice, session: &Session) {
        self.check(SETTINGS, &[], async || local::settings(fault, choice)).await;
        self.check(TOKEN_FILE, &[SETTINGS], async || local::token_file(session)).await;
        self.check(CREDENTIALS, &[SETTINGS, TOKEN_FILE], async || local::credentials(session)).await;
        self.check(CERTIFICATE, &[SETTINGS], async || local::certificate(session)).await;
    }

    /// What has to be reached.
    pub(super) async fn remote(&mut self, host: &str, port: u16, session: &Session) {
        self.check(HOST, &[SETTINGS], async || remote::resolve(host, port).await).await;
        self.check(CONNECTION, &[HOST], async || remote::reach(host, port).await).await;
        let mut is_refused = false;
        let needs = [CREDENTIALS, CERTIFICATE, CONNECTION];
        self.check(LOG_IN, &needs, async || {
            let (finding, refused) = remote::log_in(session).await;
            is_refused = refused;
            finding
        })
        .await;
        self.is_refused = is_refused;
        self.check(CLOCK, &[LOG_IN], async || remote::clock(session).await).await;
    }
}

#[cfg(test)]
mod tests;
