//! Every mistake as it is shown.

use super::super::*;

/// At least one for each text in the code that says what is wrong.
const WRONG: &[&str] = &[
    // Words and signs.
    "",
    "   ",
    "dish.latency > 40ms",
    "dish.latency > 1e999",
    "dish.latency > 1.2.3",
    "dish.state == 'CONNECTED",
    "dish.latency = 40",
    "dish.latency > 40; dish.obstructed",
    "dish.latency ≥ 40",
    "dish.state == “CONNECTED” ∧ $x",
    // Form.
    "dish.latency >",
    "and dish.obstructed",
    "dish.obstructed and",
    "dish.latency > 40 dish.obstructed",
    "dish.latency > 40 and dish.uptime > 3) or wether.clouds > 50",
    "20 < dish.latency < 40",
    "20 < dish.latancy < 40",
    "dish.latency == (dish.uptime > 3) == true",
    "(dish.latency > 40",
    "|dish.latency > 40",
    "dish. > 40",
    "dish.latency.1 > 40",
    "satellite[STARLINK-1007].elevation > 25",
    "satellite[\"STARLINK-1007\".elevation > 25",
    "satellite[\"STARLINK-1007\"] > 25",
    "satellite[\"STARLINK-1007\"].7 > 25",
    "dish[\"1\"].latency > 25",
    "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((true))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))",
    // Names.
    "dish.latancy < 40 and wether.temperature > and elevation > 3",
    "dish.latancy_1 < 40 or pop_ping_latency_avg > 50",
    "colour > 3",
    "snr > 3",
    "custom.2nd > 3",
    "custom.fan_1_2 > 3 or custom.Not > 3",
    "satellite[\"\"].elevation > 3",
    "satellite[\"A\"].colour > 3",
    "satellite[\"A\"].elevation_9 > 3",
    // Kinds.
    "dish.latency",
    "dish.latency + 1",
    "'CONNECTED'",
    "dish.obstructed and 2",
    "not dish.latency",
    "(dish.latency > 1) + 2 > 3",
    "-dish.obstructed > 3",
    "|dish.state| > 3",
    "dish.state == 3",
    "dish.obstructed == 1",
    "dish.state == dish.obstructed",
    "dish.state > 'A'",
    "dish.obstructed > 1",
    "dish.obstructed_avg > 1",
    // Functions.
    "mean(dish.latency, 5) > 1",
    "average_of(dish.latancy) > 1",
    "prev(dish.latency) > 1",
    "changed(dish.latancy, 1)",
    "avg() > 1",
    "avg(3, 5) > 1",
    "for(40, 5)",
    "avg(dish.state, 5) > 1",
    "avg(dish.latency_1, 5) > 1",
    "max(satellite['A'].elevation_1, 5) > 1",
    "avg(dish.latency, 7200) > 1",
    "avg(dish.latency, 0) > 1",
    "for(dish.obstructed, 0.0000004)",
    "avg(dish.latency, dish.uptime) > 1",
    "prev(dish.latency, 1.5) > 1",
    "prev(dish.latency, -1) > 1",
];

#[test]
fn every_mistake_is_shown_at_its_place_with_what_to_do() {
    let shown: Vec<String> = WRONG
        .iter()
        .map(|text| Trigger::parse(text).expect_err(text).render())
        .chain([Trigger::parse(&"dish.obstructed and ".repeat(200)).expect_err("long").render()])
        .collect();
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn each_place_is_one_of_the_text() {
    for text in WRONG {
        for Mistake { span, character, .. } in Trigger::parse(text).expect_err(text).mistakes {
            let before = text.get(..span.start).expect("a boundary");
            assert_eq!(before.chars().count() + 1, character, "{text}");
            assert!(text.get(span).is_some(), "{text}");
        }
    }
}
