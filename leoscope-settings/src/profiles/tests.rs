use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::Env;

const FILE: &str = "\
# My testbeds.

# The one in the lab.
[lab]
userid = 'me' # not you
# Where it is.
grpc_host = 'old' # moves often
access-token = 'hunter2'

# The one of the others.
[other]
userid = 'them'
# The end.
";

struct Dir(tempfile::TempDir);

impl Dir {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().expect("directory");
        fs::write(dir.path().join("profiles.toml"), text).expect("file");
        Self(dir)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("profiles.toml")
    }

    fn open(&self) -> Profiles {
        Profiles::open(&ProfileChoice::new(None, Some(self.file()), &Env::new())).expect("profiles")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("file")
    }
}

#[test]
fn what_is_set_keeps_the_comments_and_the_other_profiles() {
    let dir = Dir::new(FILE);
    fs::set_permissions(dir.file(), fs::Permissions::from_mode(0o640)).expect("permissions");
    let mut profiles = dir.open();
    let options = vec![
        ("grpc-host", Some("new".into())),
        ("grpc-port", Some(50_051_i64.into())),
        ("access-token", None),
        ("access-token-file", Some("/t".into())),
    ];
    profiles.set("lab", options).expect("set");
    profiles.set("third one", vec![("userid", Some("x".into()))]).expect("set");
    profiles.make_current("third one");
    profiles.save().expect("saved");
    insta::assert_snapshot!(dir.text(), @r#"
    current = "third one"

    # My testbeds.

    # The one in the lab.
    [lab]
    userid = 'me' # not you
    # Where it is.
    grpc_host = "new" # moves often
    grpc-port = 50051
    access-token-file = "/t"

    # The one of the others.
    [other]
    userid = 'them'

    ["third one"]
    userid = "x"
    # The end.
    "#);
    assert_eq!(dir.open().chosen(), "third one");
    let mode = fs::metadata(dir.file()).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "as it was");
}

#[test]
fn a_new_file_is_its_owners_alone() {
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("new/profiles.toml");
    let mut profiles =
        Profiles::open(&ProfileChoice::new(None, Some(file.clone()), &Env::new())).expect("profiles");
    assert_eq!((profiles.chosen(), profiles.all()), ("default", &[][..]));
    profiles.set("default", vec![("userid", Some("x".into()))]).expect("set");
    profiles.save().expect("saved");
    assert_eq!(fs::read_to_string(&file).expect("file"), "[default]\nuserid = \"x\"\n");
    assert_eq!(fs::metadata(&file).expect("metadata").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_removed_profile_takes_its_own_comment_along_and_no_other() {
    let dir = Dir::new(&format!("current = 'lab'\n{FILE}"));
    let mut profiles = dir.open();
    assert!(profiles.remove("lab"));
    assert!(!profiles.remove("lab"));
    assert!(!profiles.remove("current"));
    profiles.save().expect("saved");
    insta::assert_snapshot!(dir.text(), @"
    # My testbeds.

    # The one of the others.
    [other]
    userid = 'them'
    # The end.
    ");
    let mut profiles = dir.open();
    assert!(profiles.remove("other"));
    profiles.save().expect("saved");
    assert_eq!(dir.text(), "# My testbeds.\n# The end.\n");
}

#[test]
fn tokens_are_known_of_and_not_shown() {
    let profiles = Dir::new(FILE).open();
    let [lab, other] = profiles.all() else { panic!("two profiles") };
    assert!(lab.has_token() && lab.holds_token() && !other.has_token());
    let shown: Vec<_> = lab.shown().collect();
    assert_eq!(shown, [("access-token", "***"), ("grpc-host", "old"), ("userid", "me")]);
    for (option, secret) in [("jwt-access-token", true), ("access-token-file", false), ("grpc-host", false)] {
        assert_eq!(is_secret(option), secret, "{option}");
    }
}

#[test]
fn what_is_no_profile_file_is_told_without_its_text() {
    for text in ["[lab]\naccess-token = 'hunter2", "current = ['hunter2']", "[current]\ntoken = 'hunter2'"] {
        let dir = Dir::new(text);
        let choice = ProfileChoice::new(None, Some(dir.file()), &Env::new());
        let error = Profiles::open(&choice).expect_err(text);
        assert!(!error.message().contains("hunter2"), "{error}");
    }
    let dir = Dir::new("lab = 5\n[other]\n");
    let mut profiles = dir.open();
    assert_eq!(profiles.all().len(), 1);
    profiles.set("lab", Vec::new()).expect_err("no table");
    let error = profiles.get("lab").expect_err("no profile");
    assert_eq!(error.what_to_do(), Some("there are: other"));
}
