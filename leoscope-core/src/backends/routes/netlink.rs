//! The routes of this host's main table, by netlink.

use std::pin::pin;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use nix::errno::Errno;
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope};
use rtnetlink::{Error as NetlinkError, Handle, RouteMessageBuilder};
use std::net::IpAddr;

use crate::error::{Error, ErrorKind, Result};
use crate::model::Route;
use crate::ports::Routes;

/// The mark of routes that a node has made (`rtm_protocol`): `ip route` shows it as `proto 76`.
/// Numbers from 4 on are for programs, and no known one uses this.
const MARK: RouteProtocol = RouteProtocol::Other(76);

/// The routes of the network that the calling thread is on. Changing them takes `CAP_NET_ADMIN`.
#[derive(Debug, Clone, Copy, Default)]
pub struct NetlinkRoutes;

#[async_trait]
impl Routes for NetlinkRoutes {
    async fn add(&self, route: &Route) -> Result<()> {
        let handle = connect()?;
        let device = find_device(&handle, route).await?.ok_or_else(|| {
            Error::not_found(format!("cannot add route {route}: there is no interface {}", route.device()))
                .hint("'ip link' lists the interfaces of this host")
        })?;
        let message = message(route, device)?;
        match handle.route().add(message.clone()).execute().await {
            Err(NetlinkError::NetlinkError(e)) if errno(e.raw_code()) == Errno::EEXIST => {
                if stands(&handle, &message).await.map_err(|e| fault("look for", route, &e))? {
                    return Ok(());
                }
                let text = format!("cannot add route {route}: another to the same destination stands");
                Err(Error::new(ErrorKind::AlreadyExists, text)
                    .hint("'ip route' shows it; remove it, or the route from the executor config"))
            }
            added => added.map_err(|e| fault("add", route, &e)),
        }
    }

    async fn remove(&self, route: &Route) -> Result<()> {
        let handle = connect()?;
        // The routes over an interface go with it.
        let Some(device) = find_device(&handle, route).await? else { return Ok(()) };
        // The kernel removes only what carries the mark as well.
        match handle.route().del(message(route, device)?).execute().await {
            Err(NetlinkError::NetlinkError(e)) if errno(e.raw_code()) == Errno::ESRCH => Ok(()),
            removed => removed.map_err(|e| fault("remove", route, &e)),
        }
    }
}

/// Opens a socket to the kernel; it is closed when the handle is dropped.
fn connect() -> Result<Handle> {
    let (connection, handle, _) =
        rtnetlink::new_connection().map_err(|e| Error::while_doing("speak netlink to the kernel", e))?;
    tokio::spawn(connection);
    Ok(handle)
}

/// The number of the interface; `None` when there is none of that name.
async fn find_device(handle: &Handle, route: &Route) -> Result<Option<u32>> {
    let mut found = pin!(handle.link().get().match_name(route.device().to_owned()).execute());
    match found.try_next().await {
        Ok(link) => Ok(link.map(|link| link.header.index)),
        Err(NetlinkError::NetlinkError(e)) if errno(e.raw_code()) == Errno::ENODEV => Ok(None),
        Err(e) => Err(fault("find the interface of", route, &e)),
    }
}

fn message(route: &Route, device: u32) -> Result<RouteMessage> {
    let refused = |e| Error::while_doing(format!("put route {route} into words"), e);
    let builder = RouteMessageBuilder::<IpAddr>::new()
        .destination_prefix(route.address(), route.prefix())
        .map_err(refused)?
        .output_interface(device)
        .protocol(MARK);
    let builder = match route.gateway() {
        Some(gateway) => builder.gateway(gateway).map_err(refused)?,
        // IPv6 has no scopes, and its routes are all told as of the widest.
        None if route.address().is_ipv4() => builder.scope(RouteScope::Link),
        None => builder,
    };
    Ok(builder.build())
}

/// Whether a route with this destination, gateway and interface is in the main table.
async fn stands(handle: &Handle, wanted: &RouteMessage) -> Result<bool, NetlinkError> {
    let mut query = RouteMessage::default();
    query.header.address_family = wanted.header.address_family;
    let mut routes = pin!(handle.route().get(query).execute());
    while let Some(route) = routes.try_next().await? {
        if route.header.table == wanted.header.table && essence(&route) == essence(wanted) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Where a route leads to, by way of whom, and over which interface.
fn essence(message: &RouteMessage) -> (u8, Option<RouteAddress>, Option<RouteAddress>, Option<u32>) {
    let (mut destination, mut gateway, mut device) = (None, None, None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => destination = Some(address.clone()),
            RouteAttribute::Gateway(address) => gateway = Some(address.clone()),
            RouteAttribute::Oif(index) => device = Some(*index),
            _ => {}
        }
    }
    let prefix = message.header.destination_prefix_length;
    // The kernel leaves out the address of a prefix without bits.
    (prefix, destination.filter(|_| prefix > 0), gateway, device)
}

fn errno(code: i32) -> Errno {
    Errno::from_raw(code.saturating_abs())
}

fn fault(doing: &str, route: &Route, source: &NetlinkError) -> Error {
    let NetlinkError::NetlinkError(answer) = source else {
        return Error::while_doing(format!("{doing} route {route}"), source);
    };
    let errno = errno(answer.raw_code());
    let message = format!("cannot {doing} route {route}: {}", errno.desc());
    match errno {
        Errno::EPERM | Errno::EACCES => Error::new(ErrorKind::PermissionDenied, message)
            .hint("run the node as root, or give it the capability CAP_NET_ADMIN"),
        Errno::ENETUNREACH | Errno::EHOSTUNREACH => {
            Error::internal(message).hint("the gateway must be an address on the network of the interface")
        }
        Errno::ENETDOWN => Error::internal(message).hint("the interface is not up"),
        _ => Error::internal(message),
    }
}
