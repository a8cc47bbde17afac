//! Charts of what is booked.

use std::collections::HashMap;

use leoscope_core::ids::{JobId, NodeId};
use leoscope_core::model::CalendarEvent;
use leoscope_core::time::{SignedDuration, Timestamp};

use super::paint::{Ink, Paint};
use super::scheduled::cron;
use super::{Output, grid, or_dash};

/// How many cells a day has: one for each half hour.
const CELLS: usize = 48;
const CELL_US: i64 = 30 * 60 * 1_000_000;

/// As wide as `Tue 2026-12-01`.
const DAY_WIDTH: usize = 14;

/// The colours of the jobs, again and again.
const INKS: [Ink; 6] = [Ink::Green, Ink::Cyan, Ink::Yellow, Ink::Magenta, Ink::Blue, Ink::Red];

/// What to chart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chart<'a> {
    /// A row for each on each day.
    pub(crate) nodes: &'a [NodeId],
    /// The start of the first day.
    pub(crate) from: Timestamp,
    pub(crate) days: u8,
    /// In order of time; those of other nodes or days are left out.
    pub(crate) events: &'a [CalendarEvent],
    /// The job whose runs are to be seen at a glance.
    pub(crate) highlighted: Option<&'a JobId>,
}

/// Half an hour on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Free,
    Job(usize),
    Several,
}

/// A job of the chart.
#[derive(Debug)]
struct Booked<'a> {
    /// Its first run.
    event: &'a CalendarEvent,
    runs: usize,
    mark: char,
    ink: Ink,
}

impl Output {
    /// What is booked: a chart for people, the list of `chart.events` for programs.
    pub(crate) fn calendar(&self, chart: &Chart<'_>) {
        if self.quiet || self.is_for_programs() || !self.fields.is_empty() {
            self.list(chart.events);
        } else {
            self.print(&draw(chart, self.paint));
        }
    }
}

/// The chart and its legend.
fn draw(chart: &Chart<'_>, paint: Paint) -> String {
    let (booked, rows) = fill(chart);
    let width = chart.nodes.iter().map(|node| node.as_str().len()).max().unwrap_or_default().max(4);
    let ruler: String = (0..24).step_by(3).map(|hour| format!("{hour:02}    ")).collect();
    let mut text = format!("{:DAY_WIDTH$}  {:width$}  {}\n", "day (UTC)", "node", ruler.trim_end());
    for day in 0..usize::from(chart.days) {
        let hours = i64::try_from(day * 24).unwrap_or_default();
        let start = chart.from.checked_add(SignedDuration::from_hours(hours)).unwrap_or(chart.from);
        let mut label = start.strftime("%a %Y-%m-%d").to_string();
        for (node, cells) in chart.nodes.iter().zip(&rows) {
            let cells = cells.get(day * CELLS..(day + 1) * CELLS).unwrap_or_default();
            text +=
                &format!("{label:DAY_WIDTH$}  {:width$}  {}\n", node.as_str(), line(cells, &booked, paint));
            label.clear();
        }
    }
    if !booked.is_empty() {
        text.push('\n');
        text += &legend(&booked, paint);
        text +=
            "\ncapitals and █: needs the link for itself; small letters and ▒: others may run beside it\n";
        if rows.iter().flatten().any(|cell| *cell == Cell::Several) {
            text += "+: several jobs in the same half hour\n";
        }
    }
    text
}

