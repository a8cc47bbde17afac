//! How nodes are, and what they are at.

use leoscope_core::ids::JobId;
use leoscope_core::model::{
    Node, NodeState, NodeStatus, RunStatus, Standby, StandbyBy, clock_error, is_clock_off,
};
use leoscope_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::paint::{Ink, Paint};
use super::{Output, Record, clean, or_dash, text_or_dash, utc};

/// A node as it is at an instant.
#[derive(Debug)]
pub(crate) struct StatusView {
    pub(crate) status: NodeStatus,
    pub(crate) at: Timestamp,
}

/// The colour in which a state stands out.
pub(super) const fn ink(state: NodeState) -> Ink {
    match state {
        NodeState::Online => Ink::Green,
        NodeState::Offline => Ink::Red,
        NodeState::Draining | NodeState::Scavenged | NodeState::Closed => Ink::Yellow,
    }
}

/// How long ago `then` was at `now`, in the largest unit of which there are two, or seconds.
fn ago(then: Timestamp, now: Timestamp) -> String {
    let secs = now.duration_since(then).as_secs();
    match secs {
        ..1 => "just now".to_owned(),
        1..120 => format!("{secs} s ago"),
        120..7_200 => format!("{} min ago", secs / 60),
        7_200..172_800 => format!("{} h ago", secs / 3_600),
        _ => format!("{} d ago", secs / 86_400),
    }
}

fn seen(node: &Node, now: Timestamp) -> String {
    node.last_active.map_or_else(|| "never".to_owned(), |then| ago(then, now))
}

fn standby((by, standby): (StandbyBy, &Standby)) -> String {
    let who = match by {
        StandbyBy::Person => "set by a person",
        StandbyBy::Host => "set by the node itself",
    };
    format!("{standby}, {who}")
}

fn clock(offset_us: Option<i64>) -> String {
    match offset_us {
        Some(offset) if is_clock_off(offset) => format!("off: {}", clock_error(offset)),
        Some(offset) => {
            let side = if offset < 0 { "slow" } else { "fast" };
            format!("ok, {:.1} ms {side}", offset.unsigned_abs() as f64 / 1e3)
        }
        None => or_dash(None::<&str>),
    }
}

/// `18 COMPLETED, 2 FAILED of those you may see`.
fn tally(recent: &[(RunStatus, usize)]) -> String {
    let counts: Vec<String> = recent.iter().map(|(status, count)| format!("{count} {status}")).collect();
    or_dash((!counts.is_empty()).then(|| format!("{} of those you may see", counts.join(", "))))
}

impl StatusView {
    /// The jobs of which a run runs; where none is told, those whose time it is.
    fn at_work(&self) -> String {
        let NodeStatus { now, due, .. } = &self.status;
        let list = |jobs: Vec<&JobId>| jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match (now.is_empty(), due.is_empty()) {
            (false, _) => list(now.iter().map(|run| &run.job).collect()),
            (true, false) => format!("planned: {}", list(due.iter().map(|event| &event.job).collect())),
            (true, true) => or_dash(None::<&str>),
        }
    }

