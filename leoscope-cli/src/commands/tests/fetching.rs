//! What `run download` and `run get` say.

use std::io::{self, Write};

use leoscope_core::model::Reason;
use tar::EntryType;

use super::*;

/// A writer whose content can be looked at.
#[derive(Clone, Default)]
pub(super) struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("buffer").clone()).expect("text")
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("buffer").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a `run` command prints, on standard output and on standard error, and how it ends.
pub(super) async fn said(line: &[&str], format: Format, plane: Plane) -> (String, String, ExitStatus) {
    let cli = Cli::try_parse_from(["leoscope"].iter().chain(line)).expect("command line");
    let Command::Run(command) = cli.command else { panic!("no run command") };
    let session = Session::given("me", Arc::new(plane));
    let (data, messages) = (Buffer::default(), Buffer::default());
    let out = Output::into_writers(format, false, data.clone(), messages.clone());
    let status = super::super::run::run(command, &session, &out).await.expect("no error");
    (data.text(), messages.text(), status)
}

fn header(name: &str, kind: EntryType, size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    // Past the checks of the writer, as a hostile archive would do.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header
}

fn archive(headers: impl IntoIterator<Item = tar::Header>) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for mut header in headers {
        header.set_cksum();
        tar.append(&header, io::empty()).expect("append");
    }
    tar.into_inner().expect("tar").finish().expect("gzip")
}

fn linked(name: &str, kind: EntryType, to: &str) -> tar::Header {
    let mut header = header(name, kind, 0, 0o644);
    header.set_link_name_literal(to).expect("link name");
    header
}

#[tokio::test]
async fn a_malicious_archive_is_refused_with_a_clear_text() {
    let file = |name| header(name, EntryType::Regular, 0, 0o644);
    let cases = [
        ("an absolute path", vec![file("/etc/passwd")]),
        ("a path that leaves", vec![file("a/../../x")]),
        ("a link out", vec![linked("l", EntryType::Symlink, "../../x")]),
        ("a hard link out", vec![linked("h", EntryType::Link, "/etc/passwd")]),
        ("a file through a link", vec![linked("l", EntryType::Symlink, "d"), file("l/x")]),
        ("a block device", vec![header("sda", EntryType::Block, 0, 0o644)]),
        ("a character device", vec![header("tty", EntryType::Char, 0, 0o644)]),
        ("a pipe", vec![header("pipe", EntryType::Fifo, 0, 0o644)]),
        ("a bomb", vec![header("zeros", EntryType::Regular, 5 << 30, 0o644)]),
        ("a name twice", vec![file("x"), file("x")]),
        ("a name that steers a terminal", vec![file("\u{1b}[2Jx")]),
        ("a set-id bit", vec![header("su", EntryType::Regular, 0, 0o4755)]),
        ("too many entries", (0..=100_000).map(|_| header("d", EntryType::Directory, 0, 0o755)).collect()),
    ];
    let mut all = String::new();
    for (what, headers) in cases {
        let hostile = run("r", true);
        let bundles = BTreeMap::from([(hostile.id.clone(), archive(headers))]);
        let dir = tempfile::tempdir().expect("directory");
        let path = format!("--local-path={}", dir.path().join("results").display());
        let plane = Plane { runs: vec![hostile], bundles, ..Plane::default() };
        let (_, text, status) = said(&["run", "download", "--runid=r", &path], Format::Table, plane).await;
        assert_eq!(status, ExitStatus::Failed, "{what}");
        assert_eq!(files(dir.path()), [""; 0], "{what}: nothing may stay");
        all += &format!("{what}\n{text}\n");
    }
    insta::assert_snapshot!("malicious", all);
}

/// Runs of every sort, of which one can be fetched and one is broken.
fn of_every_sort() -> Plane {
    let mut runs: Vec<Run> = ["ready", "broken"].map(|id| run(id, true)).into();
    for number in 0..12 {
        let mut skipped = run(&format!("skipped-{number}"), false);
        skipped.status = RunStatus::Skipped;
        skipped.reason = Some(Reason::TriggerUnknown.name().to_owned());
        runs.push(skipped);
    }
    runs.push(run("waiting", false));
    runs.push(Run { status: RunStatus::Running, ..run("running", false) });
    let id = |text| RunId::parse(text).expect("id");
    let bundles =
        BTreeMap::from([(id("ready"), bundle(b"1,2\n")), (id("broken"), bundle(b"")[..20].to_vec())]);
    Plane { runs, bundles, ..Plane::default() }
}

#[tokio::test]
async fn a_dry_run_shows_what_would_come_and_fetches_nothing() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().display().to_string();
    let line = ["run", "download", "--jobid=exp", "--dry-run", "--local-path", &path];
    let (table, notes, status) = said(&line, Format::Table, of_every_sort()).await;
    assert_eq!(status, ExitStatus::Done);
    insta::assert_snapshot!("dry-run", (table + &notes).replace(&path, "DIR"));
    assert_eq!(files(dir.path()), [""; 0]);
}

#[tokio::test]
async fn what_came_and_what_is_missing_is_summed_up() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().display().to_string();
    let line = ["run", "download", "--jobid=exp", "--local-path", &path];
    let (table, notes, status) = said(&line, Format::Table, of_every_sort()).await;
    assert_eq!(status, ExitStatus::Failed);
    assert_eq!(files(dir.path()), ["exp/ready/latency.csv"]);
    // The size of an archive is the compressor's choice.
    let size = bundle(b"1,2\n").len();
    let text = (table + &notes).replace(&path, "DIR").replace(&format!("{size} B"), "SIZE");
    insta::assert_snapshot!("summary", text);
    let (json, _, status) = said(&line, Format::Json, of_every_sort()).await;
    assert_eq!(status, ExitStatus::Failed);
    let json: Vec<serde_json::Value> = serde_json::from_str(&json).expect("json");
    let told: Vec<_> = json.iter().map(|run| (run["state"].as_str(), run["reason"].as_str())).collect();
    assert_eq!(told.len(), 16, "all of them");
    assert_eq!(
        told[..3],
        [(Some("there"), None), (Some("failed"), Some("internal")), (Some("missing"), Some("never_started")),]
    );
    assert_eq!(told[14..], [(Some("missing"), Some("not_arrived")), (Some("missing"), Some("not_ended"))]);
}

#[tokio::test]
async fn a_link_is_shown_only_when_asked_for() {
    let link = "https://store.example.org/c/n/exp/r.tar.gz?se=2099-01-01T00%3A00%3A00Z&sig=s3cret";
    let plane =
        || Plane { runs: vec![Run { artifact: Some(link.into()), ..run("r", true) }], ..Plane::default() };
    for line in [&["run", "get"][..], &["run", "get", "--runid=r"]] {
        for format in [Format::Table, Format::Json] {
            let (data, notes, _) = said(line, format, plane()).await;
            assert!(!(data + &notes).contains("s3cret"), "{line:?}");
            let (data, ..) = said(&[line, &["--links"]].concat(), format, plane()).await;
            assert!(data.contains(link), "{line:?}: {data}");
        }
    }
    let (data, ..) = said(&["run", "get", "--runid=r", "--output=json"], Format::Json, plane()).await;
    let json: serde_json::Value = serde_json::from_str(&data).expect("json");
    assert_eq!(json[0]["events"], serde_json::json!([]));
    assert!(json[0].get("results_link").is_none());
}
