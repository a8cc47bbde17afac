use proptest::prelude::*;

use super::*;

/// 32 bytes, in base64 with everything that base64 has.
const KEY: &str = "c2VjcmV0+key/of=the+account0123456789ab+/8=";
const GOOD_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SAS: &str =
    "sv=2020-12-06&ss=b&srt=co&sp=rwdl&se=2027-01-01T00%3A00%3A00Z&sig=pl%2Banted%2Fsignature%3D";

fn parse(text: &str) -> Result<ConnectionString, Error> {
    ConnectionString::parse(&Secret::new(text))
}

fn with_key(endpoint: &str, account: &str) -> ConnectionString {
    let key = AccountKey((0..32).collect());
    ConnectionString {
        endpoint: endpoint.to_owned(),
        access: BlobAccess::Key { account: account.to_owned(), key },
    }
}

fn with_signature(endpoint: &str) -> ConnectionString {
    ConnectionString { endpoint: endpoint.to_owned(), access: BlobAccess::Signature(Secret::new(SAS)) }
}

#[test]
fn the_documented_forms_are_understood() {
    let public = with_key("https://results.blob.core.windows.net", "results");
    for (text, expected) in [
        (
            format!(
                "DefaultEndpointsProtocol=https;AccountName=results;AccountKey={GOOD_KEY};EndpointSuffix=core.windows.net"
            ),
            public.clone(),
        ),
        (format!(" accountkey = {GOOD_KEY} ;; ACCOUNTNAME = results ; "), public.clone()),
        (format!("AccountName=results;AccountKey={GOOD_KEY}\n"), public),
        (
            format!(
                "DefaultEndpointsProtocol=HTTP;AccountName=a-secondary;AccountKey={GOOD_KEY};EndpointSuffix=core.chinacloudapi.cn"
            ),
            with_key("http://a-secondary.blob.core.chinacloudapi.cn", "a-secondary"),
        ),
        (
            format!(
                "AccountName=dev;AccountKey={GOOD_KEY};BlobEndpoint=HTTP://127.0.0.1:10000/dev/;QueueEndpoint=x"
            ),
            with_key("http://127.0.0.1:10000/dev", "dev"),
        ),
        (
            format!("BlobEndpoint=http://[::1]:10000/dev;AccountName=dev;AccountKey={GOOD_KEY}"),
            with_key("http://[::1]:10000/dev", "dev"),
        ),
        (
            format!("BlobEndpoint=https://results.blob.core.windows.net/;SharedAccessSignature={SAS}"),
            with_signature("https://results.blob.core.windows.net"),
        ),
        (
            format!("SharedAccessSignature=?{SAS};AccountName=results;TableEndpoint=https://a?b=c"),
            with_signature("https://results.blob.core.windows.net"),
        ),
    ] {
        assert_eq!(parse(&text).expect(&text), expected, "{text}");
    }
}

#[test]
fn the_emulator_needs_no_key() {
    for (text, endpoint) in [
        ("UseDevelopmentStorage=true", "http://127.0.0.1:10000/devstoreaccount1"),
        (
            "usedevelopmentstorage=True; DevelopmentStorageProxyUri=http://emulator.example/;",
            "http://emulator.example:10000/devstoreaccount1",
        ),
    ] {
        let parsed = parse(text).expect(text);
        assert_eq!(parsed.endpoint, endpoint);
        let BlobAccess::Key { account, key } = parsed.access else { panic!("{text}") };
        assert_eq!((account.as_str(), key.expose().len()), ("devstoreaccount1", 64));
    }
}

