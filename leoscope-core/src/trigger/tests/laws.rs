//! The laws of a logic in which something may not be known.

use proptest::prelude::*;

use super::super::*;
use super::at;

/// What is known: latency, obstruction, state; each may be missing.
type World = (Option<f64>, Option<bool>, Option<&'static str>);

fn world() -> impl Strategy<Value = World> {
    let latency = prop::option::of((0_u32..80).prop_map(f64::from));
    let state = prop::option::of(prop::sample::select(vec!["CONNECTED", "SEARCHING"]));
    (latency, prop::option::of(any::<bool>()), state)
}

fn samples((latency, obstructed, state): World) -> Vec<Sample> {
    let latency = latency.map(|latency| Sample::number(Field::DISH_LATENCY, latency, at(0)));
    let obstructed = obstructed.map(|flag| Sample::flag(Field::DISH_OBSTRUCTED, flag, at(0)));
    let state = state.map(|state| Sample::text(Field::DISH_STATE, state, at(0)));
    [latency, obstructed, state].into_iter().flatten().collect()
}

fn verdict(text: &str, world: World) -> Verdict {
    let mut watches = Watches::new();
    watches.set((), &Trigger::parse(text).expect(text));
    watches.take_in(&samples(world), at(0));
    watches.judge(&(), at(0)).expect("watched").verdict
}

/// What sources say of that world: where it is not known, that they have no value.
fn told((latency, obstructed, state): World, secs: i64) -> [Sample; 3] {
    let sample = |field: Field, value| Sample { key: field.into(), value, at: at(secs) };
    [
        sample(Field::DISH_LATENCY, latency.and_then(Value::number)),
        sample(Field::DISH_OBSTRUCTED, obstructed.map(Value::Flag)),
        sample(Field::DISH_STATE, state.map(Value::text)),
    ]
}

/// Conditions about that world, and about how long something in it has been so.
fn condition_on_time() -> impl Strategy<Value = String> {
    let held = (condition(), 1_u32..5).prop_map(|(a, secs)| format!("for({a}, {secs})"));
    held.prop_recursive(3, 12, 2, |inner| {
        let word = prop::sample::select(vec!["and", "or", "==", "!="]);
        prop_oneof![
            (inner.clone(), word, condition()).prop_map(|(a, word, b)| format!("({a}) {word} ({b})")),
            inner.clone().prop_map(|a| format!("not ({a})")),
            (inner, 1_u32..5).prop_map(|(a, secs)| format!("for({a}, {secs})")),
        ]
    })
}

/// Conditions about that world.
fn condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0_u32..80).prop_map(|number| format!("dish.latency < {number}")),
        (0_u32..80).prop_map(|number| format!("{number} / (dish.latency - 40) >= 1")),
        Just("dish.obstructed".to_owned()),
        Just("dish.state == 'CONNECTED'".to_owned()),
        prop::sample::select(vec!["true".to_owned(), "false".to_owned()]),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let word = prop::sample::select(vec!["and", "or", "==", "!="]);
        prop_oneof![
            (inner.clone(), word, inner.clone()).prop_map(|(a, word, b)| format!("({a}) {word} ({b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

proptest! {
    #[test]
    fn the_laws_hold(a in condition(), b in condition(), c in condition(), world in world()) {
        for (one, other) in [
            (format!("not not ({a})"), a.clone()),
            (format!("({a}) and ({a})"), a.clone()),
            (format!("({a}) or ({a})"), a.clone()),
            (format!("({a}) and true"), a.clone()),
            (format!("({a}) or false"), a.clone()),
            (format!("({a}) and false"), "false".to_owned()),
            (format!("({a}) or true"), "true".to_owned()),
            (format!("({a}) and ({b})"), format!("({b}) and ({a})")),
            (format!("({a}) or ({b})"), format!("({b}) or ({a})")),
            (format!("({a}) and (({b}) and ({c}))"), format!("(({a}) and ({b})) and ({c})")),
            (format!("({a}) or (({b}) or ({c}))"), format!("(({a}) or ({b})) or ({c})")),
            (format!("({a}) and (({b}) or ({c}))"), format!("({a}) and ({b}) or ({a}) and ({c})")),
            (format!("({a}) or ({b}) and ({c})"), format!("(({a}) or ({b})) and (({a}) or ({c}))")),
            (format!("not (({a}) and ({b}))"), format!("not ({a}) or not ({b})")),
            (format!("not (({a}) or ({b}))"), format!("not ({a}) and not ({b})")),
            (format!("({a}) and (({a}) or ({b}))"), a.clone()),
            (format!("({a}) != ({b})"), format!("not (({a}) == ({b}))")),
            (format!("({a}) == true"), a.clone()),
        ] {
            prop_assert_eq!(verdict(&one, world), verdict(&other, world), "{} and {}", one, other);
        }
    }

    #[test]
    fn to_know_more_never_turns_a_verdict_over(a in condition(), known in world(), more in world()) {
        let before = verdict(&a, known);
        let all = (known.0.or(more.0), known.1.or(more.1), known.2.or(more.2));
        prop_assert!(before == Verdict::Unknown || verdict(&a, all) == before, "{}", a);
    }

    #[test]
    fn to_know_more_of_what_was_never_turns_a_verdict_over(
        a in condition_on_time(),
        history in prop::collection::vec((world(), world()), 1..10),
    ) {
        let (mut less, mut more) = (Watches::new(), Watches::new());
        for watches in [&mut less, &mut more] {
            watches.set((), &Trigger::parse(&a).expect("condition"));
        }
        for (secs, (known, besides)) in (0..).zip(history) {
            let all = (known.0.or(besides.0), known.1.or(besides.1), known.2.or(besides.2));
            let verdict = |watches: &mut Watches<()>, world| {
                watches.take_in(&told(world, secs), at(secs));
                watches.judge(&(), at(secs)).expect("watched").verdict
            };
            let (before, after) = (verdict(&mut less, known), verdict(&mut more, all));
            prop_assert!(before == Verdict::Unknown || after == before, "{} after {} s", a, secs);
        }
    }

    #[test]
    fn an_alias_is_its_field_in_its_own_unit(
        alias in prop::sample::select(Alias::all().collect::<Vec<_>>()),
        value in -1e6..1e6_f64,
        bound in -1e6..1e6_f64,
        sign in prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]),
        form in prop::sample::select(vec!["{}", "{}_1", "{}_avg", "prev({}, 1)", "avg({}, 60)", "min({}, 60)", "max({}, 60)"]),
    ) {
        let info = alias.field.info();
        let (sample, bound) = match info.kind {
            Kind::Number => (Sample::number(alias.field, value, at(0)), bound.to_string()),
            Kind::Flag => (Sample::flag(alias.field, value > 0.0, at(0)), (bound > 0.0).to_string()),
            Kind::Text => (Sample::text(alias.field, "CONNECTED", at(0)), "'CONNECTED'".to_owned()),
        };
        let is_number = info.kind == Kind::Number;
        let form = if is_number { form } else { "{}" };
        let sign = if is_number { sign } else { "==" };
        let named = |name: &str| form.replace("{}", name);
        let written = format!("{} {sign} {bound}", named(alias.name));
        let by_field = match alias.conversion {
            Some(by) => format!("{} * {} + {} {sign} {bound}", named(info.name), by.factor, by.offset),
            None => format!("{} {sign} {bound}", named(info.name)),
        };
        let judged = |text: &str| {
            let mut watches = Watches::new();
            watches.set((), &Trigger::parse(text).expect(text));
            watches.take_in(&[Sample { at: at(-1), ..sample.clone() }], at(-1));
            watches.take_in(std::slice::from_ref(&sample), at(0));
            watches.judge(&(), at(0)).expect("watched").verdict
        };
        prop_assert_ne!(judged(&written), Verdict::Unknown, "{}", &written);
        prop_assert_eq!(judged(&written), judged(&by_field), "{} and {}", written, by_field);
    }
}
