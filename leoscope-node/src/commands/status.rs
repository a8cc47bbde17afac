use clap::Args;
use leoscope_core::agent::{Kept, NextRun, OrdersStatus, Running, Status, status};
use leoscope_core::backends::clock::SystemClock;
use leoscope_core::backends::ledger::SqliteLedger;
use leoscope_core::model::{
    Bundle, ClockReading, MonitorStatus, TriggerStatus, Watching, clock_error, is_clock_off,
};
use leoscope_core::ports::Clock as _;
use leoscope_core::time::{SignedDuration, Timestamp};
use leoscope_core::{Error, Result};

use super::{json, line};
use crate::args::{Output, StateArgs};

/// How wide the column with the names of monitors is, unless one is longer.
const NAME: usize = 10;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

pub(crate) async fn run(args: StatusArgs) -> Result<()> {
    let dir = args.state.dir()?;
    let ledger = dir.join("node.db");
    // Looking must not make what is not there.
    if !ledger.exists() {
        return Err(
            Error::not_found(format!("no node has worked in {}", dir.display())).hint("give its --state-dir")
        );
    }
    let status = status(&SqliteLedger::open(&ledger)?, &dir, SystemClock.now()).await?;
    match args.output {
        Output::Json => json(&status),
        Output::Table => lines(&status).into_iter().try_for_each(line),
    }
}

fn lines(status: &Status) -> Vec<String> {
    let Status { orders, next, running, outbox, clock, watching } = status;
    let mut lines = vec![orders.as_ref().map_or_else(|| "no orders received yet".to_owned(), told_orders)];
    lines.extend(orders.as_ref().and_then(|orders| orders.clock_offset_us).map(|offset| {
        format!("the orchestrator takes the clock of this node to be {}", clock_error(offset))
    }));
    lines.push(clock.as_ref().map_or_else(|| "clock: not measured yet".to_owned(), told_clock));
    let mut part = |title: &str, empty: &str, rows: Vec<String>| {
        lines.push(String::new());
        lines.push(if rows.is_empty() { empty.to_owned() } else { format!("{title}:") });
        lines.extend(rows.into_iter().map(|row| format!("  {row}")));
    };
    part("next starts (UTC)", "no planned runs", next.iter().map(told_next).collect());
    part("running", "nothing is running", running.iter().map(told_running).collect());
    part("outbox", "the outbox is empty", outbox.iter().map(told_kept).collect());
    if let Some(Watching { at: _, monitors, triggers }) = watching {
        let width = monitors.iter().map(|monitor| monitor.name.len()).max().unwrap_or_default().max(NAME);
        let told = monitors.iter().map(|monitor| told_monitor(monitor, width));
        part("monitors", "no monitors", told.collect());
        part("triggers", "no job has a trigger", triggers.iter().map(told_trigger).collect());
    }
    lines
}

fn told_orders(orders: &OrdersStatus) -> String {
    let OrdersStatus { node, revision, jobs, standby, clock_offset_us: _ } = orders;
    let count = if *jobs == 1 { "1 job".to_owned() } else { format!("{jobs} jobs") };
    let standby = standby.as_ref().map(|standby| format!("; on standby: {standby}")).unwrap_or_default();
    format!("node {node}: orders of revision {revision} with {count}{standby}")
}

fn told_clock(reading: &ClockReading) -> String {
    let ClockReading { offset_us, uncertainty_us, source, at } = reading;
    let offset = if is_clock_off(*offset_us) {
        format!("OFF, {}", clock_error(*offset_us))
    } else {
        format!("{:+.3} ms", *offset_us as f64 / 1e3)
    };
    format!("clock: {offset} (± {:.3} ms by {source}, at {})", *uncertainty_us as f64 / 1e3, utc(*at))
}

fn told_next(run: &NextRun) -> String {
    let NextRun { job, run, planned, starts_in_secs } = run;
    format!("{}  in {:>12}  job {job}  run {run}", utc(planned.start()), span(*starts_in_secs))
}

