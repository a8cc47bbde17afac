use std::io::Write;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use leoscope_core::ports::BlobStorage as _;
use leoscope_tests::bundles::facts;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::{World, expose, in_seconds, key, once, whole};

#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("log").write(text)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_keys_nor_links_are_logged_in_any_detail() {
    let log = Log::default();
    let writer = log.clone();
    let filter = EnvFilter::new(leoscope_settings::log_filter("trace").expect("filter"));
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone()).finish();
    // Of this thread alone, on which all of this test runs.
    let guard = subscriber.set_default();
    let Some(World { storage, store, mut azurite, _data }) = World::new() else { return };
    let (now, later) = in_seconds(600);
    let bundle = facts(b"0123456789");
    store.put(&key("r1"), once("x")).await.expect("put");
    let link = store.upload_link(&key("r1"), now, later).expect("link");
    let upload = storage.upload(&link, &bundle).expect("upload");
    upload.stage(0, Bytes::from_static(b"0123456789")).await.expect("stage");
    upload.commit().await.expect("commit");
    let read = store.link(&key("r1"), now, later).expect("link");
    whole(storage.fetch(&read, 0).await.expect("fetch")).await;
    let shown = format!("{storage:?} {store:?} {upload:?} {link:?}");
    azurite.stop("KILL");
    upload.staged().await.expect_err("nobody is there");
    store.size(&key("r1")).await.expect_err("nobody is there");
    drop(guard);
    let written = String::from_utf8(log.0.lock().expect("log").clone()).expect("text");
    assert!(written.contains("made the container for results"), "what is logged would be here: {written}");
    for text in [written, shown] {
        for secret in
            ["sig=", "Eby8vdM02xNO", expose(Some(link.clone())).split("sig=").nth(1).expect("signature")]
        {
            assert!(!text.contains(secret), "a secret that begins with {secret:.4} is shown");
        }
    }
}
