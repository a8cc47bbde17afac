use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::Header;

use super::*;

#[derive(Clone, Copy)]
enum Item<'a> {
    File(&'a str, &'a [u8]),
    Dir(&'a str),
    Link(&'a str, &'a str),
    HardLink(&'a str, &'a str),
    Other(&'a str, EntryType),
}
use Item::{Dir, File as Plain, HardLink, Link, Other};

fn header(name: &str, kind: EntryType, size: usize) -> Header {
    let mut header = Header::new_gnu();
    // Past the checks of the writer, as a hostile archive would do.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(0o755);
    header
}

fn archive(items: &[Item<'_>]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for item in items {
        let (mut header, content) = match *item {
            Plain(name, content) => (header(name, EntryType::Regular, content.len()), content),
            Dir(name) => (header(name, EntryType::Directory, 0), &b""[..]),
            Link(name, to) | HardLink(name, to) => {
                let kind = if matches!(item, Link(..)) { EntryType::Symlink } else { EntryType::Link };
                let mut header = header(name, kind, 0);
                header.set_link_name_literal(to).expect("link name");
                (header, &b""[..])
            }
            Other(name, kind) => (header(name, kind, 0), &b""[..]),
        };
        header.set_cksum();
        tar.append(&header, content).expect("append");
    }
    tar.into_inner().expect("tar").finish().expect("gzip")
}

/// Unpacks into a fresh directory; after a failure nothing may be left there.
fn try_unpack(bytes: &[u8], limits: UnpackLimits) -> Result<(tempfile::TempDir, Vec<PathBuf>)> {
    let dir = tempfile::tempdir().expect("directory");
    let result = unpack_within(bytes, &dir.path().join("a/b"), limits);
    if result.is_err() && dir.path().join("a").exists() {
        let left: Vec<_> = fs::read_dir(dir.path().join("a")).expect("list").collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
    result.map(|unpacked| (dir, unpacked.files))
}

const ROOMY: UnpackLimits = UnpackLimits { entries: 100, bytes: 1 << 20 };

fn refusal(items: &[Item<'_>]) -> String {
    let error = try_unpack(&archive(items), ROOMY).expect_err("must be refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    error.to_string()
}

#[test]
fn files_directories_and_inner_links_come_out_as_they_went_in() {
    let bytes = archive(&[
        Dir("./"),
        Plain("./log.txt", b"hello"),
        Dir("data"),
        Plain("data/run.sh", b"#!"),
        Link("data/latest", "../log.txt"),
        HardLink("copy", "data/run.sh"),
        Plain("deep/er/file", b""),
    ]);
    let (dir, files) = try_unpack(&bytes, ROOMY).expect("unpack");
    let target = dir.path().join("a/b");
    let names: Vec<_> = files.iter().map(|f| f.strip_prefix(&target).expect("below target")).collect();
    assert_eq!(names, ["log.txt", "data/run.sh", "data/latest", "copy", "deep/er/file"].map(Path::new));
    assert_eq!(fs::read(target.join("data/latest")).expect("through the link"), b"hello");
    assert_eq!(fs::read(target.join("copy")).expect("copy"), b"#!");
    let mode = fs::metadata(target.join("data/run.sh")).expect("file").permissions().mode();
    assert_eq!(mode & 0o6700, 0o700, "executable stays");
    assert_eq!(fs::read_dir(dir.path().join("a")).expect("list").count(), 1, "nothing left beside it");
}

#[test]
fn paths_that_leave_are_refused() {
    for path in ["/etc/passwd", "../x", "a/../../x", "a/.."] {
        assert_eq!(
            refusal(&[Plain(path, b"x")]),
            format!("archive entry {path:?} leaves the target directory")
        );
    }
}

#[test]
fn links_that_leave_are_refused() {
    for (path, to) in
        [("l", "/etc"), ("l", ".."), ("d/l", "../.."), ("d/l", "x/../.."), ("d/l", "x/.."), ("l", "./../x")]
    {
        assert_eq!(
            refusal(&[Link(path, to)]),
            format!("archive entry {path:?} links to a place outside the target directory")
        );
    }
    for to in ["/etc/passwd", "../x", "missing", "d", "", "l"] {
        assert_eq!(
            refusal(&[Dir("d"), Link("l", "d"), HardLink("h", to)]),
            if to.is_empty() {
                "archive entry \"h\" links to nothing".to_owned()
            } else {
                "archive entry \"h\" links to no file of the archive".to_owned()
            }
        );
    }
}

#[test]
fn nothing_is_written_through_a_link_or_over_another_entry() {
    assert_eq!(
        refusal(&[Link("l", "d"), Dir("d"), Plain("l/x", b"")]),
        "archive entry \"l/x\" goes through a file or link"
    );
    assert_eq!(refusal(&[Link("l", "d"), Dir("l")]), "archive entry \"l\" goes through a file or link");
    assert_eq!(
        refusal(&[Plain("f", b""), Plain("f/x", b"")]),
        "archive entry \"f/x\" goes through a file or link"
    );
    for second in [Plain("x", b""), Link("x", "d"), HardLink("x", "x")] {
        assert_eq!(refusal(&[Link("x", "d"), second]), "archive entry \"x\" stands in the archive twice");
    }
}

#[test]
fn devices_and_pipes_are_refused() {
    for kind in [EntryType::Block, EntryType::Char, EntryType::Fifo] {
        assert_eq!(refusal(&[Other("x", kind)]), "archive entry \"x\" is no file, directory or link");
    }
}

#[test]
fn too_many_entries_or_bytes_are_refused() {
    let bytes = archive(&[Plain("a", b"12345"), Plain("b", b"12345")]);
    let fails = |limits| try_unpack(&bytes, limits).expect_err("limit").to_string();
    assert_eq!(fails(UnpackLimits { entries: 1, bytes: 100 }), "archive entry \"b\" is one too many");
    assert_eq!(fails(UnpackLimits { entries: 9, bytes: 9 }), "archive entry \"b\" is too large");
    try_unpack(&bytes, UnpackLimits { entries: 2, bytes: 10 }).expect("just enough");
}

#[test]
fn a_long_name_without_end_does_not_fill_the_memory() {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut long = header("././@LongLink", EntryType::GNULongName, 8 << 20);
    long.set_cksum();
    tar.append(&long, io::repeat(b'a').take(8 << 20)).expect("append");
    let bytes = tar.into_inner().expect("tar").finish().expect("gzip");
    let error = try_unpack(&bytes, ROOMY).expect_err("long name");
    assert_eq!(error.to_string(), "archive is broken: more than 1048576 bytes between two files");
}

#[test]
fn broken_archives_leave_nothing() {
    let whole = archive(&[Plain("a", &[7; 100_000]), Plain("b", b"x")]);
    for cut in [0, 5, whole.len() / 2, whole.len() - 20, whole.len() - 1] {
        assert!(try_unpack(&whole[..cut], ROOMY).is_err(), "cut at {cut}");
    }
    let mut flipped = whole.clone();
    let checksum = flipped.len() - 8;
    flipped[checksum] ^= 1;
    assert!(try_unpack(&flipped, ROOMY).is_err());
    // A tar that ends in the middle of a file, wrapped in a whole gzip.
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    let mut half = header("a", EntryType::Regular, 1000);
    half.set_cksum();
    gz.write_all(half.as_bytes()).expect("header");
    gz.write_all(&[0; 100]).expect("content");
    assert!(try_unpack(&gz.finish().expect("gzip"), ROOMY).is_err());
}

#[test]
fn what_is_there_already_is_not_touched() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("kept"), "mine").expect("file");
    let error = unpack(&archive(&[])[..], dir.path()).expect_err("exists");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read(dir.path().join("kept")).expect("kept"), b"mine");
}

#[test]
fn a_small_archive_may_not_unpack_to_all_there_is_room_for() {
    let bytes = |size| UnpackLimits::of_bundle(size).bytes;
    assert_eq!((bytes(0), bytes(1 << 20)), (4 << 30, 4 << 30), "zeros shrink a thousandfold");
    assert_eq!(bytes(100 << 20), 250 * (100 << 20));
    assert_eq!((bytes(1 << 40), bytes(u64::MAX)), (MAX_UNPACKED_BYTES, MAX_UNPACKED_BYTES));
}

#[test]
fn a_name_that_steers_a_terminal_and_a_set_id_bit_are_refused() {
    assert_eq!(
        refusal(&[Plain("a\u{1b}[2J", b"")]),
        "archive entry \"a\\u{1b}[2J\" has control characters in its name"
    );
    for mode in [0o4755, 0o2755] {
        let mut header = header("su", EntryType::Regular, 0);
        header.set_mode(mode);
        header.set_cksum();
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        tar.append(&header, io::empty()).expect("append");
        let bytes = tar.into_inner().expect("tar").finish().expect("gzip");
        let error = try_unpack(&bytes, ROOMY).expect_err("set-id");
        assert_eq!(error.to_string(), "archive entry \"su\" would run as somebody else (set-id)");
    }
}

/// A manifest that lists these files, with the checksums of the contents given.
fn manifest_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let list: Vec<_> = files
        .iter()
        .map(|(path, content)| {
            let sha256 = Checksum::from_bytes(Sha256::digest(content).into());
            serde_json::json!({ "path": path, "size": content.len(), "sha256": sha256, "more": 1 })
        })
        .collect();
    serde_json::json!({ "format_version": 1, "files": list, "more": {} }).to_string().into_bytes()
}