fn told_running(running: &Running) -> String {
    let Running { job, run, planned, started, step, phase } = running;
    let since = match (started, planned) {
        (Some(started), _) => format!("since {}", utc(*started)),
        (None, Some(planned)) => format!("planned for {}", utc(planned.start())),
        (None, None) => String::new(),
    };
    let phase = phase.map_or_else(|| format!("{step:?}").to_uppercase(), |phase| phase.to_string());
    format!("{phase:8}  {since}  job {job}  run {run}")
}

fn told_kept(kept: &Kept) -> String {
    let Kept { job, run, ended, record, results, results_bytes, trouble } = kept;
    let bytes = || {
        results_bytes.map_or_else(
            || "results whose file is gone".to_owned(),
            |bytes| format!("results of {}", size(bytes)),
        )
    };
    let results = match results {
        Bundle::None | Bundle::Delivered => None,
        Bundle::Unpacked => Some("results that could not be packed".to_owned()),
        Bundle::Packed => Some(bytes()),
        Bundle::Refused => Some(format!("{}, refused", bytes())),
        Bundle::Dropped => Some("LOST results".to_owned()),
    };
    let what: Vec<String> = record.then(|| "record".to_owned()).into_iter().chain(results).collect();
    let ended = ended.map(|at| format!(", ended {}", utc(at))).unwrap_or_default();
    let trouble = trouble.as_ref().map(|trouble| format!(": {trouble}")).unwrap_or_default();
    format!("{}{ended}  job {job}  run {run}{trouble}", what.join(" and "))
}

fn told_monitor(monitor: &MonitorStatus, width: usize) -> String {
    let MonitorStatus { name, last, failing_since, error } = monitor;
    let last = last.map_or_else(|| "has read nothing yet".to_owned(), |at| format!("read {}", utc(at)));
    match (failing_since, error) {
        (Some(since), Some(error)) => format!("{name:width$}  FAILS since {}: {error}; {last}", utc(*since)),
        _ => format!("{name:width$}  {last}"),
    }
}

fn told_trigger(status: &TriggerStatus) -> String {
    let TriggerStatus { job, trigger, verdict, met_since } = status;
    let since = met_since.map(|at| format!(" since {}", utc(at))).unwrap_or_default();
    format!("{verdict}{since}  job {job}  {trigger}")
}

fn utc(at: Timestamp) -> String {
    let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
    whole.to_string()
}

