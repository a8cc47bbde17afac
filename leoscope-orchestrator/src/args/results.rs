//! Where results are kept, and for how long.

use std::path::PathBuf;

use clap::Args;
use leoscope_core::Result;
use leoscope_core::control::Expiry;
use leoscope_core::time::SignedDuration;

#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct ResultArgs {
    /// The directory for results, where the settings of the testbed name no blob storage;
    /// orchestrators of one testbed share it [default: in the state directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) artifacts_dir: Option<PathBuf>,

    /// Keep results in the directory also where the settings name a blob storage: for testbeds in
    /// which only nodes of the public LEOScope testbed use it
    #[arg(long)]
    pub(crate) no_blob: bool,

    /// For how many days results are kept, in the directory and in the blob storage that the settings
    /// name; the records of runs stay [default: for ever]
    #[arg(long, value_name = "DAYS")]
    keep_results_days: Option<u32>,

    /// How much of the newest results is kept in each of them, for example 500g [default: all]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    keep_results_size: Option<u64>,

    /// For how many minutes links to results work that are given to readers
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=7 * 24 * 60))]
    links_last_minutes: u32,
}

impl ResultArgs {
    pub(crate) fn expiry(&self) -> Result<Option<Expiry>> {
        Expiry::new(self.keep_results_days, self.keep_results_size)
    }

    pub(crate) fn links_last(&self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.links_last_minutes))
    }
}

/// Reads a size as it is written in the configs of nodes.
fn size(text: &str) -> Result<u64, String> {
    leoscope_core::model::parse_size(text).ok_or_else(|| format!("{text:?} is not a size like 500g"))
}
