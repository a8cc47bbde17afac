//! Where satellites are: orbital elements, what they look like from a site, and when they pass.
//!
//! [`Catalogue::parse`] reads a set of elements as it is published; [`Site::look`] tells where one
//! satellite is in the sky; [`passes`] finds all times at which one is above an elevation; a [`Tracker`]
//! tells second by second what of a whole constellation is in the sky, for a fraction of the cost of
//! computing each satellite anew.
//!
//! Angles in public items are in degrees, distances in kilometres. The frame of computation is TEME of
//! date, as the elements have it; the earth is turned by Greenwich mean sidereal time (IAU 1982) of UT1,
//! and polar motion is left out, which is at most 15 m.

mod arc;
mod elements;
mod frame;
mod gso;
mod mask;
mod passes;
mod plane;
mod readings;
mod satellite;
mod sky;
mod sun;
mod tracker;
mod vector;
mod walker;

pub use elements::{Catalogue, MAX_SATELLITES, Skipped};
pub use frame::{Look, Site};
pub use mask::{Mask, Obstruction};
pub use passes::{Pass, above, passes, passes_of_all, sigma};
pub use readings::{of_named, of_sky, of_sky_among};
pub use satellite::{Satellite, Shell, State};
pub use sky::{Highest, Named, Sky, Spread};
pub use sun::{is_sunlit, sun_elevation};
pub use tracker::{Tracker, View};
pub use walker::Walker;
