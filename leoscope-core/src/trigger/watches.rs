//! Conditions that are watched together.

use std::collections::{BTreeMap, HashMap};

use super::explain::explain;
use super::held::Held;
use super::program::{Truth, View};
use super::readings::Series;
use super::{Explanation, Key, Sample, Trigger, Used, Verdict};
use crate::time::Timestamp;

/// Conditions that are watched over one stream of readings, each under a name of type `K`.
#[derive(Debug, Clone)]
pub struct Watches<K> {
    /// What has been read, of everything that was ever named or read.
    series: Vec<Series>,
    places: HashMap<Key, usize>,
    /// The conditions that name each of them.
    users: Vec<Vec<K>>,
    /// The places of series that nothing names any more and nothing reads unasked.
    vacant: Vec<usize>,
    watches: BTreeMap<K, Watch>,
}

#[derive(Debug, Clone)]
struct Watch {
    trigger: Trigger,
    /// Which series its slots are.
    slots: Vec<usize>,
    /// What is remembered of what it wants held for a time.
    held: Vec<Held>,
    truth: Option<Truth>,
    /// Since when it has been met, if it is.
    met_since: Option<Timestamp>,
}

impl Watch {
    /// Evaluates it; whether the verdict is another one than before.
    fn evaluate(&mut self, series: &[Series], now: Timestamp) -> bool {
        let before = self.truth.map(Truth::verdict);
        let view = View { series, slots: &self.slots, now: now.as_microsecond() };
        let truth = view.condition(&self.trigger.checked().condition, &mut self.held);
        self.truth = Some(truth);
        self.met_since = match truth {
            Truth::Met => self.met_since.or(Some(now)),
            Truth::NotMet | Truth::Unknown(_) => None,
        };
        before != Some(truth.verdict())
    }

    fn verdict(&self) -> Verdict {
        self.truth.map_or(Verdict::Unknown, Truth::verdict)
    }
}

