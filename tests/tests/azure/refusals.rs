use futures_util::TryStreamExt as _;
use leoscope_core::backends::artifacts::AzureStorage;
use leoscope_core::model::{BlobSettings, ExperimentFile, Secret};
use leoscope_core::ports::BlobStorage as _;
use leoscope_core::{Error, ErrorKind};
use leoscope_tests::bundles::facts;
use leoscope_tests::free_port;

use leoscope_tests::azurite::signature;

use super::{World, in_seconds, key, once, request, whole};

fn with(settings: BlobSettings, connection_string: String) -> BlobSettings {
    BlobSettings { connection_string: Secret::new(connection_string), ..settings }
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_not_shown() {
    let Some(World { storage, store, azurite, _data }) = World::new() else { return };
    store.put(&key("r1"), once("x")).await.expect("put");
    let wrong = "d3Jvbmcta2V5LXdyb25nLWtleS13cm9uZy1rZXk=";
    let settings = azurite.settings("results");
    let settings = with(
        settings,
        format!("BlobEndpoint={};AccountName=devstoreaccount1;AccountKey={wrong}", azurite.endpoint()),
    );
    let store = storage.open(&settings).expect("store");
    let bundle = facts(b"x");
    let errors: Vec<Error> = [
        store.get(&key("r1"), 0).await.err(),
        store.size(&key("r1")).await.err(),
        store.put(&key("r2"), once("x")).await.err(),
        store.append(&key("r2"), &bundle, 0, once("x")).await.err(),
        store.commit(&key("r2"), &bundle).await.err(),
        store.delete(&key("r1")).await.err(),
        store.list().await.expect("list").try_collect::<Vec<_>>().await.err(),
    ]
    .into_iter()
    .map(|error| error.expect("refused"))
    .collect();
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        let said = format!("{error:?}");
        assert!(
            said.contains("has expired or is not valid") && said.contains("check the connection string"),
            "{said}"
        );
        assert!(!said.contains("d3Jvbmc") && !said.contains("sig="), "{said}");
    }
}

