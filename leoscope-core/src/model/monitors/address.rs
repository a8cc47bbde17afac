//! Addresses of what a node watches, as an operator writes them.

use core::net::{IpAddr, Ipv6Addr};

/// The longest name of a host, and the longest part of one between dots; RFC 1035, section 2.3.4.
const MAX_NAME_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// The host that `text` names, a name or an address; addresses may have brackets.
pub(super) fn host(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().ok().map(|_| inner.to_owned());
    }
    (text.parse::<IpAddr>().is_ok() || is_name(text)).then(|| text.to_owned())
}

/// The host and port of `HOST:PORT`; an IPv6 address is in brackets.
pub(super) fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (name, port) = text.rsplit_once(':')?;
    // Without brackets it would not be clear where an IPv6 address ends.
    if name.contains(':') && !name.starts_with('[') {
        return None;
    }
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| digits && *port != 0)?;
    Some((host(name)?, port))
}

/// Whether `text` is the address of a web service: `http://` or `https://`, a host, perhaps a port, and
/// a path, without user, query and fragment.
pub(super) fn is_web_address(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")) else {
        return false;
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_path = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&byte));
    is_path && (host_and_port(authority).is_some() || (host(authority).is_some() && is_plain(authority)))
}

/// Whether a host without a port is written as it stands in an address.
fn is_plain(host: &str) -> bool {
    !host.contains(':') || host.starts_with('[')
}

fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= MAX_LABEL_BYTES
            && !label.starts_with('-')
            && !label.ends_with('-')
            // Not allowed in names of hosts, but in use.
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    // What ends in a number would be an address, and is none: `10.0.0.256`.
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= MAX_NAME_BYTES
        && name.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}