/// The jobs in the order of their first runs, and the cells of each node.
fn fill<'a>(chart: &Chart<'a>) -> (Vec<Booked<'a>>, Vec<Vec<Cell>>) {
    let count = CELLS * usize::from(chart.days);
    let mut booked: Vec<Booked<'a>> = Vec::new();
    let mut numbers: HashMap<&JobId, usize> = HashMap::new();
    let mut rows = vec![vec![Cell::Free; count]; chart.nodes.len()];
    for event in chart.events {
        let Some((first, last)) = cells(event, chart.from, count) else { continue };
        let is_here = |node: &NodeId| *node == event.node || Some(node) == event.server.as_ref();
        if !chart.nodes.iter().any(is_here) {
            continue;
        }
        let number = *numbers.entry(&event.job).or_insert_with(|| {
            booked.push(Booked { event, runs: 0, mark: '*', ink: Ink::Dim });
            booked.len() - 1
        });
        if let Some(job) = booked.get_mut(number) {
            job.runs += 1;
        }
        let is_highlighted =
            |number: usize| booked.get(number).is_some_and(|job| Some(&job.event.job) == chart.highlighted);
        for (_, row) in chart.nodes.iter().zip(&mut rows).filter(|(node, _)| is_here(node)) {
            for cell in row.get_mut(first..=last).into_iter().flatten() {
                *cell = match *cell {
                    Cell::Free => Cell::Job(number),
                    // What was asked for must not vanish behind others.
                    _ if is_highlighted(number) => Cell::Job(number),
                    Cell::Job(other) if other == number || is_highlighted(other) => *cell,
                    Cell::Job(_) | Cell::Several => Cell::Several,
                };
            }
        }
    }
    mark(&mut booked, chart.highlighted);
    (booked, rows)
}

/// The first and the last of `count` cells from `from` on that a run touches.
fn cells(event: &CalendarEvent, from: Timestamp, count: usize) -> Option<(usize, usize)> {
    let cell = |us: i64| (us - from.as_microsecond()).div_euclid(CELL_US);
    // The end is no part of it.
    let (first, last) =
        (cell(event.window.start().as_microsecond()), cell(event.window.end().as_microsecond() - 1));
    let last = usize::try_from(last).ok()?.min(count.checked_sub(1)?);
    let first = usize::try_from(first.max(0)).ok()?;
    (first <= last).then_some((first, last))
}

