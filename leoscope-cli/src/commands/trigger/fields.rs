//! `leoscope trigger fields`: what conditions may name.

use clap::Args;
use futures_util::StreamExt as _;
use leoscope_core::ids::NodeId;
use leoscope_core::trigger::{Field, Key};
use leoscope_core::{Error, Result};

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::{FieldView, Output, ReadingView};

/// Options of `trigger fields`.
#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// What this node has read of them
    #[arg(long)]
    nodeid: Option<NodeId>,
}

pub(super) async fn run(Fields { nodeid }: Fields, session: &Session, out: &Output) -> Result<ExitStatus> {
    match nodeid {
        None => {
            out.list(&Field::all().map(Key::Field).map(FieldView).collect::<Vec<_>>());
            let parts: Vec<_> = Key::OF_SATELLITES
                .iter()
                .filter_map(|field| field.info().name.split('.').next_back())
                .collect();
            out.note(format_args!(
                "satellite[\"NAME\"] has {} of one satellite; custom.NAME is what the operator of a node has added",
                parts.join(", ")
            ));
        }
        Some(node) => {
            let mut readings = session.connect()?.watch_readings(&node).await?;
            let newest = readings.next().await.unwrap_or_else(|| {
                Err(Error::unavailable(format!("node {node} shows no readings")).hint("try again"))
            })?;
            out.list(&ReadingView::list(newest));
        }
    }
    Ok(ExitStatus::Done)
}
