//! When the condition of a job will hold.
//!
//! What satellites, the sun and the clock will be like is computed as a node computes it at the time, second
//! by second, and the condition is evaluated over that as the node does. So a condition on these alone is
//! foretold exactly, but for the age of the orbital elements. Of one that depends on more as well, only
//! what it needs can be told: it cannot hold outside those windows.

use crate::error::Error;
use crate::model::{Expected, Forecast, Reach};
use crate::orbit::{self, Tracker, sigma};
use crate::schedule::Zone;
use crate::time::{SignedDuration, Timestamp, Window};
use crate::trigger::{Ahead, Field, Foreseeable, Key, Sample, Source, Trigger, Verdict, of_clock, predict};

/// The longest time that is looked ahead: after it, elements are too old to tell seconds.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(72);

/// What is known of the future at a site.
#[derive(Debug)]
pub struct Outlook<'a> {
    /// The satellites; `None` where no elements are known.
    pub tracker: Option<&'a mut Tracker>,
    /// The zone of the node, for its local time; `None` where that is not known.
    pub zone: Option<&'a Zone>,
    /// The weather as a service foretells it, hour by hour in the order of time; empty where it is not
    /// known.
    pub weather: &'a [Sample],
}

impl Outlook<'_> {
    /// Whether the values of `key` are known before their time.
    fn foresees(&self, key: &Key) -> bool {
        match key.ahead() {
            Ahead::No => false,
            Ahead::Hourly => self.weather.iter().any(|sample| sample.key == *key),
            Ahead::Exact if is_local(key) => self.zone.is_some(),
            Ahead::Exact => key.source() == Source::Clock || self.tracker.is_some(),
        }
    }

    /// Tells when `trigger` will hold in `span`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a condition of which nothing can be told,
    /// naming what prevents it, for satellites that are not among the elements, and for a span of more
    /// than [`LONGEST`].
    pub fn forecast(&mut self, trigger: &Trigger, span: Window) -> Result<Forecast, Error> {
        if span.length() > LONGEST {
            let hours = span.length().as_secs() / 3_600;
            return Err(Error::invalid(format!("{hours} hours are too far ahead"))
                .hint(format!("look {} hours ahead at most: orbital elements age", LONGEST.as_hours())));
        }
        let (part, reach) = self.part(trigger)?;
        self.check_names(&part)?;
        let keys = part.keys().to_vec();
        let mut found = Forecast { span, reach, windows: Vec::new(), unknown: Vec::new() };
        let mut ages: Vec<(Timestamp, SignedDuration)> = Vec::new();
        let verdicts = {
            let ages = &mut ages;
            predict(&part, span, |now| self.readings(&keys, now, ages))
        };
        for (verdict, window) in verdicts {
            match verdict {
                Verdict::Met => found.windows.push(expected(window, &ages)),
                Verdict::Unknown => found.unknown.push(window),
                Verdict::NotMet => {}
            }
        }
        Ok(found)
    }

    fn part(&self, trigger: &Trigger) -> Result<(Trigger, Reach), Error> {
        match trigger.foreseeable(|key| self.foresees(key)) {
            Foreseeable::All => Ok((trigger.clone(), Reach::Exact)),
            Foreseeable::Part { part, unforeseen } => {
                let text = part.to_string();
                Ok((part, Reach::Necessary { part: text, unforeseen }))
            }
            Foreseeable::Nothing { unforeseen } => Err(nothing(trigger, &unforeseen, self.tracker.is_some())),
        }
    }

    /// Satellites that are named must be among the elements.
    fn check_names(&self, part: &Trigger) -> Result<(), Error> {
        let Some(tracker) = &self.tracker else { return Ok(()) };
        for key in part.keys() {
            if let Key::Satellite(name, _) = key
                && tracker.catalogue().find(name).is_none()
            {
                return Err(Error::invalid(format!("satellite {name:?} is not among the orbital elements"))
                    .hint("give its name as it is in the elements, or its catalogue number"));
            }
        }
        Ok(())
    }

    fn readings(
        &mut self,
        keys: &[Key],
        now: Timestamp,
        ages: &mut Vec<(Timestamp, SignedDuration)>,
    ) -> Vec<Sample> {
        let mut samples = Vec::new();
        if keys.iter().any(|key| key.source() == Source::Clock) {
            samples.extend(of_clock(now, &self.zone.unwrap_or(&Zone::UTC).time_zone()));
        }
        if let Some(tracker) = self.tracker.as_deref_mut() {
            if keys.iter().any(|key| key.source() == Source::Orbit && matches!(key, Key::Field(_))) {
                let sky = tracker.sky(now);
                if let Some(age) = sky.element_age
                    && ages
                        .last()
                        .is_none_or(|(at, _)| now.duration_since(*at) >= SignedDuration::from_secs(60))
                {
                    ages.push((now, age));
                }
                samples.extend(orbit::of_sky_among(&sky, |field| keys.contains(&Key::Field(field))));
            }
            for key in keys {
                if let Key::Satellite(name, _) = key {
                    let place = tracker.catalogue().find(name);
                    let named = place.and_then(|place| tracker.named(place, now));
                    if let Some(place) = place.filter(|_| ages.is_empty()) {
                        ages.push((now, tracker.catalogue().satellites()[place].age(now)));
                    }
                    samples.push(orbit::of_named(key, named.as_ref(), now));
                }
            }
        }
        samples.retain(|sample| keys.contains(&sample.key));
        let weather = self.weather.partition_point(|sample| sample.at <= now);
        // The readings of the last two hours: later ones of a field replace earlier ones.
        let recent = self.weather[..weather]
            .iter()
            .rev()
            .take_while(|sample| now.duration_since(sample.at) < SignedDuration::from_hours(2));
        let recent: Vec<Sample> = recent.filter(|sample| keys.contains(&sample.key)).cloned().collect();
        samples.extend(recent.into_iter().rev());
        samples
    }
}

/// Whether its values follow from the zone of the node.
fn is_local(key: &Key) -> bool {
    let local = [Field::TIME_LOCAL_HOUR, Field::TIME_LOCAL_WEEKDAY];
    matches!(key, Key::Field(field) if local.contains(field))
}

/// A window with how sure it is.
fn expected(window: Window, ages: &[(Timestamp, SignedDuration)]) -> Expected {
    let later = ages.partition_point(|(at, _)| *at <= window.start());
    let known = later.checked_sub(1).map_or(ages.first(), |place| ages.get(place));
    let age = known.map(|(at, age)| age.saturating_add(window.start().duration_since(*at)));
    Expected { window, sigma_s: age.map_or(0.0, sigma), element_age: age }
}

fn nothing(trigger: &Trigger, unforeseen: &[Key], has_elements: bool) -> Error {
    let names: Vec<String> = unforeseen.iter().map(ToString::to_string).collect();
    let orbit = unforeseen.iter().any(|key| key.source() == Source::Orbit && key.ahead() == Ahead::Exact);
    let message = format!(
        "nothing can be told ahead of {:?}: {} is not known before its time",
        trigger.text(),
        names.join(", ")
    );
    let hint = if orbit && !has_elements {
        "orbital elements are needed for this; the operator of the testbed can configure where they come from"
    } else {
        "a forecast is possible for satellite.…, sun.…, starlink.slot…, time.…, and parts joined with 'and'"
    };
    Error::invalid(message).hint(hint)
}

#[cfg(test)]
mod tests;