#[test]
fn the_part_that_is_wrong_is_named_and_nothing_is_shown() {
    let key = format!("AccountKey={GOOD_KEY}");
    for (text, expected) in [
        (String::new(), "has neither AccountKey nor SharedAccessSignature"),
        (GOOD_KEY.to_owned(), "has neither AccountKey nor SharedAccessSignature"),
        (GOOD_KEY.trim_end_matches('=').to_owned(), "has no '=' in its part 1"),
        (format!("AccountName=a;{}", GOOD_KEY.trim_end_matches('=')), "has no '=' in its part 2"),
        (format!("AccountName=a;AccountKey={KEY}"), "has an AccountKey that is not in base64"),
        ("AccountName=a;AccountKey=".to_owned(), "gives AccountKey no value"),
        (format!("AccountName=a;{key};{key}"), "gives AccountKey twice"),
        (key.clone(), "has an AccountKey without AccountName"),
        (
            format!("AccountName=planted secret;{key}"),
            "has an AccountName that is not made of lower case letters and digits",
        ),
        (
            format!("AccountName={};{key}", "a".repeat(64)),
            "has an AccountName that is not made of lower case letters and digits",
        ),
        (
            format!("AccountName=a;{key};SharedAccessSignature={SAS}"),
            "has both AccountKey and SharedAccessSignature",
        ),
        (
            "AccountName=a;SharedAccessSignature=sv=1&sig=".to_owned(),
            "has a SharedAccessSignature that is none: its \"sig\" or part of it is missing",
        ),
        (
            "AccountName=a;SharedAccessSignature=sv=1&sig=a b".to_owned(),
            "has a SharedAccessSignature that is none: its \"sig\" or part of it is missing",
        ),
        (format!("SharedAccessSignature={SAS}"), "has neither BlobEndpoint nor AccountName"),
        (
            format!("AccountName=a;{key};DefaultEndpointsProtocol=ftp"),
            "gives DefaultEndpointsProtocol a value other than http and https",
        ),
        (
            format!("AccountName=a;{key};EndpointSuffix=core windows"),
            "has an EndpointSuffix that is no name of a domain",
        ),
        ("UseDevelopmentStorage=yes".to_owned(), "gives UseDevelopmentStorage a value other than true"),
        (
            "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=there".to_owned(),
            "has a DevelopmentStorageProxyUri that is no http or https address without a query",
        ),
    ] {
        let error = parse(&text).expect_err(&text);
        assert_eq!(error.message(), format!("the connection string {expected}"), "{text}");
        assert_eq!(error.what_to_do(), Some(HINT));
    }
    for endpoint in [
        "results.blob.core.windows.net",
        "ftp://results",
        "https://",
        "https://user:planted@results",
        "https://results/?sig=planted",
        "https://results/#planted",
        "https://results:0",
        "https://results:70000",
        "https://results/a/../b",
        "https://results//b",
        "https://a..b",
        "https://[]",
        "https://résultats",
    ] {
        let text = format!("AccountName=a;{key};BlobEndpoint={endpoint}");
        let error = parse(&text).expect_err(endpoint);
        let expected =
            "the connection string has a BlobEndpoint that is no http or https address without a query";
        assert_eq!(error.message(), expected, "{endpoint}");
    }
}

#[test]
fn what_was_understood_does_not_show_its_secrets() {
    for text in
        [format!("AccountName=a;AccountKey={GOOD_KEY}"), format!("AccountName=a;SharedAccessSignature={SAS}")]
    {
        let shown = format!("{:?}", parse(&text).expect("connection string"));
        assert!(
            shown.contains("***") && !shown.contains("planted") && !shown.contains("[0, 1, 2"),
            "{shown}"
        );
    }
}

proptest! {
    #[test]
    fn any_text_is_understood_or_refused_without_showing_a_secret(
        parts in prop::collection::vec(
            prop_oneof![
                Just("AccountName=results".to_owned()),
                Just(format!("AccountKey={GOOD_KEY}")),
                Just(format!("AccountKey={KEY}")),
                Just(format!("SharedAccessSignature={SAS}")),
                Just(format!("BlobEndpoint=https://results/{KEY}")),
                Just(format!("BlobEndpoint=https://results?{SAS}")),
                Just(GOOD_KEY.to_owned()),
                Just("BlobEndpoint=http://[::1]:1/x/".to_owned()),
                "(AccountName|BlobEndpoint|EndpointSuffix|DevelopmentStorageProxyUri|UseDevelopmentStorage) ?= ?\\PC*",
                "\\PC*",
            ],
            0..6,
        ),
        separator in prop_oneof![Just(";"), Just(" ; "), Just(";;"), Just("")],
    ) {
        let text = parts.join(separator);
        let shown = match parse(&text) {
            Ok(parsed) => format!("{:?}", parsed.access),
            Err(error) => format!("{error} {error:?}"),
        };
        for secret in [&GOOD_KEY[..12], &KEY[..12], "anted"] {
            prop_assert!(!shown.contains(secret), "{}", shown);
        }
    }
}
