//! `leoscope trigger forecast`: when a condition will hold.

use clap::Args;
use leoscope_core::ids::NodeId;
use leoscope_core::time::{SignedDuration, Timestamp, Window, parse_duration, parse_time};
use leoscope_core::{Error, Result};

use super::read;
use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Options of `trigger forecast`.
#[derive(Debug, Args)]
pub(crate) struct Forecast {
    /// The condition, for example 'satellite_elevation > 40'
    #[arg(value_name = "CONDITION")]
    text: String,
    /// The node
    #[arg(long, visible_alias = "node")]
    nodeid: NodeId,
    /// How far ahead to look, 72h at most
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_duration)]
    horizon: SignedDuration,
    /// From when on to look (UTC) [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<Timestamp>,
}

pub(super) async fn run(forecast: Forecast, session: &Session, out: &Output) -> Result<ExitStatus> {
    let Forecast { text, nodeid, horizon, from } = forecast;
    let trigger = match read(&text, out) {
        Ok(trigger) => trigger,
        Err(status) => return Ok(status),
    };
    let start = from.unwrap_or_else(Timestamp::now);
    let span = Window::lasting(start, horizon).ok_or_else(|| Error::invalid("that is beyond all times"))?;
    let found = session.connect()?.forecast(&nodeid, trigger.text(), span).await?;
    out.forecast(&trigger, &found);
    Ok(ExitStatus::Done)
}
