use clap::Args;
use leoscope_core::Result;
use leoscope_node::doctor::{Examined, Subject, Verdict, checks, examine};

use super::{json, line};
use crate::args::{NodeArgs, Output};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    /// The address of the satellite dish [default: that of the executor config, else 192.168.100.1:9200]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) dish: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// Says whether nothing has failed.
pub(crate) async fn run(args: DoctorArgs) -> Result<bool> {
    let DoctorArgs { node, dish, output } = args;
    let subject = Subject {
        node: node.id(),
        client: node.client(),
        executor: node.executor(),
        state_dir: node.dir(),
        runtime: node.runtime,
        dish,
    };
    let tell = |examined: &Examined| match output {
        Output::Table => table_row(examined),
        Output::Json => Ok(()),
    };
    let made = examine(&checks(subject), tell).await?;
    if output == Output::Json {
        json(&made)?;
    }
    Ok(made.iter().all(|made| made.finding.verdict != Verdict::Fail))
}

fn table_row(Examined { name, finding }: &Examined) -> Result<()> {
    line(format!("{:4}  {name:14}  {}", finding.verdict, finding.seen))?;
    finding.advice.iter().try_for_each(|advice| line(format!("      {advice}")))
}