/// Gives each job its mark: a letter, a block for the one to be seen at a glance.
fn mark(booked: &mut [Booked<'_>], highlighted: Option<&JobId>) {
    let (mut letters, mut inks) = ('A'..='Z', INKS.into_iter().cycle());
    for job in booked {
        let alone = job.event.overhead;
        if Some(&job.event.job) == highlighted {
            (job.mark, job.ink) = (if alone { '█' } else { '▒' }, Ink::Bold);
        } else if let Some(letter) = letters.next() {
            job.mark = if alone { letter } else { letter.to_ascii_lowercase() };
            job.ink = inks.next().unwrap_or(Ink::Dim);
        }
    }
}

/// The cells of a day.
fn line(cells: &[Cell], booked: &[Booked<'_>], paint: Paint) -> String {
    let stretch = |cells: &[Cell]| {
        let (mark, ink) = match cells.first() {
            Some(Cell::Job(number)) => booked.get(*number).map_or(('*', Ink::Dim), |job| (job.mark, job.ink)),
            Some(Cell::Several) => ('+', Ink::Bold),
            Some(Cell::Free) | None => ('·', Ink::Dim),
        };
        paint.with(ink, mark.to_string().repeat(cells.len()))
    };
    cells.chunk_by(PartialEq::eq).map(stretch).collect()
}

/// A line for each job.
fn legend(booked: &[Booked<'_>], paint: Paint) -> String {
    let row = |job: &Booked<'_>| {
        let CalendarEvent { job: id, owner, window, .. } = job.event;
        vec![
            job.mark.to_string(),
            id.to_string(),
            or_dash(owner.as_ref()),
            or_dash(cron(job.event)),
            window.length().as_secs().to_string(),
            job.runs.to_string(),
        ]
    };
    let header = ["mark", "job", "owner", "schedule", "length (s)", "runs"];
    let table = grid(&header, booked.iter().map(row));
    let inks = std::iter::once(None).chain(booked.iter().map(|job| Some(job.ink)));
    let coloured = table.lines().zip(inks).map(|(line, ink)| {
        let mut letters = line.chars();
        match (ink, letters.next()) {
            (Some(ink), Some(mark)) => format!("{}{}\n", paint.with(ink, mark), letters.as_str()),
            _ => format!("{line}\n"),
        }
    });
    coloured.collect()
}

#[cfg(test)]
mod tests {
    use leoscope_core::ids::UserId;
    use leoscope_core::model::JobParams;
    use leoscope_core::schedule::{CronExpr, Schedule};
    use leoscope_core::time::{Window, parse_time};

    use super::*;

    fn node(id: &str) -> NodeId {
        NodeId::parse(id).expect("id")
    }

    fn event(job: &str, on: &str, start: &str, minutes: i64) -> CalendarEvent {
        let start = parse_time(start).expect(start);
        CalendarEvent {
            run: None,
            job: JobId::parse(job).expect("id"),
            owner: Some(UserId::parse("me").expect("id")),
            node: node(on),
            server: None,
            window: Window::lasting(start, SignedDuration::from_mins(minutes)).expect("window"),
            schedule: Schedule::Cron(CronExpr::parse("0 8 * * *").expect("cron")),
            overhead: job.starts_with("alone"),
            trigger: None,
            params: JobParams::default(),
        }
    }

    fn chart<'a>(nodes: &'a [NodeId], events: &'a [CalendarEvent]) -> Chart<'a> {
        let from = parse_time("2026-12-01T00:00:00").expect("time");
        Chart { nodes, from, days: 2, events, highlighted: None }
    }

    fn events() -> Vec<CalendarEvent> {
        vec![
            event("alone-1", "a", "2026-11-30T23:30:00", 60),
            event("beside", "a", "2026-12-01T08:00:00", 90),
            CalendarEvent {
                server: Some(node("node-b")),
                ..event("alone-2", "a", "2026-12-01T09:15:00", 30)
            },
            event("beside", "a", "2026-12-02T08:00:00", 90),
            event("elsewhere", "c", "2026-12-02T08:00:00", 90),
            event("alone-1", "a", "2026-12-02T23:30:00", 60),
            event("alone-1", "a", "2026-12-03T00:00:00", 60),
        ]
    }

    #[test]
    fn a_week_has_a_row_for_each_day_and_node_and_a_cell_for_each_half_hour() {
        let (nodes, events) = ([node("a"), node("node-b")], events());
        insta::assert_snapshot!(draw(&chart(&nodes, &events), Paint::default()), @"
        day (UTC)       node    00    03    06    09    12    15    18    21
        Tue 2026-12-01  a       A···············bb+C····························
                        node-b  ··················CC····························
        Wed 2026-12-02  a       ················bbb····························A
                        node-b  ················································

        mark  job      owner  schedule   length (s)  runs
        A     alone-1  me     0 8 * * *  3600        2
        b     beside   me     0 8 * * *  5400        2
        C     alone-2  me     0 8 * * *  1800        1

        capitals and █: needs the link for itself; small letters and ▒: others may run beside it
        +: several jobs in the same half hour
        ");
    }

    #[test]
    fn what_is_highlighted_stands_before_others() {
        let (nodes, events) = ([node("a")], events());
        let job = JobId::parse("beside").expect("id");
        let text =
            draw(&Chart { highlighted: Some(&job), days: 1, ..chart(&nodes, &events) }, Paint::default());
        assert_eq!(
            text.lines().nth(1),
            Some("Tue 2026-12-01  a     A···············▒▒▒B····························")
        );
        assert!(!text.contains("several"), "{text}");
    }

    #[test]
    fn there_are_more_jobs_than_letters_and_there_may_be_none() {
        let nodes = [node("a")];
        assert_eq!(draw(&chart(&nodes, &[]), Paint::default()).lines().count(), 3);
        let names: Vec<String> = (0..30).map(|number| format!("alone-{number}")).collect();
        let events: Vec<CalendarEvent> =
            names.iter().map(|name| event(name, "a", "2026-12-01T08:00:00", 30)).collect();
        let text = draw(&chart(&nodes, &events), Paint::default());
        let marks: String =
            text.lines().filter(|line| line.contains("alone-")).map(|line| &line[..1]).collect();
        assert_eq!(marks, "ABCDEFGHIJKLMNOPQRSTUVWXYZ****");
    }

    #[test]
    fn colours_are_those_of_the_legend() {
        let (nodes, events) = ([node("a")], [event("alone", "a", "2026-12-01T00:00:00", 30)]);
        let text = draw(&chart(&nodes, &events), Paint::new(true, true));
        assert_eq!(text.matches("\x1b[32mA\x1b[0m").count(), 2, "{text:?}");
    }
}
