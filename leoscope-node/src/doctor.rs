//! Whether a node has what it needs, and what to do where it has not.
//!
//! Each [`Check`] looks at one thing and changes nothing that stays. [`examine`] makes them all, also
//! after one has failed.

mod machine;
mod monitors;
mod network;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::backends::timekeeping::LocalMeter;
use leoscope_core::client::{ClientConfig, GrpcClient};
use leoscope_core::ids::NodeId;
use leoscope_core::model::ExecutorConfig;
use leoscope_core::ports::ControlPlane;
use leoscope_core::{Error, Result};
use serde::Serialize;

use crate::RuntimeChoice;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All is well.
    Ok,
    /// The node works; something could be better, or is not there on every node.
    Warn,
    /// The node cannot do its work.
    Fail,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it came out.
    pub verdict: Verdict,
    /// What was seen, in one line.
    pub seen: String,
    /// What to do; `None` where there is nothing to do.
    pub advice: Option<String>,
}

impl Finding {
    /// That all is well.
    pub fn ok(seen: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, seen: seen.into(), advice: None }
    }

    /// That something could be better, with what to do.
    pub fn warn(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, seen: seen.into(), advice: Some(advice.into()) }
    }

    /// That the node cannot work, with what to do.
    pub fn fail(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, seen: seen.into(), advice: Some(advice.into()) }
    }

    /// That `error` is in the way.
    pub fn error(error: &Error) -> Self {
        Self {
            verdict: Verdict::Fail,
            seen: error.message().to_owned(),
            advice: error.what_to_do().map(str::to_owned),
        }
    }
}

/// One thing a node needs.
#[async_trait]
pub trait Check: Send + Sync {
    /// What is looked at, in a word or two.
    fn name(&self) -> &'static str;

    /// Looks. It ends within half a minute, whatever is broken.
    async fn look(&self) -> Finding;
}

/// A check that has been made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// What was looked at.
    pub name: &'static str,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// Makes all checks in order; `tell` is told of each as soon as it is made.
///
/// # Errors
/// Those of `tell`.
pub async fn examine(
    checks: &[Box<dyn Check>],
    mut tell: impl FnMut(&Examined) -> Result<()>,
) -> Result<Vec<Examined>> {
    let mut made = Vec::new();
    for check in checks {
        let examined = Examined { name: check.name(), finding: check.look().await };
        tell(&examined)?;
        made.push(examined);
    }
    Ok(made)
}

/// What is known of the node that is examined; settings that cannot be used are findings as well.
#[derive(Debug)]
pub struct Subject {
    /// Its id.
    pub node: Result<NodeId>,
    /// How to reach its orchestrator.
    pub client: Result<ClientConfig>,
    /// How its experiments are run.
    pub executor: Result<ExecutorConfig>,
    /// Its state directory.
    pub state_dir: Result<PathBuf>,
    /// What runs its experiments.
    pub runtime: RuntimeChoice,
    /// The address of the satellite dish, `host:port`; as the executor config has it when `None`.
    pub dish: Option<String>,
}

/// All checks of a node. Must be called inside a tokio runtime.
pub fn checks(subject: Subject) -> Vec<Box<dyn Check>> {
    let Subject { node, client, executor, state_dir, runtime, dish } = subject;
    let control: Result<Arc<dyn ControlPlane>> =
        client.clone().and_then(GrpcClient::connect).map(|client| Arc::new(client) as Arc<dyn ControlPlane>);
    let watched = executor.as_ref().map(|executor| executor.monitors.clone()).unwrap_or_default();
    vec![
        Box::new(machine::Settings { node: node.clone(), executor }),
        Box::new(machine::Permissions { state_dir: state_dir.clone() }),
        Box::new(machine::Disk { state_dir }),
        Box::new(machine::Engine { runtime }),
        Box::new(machine::OwnClock {
            meter: Box::new(LocalMeter::default()),
            control: control.clone().ok(),
            clock: Box::new(SystemClock),
        }),
        Box::new(network::Orchestrator { node, client, control: control.clone() }),
        Box::new(network::Artifacts { control }),
        Box::new(monitors::Dish::new(dish, watched.dish.as_ref())),
        Box::new(monitors::Monitors { config: watched }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Told(&'static str, Finding);

    #[async_trait]
    impl Check for Told {
        fn name(&self) -> &'static str {
            self.0
        }
        async fn look(&self) -> Finding {
            self.1.clone()
        }
    }

    #[tokio::test]
    async fn a_check_that_fails_does_not_end_the_examination() {
        let checks: Vec<Box<dyn Check>> = vec![
            Box::new(Told("first", Finding::fail("broken", "mend it"))),
            Box::new(Told("second", Finding::ok("fine"))),
        ];
        let mut told = Vec::new();
        let made = examine(&checks, |examined| {
            told.push(examined.name);
            Ok(())
        });
        let made = made.await.expect("told");
        assert_eq!(told, ["first", "second"]);
        assert_eq!(made[0].finding.verdict, Verdict::Fail);
        assert_eq!(made[1].finding, Finding::ok("fine"));
    }

    /// Everything is wrong at once: each check says so, and what to do.
    #[tokio::test]
    async fn settings_that_cannot_be_used_are_findings() {
        let fault = || Error::invalid("no such thing").hint("give one");
        let subject = Subject {
            node: Err(fault()),
            client: Err(fault()),
            executor: Err(fault()),
            state_dir: Err(fault()),
            runtime: RuntimeChoice::Process,
            dish: Some("127.0.0.1:1".into()),
        };
        let made = examine(&checks(subject), |_| Ok(())).await.expect("told");
        let failed = made.iter().filter(|made| made.finding.verdict == Verdict::Fail);
        let failed: Vec<&str> = failed.map(|made| made.name).collect();
        assert_eq!(failed, ["settings", "permissions", "disk", "orchestrator", "artifact store"]);
        for Examined { name, finding } in &made {
            assert!(finding.verdict == Verdict::Ok || finding.advice.is_some(), "{name}: {finding:?}");
        }
    }
}
