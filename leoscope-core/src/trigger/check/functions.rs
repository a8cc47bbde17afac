//! Functions.

use std::sync::Arc;

use super::super::program::{Condition, Number, Read, Sample, Span, Summary, Term, Test};
use super::super::readings::MOST_KEPT;
use super::super::tree::{Expr, Node, without_history};
use super::super::{Key, Kind};
use super::names::{Named, edits, find};
use super::{Checker, Typed};

/// The longest window in seconds.
const LONGEST: f64 = 3_600.0;

/// The functions with their arguments.
const FUNCTIONS: [(&str, &str, usize); 8] = [
    ("prev", "a field and how many readings ago", 2),
    ("avg", "a field and seconds", 2),
    ("min", "a field and seconds", 2),
    ("max", "a field and seconds", 2),
    ("stddev", "a field and seconds", 2),
    ("changed", "a field", 1),
    ("age", "a field", 1),
    ("for", "a condition and seconds", 2),
];

/// What the functions are called elsewhere.
const OTHER_NAMES: [(&str, &str); 8] = [
    ("mean", "avg"),
    ("average", "avg"),
    ("std", "stddev"),
    ("stdev", "stddev"),
    ("last", "prev"),
    ("lag", "prev"),
    ("held", "for"),
    ("duration", "for"),
];

impl Checker<'_, '_> {
    pub(super) fn call(&mut self, node: &Node, name: &str, arguments: &[Node]) -> Typed {
        let Some((name, takes, count)) = FUNCTIONS.into_iter().find(|(known, ..)| *known == name) else {
            let other = OTHER_NAMES.iter().find(|(other, _)| *other == name).map(|(_, known)| *known);
            let like = FUNCTIONS.iter().map(|(known, ..)| *known).min_by_key(|known| edits(name, known));
            let help = match other.or(like.filter(|known| edits(name, known) <= 2)) {
                Some(known) => format!("did you mean {known}?"),
                None => "there are prev, avg, min, max, stddev, changed, age and for".to_owned(),
            };
            self.fault(&node.span, format!("there is no function {name}"), Some(&help));
            return self.hole(arguments);
        };
        if arguments.len() != count {
            let given = arguments.len();
            let message = format!("{name} takes {takes}, here it has {given} of {count} arguments");
            self.fault(&node.span, message, Some(&example(name)));
            return self.hole(arguments);
        }
        if name == "for" {
            return self.held(node, &arguments[0], &arguments[1]);
        }
        let Some(named) = self.field(name, &arguments[0]) else { return Typed::Hole };
        match name {
            "age" => {
                let number = Number::Age(self.slot(named.key));
                self.number_read(node, "s", number)
            }
            "changed" => {
                let Named { key, factor, offset, unit } = named;
                let slot = self.slot(key);
                for (back, label) in
                    [(0, arguments[0].to_string()), (1, format!("prev({}, 1)", arguments[0]))]
                {
                    let read = Read::Sample(Sample { slot, back }, factor, offset);
                    self.terms.push(Term { label: label.into(), unit, read });
                }
                Typed::Condition(self.leaf(node, Test::Changed(slot)))
            }
            "prev" => match self.constant(&arguments[1], 0.0, 1_000.0) {
                Some(back) if back.fract() == 0.0 => {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
                    let back = back as usize;
                    self.sampled(node, named, back.min(MOST_KEPT - 1))
                }
                Some(_) => {
                    self.fault(&arguments[1].span, "this is no whole number", None);
                    Typed::Hole
                }
                None => Typed::Hole,
            },
            _ => self.summary(node, name, named, &arguments[1]),
        }
    }

    fn summary(&mut self, node: &Node, name: &str, named: Named, window: &Node) -> Typed {
        let summary = match name {
            "avg" => Summary::Mean,
            "min" => Summary::Least,
            "max" => Summary::Most,
            _ => Summary::Deviation,
        };
        let Some(us) = self.window(window) else { return Typed::Hole };
        let Named { key, factor, offset, unit } = named;
        let slot = self.slot(key);
        self.number_read(node, unit, Number::Of(summary, slot, Span::Us(us), factor, offset))
    }

    fn held(&mut self, node: &Node, condition: &Node, window: &Node) -> Typed {
        let condition = self.condition(condition);
        let Some(us) = self.window(window) else { return Typed::Hole };
        let place = self.places;
        self.places += 1;
        let label = Arc::from(node.to_string());
        Typed::Condition(Condition::For { place, condition: Box::new(condition), us, label })
    }

    /// The field that a function is about.
    fn field(&mut self, function: &str, node: &Node) -> Option<Named> {
        let named = match &node.expr {
            Expr::Name(name) => {
                let found = find(name);
                if found.is_none() && find(without_history(name).0).is_some() {
                    return self.no_history(function, node);
                }
                if found.is_none() {
                    self.unknown(node, name);
                }
                found?
            }
            Expr::Satellite(name, part) => {
                if without_history(part).1.is_empty() {
                    self.one_satellite(node, name, part)?
                } else {
                    return self.no_history(function, node);
                }
            }
            Expr::Hole(parts) => {
                self.hole(parts);
                return None;
            }
            _ => {
                self.fault(&node.span, format!("{function} is about one field"), Some(&example(function)));
                return None;
            }
        };
        self.suits(function, node, named)
    }

    fn no_history(&mut self, function: &str, node: &Node) -> Option<Named> {
        let help = format!("{function} looks at its history by itself: name the field alone");
        self.fault(&node.span, "a reading of before has no history", Some(&help));
        None
    }

    /// The field, if the function can be about its kind.
    fn suits(&mut self, function: &str, node: &Node, named: Named) -> Option<Named> {
        let needs_number = matches!(function, "avg" | "min" | "max" | "stddev");
        if let Some(kind @ (Kind::Flag | Kind::Text)) = named.key.kind().filter(|_| needs_number) {
            let key: &Key = &named.key;
            self.fault(&node.span, format!("{function} needs numbers, {key} is {kind}"), None);
            return None;
        }
        Some(named)
    }

    fn window(&mut self, node: &Node) -> Option<i64> {
        let secs = self.constant(node, 0.0, LONGEST)?;
        #[expect(clippy::cast_possible_truncation, reason = "an hour at most")]
        let us = (secs * 1e6).round() as i64;
        if us == 0 {
            let help = "give a microsecond at least, 0.000001";
            self.fault(&node.span, format!("a time of {secs} seconds holds nothing"), Some(help));
            return None;
        }
        Some(us)
    }

    fn constant(&mut self, node: &Node, least: f64, most: f64) -> Option<f64> {
        match self.typed(node) {
            Typed::Number(Number::Constant(number)) if (least..=most).contains(&number) => Some(number),
            Typed::Number(Number::Constant(number)) => {
                self.fault(&node.span, format!("{number} is not from {least} to {most}"), None);
                None
            }
            Typed::Hole => None,
            _ => {
                self.fault(&node.span, "a number must stand here, nothing that changes", None);
                None
            }
        }
    }
}

fn example(function: &str) -> String {
    let example = match function {
        "prev" => "prev(dish.latency, 1)",
        "changed" => "changed(dish.state)",
        "age" => "age(weather.temperature)",
        "for" => "for(dish.latency < 40, 10)",
        "min" => "min(dish.latency, 60)",
        "max" => "max(dish.latency, 60)",
        "stddev" => "stddev(dish.latency, 60)",
        _ => "avg(dish.latency, 60)",
    };
    format!("write it like {example}")
}
