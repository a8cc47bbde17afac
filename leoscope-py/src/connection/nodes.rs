//! Nodes: what they are at, what they read, and what they see of the sky.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use leoscope_core::ids::{NodeId, UserId};
use leoscope_core::model::{
    Coordinates, NodeFilter, NodeUpdate, PortalNotes, Standby, StandbyBy, StandbyKind,
};
use leoscope_core::time::{SignedDuration, Timestamp, to_micros};
use leoscope_core::{Error, follow};
use pyo3::prelude::*;

use super::{Connection, Plane, read};
use crate::call::{Call, Pieces};
use crate::given::Given;
use crate::objects;
use crate::orbit::Elements;
use crate::time::{Length, Moment, datetime};
use crate::trigger::Trigger;

/// How far ahead triggers are foretold where nothing is said.
const HORIZON: SignedDuration = SignedDuration::from_hours(24);

/// How many nodes are asked about at the same time.
const AT_ONCE: usize = 8;

/// Which nodes.
struct Which {
    id: Option<String>,
    name: Option<String>,
    location: Option<String>,
    provider: Option<String>,
    owner: Option<String>,
    active_within: Option<Length>,
}

impl<'a, 'py> FromPyObject<'a, 'py> for Which {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let given: Given<'py> = given.extract()?;
        Ok(Self {
            id: given.take("id")?,
            name: given.take("name")?,
            location: given.take("location")?,
            provider: given.take("provider")?,
            owner: given.take("owner")?,
            active_within: given.take("active_within")?,
        })
    }
}

impl Which {
    fn filter(self) -> Result<NodeFilter, Error> {
        let Self { id, name, location, provider, owner, active_within } = self;
        Ok(NodeFilter {
            id: id.as_deref().map(NodeId::parse).transpose()?,
            location,
            name,
            provider,
            owner: owner.as_deref().map(UserId::parse).transpose()?,
            active_within: active_within.map(|Length(within)| within),
        })
    }
}

/// What is said of a node.
struct Details {
    name: Option<String>,
    description: Option<String>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    location: Option<String>,
    provider: Option<String>,
    public_ip: Option<String>,
    owner: Option<String>,
    scheduling_enabled: Option<bool>,
}

impl<'a, 'py> FromPyObject<'a, 'py> for Details {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let given: Given<'py> = given.extract()?;
        Ok(Self {
            name: given.take("name")?,
            description: given.take("description")?,
            latitude: given.take("latitude")?,
            longitude: given.take("longitude")?,
            location: given.take("location")?,
            provider: given.take("provider")?,
            public_ip: given.take("public_ip")?,
            owner: given.take("owner")?,
            scheduling_enabled: given.take("scheduling_enabled")?,
        })
    }
}

impl Details {
    fn update(self) -> Result<NodeUpdate, Error> {
        let Self {
            name,
            description,
            latitude,
            longitude,
            location,
            provider,
            public_ip,
            owner,
            scheduling_enabled,
        } = self;
        let coords = match (latitude, longitude) {
            (None, None) => None,
            (Some(latitude), Some(longitude)) => {
                Some(format!("{latitude},{longitude}").parse::<Coordinates>()?)
            }
            (Some(_), None) | (None, Some(_)) => {
                return Err(
                    Error::invalid("a place is half given").hint("give latitude and longitude, in degrees")
                );
            }
        };
        Ok(NodeUpdate {
            name,
            description,
            coords,
            location,
            provider,
            public_ip,
            owner: owner.as_deref().map(UserId::parse).transpose()?,
            scheduling_enabled,
            portal: PortalNotes::default(),
        })
    }
}

fn unknown(id: &NodeId) -> Error {
    Error::not_found(format!("there is no node {id}")).hint("list all nodes with client.nodes()")
}

#[pymethods]
impl Connection {
    /// The nodes that match.
    fn nodes(&self, py: Python<'_>, which: Which) -> PyResult<Call> {
        let filter = read(py, which.filter())?;
        let work = |plane: Plane| async move { plane.nodes(&filter).await };
        self.call(py, work, |py, nodes| objects::nodes(py, &nodes, Timestamp::now()))
    }

    /// A node by its id, which must be there.
    fn node(&self, py: Python<'_>, id: &str) -> PyResult<Call> {
        let id = read(py, NodeId::parse(id))?;
        let work = |plane: Plane| async move {
            let filter = NodeFilter { id: Some(id.clone()), ..NodeFilter::default() };
            plane.nodes(&filter).await?.pop().ok_or_else(|| unknown(&id))
        };
        self.call(py, work, |py, node| Ok(objects::node(py, &node, Timestamp::now())?.into_any()))
    }

