//! Fields by their names.

use super::super::fields::{Alias, Field};
use super::super::program::{Number, Read, Span, Summary};
use super::super::readings::KEPT;
use super::super::tree::{Node, without_history};
use super::super::{Key, Kind};
use super::{Checker, Typed};

/// How many letters may differ between a name and the one that was meant.
const LOOKS_LIKE: usize = 4;

/// A field as it is named: in its own unit, or an alias's.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named {
    pub(super) key: Key,
    pub(super) factor: f64,
    pub(super) offset: f64,
    pub(super) unit: &'static str,
}

impl From<Key> for Named {
    fn from(key: Key) -> Self {
        let unit = key.unit();
        Self { key, factor: 1.0, offset: 0.0, unit }
    }
}

impl Checker<'_, '_> {
    pub(super) fn name(&mut self, node: &Node, name: &str) -> Typed {
        let (base, history) = without_history(name);
        match (find(name), find(base)) {
            (Some(named), _) => self.sampled(node, named, 0),
            (None, Some(named)) => self.before(node, named, history),
            (None, None) => {
                self.unknown(node, name);
                Typed::Hole
            }
        }
    }

    pub(super) fn satellite(&mut self, node: &Node, name: &str, part: &str) -> Typed {
        let (part, history) = without_history(part);
        match self.one_satellite(node, name, part) {
            Some(named) => self.before(node, named, history),
            None => Typed::Hole,
        }
    }

    /// A field of the satellite of that name.
    pub(super) fn one_satellite(&mut self, node: &Node, name: &str, part: &str) -> Option<Named> {
        let field =
            Field::find(&format!("satellite.{part}")).filter(|field| Key::OF_SATELLITES.contains(field));
        let Some(field) = field else {
            let help = "it has elevation, azimuth, range and visible";
            self.fault(&node.span, format!("one satellite has no {part}"), Some(help));
            return None;
        };
        let key = Key::satellite(name, field);
        if key.is_none() {
            let help = "give its name or catalogue number, 64 bytes at most";
            self.fault(&node.span, "this is no name of a satellite", Some(help));
        }
        key.map(Into::into)
    }

    /// What `history` behind a name makes of a field: a sample of before, or the mean of the last ones.
    fn before(&mut self, node: &Node, named: Named, history: &str) -> Typed {
        if history == "_avg" {
            return self.mean(node, named);
        }
        self.sampled(node, named, history.trim_start_matches('_').parse().unwrap_or(0))
    }

    fn mean(&mut self, node: &Node, Named { key, factor, offset, unit }: Named) -> Typed {
        if matches!(key.kind(), Some(Kind::Flag | Kind::Text)) {
            self.fault(&node.span, format!("{key} has no mean, it is no number"), None);
            return Typed::Hole;
        }
        let slot = self.slot(key);
        self.number_read(node, unit, Number::Of(Summary::Mean, slot, Span::Samples(KEPT), factor, offset))
    }

    /// A number that `node` names.
    pub(super) fn number_read(&mut self, node: &Node, unit: &'static str, number: Number) -> Typed {
        self.names(node, unit, Read::Number(number.clone()));
        Typed::Number(number)
    }

    pub(super) fn unknown(&mut self, node: &Node, name: &str) {
        let (base, history) = without_history(name);
        if base == "snr" {
            let help = "dish.snr_ok and dish.snr_low say whether the signal is strong enough";
            return self.fault(&node.span, "dishes do not tell snr any more", Some(help));
        }
        if let Some(rest) = base.strip_prefix("custom.") {
            let refused = Key::custom(rest).err();
            let help = refused.as_ref().and_then(|error| error.what_to_do());
            return self.fault(&node.span, format!("{rest:?} is no name of a field"), help);
        }
        let help = alike(base).map_or_else(
            || "'leoscope trigger fields' lists the fields".to_owned(),
            |like| format!("did you mean {like}{history}?"),
        );
        self.fault(&node.span, format!("there is no field {base}"), Some(&help));
    }
}

/// The field of that name.
pub(super) fn find(name: &str) -> Option<Named> {
    if let Some(field) = Field::find(name) {
        return Some(Key::Field(field).into());
    }
    if let Some(custom) = name.strip_prefix("custom.") {
        return Key::custom(custom).ok().map(Into::into);
    }
    let alias = Alias::find(name)?;
    let named = Named::from(Key::Field(alias.field));
    Some(match alias.conversion {
        Some(by) => Named { factor: by.factor, offset: by.offset, unit: by.unit, ..named },
        None => named,
    })
}

/// The name that is most like `name`, if one is.
pub(in crate::trigger) fn alike(name: &str) -> Option<&'static str> {
    let names = Field::all().map(|field| field.info().name).chain(Alias::all().map(|alias| alias.name));
    // The part behind the dot is what people remember.
    let distance = |known: &'static str| {
        let last = known.rsplit('.').next().unwrap_or(known);
        edits(name, known).min(if last == name { 0 } else { edits(name, last) + 1 })
    };
    let (known, distance) =
        names.map(|known| (known, distance(known))).min_by_key(|(_, distance)| *distance)?;
    (distance <= LOOKS_LIKE.min(name.len() / 3)).then_some(known)
}

/// How many letters must be added, taken away or changed to make one of the other (Levenshtein).
pub(super) fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().flat_map(char::to_lowercase).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.chars().flat_map(char::to_lowercase).enumerate() {
        let mut before = row[0];
        row[0] = place + 1;
        for (column, known) in other.iter().enumerate() {
            let changed = before + usize::from(letter != *known);
            before = row[column + 1];
            row[column + 1] = changed.min(before + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}
