//! Raw telemetry beside the results of runs.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::super::results::run_dir;
use super::super::{Inner, RETRY};
use super::monitors;
use crate::error::{Error, Result};
use crate::ids::RunId;
use crate::model::{JournalEntry, Step};
use crate::ports::TelemetryLine;
use crate::time::{SignedDuration, Timestamp, parse_time, to_micros};
use crate::trigger::Source;

/// The file of a bundle with what of the sky the dish saw.
const SKY: &str = "dish-obstruction.json";

/// Lines of the past, older than this, may have been written before the node was restarted.
const FRESH: SignedDuration = SignedDuration::from_secs(1);

/// How far apart the times of a line may be that is told twice. A dish tells its seconds without their
/// times.
const SAME: SignedDuration = SignedDuration::from_millis(500);

/// How much of the end of a file is read: more than any line has.
const TAIL: u64 = 16 << 10;

fn dir(node: &Inner, run: &RunId) -> PathBuf {
    run_dir(node, run).join("telemetry")
}

/// Adds lines to the files of the runs whose experiments ran when they were observed.
pub(super) async fn keep(node: &Inner, lines: &[TelemetryLine]) {
    if lines.is_empty() {
        return;
    }
    let now = node.clock.now();
    for entry in node.journal.entries().await {
        let Some(started) = entry.run.started.filter(|_| entry.step != Step::Done) else { continue };
        let during =
            |line: &&TelemetryLine| line.at >= started && entry.run.ended.is_none_or(|ended| line.at < ended);
        let mut files: BTreeMap<&str, Vec<&TelemetryLine>> = BTreeMap::new();
        for line in lines.iter().filter(during) {
            files.entry(line.file).or_default().push(line);
        }
        let run = &entry.run.id;
        for (name, lines) in files {
            if let Err(error) = add(&dir(node, run), name, &lines, now) {
                tracing::debug!(%run, %error, "cannot write telemetry");
            }
        }
    }
}

/// Adds what is new of `lines` to a file.
fn add(dir: &Path, name: &str, lines: &[&TelemetryLine], now: Timestamp) -> std::io::Result<()> {
    fs::create_dir_all(dir)?;
    let path = dir.join(name);
    let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
    let (end, last) = end(&mut file)?;
    // One that is still to come was observed before the clock was set back, and is no measure any more.
    let last = last.filter(|last| last.duration_since(now) <= SAME);
    let mut text = String::new();
    for line in lines {
        if end == 0 && text.is_empty() {
            text = format!("{}\n", line.header);
        }
        if last.is_none_or(|last| to_micros(line.at) > last + slack(line.at, now)) {
            text.push_str(&line.line);
            text.push('\n');
        }
    }
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    file.write_all(text.as_bytes())
}

/// How much later than the last line of a file one must be that was observed at `at` to be another: a
/// monitor of which the node was restarted tells the past again, and may time it a little differently.
fn slack(at: Timestamp, now: Timestamp) -> SignedDuration {
    if now.duration_since(at) > FRESH { SAME } else { SignedDuration::ZERO }
}

/// Where the last whole line of a file ends, and when that was observed; what comes after it a crash has
/// cut.
fn end(file: &mut File) -> std::io::Result<(u64, Option<Timestamp>)> {
    let length = file.metadata()?.len();
    let begin = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(begin))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let Some(newline) = tail.iter().rposition(|byte| *byte == b'\n') else {
        // One that is longer than any line is left as it is.
        return Ok((if begin == 0 { 0 } else { length }, None));
    };
    let whole = &tail[..newline];
    let line = whole.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let first = line.split(|byte| *byte == b',').next().unwrap_or_default();
    // The header has no time.
    let at = std::str::from_utf8(first).ok().and_then(|text| parse_time(text).ok());
    Ok((begin + newline as u64 + 1, at))
}

