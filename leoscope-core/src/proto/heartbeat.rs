//! Signs of life of nodes.

use super::unary;
use crate::error::{Error, Result};
use crate::ids::NodeId;
use crate::model::Heartbeat;
use crate::schedule::Zone;

impl From<Heartbeat> for unary::HeartbeatRequest {
    fn from(beat: Heartbeat) -> Self {
        let Heartbeat { node, time_zone, clock_offset_us } = beat;
        Self { nodeid: node.into(), timezone: time_zone.map(String::from), clock_offset_us }
    }
}

impl TryFrom<unary::HeartbeatRequest> for Heartbeat {
    type Error = Error;
    fn try_from(request: unary::HeartbeatRequest) -> Result<Self> {
        let unary::HeartbeatRequest { nodeid, timezone, clock_offset_us } = request;
        // A zone that is not known is no reason to take the node for dead.
        let time_zone = timezone.as_deref().and_then(|name| Zone::parse(name).ok());
        Ok(Self { node: NodeId::parse(&nodeid)?, time_zone, clock_offset_us })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_of_life_comes_back_as_it_went() {
        let bare = Heartbeat::of("n".parse().expect("id"));
        let time_zone = Some(Zone::parse("Europe/Berlin").expect("zone"));
        let full = Heartbeat { time_zone, clock_offset_us: Some(i64::MIN), ..bare.clone() };
        for beat in [bare, full] {
            let request = unary::HeartbeatRequest::from(beat.clone());
            assert_eq!(Heartbeat::try_from(request).expect("heartbeat"), beat);
        }
    }
}
