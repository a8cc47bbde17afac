//! How a node is, and what it is at: what people ask first.

use super::{CalendarEvent, Node, Run, RunStatus, StandbyKind};
use crate::time::{SignedDuration, Timestamp};

/// How a node is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeState {
    /// It calls, and takes experiments.
    Online,
    /// It has not called [lately](Node::LATELY), or never.
    Offline,
    /// It finishes what runs and begins nothing.
    Draining,
    /// Its owner has the link; runs that need it for themselves are not begun.
    Scavenged,
    /// It carries out what is booked, and no new jobs may be booked on it.
    Closed,
}

impl NodeState {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Draining => "draining",
            Self::Scavenged => "scavenged",
            Self::Closed => "closed",
        }
    }
}

impl Node {
    /// How long after its last call a node counts as one that is there.
    pub const LATELY: SignedDuration = SignedDuration::from_secs(600);

    /// How the node is at `now`; of several things that which hinders experiments most.
    pub fn state(&self, now: Timestamp) -> NodeState {
        let kinds = || self.standby.iter().filter(|(_, standby)| standby.is_active(now));
        let is_on = |kind: StandbyKind| kinds().any(|(_, standby)| standby.kind == kind);
        if self.last_active.is_none_or(|seen| now.duration_since(seen) > Self::LATELY) {
            NodeState::Offline
        } else if is_on(StandbyKind::Drain) {
            NodeState::Draining
        } else if is_on(StandbyKind::Scavenger) {
            NodeState::Scavenged
        } else if !self.scheduling_enabled {
            NodeState::Closed
        } else {
            NodeState::Online
        }
    }
}

/// A node with what it does, did and will do.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeStatus {
    /// The node.
    pub node: Node,
    /// How it is.
    pub state: NodeState,
    /// The runs that run, as far as they are told.
    pub now: Vec<Run>,
    /// The planned runs whose time it is and of which it is not told that they are over: also those of
    /// others.
    pub due: Vec<CalendarEvent>,
    /// The next planned runs.
    pub next: Vec<CalendarEvent>,
    /// How many of the [last](NodeStatus::RECENT) runs that ended did so in which way, as far as they
    /// are told; those ways that came up, in the order of [`RunStatus::ALL`].
    pub recent: Vec<(RunStatus, usize)>,
}

impl NodeStatus {
    /// How many planned runs are told.
    pub const NEXT: usize = 5;
    /// How many of the runs that ended are counted.
    pub const RECENT: usize = 20;

