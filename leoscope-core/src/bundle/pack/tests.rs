use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use nix::unistd::Uid;

use super::*;
use crate::bundle::unpack;
use crate::model::manifest_for_tests as manifest;

/// A results directory, files of the node beside it, and a place for the bundle.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("directory");
        fs::create_dir(dir.path().join("results")).expect("directory");
        Self { dir }
    }

    fn results(&self) -> PathBuf {
        self.dir.path().join("results")
    }

    fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.results().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directory");
        fs::write(&path, content).expect("write");
        path
    }

    fn contents(&self) -> Contents {
        let files = ["stdout.log", "executor.log"].map(|name| self.dir.path().join(name)).to_vec();
        Contents { results: self.results(), files, manifest: manifest() }
    }

    /// Packs, checks what identifies the bundle, unpacks, and checks the manifest against the files.
    fn round(&self) -> (PathBuf, Manifest) {
        let target = self.dir.path().join("bundle.tar.gz");
        let facts = pack(&self.contents(), &target).expect("packed");
        let bundle = fs::read(&target).expect("bundle");
        assert_eq!(facts.size, bundle.len() as u64);
        assert_eq!(facts.sha256, checksum(Sha256::new_with_prefix(&bundle)));
        assert!(!self.dir.path().join("bundle.tar.part").exists());
        let unpacked = self.dir.path().join("unpacked");
        let paths = unpack(bundle.as_slice(), &unpacked).expect("unpacks");
        let manifest: Manifest =
            serde_json::from_slice(&fs::read(unpacked.join(Manifest::FILE)).expect("manifest"))
                .expect("a manifest");
        assert_eq!(paths.len(), manifest.files.len() + 1, "all but the manifest are listed");
        for file in &manifest.files {
            let path = file.raw_path.as_ref().map_or_else(|| PathBuf::from(&file.path), |raw| decoded(raw));
            let content = fs::read(unpacked.join(&path)).expect("a listed file");
            assert_eq!(
                (content.len() as u64, checksum(Sha256::new_with_prefix(&content))),
                (file.size, file.sha256)
            );
        }
        (unpacked, manifest)
    }
}

fn decoded(raw: &str) -> PathBuf {
    use base64::Engine as _;
    let bytes = base64::prelude::BASE64_STANDARD.decode(raw).expect("base64");
    PathBuf::from(OsStr::from_bytes(&bytes))
}

fn why(manifest: &Manifest, path: &str) -> Option<WhyLeftOut> {
    manifest.left_out.iter().find(|left| left.path == path).and_then(|left| left.why)
}

#[test]
fn every_file_comes_back_whatever_its_name() {
    let world = World::new();
    let long = "l".repeat(255);
    let deep = format!("deep/{}", [long.as_str(); 10].join("/"));
    let names =
        ["a.txt", "dir/b.txt", "-f", " ", "new line", "back\\slash", "\"quote\"", "ünï", &long, &deep];
    for name in names {
        world.write(name, name);
    }
    let odd = OsStr::from_bytes(b"not\xffutf8");
    world.write(odd, "odd");
    world.write("empty", "");
    fs::write(world.dir.path().join("stdout.log"), "said").expect("write");
    let (unpacked, manifest) = world.round();
    assert_eq!(manifest.files.len(), names.len() + 3);
    assert_eq!(manifest.left_out, []);
    let odd = manifest.files.iter().find(|file| file.raw_path.is_some()).expect("one without a text");
    assert_eq!(odd.path, "not\u{fffd}utf8");
    assert_eq!(fs::read(unpacked.join("stdout.log")).expect("log"), b"said");
}

/// Nobody could unpack them under their names: what a name holds may steer a terminal.
#[test]
fn files_with_control_characters_in_their_names_get_others() {
    let world = World::new();
    for name in ["new\nline", "new_line", "a\u{1b}[2J/b\t", "manifest.json\u{7}", "\u{85}", "new\tline"] {
        world.write(name, name);
    }
    let (unpacked, manifest) = world.round();
    assert_eq!(manifest.files.len(), 6);
    for (path, from) in [
        ("new_line.1", Some("new\tline")),
        ("new_line.2", Some("new\nline")),
        ("new_line", None),
        ("a_[2J/b_", Some("a\u{1b}[2J/b\t")),
        ("manifest.json_", Some("manifest.json\u{7}")),
        ("_", Some("\u{85}")),
    ] {
        let file = manifest.files.iter().find(|file| file.path == path).expect(path);
        assert_eq!(file.renamed_from.as_deref(), from);
        assert_eq!(fs::read_to_string(unpacked.join(path)).expect(path), from.unwrap_or(path));
    }
}

