//! Nodes, and what they are at.

use leoscope_core::model::{Node, NodeReadings, NodeStatus, Reading, Standby, Standbys};
use leoscope_core::time::{SignedDuration, Timestamp};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::job::calendar;
use super::run::run;
use super::{fields, instant, length};
use crate::python::made;
use crate::time::datetime;
use crate::trigger::object as value;
use leoscope_core::ports::Calendar;

/// The fields of a node, as it is at `now`.
pub(crate) fn node<'py>(py: Python<'py>, node: &Node, now: Timestamp) -> PyResult<Bound<'py, PyDict>> {
    let Node {
        id,
        name,
        description,
        coords,
        location,
        provider,
        public_ip,
        owner,
        scheduling_enabled,
        standby: _,
        time_zone,
        clock_offset_us,
        portal: _,
        registered,
        last_active,
        contact_since: _,
    } = node;
    let standbys = standbys(py, &node.standby, now)?;
    let offset = clock_offset_us.map(|us| length(py, SignedDuration::from_micros(us)));
    Ok(fields!(py, {
        "id": id.as_str(),
        "name": name,
        "description": description,
        "latitude": coords.map(|coords| coords.latitude()),
        "longitude": coords.map(|coords| coords.longitude()),
        "location": location,
        "provider": provider,
        "public_ip": public_ip,
        "owner": owner.as_ref().map(|owner| owner.as_str()),
        "scheduling_enabled": scheduling_enabled,
        "state": node.state(now).word(),
        "standby": standbys,
        "time_zone": time_zone.as_ref().map(|zone| zone.name()),
        "clock_offset": offset.transpose()?,
        "registered": datetime(py, *registered)?,
        "last_active": instant(py, *last_active)?,
    }))
}

pub(crate) fn nodes<'py>(py: Python<'py>, nodes: &[Node], now: Timestamp) -> PyResult<Bound<'py, PyAny>> {
    let nodes = nodes.iter().map(|one| node(py, one, now)).collect::<PyResult<Vec<_>>>()?;
    Ok(PyList::new(py, nodes)?.into_any())
}

fn standbys<'py>(py: Python<'py>, standbys: &Standbys, now: Timestamp) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let active = standbys.iter().filter(|(_, standby)| standby.is_active(now));
    active.map(|(_, one)| standby(py, one)).collect()
}

/// What keeps a node from experiments.
pub(crate) fn standby<'py>(py: Python<'py>, standby: &Standby) -> PyResult<Bound<'py, PyAny>> {
    let Standby { kind, reason, until } = standby;
    made(py, "Standby", (kind.name(), reason.as_deref(), instant(py, *until)?))
}

/// The fields of nodes with what they do, did and will do.
pub(crate) fn statuses(
    py: Python<'_>,
    statuses: Vec<(NodeStatus, bool)>,
    at: Timestamp,
) -> PyResult<Bound<'_, PyAny>> {
    let status = |(status, complete): (NodeStatus, bool)| -> PyResult<_> {
        let NodeStatus { node: of, state, now, due, next, recent } = status;
        let recent: Vec<(&str, usize)> =
            recent.into_iter().map(|(status, count)| (status.name(), count)).collect();
        Ok(fields!(py, {
            "node": node(py, &of, at)?,
            "state": state.word(),
            "running": now.iter().map(|one| run(py, one)).collect::<PyResult<Vec<_>>>()?,
            "due": calendar(py, Calendar { events: due, complete })?,
            "next": calendar(py, Calendar { events: next, complete })?,
            "recent": recent,
        }))
    };
    let statuses = statuses.into_iter().map(status).collect::<PyResult<Vec<_>>>()?;
    Ok(PyList::new(py, statuses)?.into_any())
}

/// A value that a node has read.
pub(crate) fn reading(py: Python<'_>, reading: Reading) -> PyResult<Bound<'_, PyAny>> {
    let Reading { field, value: read, unit, source, at, counts_for_s: _ } = reading;
    made(py, "Reading", (field, value(py, read.as_ref())?, unit, source, instant(py, at)?))
}

/// All that a node has read last: readings by the names of their fields.
pub(crate) fn readings(py: Python<'_>, readings: NodeReadings) -> PyResult<Bound<'_, PyAny>> {
    let NodeReadings { at, readings } = readings;
    let all = PyDict::new(py);
    for one in readings {
        let field = one.field.clone();
        all.set_item(field, reading(py, one)?)?;
    }
    made(py, "NodeReadings", (datetime(py, at)?, all))
}
