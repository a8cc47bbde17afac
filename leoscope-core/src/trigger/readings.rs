//! What monitors have read, and what was read before.

use std::collections::VecDeque;

use super::{Key, Value};
use crate::time::Timestamp;

/// How many samples of a field are kept at least: the newest and the five before it.
pub(super) const KEPT: usize = 6;

/// How many samples of a field are kept at most.
pub(super) const MOST_KEPT: usize = 4_000;

/// How far apart samples are, in microseconds, of what the node works out itself whenever it is asked.
const APART_US: i64 = 1_000_000;

/// One reading of a monitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Of what.
    pub key: Key,
    /// The value; `None` where the source answered and has none.
    pub value: Option<Value>,
    /// When it was observed.
    pub at: Timestamp,
}

impl Sample {
    /// A number of a field; none where it is not finite.
    pub fn number(key: impl Into<Key>, number: f64, at: Timestamp) -> Self {
        Self { key: key.into(), value: Value::number(number), at }
    }

    /// A flag of a field.
    pub fn flag(key: impl Into<Key>, flag: bool, at: Timestamp) -> Self {
        Self { key: key.into(), value: Some(Value::Flag(flag)), at }
    }

    /// A text of a field.
    pub fn text(key: impl Into<Key>, text: &str, at: Timestamp) -> Self {
        Self { key: key.into(), value: Some(Value::text(text)), at }
    }

    /// That a field has no value at the time.
    pub fn none(key: impl Into<Key>, at: Timestamp) -> Self {
        Self { key: key.into(), value: None, at }
    }
}

/// The readings of one field.
#[derive(Debug, Clone)]
pub(super) struct Series {
    key: Key,
    stale_after_us: i64,
    /// Times in microseconds and values, oldest first.
    samples: VecDeque<(i64, Option<Value>)>,
    /// When there was a value last.
    valued_at: Option<i64>,
    /// How many samples, and of how many microseconds, are wanted.
    keep: usize,
    keep_us: i64,
    /// For how many microseconds after the first of them samples take each other's place.
    apart_us: i64,
    /// When the first sample was taken whose place the newest has.
    begun: Option<i64>,
}

impl Series {
    pub(super) fn new(key: Key) -> Self {
        let stale_after_us = i64::from(key.stale_after_s()) * 1_000_000;
        // Its history must not depend on how often somebody asks.
        let apart_us = if key.is_worked_out() { APART_US } else { 0 };
        let (samples, valued_at, begun) = (VecDeque::new(), None, None);
        Self { key, stale_after_us, samples, valued_at, keep: KEPT, keep_us: 0, apart_us, begun }
    }

    pub(super) fn stale_after_us(&self) -> i64 {
        self.stale_after_us
    }

    /// Whether the newest sample is too old at `now` (in microseconds) to count. Also one of a time that is
    /// yet to come, from before the clock was set back.
    pub(super) fn is_stale(&self, now: i64) -> bool {
        self.newest_at().is_some_and(|at| (now - at).abs() >= self.stale_after_us)
    }

    /// Lets a value count for so many seconds.
    pub(super) fn allow_age(&mut self, secs: u32) {
        self.stale_after_us = i64::from(secs) * 1_000_000;
    }

    /// Keeps so many samples and those of so many microseconds from now on, or the few that are always
    /// kept.
    pub(super) fn keep(&mut self, samples: usize, us: i64) {
        self.keep = samples.clamp(KEPT, MOST_KEPT);
        self.keep_us = us;
    }

    /// Takes a sample in at `now`; whether it is news. One that is older than the newest is not, unless
    /// the newest is of a time that is yet to come: then the clock has been set back. What the node works
    /// out itself has one sample a second, which is the newest of that second.
    pub(super) fn take_in(&mut self, at: Timestamp, value: Option<&Value>, now: Timestamp) -> bool {
        let (at, now) = (at.as_microsecond(), now.as_microsecond());
        if self.newest_at().is_some_and(|newest| newest > at && newest > now) {
            self.samples.retain(|(other, _)| *other <= now);
            self.valued_at = self.valued_at.filter(|valued| *valued <= now);
            self.begun = None;
        }
        let takes_its_place = self.begun.is_some_and(|begun| (begun..begun + self.apart_us).contains(&at));
        match self.samples.back_mut() {
            Some((newest, _)) if *newest > at => return false,
            Some((newest, before)) if *newest == at || takes_its_place => {
                let is_news = *newest != at || before.as_ref() != value;
                (*newest, *before) = (at, value.cloned());
                self.valued_at = if value.is_some() { Some(at) } else { self.valued_at };
                return is_news;
            }
            _ => self.samples.push_back((at, value.cloned())),
        }
        self.begun = Some(at);
        self.valued_at = if value.is_some() { Some(at) } else { self.valued_at };
        while self.samples.len() > MOST_KEPT
            || (self.samples.len() > self.keep
                && self.samples.front().is_some_and(|(oldest, _)| at - oldest > self.keep_us))
        {
            self.samples.pop_front();
        }
        true
    }

    /// When there was a value last, in microseconds.
    pub(super) fn valued_at(&self) -> Option<i64> {
        self.valued_at
    }

    pub(super) fn newest_at(&self) -> Option<i64> {
        self.samples.back().map(|(at, _)| *at)
    }

    /// The newest sample, or one so many before it.
    pub(super) fn sample(&self, back: usize) -> Option<&(i64, Option<Value>)> {
        self.samples.get(self.samples.len().checked_sub(back + 1)?)
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = &(i64, Option<Value>)> {
        self.samples.iter().rev()
    }

    /// The newest sample as it was taken in.
    pub(super) fn newest(&self) -> Option<Sample> {
        let (at, value) = self.samples.back()?;
        let at = Timestamp::from_microsecond(*at).ok()?;
        Some(Sample { key: self.key.clone(), value: value.clone(), at })
    }
}