    /// The nodes that match, with what they are at.
    fn node_statuses(&self, py: Python<'_>, which: Which) -> PyResult<Call> {
        let filter = read(py, which.filter())?;
        let work = |plane: Plane| async move {
            let at = Timestamp::now();
            let nodes = plane.nodes(&filter).await?;
            if let (Some(id), true) = (&filter.id, nodes.is_empty()) {
                return Err(unknown(id));
            }
            let looks: Vec<_> =
                nodes.into_iter().map(|node| follow::node_status(&*plane, node, at)).collect();
            let found = stream::iter(looks).buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
            Ok((found, at))
        };
        self.call(py, work, |py, (statuses, at)| objects::statuses(py, statuses, at))
    }

    /// Registers a node and gives its access token.
    fn register_node(&self, py: Python<'_>, id: &str, details: Details) -> PyResult<Call> {
        let (id, update) = (read(py, NodeId::parse(id))?, read(py, details.update())?);
        let work = |plane: Plane| async move { plane.register_node(id, update).await };
        self.call(py, work, |py, token| Ok(token.expose().into_pyobject(py)?.into_any()))
    }

    fn update_node(&self, py: Python<'_>, id: &str, details: Details) -> PyResult<Call> {
        let (id, update) = (read(py, NodeId::parse(id))?, read(py, details.update())?);
        let error = Error::invalid(format!("nothing to change of node {id}"));
        if update == NodeUpdate::default() {
            return read(py, Err(error.hint("name what shall be different: name, location, latitude, …")));
        }
        self.order(py, |plane| async move { plane.update_node(&id, update).await })
    }

    fn delete_node(&self, py: Python<'_>, id: &str, with_jobs: bool) -> PyResult<Call> {
        let id = read(py, NodeId::parse(id))?;
        self.order(py, |plane| async move { plane.delete_node(&id, with_jobs).await })
    }

    /// Has a node on standby of a kind, or, without one, no more.
    fn set_standby(
        &self,
        py: Python<'_>,
        id: &str,
        kind: Option<&str>,
        reason: Option<String>,
        until: Option<Moment>,
    ) -> PyResult<Call> {
        let id = read(py, NodeId::parse(id))?;
        let known = |kind: &str| {
            StandbyKind::from_name(kind)
                .ok_or_else(|| Error::internal(format!("{kind} is no kind of standby")))
        };
        let kind = read(py, kind.map(known).transpose())?;
        let until = read(py, until.map(|until| until.from(Timestamp::now())).transpose())?.map(to_micros);
        let standby = kind.map(|kind| Standby { kind, reason, until });
        self.order(py, |plane| async move { plane.set_standby(&id, StandbyBy::Person, standby).await })
    }

    fn standby(&self, py: Python<'_>, id: &str) -> PyResult<Call> {
        let id = read(py, NodeId::parse(id))?;
        let work = |plane: Plane| async move { plane.standby(&id).await };
        self.call(py, work, |py, standby| match standby {
            Some(standby) => objects::standby(py, &standby),
            None => Ok(py.None().into_bound(py)),
        })
    }

    /// The orbital elements for the satellites of a node.
    fn elements(&self, py: Python<'_>, id: &str) -> PyResult<Call> {
        let id = read(py, NodeId::parse(id))?;
        let work = |plane: Plane| async move {
            let elements = plane.elements(&id, None).await?;
            elements.ok_or_else(|| Error::not_found(format!("there are no orbital elements for node {id}")))
        };
        self.call(py, work, |py, constellation| {
            let elements = Elements::of(std::sync::Arc::clone(constellation.catalogue()));
            Ok(elements.into_pyobject(py)?.into_any())
        })
    }

    /// When a trigger is expected to hold at a node.
    fn forecast(
        &self,
        py: Python<'_>,
        id: &str,
        trigger: &Trigger,
        start: Option<Moment>,
        horizon: Option<Length>,
    ) -> PyResult<Call> {
        let id = read(py, NodeId::parse(id))?;
        let condition = trigger.condition().clone();
        let window = || {
            let start = start.unwrap_or(Moment::Now).from(Timestamp::now())?;
            horizon.unwrap_or(Length(HORIZON)).from(start)
        };
        let window = read(py, window())?;
        let text = condition.text().to_owned();
        let work = |plane: Plane| async move { plane.forecast(&id, &text, window).await };
        self.call(py, work, move |py, found| crate::trigger::forecast_object(py, &condition, found))
    }

    /// What a node reads, again and again.
    fn readings(&self, py: Python<'_>, id: &str) -> PyResult<Call> {
        let id = read(py, NodeId::parse(id))?;
        let work = |plane: Plane| async move { plane.watch_readings(&id).await };
        let origin = self.origin.clone();
        self.call(py, work, move |py, readings| {
            Ok(Pieces::new(origin, readings, objects::readings).into_pyobject(py)?.into_any())
        })
    }

    /// The orchestrator's time.
    fn time(&self, py: Python<'_>) -> PyResult<Call> {
        self.call(py, |plane| async move { plane.time().await }, datetime)
    }
}