    /// What there is to say of the node itself, a line each.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let Self { status: NodeStatus { node, recent, .. }, at } = self;
        let last_call = match node.last_active {
            Some(seen) => format!("{}, {}", utc(seen), ago(seen, *at)),
            None => "never".to_owned(),
        };
        let location = Some(node.location.clone()).filter(|location| !location.is_empty());
        let place: Vec<String> =
            location.into_iter().chain(node.coords.map(|coords| coords.to_string())).collect();
        let mut facts = vec![
            ("last call", last_call),
            (
                "in contact",
                node.contact_since.map_or_else(|| "-".to_owned(), |since| format!("since {}", utc(since))),
            ),
            ("clock", clock(node.clock_offset_us)),
        ];
        let standbys = node.standby.iter().filter(|(_, standby)| standby.is_active(*at));
        facts.extend(standbys.map(|both| ("standby", standby(both))));
        let bookings =
            if node.scheduling_enabled { "jobs can be booked" } else { "no new jobs can be booked" };
        facts.extend([
            ("bookings", bookings.to_owned()),
            ("place", text_or_dash(&place.join(", "))),
            ("provider", text_or_dash(&node.provider)),
            ("owner", or_dash(node.owner.as_ref())),
            ("time zone", or_dash(node.time_zone.as_ref())),
            ("last runs", tally(recent)),
        ]);
        facts
    }

    /// The node in full, but for lists of runs.
    fn page(&self, paint: Paint) -> String {
        let NodeStatus { node, state, .. } = &self.status;
        let name = if node.name.is_empty() { String::new() } else { format!(" ({})", clean(&node.name)) };
        let mut text = format!("{}{name}: {}\n", node.id, paint.with(ink(*state), state.word()));
        for (about, what) in self.facts() {
            text += &format!("{:<11} {}\n", format!("{about}:"), clean(&what));
        }
        text
    }
}

impl Record for StatusView {
    const HEADER: &'static [&'static str] =
        &["id", "state", "last seen", "runs", "next start (UTC)", "next job"];

    fn id(&self) -> String {
        self.status.node.id.to_string()
    }

    fn row(&self) -> Vec<String> {
        let NodeStatus { node, state, now: _, due: _, next, recent: _ } = &self.status;
        let next = next.first();
        vec![
            node.id.to_string(),
            state.word().to_owned(),
            seen(node, self.at),
            self.at_work(),
            or_dash(next.map(|event| utc(event.window.start()))),
            or_dash(next.map(|event| &event.job)),
        ]
    }

    fn json(&self) -> Value {
        let NodeStatus { node, state, now, due, next, recent } = &self.status;
        let recent: Map<String, Value> =
            recent.iter().map(|(status, count)| (status.name().to_owned(), (*count).into())).collect();
        json!({
            "node": node.json(),
            "state": state.word(),
            "now": now.iter().map(Record::json).collect::<Vec<_>>(),
            "due": due.iter().map(Record::json).collect::<Vec<_>>(),
            "next": next.iter().map(Record::json).collect::<Vec<_>>(),
            "recent": recent,
        })
    }
}

impl Output {
    /// A node in full.
    pub(crate) fn node_status(&self, view: &StatusView) {
        if self.quiet || self.is_for_programs() || !self.fields.is_empty() {
            return self.one(view);
        }
        self.print(&view.page(self.paint));
        let NodeStatus { now, due, next, .. } = &view.status;
        if !now.is_empty() {
            self.section("runs now", now);
        } else if !due.is_empty() {
            self.section("planned for now", due);
        }
        if !next.is_empty() {
            self.section("comes next", next);
        }
    }

