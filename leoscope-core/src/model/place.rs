//! Where the results of a run are, as its readers are told.

use super::Run;
use crate::time::{Timestamp, parse_time};

/// How the places of an orchestrator's own store begin.
pub(crate) const OWN_PLACE: &str = "leoscope:";

/// Where a bundle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultsPlace<'a> {
    /// The orchestrator hands it out.
    Orchestrator,
    /// A link leads there, which anybody who has it can use for a while.
    Link {
        /// The link without its query: where it leads, without the permission.
        place: &'a str,
        /// Until when it works, where it says so.
        expires: Option<Timestamp>,
    },
    /// In a store on the web to which the testbed gives no link.
    Elsewhere(&'a str),
}

impl<'a> ResultsPlace<'a> {
    /// What the [`artifact`](Run::artifact) of a run says; `None` when it has none.
    pub fn of(run: &'a Run) -> Option<Self> {
        let artifact = run.artifact.as_deref()?;
        let is_web = artifact.starts_with("https://") || artifact.starts_with("http://");
        Some(match artifact.split_once('?') {
            _ if artifact.starts_with(OWN_PLACE) || !is_web => Self::Orchestrator,
            Some((place, query)) => Self::Link { place, expires: expiry(query) },
            None => Self::Elsewhere(artifact),
        })
    }

    /// The name of the host of a place on the web.
    pub fn host(place: &str) -> &str {
        let rest = place.split_once("://").map_or(place, |(_, rest)| rest);
        rest.split(['/', '?']).next().unwrap_or(rest)
    }
}

/// The end of a link's time: `se` in a shared access signature of Azure Blob Storage.
fn expiry(query: &str) -> Option<Timestamp> {
    let written = query.split('&').find_map(|pair| pair.strip_prefix("se="))?;
    parse_time(&written.replace("%3A", ":").replace("%3a", ":")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{JobId, NodeId, RunId, UserId};
    use crate::time::Window;

    #[test]
    fn a_link_is_told_from_a_place_and_its_permission_is_left_out() {
        let at = |text| parse_time(text).expect("time");
        let planned = Window::new(at("2026-12-01T00:00:00"), at("2026-12-01T00:01:00")).expect("window");
        let mut run = Run::planned(
            RunId::parse("r").expect("id"),
            JobId::parse("j").expect("id"),
            NodeId::parse("n").expect("id"),
            UserId::parse("u").expect("id"),
            planned,
        );
        assert_eq!(ResultsPlace::of(&run), None);
        let expires = Some(at("2026-12-01T01:00:00"));
        let place = "https://a.example.org/c/n/j/r.tar.gz";
        for (artifact, expected) in [
            ("leoscope:n/j/r.tar.gz".to_owned(), ResultsPlace::Orchestrator),
            (place.to_owned(), ResultsPlace::Elsewhere(place)),
            (format!("{place}?sig=x"), ResultsPlace::Link { place, expires: None }),
            (
                format!("{place}?sv=1&se=2026-12-01T01%3A00%3A00Z&sig=x"),
                ResultsPlace::Link { place, expires },
            ),
            (format!("{place}?se=soon&sig=x"), ResultsPlace::Link { place, expires: None }),
        ] {
            run.artifact = Some(artifact.clone());
            assert_eq!(ResultsPlace::of(&run), Some(expected), "{artifact}");
        }
        assert_eq!(ResultsPlace::host(place), "a.example.org");
    }
}