    /// The status at `now` of a node with these runs, newest first, and these planned runs around
    /// `now`, in order of time.
    pub fn of(node: Node, runs: Vec<Run>, events: Vec<CalendarEvent>, now: Timestamp) -> Self {
        let state = node.state(now);
        let ended = || runs.iter().filter(|run| run.status.is_terminal()).take(Self::RECENT);
        let count = |status: RunStatus| ended().filter(|run| run.status == status).count();
        let recent = RunStatus::ALL.iter().map(|status| (*status, count(*status)));
        let recent = recent.filter(|(_, count)| *count > 0).collect();
        let (past, mut next): (Vec<_>, Vec<_>) =
            events.into_iter().partition(|event| event.window.start() <= now);
        next.truncate(Self::NEXT);
        let is_over = |event: &CalendarEvent| {
            let mut same = runs.iter().filter(|run| Some(&run.id) == event.run.as_ref());
            same.any(|run| run.status.is_terminal())
        };
        let due = past.into_iter().filter(|event| event.window.contains(now) && !is_over(event)).collect();
        Self {
            node,
            state,
            now: runs.into_iter().filter(|run| run.status == RunStatus::Running).collect(),
            due,
            next,
            recent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{JobId, NodeId, RunId, UserId};
    use crate::model::{JobParams, Standby, Standbys};
    use crate::schedule::Schedule;
    use crate::time::{Window, parse_time};

    fn at(text: &str) -> Timestamp {
        parse_time(text).expect(text)
    }

    fn node() -> Node {
        Node {
            id: NodeId::parse("n").expect("id"),
            name: String::new(),
            description: String::new(),
            coords: None,
            location: String::new(),
            provider: String::new(),
            public_ip: String::new(),
            owner: None,
            scheduling_enabled: true,
            standby: Standbys::default(),
            time_zone: None,
            clock_offset_us: None,
            portal: Default::default(),
            registered: at("2026-11-01T00:00:00"),
            last_active: Some(at("2026-12-01T11:55:00")),
            contact_since: None,
        }
    }

    #[test]
    fn the_worst_of_several_things_is_the_state() {
        let now = at("2026-12-01T12:00:00");
        let scavenger = Standby { until: Some(at("2026-12-01T13:00:00")), ..Standby::SCAVENGER };
        let drain = Standby { kind: StandbyKind::Drain, reason: None, until: None };
        let standby = |by_person: Option<&Standby>, by_host: Option<&Standby>| Standbys {
            by_person: by_person.cloned(),
            by_host: by_host.cloned(),
        };
        let both = standby(Some(&scavenger), Some(&drain));
        let cases = [
            (node(), NodeState::Online),
            (Node { scheduling_enabled: false, ..node() }, NodeState::Closed),
            (
                Node { scheduling_enabled: false, standby: standby(None, Some(&scavenger)), ..node() },
                NodeState::Scavenged,
            ),
            (Node { standby: both.clone(), ..node() }, NodeState::Draining),
            (Node { standby: both, last_active: None, ..node() }, NodeState::Offline),
        ];
        for (node, expected) in cases {
            assert_eq!(node.state(now), expected, "{node:?}");
        }
        let over = Node {
            standby: standby(Some(&scavenger), None),
            last_active: Some(at("2026-12-01T13:00:00")),
            ..node()
        };
        assert_eq!(over.state(at("2026-12-01T13:00:00")), NodeState::Online);
        assert_eq!(over.state(at("2026-12-01T13:10:00")), NodeState::Online);
        assert_eq!(over.state(at("2026-12-01T13:10:01")), NodeState::Offline);
    }

    #[test]
    fn a_status_tells_what_runs_what_comes_and_how_the_last_runs_ended() {
        let now = at("2026-12-01T12:00:00");
        let window = |hour: i64| {
            let start = at("2026-12-01T00:00:00") + SignedDuration::from_hours(hour);
            Window::lasting(start, SignedDuration::from_mins(90)).expect("window")
        };
        let (job, user) = (JobId::parse("j").expect("id"), UserId::parse("u").expect("id"));
        let run = |status, hour: i64| {
            let id = RunId::parse(&format!("r{hour}")).expect("id");
            let run = Run::planned(id, job.clone(), node().id, user.clone(), window(hour));
            Run { status, ..run }
        };
        let event = |hour: i64| CalendarEvent {
            run: None,
            job: job.clone(),
            owner: None,
            node: node().id,
            server: None,
            window: window(hour),
            schedule: Schedule::Once,
            overhead: false,
            trigger: None,
            params: JobParams::default(),
        };
        let mut runs = vec![run(RunStatus::Scheduled, 12), run(RunStatus::Running, 11)];
        runs.extend((0..4).map(|hour| run(RunStatus::Failed, hour)));
        runs.extend((0..30).map(|hour| run(RunStatus::Completed, hour)));
        let events = (8..24).map(event).collect();
        let status = NodeStatus::of(node(), runs, events, now);
        assert_eq!(status.recent, [(RunStatus::Completed, 16), (RunStatus::Failed, 4)]);
        assert_eq!(status.now.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["r11"]);
        let starts = |events: &[CalendarEvent]| -> Vec<Window> { events.iter().map(|e| e.window).collect() };
        assert_eq!(starts(&status.due), [window(11), window(12)]);
        let over = CalendarEvent { run: RunId::parse("r11").ok(), ..event(11) };
        let going = CalendarEvent { run: RunId::parse("r12").ok(), ..event(12) };
        let runs = vec![run(RunStatus::Running, 12), run(RunStatus::Aborted, 11)];
        let later = NodeStatus::of(node(), runs, vec![over, going], now);
        assert_eq!(starts(&later.due), [window(12)]);
        assert_eq!(starts(&status.next), (13..18).map(window).collect::<Vec<_>>());
    }
}