    fn section<T: Record>(&self, title: &str, records: &[T]) {
        self.line("");
        self.line(format_args!("{title}:"));
        self.list(records);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use leoscope_core::ids::{NodeId, RunId, UserId};
    use leoscope_core::model::{CalendarEvent, JobParams, Run, StandbyKind, Standbys};
    use leoscope_core::schedule::Schedule;
    use leoscope_core::time::{SignedDuration, Window, parse_time};

    use super::*;

    pub(in crate::output) fn now() -> Timestamp {
        parse_time("2026-12-01T12:00:00").expect("time")
    }

    fn before(secs: i64) -> Timestamp {
        now().checked_sub(SignedDuration::from_secs(secs)).expect("time")
    }

    /// A node that called three minutes ago.
    pub(in crate::output) fn node(id: &str, location: &str, coords: Option<&str>) -> Node {
        Node {
            id: NodeId::parse(id).expect("id"),
            name: String::new(),
            description: String::new(),
            coords: coords.map(|text| text.parse().expect("coordinates")),
            location: location.into(),
            provider: "starlink".into(),
            public_ip: String::new(),
            owner: None,
            scheduling_enabled: true,
            standby: Standbys::default(),
            time_zone: None,
            clock_offset_us: Some(400),
            portal: Default::default(),
            registered: before(900_000),
            last_active: Some(before(180)),
            contact_since: Some(before(7_200)),
        }
    }

    fn event(start: Timestamp) -> CalendarEvent {
        CalendarEvent {
            run: None,
            job: JobId::parse("exp").expect("id"),
            owner: None,
            node: NodeId::parse("n").expect("id"),
            server: None,
            window: Window::lasting(start, SignedDuration::from_mins(5)).expect("window"),
            schedule: Schedule::Once,
            overhead: true,
            trigger: None,
            params: JobParams::default(),
        }
    }

    fn view(node: Node, runs: Vec<Run>, events: Vec<CalendarEvent>) -> StatusView {
        StatusView { status: NodeStatus::of(node, runs, events, now()), at: now() }
    }

    #[test]
    fn ages_have_two_of_their_unit_at_least() {
        let ages = [-5, 0, 1, 119, 120, 7_199, 7_200, 172_799, 172_800].map(|secs| ago(before(secs), now()));
        let expected = [
            "just now",
            "just now",
            "1 s ago",
            "119 s ago",
            "2 min ago",
            "119 min ago",
            "2 h ago",
            "47 h ago",
        ];
        assert_eq!(ages[..8], expected);
        assert_eq!(ages[8], "2 d ago");
    }

    #[test]
    fn a_page_says_all_of_a_node() {
        let pause = Standby {
            kind: StandbyKind::Scavenger,
            reason: Some("a video call".into()),
            until: Some(before(-3_600)),
        };
        let standby = Standbys { by_person: Some(pause), by_host: None };
        let node = Node { standby, name: "Rain City".into(), ..node("n", "Seattle", Some("47.6,-122.3")) };
        let page = view(node, Vec::new(), Vec::new()).page(Paint::default());
        insta::assert_snapshot!(page, @"
        n (Rain City): scavenged
        last call:  2026-12-01T11:57:00, 3 min ago
        in contact: since 2026-12-01T10:00:00
        clock:      ok, 0.4 ms fast
        standby:    scavenger mode until 2026-12-01T13:00:00 (a video call), set by a person
        bookings:   jobs can be booked
        place:      Seattle, 47.6,-122.3
        provider:   starlink
        owner:      -
        time zone:  -
        last runs:  -
        ");
    }

    #[test]
    fn a_line_says_what_a_node_is_at_and_what_comes() {
        let quiet = view(Node { last_active: None, ..node("n", "", None) }, Vec::new(), Vec::new());
        assert_eq!(quiet.row(), ["n", "offline", "never", "-", "-", "-"]);

        let events = vec![event(before(60)), event(before(-600))];
        let due = view(node("n", "", None), Vec::new(), events.clone());
        assert_eq!(due.row(), ["n", "online", "3 min ago", "planned: exp", "2026-12-01T12:10:00", "exp"]);

        let run = |id: &str, status| {
            let (id, user) = (RunId::parse(id).expect("id"), UserId::parse("me").expect("id"));
            let run = Run::planned(id, event(now()).job, event(now()).node, user, event(before(60)).window);
            Run { status, ..run }
        };
        let runs = vec![run("r2", RunStatus::Running), run("r1", RunStatus::Failed)];
        let busy = view(node("n", "", None), runs, events);
        assert_eq!(busy.row()[3], "exp");
        assert_eq!(tally(&busy.status.recent), "1 FAILED of those you may see");
        let json = busy.json();
        assert_eq!(json["state"], "online");
        assert_eq!(json["node"]["id"], "n");
        assert_eq!(json["now"][0]["id"], "r2");
        assert_eq!(json["next"][0]["start"], "2026-12-01T12:10:00Z");
        assert_eq!(json["recent"], json!({ "FAILED": 1 }));
    }
}
