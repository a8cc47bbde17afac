use super::*;
use crate::model::Standby;
use crate::time::parse_time;

fn node() -> Node {
    Node {
        id: "node-seattle".parse().expect("id"),
        name: "Seattle".into(),
        description: "a roof".into(),
        coords: Some("47.6062,-122.3321".parse().expect("coords")),
        location: "Seattle, US".into(),
        provider: "starlink".into(),
        public_ip: "192.0.2.1".into(),
        owner: Some("owner-1".parse().expect("id")),
        scheduling_enabled: true,
        standby: Standbys { by_person: None, by_host: Some(Standby::SCAVENGER) },
        time_zone: Some(Zone::parse("America/Los_Angeles").expect("zone")),
        clock_offset_us: Some(-1_500_000),
        portal: notes(Some("[]".into()), None),
        registered: parse_time("2026-01-01T00:00:00.000001").expect("time"),
        last_active: Some(parse_time("2026-01-02T00:00:00").expect("time")),
        contact_since: Some(parse_time("2026-01-01T12:00:00").expect("time")),
    }
}

fn update() -> NodeUpdate {
    NodeUpdate {
        name: Some("Seattle".into()),
        coords: Some("47.6062,-122.3321".parse().expect("coords")),
        owner: Some("owner-1".parse().expect("id")),
        scheduling_enabled: Some(false),
        portal: notes(None, Some("{}".into())),
        ..NodeUpdate::default()
    }
}

#[test]
fn nodes_and_changes_come_back_as_they_went() {
    let bare = Node {
        coords: None,
        owner: None,
        last_active: None,
        contact_since: None,
        scheduling_enabled: false,
        standby: Standbys::default(),
        time_zone: None,
        ..node()
    };
    for node in [node(), bare] {
        assert_eq!(Node::try_from(unary::Node::from(node.clone())).expect("node"), node);
    }
    let id = node().id;
    for update in [update(), NodeUpdate::default()] {
        let request = register_request(id.clone(), update.clone());
        assert_eq!(request.try_into().ok(), Some((id.clone(), update.clone())));
        let request = update_request(&id, update.clone());
        assert_eq!(request.try_into().ok(), Some((id.clone(), update)));
    }
}

#[test]
fn the_activity_filter_is_off_unless_asked_for_and_defaults_to_ten_minutes() {
    let within = |active, active_thres| {
        let request = unary::GetNodesRequest { active, active_thres, ..Default::default() };
        NodeFilter::try_from(request).expect("filter").active_within.map(|within| within.as_secs())
    };
    assert_eq!(within(Some(false), Some(600)), None);
    assert_eq!(within(None, Some(600)), None);
    assert_eq!(within(Some(true), None), Some(600));
    assert_eq!(within(Some(true), Some(60)), Some(60));
    let filter = NodeFilter {
        id: Some(node().id),
        active_within: Some(SignedDuration::from_secs(30)),
        ..NodeFilter::default()
    };
    assert_eq!(NodeFilter::try_from(unary::GetNodesRequest::from(&filter)).expect("filter"), filter);
}

#[test]
fn an_existing_client_that_does_not_know_the_switch_registers_a_node_that_can_be_booked() {
    let node = unary::Node { nodeid: "n".into(), ..Default::default() };
    let request = unary::RegisterNodeRequest { node: Some(node) };
    let (_, details) = request.try_into().expect("request");
    assert_eq!(NodeUpdate::default(), details);
}

#[test]
fn errors_name_the_field() {
    let fault = |node| {
        let request = unary::RegisterNodeRequest { node };
        <(NodeId, NodeUpdate)>::try_from(request).expect_err("fault").to_string()
    };
    assert_eq!(fault(None), "node is missing");
    let place = unary::Node { nodeid: "n".into(), coords: "here".into(), ..Default::default() };
    assert_eq!(fault(Some(place)), "coords: \"here\" are not coordinates");
    let by = unary::Node { nodeid: "n".into(), owner: "a b".into(), ..Default::default() };
    assert_eq!(fault(Some(by)), "owner: user id \"a b\" contains ' '");
}