#[tokio::test]
async fn a_container_that_is_missing_is_made_where_the_key_allows_it() {
    let Some(World { storage, azurite, store: _, _data }) = World::new() else { return };
    for (container, first) in
        ["first-put", "first-list", "first-size", "first-append", "first-delete"].iter().zip(0..)
    {
        let store = storage.open(&azurite.settings(container)).expect("store");
        let bundle = facts(b"0123456789");
        match first {
            0 => drop(store.put(&key("r1"), once("0123456789")).await.expect("put")),
            1 => assert!(
                store.list().await.expect("list").try_collect::<Vec<_>>().await.expect("list").is_empty()
            ),
            2 => assert_eq!(store.size(&key("r1")).await.expect("size"), None),
            3 => drop(store.append(&key("r1"), &bundle, 0, once("01234")).await.expect("append")),
            _ => store.delete(&key("r1")).await.expect("delete"),
        }
        store.put(&key("r1"), once("0123456789")).await.expect("put");
    }
    let given = format!("BlobEndpoint={};SharedAccessSignature={}", azurite.endpoint(), signature("rwdlc"));
    let store = storage.open(&with(azurite.settings("not-there"), given)).expect("store");
    let error = store.put(&key("r1"), once("x")).await.expect_err("no container");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.message(), format!("cannot upload bundle {}: the container is not there", key("r1")));
    assert_eq!(error.what_to_do(), Some("create the container, or name another"));
    assert_eq!(store.size(&key("r1")).await.expect_err("no container").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_signature_of_a_whole_container_works_and_is_given_to_nobody() {
    let Some(World { storage, store, azurite, _data }) = World::new() else { return };
    store.put(&key("r0"), once("the container is there")).await.expect("put");
    let given = format!("SharedAccessSignature={};BlobEndpoint={}/", signature("rwdlc"), azurite.endpoint());
    let signed = storage.open(&with(azurite.settings("results"), given)).expect("store");
    let bundle = facts(b"0123456789");
    signed.append(&key("r1"), &bundle, 0, once("0123456789")).await.expect("append");
    signed.commit(&key("r1"), &bundle).await.expect("commit");
    assert_eq!(whole(signed.get(&key("r1"), 5).await.expect("get")).await, b"56789");
    assert_eq!(signed.place(&key("r1")), store.place(&key("r1")));
    let (now, later) = in_seconds(600);
    assert!(
        signed.link(&key("r1"), now, later).is_none() && signed.upload_link(&key("r1"), now, later).is_none()
    );
    signed.delete(&key("r1")).await.expect("delete");
    assert_eq!(store.size(&key("r1")).await.expect("size"), None);
}

#[tokio::test]
async fn files_beside_the_bundles_are_read_up_to_a_size() {
    let Some(World { store, storage: _, azurite: _azurite, _data }) = World::new() else { return };
    let key = key("r1");
    store.put(&key, once("the container is there")).await.expect("put");
    for (file, content, expected) in [
        (ExperimentFile::Config, "docker: {}\n".as_bytes().to_vec(), Ok("docker: {}\n".len())),
        (ExperimentFile::Config, vec![b'x'; 256 << 10], Ok(256 << 10)),
        (ExperimentFile::Arguments, Vec::new(), Ok(0)),
        (ExperimentFile::Config, vec![b'x'; (256 << 10) + 1], Err("is larger than 256 KiB")),
        (ExperimentFile::Arguments, vec![0xff], Err("is no text in UTF-8")),
    ] {
        let link = format!("{}?{}", store.place(&key).replace("r1.tar.gz", file.name()), signature("rwdlc"));
        assert_eq!(request("PUT", &link, "x-ms-blob-type: BlockBlob\r\n", &content).await.0, 201);
        match (store.experiment_file(&key.node, &key.job, file).await, expected) {
            (Ok(Some(text)), Ok(length)) => assert_eq!(text.len(), length),
            (Err(error), Err(text)) => {
                assert_eq!(error.kind(), ErrorKind::InvalidArgument);
                assert!(error.message().contains(text) && error.message().contains(file.name()), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    let listed: Vec<_> = store.list().await.expect("list").try_collect().await.expect("list");
    assert_eq!(listed.len(), 1, "they are no bundles");
}

#[tokio::test]
async fn nobody_at_the_address_is_unavailable() {
    let storage = AzureStorage::new().expect("storage");
    let settings = BlobSettings {
        connection_string: Secret::new(format!(
            "BlobEndpoint=http://127.0.0.1:{}/dev;AccountName=dev;AccountKey=cGxhbnRlZC1rZXk=",
            free_port()
        )),
        container: "results".into(),
        artifact_path: String::new(),
    };
    let store = storage.open(&settings).expect("store");
    let error = store.put(&key("r1"), once("x")).await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let said = format!("{error:?}");
    assert!(said.contains("cannot reach blob storage at 127.0.0.1:") && !said.contains("sig="), "{said}");
}

#[test]
fn settings_that_cannot_work_are_refused_without_being_shown() {
    let storage = AzureStorage::new().expect("storage");
    let good = "AccountName=results;AccountKey=cGxhbnRlZC1rZXk=";
    for (connection_string, container, path, part) in [
        ("cGxhbnRlZC1rZXk", "results", "", "connection string"),
        ("AccountName=results;AccountKey=planted key", "results", "", "AccountKey"),
        ("AccountName=Planted/;AccountKey=cGxhbnRlZC1rZXk=", "results", "", "AccountName"),
        (
            "BlobEndpoint=https://a/?sig=planted;AccountName=a;AccountKey=cGxhbnRlZC1rZXk=",
            "results",
            "",
            "BlobEndpoint",
        ),
        (good, "Results", "", "container"),
        (good, good, "", "container"),
        (good, "", "", "container"),
        (good, "results", "../planted", "path"),
        ("", "", "", "connection string"),
    ] {
        let settings = BlobSettings {
            connection_string: Secret::new(connection_string),
            container: container.into(),
            artifact_path: path.into(),
        };
        let error = storage.open(&settings).expect_err(part);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        let said = format!("{error} {error:?}");
        assert!(said.contains(part), "{said}");
        assert!(!said.contains("lanted") && !said.contains("cGxhb"), "{said}");
        assert!(error.what_to_do().is_some());
    }
}