/// Reads what the dish has kept of a run that has just ended, and writes down what of the sky it saw.
pub(in crate::agent) async fn finish(node: &Inner, entry: &JournalEntry) {
    let run = &entry.run.id;
    if entry.run.started.is_none() {
        return;
    }
    for monitor in node.observatory.monitors.iter().filter(|monitor| monitor.source() == Source::Dish) {
        let read = tokio::select! {
            read = monitors::read(node, &**monitor, true) => read,
            () = node.pause(RETRY) => Err(Error::unavailable("the dish takes too long")),
        };
        match read {
            Ok(observation) => monitors::take_in(node, &**monitor, observation).await,
            Err(error) => tracing::debug!(%run, %error, "the end of the telemetry is missing"),
        }
    }
    if let Some(map) = node.observatory.findings().obstruction {
        let write = || -> Result<()> {
            let dir = dir(node, run);
            let fault = |e: std::io::Error| Error::while_doing(format!("write {SKY}"), e);
            fs::create_dir_all(&dir).map_err(fault)?;
            let text = serde_json::to_vec(&map).map_err(|e| Error::while_doing("tell the map", e))?;
            fs::write(dir.join(SKY), text).map_err(fault)
        };
        if let Err(error) = write() {
            tracing::debug!(%run, %error, "cannot write what of the sky the dish saw");
        }
    }
}

/// The telemetry files of a run.
pub(in crate::agent) fn files(node: &Inner, run: &RunId) -> Vec<PathBuf> {
    let Ok(found) = fs::read_dir(dir(node, run)) else { return Vec::new() };
    let mut files: Vec<_> = found.filter_map(|file| Some(file.ok()?.path())).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "dish.csv";

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_796_083_200_000 + millis).expect("time")
    }

    fn line(millis: i64) -> TelemetryLine {
        let at = at(millis);
        let line = format!("{},x", crate::time::wire_time(at));
        TelemetryLine { file: FILE, header: "datetimestamp_utc,what", at, line }
    }

    /// Adds lines observed at these times, and gives the times that are in the file then.
    fn added(dir: &Path, lines: &[i64], now: i64) -> Vec<String> {
        let lines: Vec<_> = lines.iter().map(|millis| line(*millis)).collect();
        add(dir, FILE, &lines.iter().collect::<Vec<_>>(), at(now)).expect("added");
        let text = fs::read_to_string(dir.join(FILE)).expect("file");
        assert!(text.ends_with('\n'));
        let mut written = text.lines();
        assert_eq!(written.next(), Some("datetimestamp_utc,what"));
        written
            .map(|line| line.trim_start_matches("2026-12-01T00:00:").trim_end_matches(",x").into())
            .collect()
    }

    #[test]
    fn seconds_that_are_told_again_are_written_once() {
        let dir = tempfile::tempdir().expect("directory");
        let dir = dir.path();
        assert_eq!(added(dir, &[1_000, 2_000, 3_000], 3_100), ["01", "02", "03"]);
        // By another process, which times the same seconds differently.
        assert_eq!(added(dir, &[1_400, 2_400, 3_400, 4_400], 9_000), ["01", "02", "03", "04.400000"]);
        let expected = ["01", "02", "03", "04.400000", "05.100000"];
        assert_eq!(added(dir, &[2_100, 3_100, 4_100, 5_100], 9_000), expected);
        // What is read now is no second of the past.
        assert_eq!(added(dir, &[5_300], 5_300)[5..], ["05.300000"]);
        assert_eq!(added(dir, &[5_300], 5_300)[5..], ["05.300000"]);
    }

    #[test]
    fn what_is_observed_after_the_clock_was_set_back_is_written() {
        let dir = tempfile::tempdir().expect("directory");
        let dir = dir.path();
        assert_eq!(added(dir, &[40_000], 40_000), ["40"]);
        assert_eq!(added(dir, &[10_000], 10_000), ["40", "10"]);
        assert_eq!(added(dir, &[10_000, 11_000], 11_000), ["40", "10", "11"]);
        // One who looked at the clock a little later had written before.
        assert_eq!(added(dir, &[10_500, 10_900], 10_900), ["40", "10", "11"]);
    }

    #[test]
    fn a_line_that_was_cut_is_written_anew() {
        let dir = tempfile::tempdir().expect("directory");
        for cut in ["datetimes", "datetimestamp_utc,what\n2026-12-01T00:00:01", ""] {
            fs::write(dir.path().join(FILE), cut).expect("write");
            assert_eq!(added(dir.path(), &[1_000, 2_000], 2_000), ["01", "02"], "{cut}");
        }
        fs::write(dir.path().join(FILE), vec![b'x'; 20_000]).expect("write");
        let one = line(1_000);
        add(dir.path(), FILE, &[&one], at(1_000)).expect("added");
        let length = fs::metadata(dir.path().join(FILE)).expect("file").len();
        assert_eq!(length, 20_000 + one.line.len() as u64 + 1, "what is no file of lines loses nothing");
    }
}