/// For example `2 d 3 h`, `4 min 10 s`: the two largest parts.
fn span(secs: i64) -> String {
    let duration = SignedDuration::from_secs(secs.max(0));
    let (minutes, hours) = (duration.as_mins(), duration.as_hours());
    match (hours, minutes) {
        (24.., _) => format!("{} d {} h", hours / 24, hours % 24),
        (1.., _) => format!("{hours} h {} min", minutes % 60),
        (_, 1..) => format!("{minutes} min {} s", secs % 60),
        _ => format!("{} s", secs.max(0)),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use leoscope_core::model::{ClockSource, Phase, Standby, Step};
    use leoscope_core::time::{Window, parse_time};

    use super::*;

    fn at(text: &str) -> Timestamp {
        parse_time(text).expect("time")
    }

    #[test]
    fn a_busy_node_is_told_in_lines() {
        let planned = Window::new(at("2026-12-01T00:00:00"), at("2026-12-01T00:01:00")).expect("window");
        let (job, run): (leoscope_core::ids::JobId, leoscope_core::ids::RunId) =
            ("exp".parse().expect("id"), "r1".parse().expect("id"));
        let status = Status {
            orders: Some(OrdersStatus {
                node: "node-seattle".parse().expect("id"),
                revision: 3,
                jobs: 2,
                standby: Some(Standby::SCAVENGER),
                clock_offset_us: Some(2_500_000),
            }),
            next: vec![NextRun { job: job.clone(), run: run.clone(), planned, starts_in_secs: 250 }],
            running: vec![Running {
                job: job.clone(),
                run: run.clone(),
                planned: Some(planned),
                started: None,
                step: Step::Preparing,
                phase: Some(Phase::Deploy),
            }],
            outbox: [
                (Bundle::Packed, true, Some(12_345), None),
                (Bundle::None, true, None, None),
                (Bundle::Packed, false, None, Some("the blob storage does not answer")),
                (Bundle::Refused, false, Some(99_000_000), Some("permission denied")),
                (Bundle::Unpacked, false, None, Some("no space left on device")),
                (Bundle::Dropped, false, None, None),
            ]
            .map(|(results, record, results_bytes, trouble)| Kept {
                job: job.clone(),
                run: run.clone(),
                ended: Some(at("2026-11-30T00:00:00")),
                record,
                results,
                results_bytes,
                trouble: trouble.map(str::to_owned),
            })
            .to_vec(),
            clock: Some(ClockReading {
                offset_us: 2_500_000,
                uncertainty_us: 1_500,
                source: ClockSource::Orchestrator,
                at: at("2026-11-30T23:55:00.5"),
            }),
            watching: Some(Watching {
                at: at("2026-11-30T23:55:50"),
                monitors: vec![
                    MonitorStatus { last: Some(at("2026-11-30T23:55:49")), ..MonitorStatus::new("dish") },
                    MonitorStatus {
                        failing_since: Some(at("2026-11-30T23:00:00")),
                        error: Some("its key is refused".into()),
                        ..MonitorStatus::new("weather")
                    },
                ],
                triggers: vec![TriggerStatus {
                    job: job.clone(),
                    trigger: "dish.latency < 40".into(),
                    verdict: leoscope_core::trigger::Verdict::Met,
                    met_since: Some(at("2026-11-30T23:50:00")),
                }],
            }),
        };
        assert_eq!(
            lines(&status).join("\n"),
            "\
node node-seattle: orders of revision 3 with 2 jobs; on standby: scavenger mode
the orchestrator takes the clock of this node to be 2.500 s fast
clock: OFF, 2.500 s fast (± 1.500 ms by ORCHESTRATOR, at 2026-11-30T23:55:00Z)

next starts (UTC):
  2026-12-01T00:00:00Z  in   4 min 10 s  job exp  run r1

running:
  DEPLOY    planned for 2026-12-01T00:00:00Z  job exp  run r1

outbox:
  record and results of 12 kB, ended 2026-11-30T00:00:00Z  job exp  run r1
  record, ended 2026-11-30T00:00:00Z  job exp  run r1
  results whose file is gone, ended 2026-11-30T00:00:00Z  job exp  run r1: the blob storage does not answer
  results of 99 MB, refused, ended 2026-11-30T00:00:00Z  job exp  run r1: permission denied
  results that could not be packed, ended 2026-11-30T00:00:00Z  job exp  run r1: no space left on device
  LOST results, ended 2026-11-30T00:00:00Z  job exp  run r1

monitors:
  dish        read 2026-11-30T23:55:49Z
  weather     FAILS since 2026-11-30T23:00:00Z: its key is refused; has read nothing yet

triggers:
  MET since 2026-11-30T23:50:00Z  job exp  dish.latency < 40"
        );
        let idle = Status {
            orders: None,
            next: Vec::new(),
            running: Vec::new(),
            outbox: Vec::new(),
            clock: None,
            watching: None,
        };
        assert_eq!(
            lines(&idle).join("\n"),
            "no orders received yet\nclock: not measured yet\n\nno planned runs\n\nnothing is running\n\nthe outbox is empty"
        );
    }

    #[test]
    fn spans_have_their_two_largest_parts() {
        for (secs, text) in
            [(-1, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7_260, "2 h 1 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(span(secs), text);
        }
    }
}