impl<K> Default for Watches<K> {
    fn default() -> Self {
        Self {
            series: Vec::new(),
            places: HashMap::new(),
            users: Vec::new(),
            vacant: Vec::new(),
            watches: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Watches<K> {
    /// Watches nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The place of a field's series, which is made where there is none.
    fn place(&mut self, key: &Key) -> usize {
        if let Some(place) = self.places.get(key) {
            return *place;
        }
        let place = self.vacant.pop().unwrap_or(self.series.len());
        if place == self.series.len() {
            self.series.push(Series::new(key.clone()));
            self.users.push(Vec::new());
        } else {
            self.series[place] = Series::new(key.clone());
        }
        self.places.insert(key.clone(), place);
        place
    }

    /// Lets a value of `key` count for so many seconds, where it is not read as often as its field is
    /// elsewhere.
    pub fn allow_age(&mut self, key: &Key, secs: u32) {
        let place = self.place(key);
        self.series[place].allow_age(secs);
    }

    /// For how many seconds a value of `key` counts, where that was [allowed](Self::allow_age) to be another
    /// time than its field has.
    pub fn allowed_age(&self, key: &Key) -> Option<u32> {
        let place = *self.places.get(key)?;
        let secs = u32::try_from(self.series[place].stale_after_us() / 1_000_000).ok()?;
        (secs != key.stale_after_s()).then_some(secs)
    }

    /// Keeps of the series in `place` what its users look at.
    fn keep(&mut self, place: usize) {
        let reach = self.users[place].iter().filter_map(|name| {
            let watch = self.watches.get(name)?;
            let slot = watch.slots.iter().position(|other| *other == place)?;
            Some(watch.trigger.checked().condition.reach(slot))
        });
        let (samples, us) = reach.fold((0, 0), |one, other| (one.0.max(other.0), one.1.max(other.1)));
        self.series[place].keep(samples, us);
    }

    /// Watches `trigger` under `name`. One that is watched under that name already goes on with what it
    /// remembers; another takes its place.
    pub fn set(&mut self, name: K, trigger: &Trigger) {
        if self.watches.get(&name).is_some_and(|watch| watch.trigger == *trigger) {
            return;
        }
        self.remove(&name);
        let slots: Vec<usize> = trigger.keys().iter().map(|key| self.place(key)).collect();
        for place in &slots {
            self.users[*place].push(name.clone());
        }
        let held = vec![Held::default(); trigger.checked().places];
        let (trigger, met_since) = (trigger.clone(), None);
        let watch = Watch { trigger, slots: slots.clone(), held, truth: None, met_since };
        self.watches.insert(name, watch);
        for place in slots {
            self.keep(place);
        }
    }

    /// Watches nothing under `name` any more.
    pub fn remove(&mut self, name: &K) {
        let Some(watch) = self.watches.remove(name) else { return };
        for (key, place) in watch.trigger.keys().iter().zip(watch.slots) {
            self.users[place].retain(|user| user != name);
            self.keep(place);
            // Of satellites only those are read that are named.
            if self.users[place].is_empty() && matches!(key, Key::Satellite(..)) {
                self.places.remove(key);
                self.series[place] = Series::new(key.clone());
                self.vacant.push(place);
            }
        }
    }

    /// What is named by those that are watched, or was read.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.places.keys()
    }

    /// The names that are watched.
    pub fn names(&self) -> impl Iterator<Item = &K> {
        self.watches.keys()
    }

    /// Takes readings in at `now` and evaluates the conditions that name them; those whose verdict has
    /// changed are told, also where it did only because a reading had become too old before the next came.
    /// A reading that is older than the newest of its field is none.
    pub fn take_in(&mut self, samples: &[Sample], now: Timestamp) -> Vec<K> {
        let known = samples.iter().filter_map(|sample| self.places.get(&sample.key).copied());
        // Nobody may have looked while these were too old. Once there are new ones, what they interrupted
        // would seem to have held all the time.
        let stale: Vec<usize> =
            known.filter(|place| self.series[*place].is_stale(now.as_microsecond())).collect();
        let was_stale = !stale.is_empty();
        let mut changed = self.evaluate_users(stale, now);
        let mut touched = Vec::new();
        for Sample { key, value, at } in samples {
            let place = self.place(key);
            if self.series[place].take_in(*at, value.as_ref(), now) {
                touched.push(place);
            }
        }
        changed.append(&mut self.evaluate_users(touched, now));
        if was_stale {
            changed.sort_unstable();
            changed.dedup();
        }
        changed
    }

    /// Evaluates the conditions that name the series in these places; those whose verdict has changed are
    /// told.
    fn evaluate_users(&mut self, mut places: Vec<usize>, now: Timestamp) -> Vec<K> {
        places.sort_unstable();
        places.dedup();
        let mut names: Vec<&K> = places.iter().flat_map(|place| &self.users[*place]).collect();
        if places.len() > 1 {
            names.sort_unstable();
            names.dedup();
        }
        let mut changed = Vec::new();
        for name in names {
            let Some(watch) = self.watches.get_mut(name) else { continue };
            if watch.evaluate(&self.series, now) {
                changed.push(name.clone());
            }
        }
        changed
    }

    /// Evaluates all conditions, as time passes; those whose verdict has changed are told.
    pub fn pass(&mut self, now: Timestamp) -> Vec<K> {
        let mut changed = Vec::new();
        for (name, watch) in &mut self.watches {
            if watch.evaluate(&self.series, now) {
                changed.push(name.clone());
            }
        }
        changed
    }

    /// The verdict under `name` as it was passed last.
    pub fn verdict(&self, name: &K) -> Option<Verdict> {
        self.watches.get(name).map(Watch::verdict)
    }

    /// Since when the condition under `name` has been met without a break, where it was met when it was
    /// evaluated last.
    pub fn met_since(&self, name: &K) -> Option<Timestamp> {
        self.watches.get(name)?.met_since
    }

    /// Evaluates the condition under `name` at `now`. Allocates nothing.
    pub fn evaluate(&mut self, name: &K, now: Timestamp) -> Option<Verdict> {
        let watch = self.watches.get_mut(name)?;
        watch.evaluate(&self.series, now);
        Some(watch.verdict())
    }

    /// Evaluates the condition under `name` at `now` and says why.
    pub fn judge(&mut self, name: &K, now: Timestamp) -> Option<Explanation> {
        let watch = self.watches.get_mut(name)?;
        watch.evaluate(&self.series, now);
        let verdict = watch.verdict();
        let view = View { series: &self.series, slots: &watch.slots, now: now.as_microsecond() };
        let used = watch.trigger.keys().iter().zip(&watch.slots).map(|(key, place)| {
            let newest = self.series[*place].newest();
            let at = newest.as_ref().map(|sample| sample.at);
            Used { key: key.clone(), value: newest.and_then(|sample| sample.value), at }
        });
        let why = explain(&watch.trigger, &view, &mut watch.held.clone());
        Some(Explanation { verdict, why, used: used.collect() })
    }

    /// The newest reading of each field there is.
    pub fn latest(&self) -> Vec<Sample> {
        self.series.iter().filter_map(Series::newest).collect()
    }
}