#[test]
fn files_are_compared_with_the_manifest_before_the_directory_is_there() {
    let listed = manifest_of(&[("a", b"one"), ("d/b", b"two"), ("d/c", b"two")]);
    let whole = [Plain("a", b"one"), Plain("d/b", b"two"), HardLink("d/c", "d/b")];
    let with = |items: &[Item<'_>], manifest: &[u8]| {
        let mut tar: Vec<Item<'_>> = Vec::new();
        tar.extend(items.iter().copied());
        tar.push(Plain("manifest.json", manifest));
        archive(&tar)
    };
    let dir = tempfile::tempdir().expect("directory");
    let unpacked = unpack_within(&with(&whole, &listed)[..], &dir.path().join("r"), ROOMY).expect("unpack");
    assert!(unpacked.verified);
    assert_eq!((unpacked.files.len(), unpacked.bytes), (4, 6 + listed.len() as u64));

    let fails =
        |items: &[Item<'_>]| try_unpack(&with(items, &listed), ROOMY).expect_err("differs").to_string();
    let [a, b, c] = whole;
    assert_eq!(fails(&[b, c]), "file \"a\" of the manifest is not in the archive");
    assert_eq!(
        fails(&[Plain("a", b"0ne"), b, c]),
        "file \"a\" is not what the manifest lists: its checksum differs"
    );
    assert_eq!(
        fails(&[Plain("a", b"once"), b, c]),
        "file \"a\" is not what the manifest lists: it has 4 bytes instead of 3"
    );
    assert_eq!(fails(&[a, b, c, Plain("x", b"")]), "file \"x\" is not in the manifest");
}

#[test]
fn a_bundle_without_a_manifest_of_ours_is_unpacked_unverified() {
    for manifest in [None, Some("{}"), Some("not json"), Some("{\"files\": [1]}"), Some("[]")] {
        let mut items = vec![Plain("a", &b"one"[..])];
        items.extend(manifest.map(|text| Plain("manifest.json", text.as_bytes())));
        let dir = tempfile::tempdir().expect("directory");
        let unpacked = unpack_within(&archive(&items)[..], &dir.path().join("r"), ROOMY).expect("unpack");
        assert!(!unpacked.verified, "{manifest:?}");
    }
}

#[test]
fn what_pack_makes_is_verified_whatever_its_files_are_called() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().expect("directory");
    let results = dir.path().join("results");
    fs::create_dir_all(results.join("d")).expect("directory");
    for name in [&b"latin-\xe9"[..], b"latin-\xe8", b"d/plain", "d/snow \u{2603}".as_bytes()] {
        fs::write(results.join(std::ffi::OsStr::from_bytes(name)), name).expect("file");
    }
    let contents =
        super::super::Contents { results, files: Vec::new(), manifest: crate::model::manifest_for_tests() };
    let packed = dir.path().join("b.tar.gz");
    super::super::pack(&contents, &packed).expect("pack");
    let file = File::open(packed).expect("open");
    let unpacked = unpack_within(file, &dir.path().join("out"), ROOMY).expect("unpack");
    assert!(unpacked.verified);
    assert_eq!(unpacked.files.len(), 5);
}