#[test]
fn what_is_no_file_is_left_out_and_named_with_the_reason() {
    let world = World::new();
    let real = world.write("real", "content");
    fs::hard_link(&real, world.results().join("hard")).expect("hard link");
    symlink("/etc/passwd", world.results().join("link")).expect("link");
    symlink("/etc", world.results().join("dirlink")).expect("link");
    nix::unistd::mkfifo(&world.results().join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("pipe");
    let _socket = std::os::unix::net::UnixListener::bind(world.results().join("socket")).expect("socket");
    let (unpacked, manifest) = world.round();
    let left: Vec<_> = manifest.left_out.iter().map(|left| (left.path.as_str(), left.why)).collect();
    assert_eq!(
        left,
        [
            ("dirlink", Some(WhyLeftOut::Link)),
            ("link", Some(WhyLeftOut::Link)),
            ("pipe", Some(WhyLeftOut::Pipe)),
            ("socket", Some(WhyLeftOut::Socket)),
        ]
    );
    assert_eq!(fs::read(unpacked.join("hard")).expect("hard link"), b"content");
}

#[test]
fn what_cannot_be_read_is_named_and_does_not_cost_the_rest() {
    let world = World::new();
    world.write("fine", "fine");
    // Directories deeper than the system takes a path for: each half is within its limits.
    let half = |name: &str| {
        [name, &["d"; 1].join("/"), &[&"x".repeat(200); 11].map(|s| s.as_str()).join("/")].join("/")
    };
    world.write(format!("{}/file", half("one")), "deep");
    world.write(format!("{}/file", half("two")), "deeper");
    fs::rename(world.results().join("two"), world.results().join(half("one")).join("two")).expect("rename");
    if !Uid::effective().is_root() {
        let closed = world.write("closed", "");
        fs::set_permissions(closed, fs::Permissions::from_mode(0o000)).expect("permissions");
    }
    let (_, manifest) = world.round();
    assert!(manifest.files.iter().any(|file| file.path == "fine"));
    assert!(manifest.files.iter().any(|file| file.path.starts_with("one/") && file.path.ends_with("/file")));
    let deep = manifest.left_out.iter().find(|left| left.path.len() > 3_000).expect("the part too deep");
    assert_eq!(deep.why, Some(WhyLeftOut::NotReadable));
    assert!(deep.detail.as_ref().is_some_and(|detail| detail.contains("too long")), "{deep:?}");
    if !Uid::effective().is_root() {
        assert_eq!(why(&manifest, "closed"), Some(WhyLeftOut::NotReadable));
    }
}

#[test]
fn results_that_are_gone_leave_a_bundle_that_says_so() {
    let world = World::new();
    fs::remove_dir(world.results()).expect("remove");
    let (_, manifest) = world.round();
    assert_eq!((manifest.files.len(), why(&manifest, ".")), (0, Some(WhyLeftOut::Vanished)));
}

/// A packer as [`pack_by`] makes it, and a way to see what it wrote.
fn packed_by(world: &World, work: impl FnOnce(&mut Packer)) -> Manifest {
    let target = world.dir.path().join("direct.tar.gz");
    let file = File::create(&target).expect("create");
    let mut packer = Packer {
        tar: tar::Builder::new(Gzip::new(Hashing::new(file)).expect("threads")),
        lists: Lists::new(world.dir.path()).expect("lists"),
        buffer: vec![0; PIECE],
        room: 1 << 20,
    };
    work(&mut packer);
    packer.finish(&manifest()).expect("finish");
    let unpacked = world.dir.path().join("direct");
    unpack(File::open(&target).expect("bundle"), &unpacked).expect("unpacks");
    serde_json::from_slice(&fs::read(unpacked.join(Manifest::FILE)).expect("manifest")).expect("a manifest")
}

#[test]
fn a_file_that_vanishes_becomes_a_link_or_is_too_large_is_left_out() {
    let world = World::new();
    let link = world.results().join("link");
    symlink("/etc/passwd", &link).expect("link");
    let large = world.write("large", vec![0; (1 << 20) + 1]);
    let manifest = packed_by(&world, |packer| {
        packer.add(&world.results().join("gone"), Path::new("gone"), None).expect("left out");
        packer.add(&link, Path::new("link"), None).expect("left out");
        packer.add(&large, Path::new("large"), None).expect("left out");
    });
    assert_eq!(why(&manifest, "gone"), Some(WhyLeftOut::Vanished));
    assert_eq!(why(&manifest, "link"), Some(WhyLeftOut::Link));
    assert_eq!(why(&manifest, "large"), Some(WhyLeftOut::TooLarge));
    assert_eq!(manifest.files, []);
}

fn listed(path: &str, size: u64, sha256: Checksum) -> PackedFile {
    PackedFile { path: path.into(), raw_path: None, size, sha256, renamed_from: None, padded_from: None }
}

#[test]
fn a_file_that_shrinks_while_it_is_packed_is_filled_up_with_zeros() {
    let world = World::new();
    let path = world.write("log", vec![b'x'; 300_000]);
    packed_by(&world, |packer| {
        let (file, found) = open(&path).expect("open");
        File::options().write(true).open(&path).and_then(|file| file.set_len(7)).expect("shrink");
        let (sha256, read) = packer.write(file, Path::new("log"), &found).expect("write");
        assert_eq!(read, 7);
        let mut expected = vec![0; 300_000];
        expected[..7].fill(b'x');
        assert_eq!(sha256, checksum(Sha256::new_with_prefix(&expected)));
        packer.lists.add(&listed("log", 300_000, sha256)).expect("listed");
    });
    let unpacked = fs::read(world.dir.path().join("direct/log")).expect("log");
    assert_eq!((unpacked.len(), &unpacked[..8]), (300_000, &b"xxxxxxx\0"[..]));
}

#[test]
fn a_file_that_grows_while_it_is_packed_has_the_length_it_had() {
    let world = World::new();
    let path = world.write("log", "12345");
    packed_by(&world, |packer| {
        let (file, found) = open(&path).expect("open");
        fs::write(&path, "1234567890").expect("grow");
        let (sha256, read) = packer.write(file, Path::new("log"), &found).expect("write");
        assert_eq!(read, 5);
        packer.lists.add(&listed("log", 5, sha256)).expect("listed");
    });
    assert_eq!(fs::read(world.dir.path().join("direct/log")).expect("log"), b"12345");
}

#[test]
fn a_sparse_file_comes_back_with_its_holes_as_zeros() {
    let world = World::new();
    let path = world.write("sparse", "");
    let file = File::options().write(true).open(path).expect("open");
    file.set_len(6 << 20).expect("sparse");
    std::os::unix::fs::FileExt::write_at(&file, b"end", 5 << 20).expect("write");
    let (unpacked, manifest) = world.round();
    assert_eq!(manifest.files[0].size, 6 << 20);
    let content = fs::read(unpacked.join("sparse")).expect("sparse");
    assert_eq!(&content[5 << 20..(5 << 20) + 4], b"end\0");
    assert!(fs::metadata(world.dir.path().join("bundle.tar.gz")).expect("bundle").len() < 1 << 20);
}

/// An experiment that wrote a `stdout.log` had a bundle with two of them, which nobody could unpack.
#[test]
fn an_experiment_may_use_the_names_of_the_bundle_s_own_files() {
    let world = World::new();
    world.write("stdout.log", "the experiment's");
    world.write("stdout.log.1", "another");
    world.write("manifest.json/data", "a directory of that name");
    fs::write(world.dir.path().join("stdout.log"), "the container's").expect("write");
    let (unpacked, manifest) = world.round();
    let read = |name: &str| fs::read_to_string(unpacked.join(name)).expect(name);
    assert_eq!(read("stdout.log"), "the container's");
    assert_eq!(read("stdout.log.1"), "another");
    assert_eq!(read("stdout.log.2"), "the experiment's");
    assert_eq!(read("manifest.json.1/data"), "a directory of that name");
    let from = |path: &str| {
        manifest.files.iter().find(|file| file.path == path).and_then(|f| f.renamed_from.clone())
    };
    assert_eq!(from("stdout.log.2").as_deref(), Some("stdout.log"));
    assert_eq!(from("manifest.json.1/data").as_deref(), Some("manifest.json/data"));
    assert_eq!(from("stdout.log.1"), None);
}

#[test]
fn more_names_than_a_bundle_may_have_are_left_where_they_are() {
    let world = World::new();
    for index in 0..20 {
        world.write(format!("{}/{index:02}", index % 2), "");
    }
    let found: Vec<Found> = Walk::new(&world.results(), 15).collect();
    let files = found.iter().filter(|found| matches!(found, Found::File(_))).count();
    assert_eq!(files, 13, "two of fifteen are the directories");
    let over: Vec<_> = found
        .iter()
        .filter_map(|found| match found {
            Found::Other(path, WhyLeftOut::TooMany, None) => path.to_str(),
            Found::File(_) | Found::Other(..) => None,
        })
        .collect();
    assert_eq!(over, ["1"]);
}

#[test]
fn a_bundle_that_cannot_be_written_leaves_nothing() {
    let world = World::new();
    world.write("a", "a");
    let target = world.dir.path().join("taken.tar.gz");
    fs::create_dir(&target).expect("directory");
    let error = pack(&world.contents(), &target).expect_err("a directory is in the way");
    assert_eq!(error.kind(), crate::ErrorKind::Internal);
    assert!(!world.dir.path().join("taken.tar.part").exists());
}
