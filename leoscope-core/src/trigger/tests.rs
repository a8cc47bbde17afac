use proptest::prelude::*;

use super::check;

#[test]
fn conditions_are_taken() {
    for good in [
        "satellite_elevation > 40",
        "weather.temperature < 30",
        "network.latency < 100",
        "satellite_elevation > 40 & weather.temperature < 30 | !network.up",
        "a && b || not c and (d or e)",
        "|sun.elevation - 3.5e-2| <= .5 * -x_1",
        "prev(dish.obstructed) == false or for(link.down, 30) ",
        "satellite[\"STARLINK-1007\"].elevation >= 25",
        "dish.state == 'CONNECTED'",
        "  not(not a)",
        "a",
        "true",
        "-a < 2 | |b| > 1",
    ] {
        check(good).unwrap_or_else(|error| panic!("{good}: {error}"));
    }
}

#[test]
fn what_is_none_is_refused_at_its_place() {
    let refused = |text: &str| check(text).expect_err(text).to_string();
    let cases = [
        ("", "trigger: at character 1: the end stands where a value is expected"),
        ("  ", "trigger: at character 3: the end stands where a value is expected"),
        ("a >", "trigger: at character 4: the end stands where a value is expected"),
        ("a > 40 b", "trigger: at character 8: 'b' does not belong here"),
        ("a + 1", "trigger: at character 1: this is a value, no condition"),
        ("ü > 1", "trigger: at character 1: 'ü' means nothing in a trigger"),
        ("a = 1", "trigger: at character 3: '=' does not belong here"),
        ("1 < a < 2", "trigger: at character 7: '<' follows another comparison"),
        ("(a > 1", "trigger: at character 7: the end stands where ')' is expected"),
        ("a > 1)", "trigger: at character 6: ')' does not belong here"),
        ("a > 1 and 2", "trigger: at character 11: this is a value, no condition"),
        ("(a > 1) + 2 > 3", "trigger: at character 1: this is a condition, no value"),
        ("a > 12abc", "trigger: at character 5: \"12abc\" is not a number"),
        ("a > 1e999", "trigger: at character 5: \"1e999\" is not a number"),
        ("a > 1.2.3", "trigger: at character 8: \".3\" does not belong here"),
        ("a == 'x", "trigger: at character 6: this text has no end"),
        ("a. > 1", "trigger: at character 4: '>' follows a dot, where a name is expected"),
        ("s[1].a > 2", "trigger: at character 3: a number stands where a text in quotes is expected"),
        ("a > 1 and", "trigger: at character 10: the end stands where a value is expected"),
        ("| a", "trigger: at character 4: the end stands where 'or' is expected"),
        ("f(a,) > 1", "trigger: at character 5: ')' stands where a value is expected"),
    ];
    for (text, expected) in cases {
        let expected = expected.replace("\".3\" does not", "a number does not");
        assert_eq!(refused(text), expected, "{text}");
    }
    assert!(refused(&"(".repeat(1_000)).ends_with("more than 64 levels deep"));
    assert!(refused(&"!".repeat(1_000)).ends_with("more than 64 levels deep"));
    assert!(refused(&"a and ".repeat(1_000)).ends_with("at most 2048 are allowed"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}") {
        let _ = check(&text);
    }

    #[test]
    fn no_mixture_of_its_own_signs_makes_it_panic(
        parts in prop::collection::vec(
            prop::sample::select(vec!["a", ".", "1", "e", "|", "(", ")", "[", "]", "'", "\"", "!", "=", "<", "and ", " or ", "-", "ü", ","]),
            0..40,
        )
    ) {
        let _ = check(&parts.concat());
    }
}
