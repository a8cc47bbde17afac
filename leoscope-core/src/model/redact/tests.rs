use proptest::prelude::*;

use super::*;
use crate::model::ExperimentConfig;

const KEY: &str = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4/+Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zg==";

fn connection() -> String {
    format!("DefaultEndpointsProtocol=https;AccountName=lab;AccountKey={KEY};EndpointSuffix=core.windows.net")
}

/// Checks that nothing secret is left in `shown`, read or unread.
fn check(shown: &str, secrets: &[&str]) {
    let read = serde_saphyr::from_str::<Value>(shown).expect("still YAML").to_string();
    for secret in secrets {
        assert!(!shown.contains(secret), "{secret} in {shown}");
        assert!(!read.contains(secret), "{secret} in {read}");
    }
}

#[test]
fn a_connection_string_is_masked_where_it_stands_and_the_rest_stays() {
    let connection = connection();
    for quote in ["", "'", "\""] {
        let text = format!(
            "# mine\ndocker: {{image: a}}\ncloud_config:\n  connection_string: {quote}{connection}{quote}  # store\n  container: c\n"
        );
        let mask = if quote == "\"" { "\"***\"" } else { "'***'" };
        assert_eq!(
            redacted(&text),
            format!(
                "# mine\ndocker: {{image: a}}\ncloud_config:\n  connection_string: {mask}  # store\n  container: c\n"
            ),
        );
    }
    for plain in ["docker: {image: a}\n", "", "no: [yaml", "# only\n", "environment: {A: '***'}\n"] {
        assert_eq!(redacted(plain), plain);
    }
}

#[test]
fn it_is_found_however_it_is_written_and_wherever_it_occurs() {
    let connection = connection();
    let escaped_key = escaped(KEY);
    let folded = connection.replace(";A", ";\n    A");
    let encoded: String = connection.chars().map(|c| format!("\\x{:02x}", u32::from(c))).collect();
    for text in [
        format!("cloud_config:\n  connection_string: >-\n    {folded}\n  container: c\n"),
        format!("cloud_config:\n  connection_string: |\n    {connection}\n  container: c\n"),
        format!("cloud_config:\n  connection_string: \"{folded}\"\n  container: c\n"),
        format!("{{cloud_config: {{connection_string: \"{encoded}\", container: c}}}}\n"),
        format!("x: &s {connection}\ncloud_config: {{connection_string: *s, container: c}}\n"),
        format!("experiment:\n  cloud_config: {{connectionString: '{connection}', container: c}}\n"),
        format!(
            "a: {KEY}\nb: 'https://x/?sig={escaped_key}'\ncloud_config: {{connection_string: '{connection}'}}\n"
        ),
        format!("# {connection}\n#AccountKey={KEY}\nprocess: {{command: a}}\n"),
        format!("environment: ['K={KEY}']\ncloud_config: {{connection_string: '{connection}'}}\n"),
        format!("? {KEY}\n: 1\ncloud_config: {{connection_string: '{connection}'}}\n"),
    ] {
        check(&redacted(&text), &[&connection, KEY, &escaped_key]);
    }
    let unreadable = format!("cloud_config: [{connection}\n");
    assert_eq!(redacted(&unreadable), DROPPED);
}

#[test]
fn a_shared_access_signature_is_a_secret_as_well() {
    let signature = "aGVsbG8gd29ybGQgaGVsbG8%2Fd29ybGQgaGVsbG8%3D";
    let sas = format!("sv=2024-11-04&sp=rcwl&sig={signature}");
    let text = format!(
        "environment: {{URL: 'https://lab.blob.core.windows.net/c?{sas}', SIG: '{}'}}\ncloud_config: {{connection_string: 'BlobEndpoint=https://lab.blob.core.windows.net;SharedAccessSignature={sas}', container: c}}\n",
        unescaped(signature),
    );
    let shown = redacted(&text);
    check(&shown, &[signature, &unescaped(signature), &sas]);
    assert!(shown.contains("https://lab.blob.core.windows.net/c?***"), "{shown}");
}

#[test]
fn one_that_is_a_word_is_taken_from_its_place_alone() {
    let shown = redacted("process: {command: go}\ncloud_config: {connection_string: go, container: go}\n");
    let read: Value = serde_saphyr::from_str(&shown).expect("YAML");
    assert_eq!(read["cloud_config"]["connection_string"], MASK);
    assert_eq!(
        (&read["process"]["command"], &read["cloud_config"]["container"]),
        (&"go".into(), &"go".into())
    );
    assert!(ExperimentConfig::parse(&shown).is_ok(), "{shown}");
}

/// A scalar of YAML with the value of `text`, in one of its styles.
fn scalar(style: u8, text: &str) -> String {
    match style % 5 {
        0 => format!("'{}'", text.replace('\'', "''")),
        1 => serde_json::to_string(text).expect("json"),
        2 => text.chars().fold("\"".to_owned(), |all, c| all + &format!("\\U{:08x}", u32::from(c))) + "\"",
        3 => format!("|-\n      {text}"),
        _ => format!(">-\n      {text}"),
    }
}

proptest! {
    #[test]
    fn no_style_of_yaml_lets_a_secret_through(
        style in 0_u8..5,
        other in 0_u8..5,
        key in "[A-Za-z0-9+/]{20,88}={0,2}",
        name in "[a-z0-9]{3,24}",
        around in "[ -~]{0,20}",
        nested: bool,
    ) {
        let connection = format!("AccountName={name};AccountKey={key};EndpointSuffix=core.windows.net");
        let (indent, outer) = if nested { ("  ", "experiment:\n") } else { ("", "") };
        let text = format!(
            "{outer}{indent}process:\n{indent}  command: {}\n{indent}cloud_config:\n{indent}  connection_string: {}\n{indent}  container: c\n",
            scalar(other, &format!("x{around}{key}")),
            scalar(style, &connection),
        );
        let before = ExperimentConfig::parse(&text).expect("a config").cloud.expect("a store");
        prop_assert_eq!(before.connection_string.expose(), connection.as_str());
        let shown = redacted(&text);
        check(&shown, &[&key, &connection]);
        let after = ExperimentConfig::parse(&shown).expect("still a config").cloud.expect("a store");
        prop_assert_eq!((after.connection_string.expose(), after.container.as_str()), (MASK, "c"));
        prop_assert_eq!(redacted(&shown), shown, "doing it again changes nothing");
    }

    #[test]
    fn any_text_can_be_shown(text in "\\PC{0,80}") {
        prop_assert!(redacted(&text).len() <= text.len() + 512);
    }
}
