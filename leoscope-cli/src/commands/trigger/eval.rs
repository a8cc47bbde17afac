//! `leoscope trigger eval`: what becomes of a condition with these values.

use clap::Args;
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::model::TriggerDecision;
use leoscope_core::ports::Clock as _;
use leoscope_core::trigger::{Given, judge_given};
use leoscope_core::{Error, Result};

use super::read;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `trigger eval`.
///
/// What is not given is not known. Whatever the verdict is, it is on standard output, and the exit code
/// is 0.
#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// The condition, for example 'dish.latency < 40 and not dish.obstructed'
    #[arg(value_name = "CONDITION")]
    text: String,
    /// A value of a field, under any of its names, in the unit of that name. Several values are its
    /// history, the newest last, a second apart: dish.latency=60,50,40
    #[arg(long, value_name = "NAME=VALUE", value_parser = Given::parse, allow_hyphen_values = true)]
    set: Vec<Given>,
}

pub(super) fn run(Eval { text, set }: Eval, out: &Output) -> Result<ExitStatus> {
    let trigger = match read(&text, out) {
        Ok(trigger) => trigger,
        Err(status) => return Ok(status),
    };
    for (place, given) in set.iter().enumerate() {
        let key = given.name.key();
        if set[..place].iter().any(|other| other.name.key() == key) {
            return Err(Error::invalid(format!("{key} is given twice"))
                .hint(format!("for its history write {key}=VALUE,VALUE,…, the newest last")));
        }
        if !trigger.keys().contains(key) {
            out.note(format_args!("the condition does not name {key}"));
        }
    }
    let now = SystemClock.now();
    let samples = set.into_iter().flat_map(|given| given.samples(now)).collect();
    out.decision(&TriggerDecision::of(judge_given(&trigger, samples, now), now));
    Ok(ExitStatus::Done)
}
