//! What experiments may ask of the kernel, and which answers they get.
//!
//! [`parse`] reads a request as existing experiments send it; what is none of the three commands
//! is refused with a text that says what is allowed. [`Changes`] remembers what settings were
//! before, until every run that changed them has ended.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::RunId;
use crate::model::{CongestionControl, KernelSetting, Parameter};

/// The longest request in bytes.
pub const MAX_REQUEST: usize = 1024;

/// The answer to a caller who may not ask.
pub const ACCESS_DENIED: &str = "access_denied";

/// What is allowed, for those who asked for something else.
pub const ALLOWED: &str = "allowed are: cca.check, cca.change NAME, bbr2.param.set NAME NUMBER";

/// Where the parameters of `tcp_bbr2` are, as experiments write it.
const PARAMETERS: &str = "/sys/module/tcp_bbr2/parameters/";

/// A request that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Which congestion control is in use?
    Check,
    /// Use this one.
    Change(CongestionControl),
    /// Set a parameter of `tcp_bbr2`.
    SetParameter(Parameter, u32),
}

/// Reads a request; one line end at its end is no part of it.
///
/// # Errors
/// The answer to give: what was wrong, and what is allowed.
pub fn parse(request: &[u8]) -> Result<Command, String> {
    let refuse = |what: &str| format!("{what}; {ALLOWED}\n");
    if request.len() > MAX_REQUEST {
        return Err(refuse("the request is too long"));
    }
    let text = std::str::from_utf8(request).map_err(|_| refuse("the request is no text"))?;
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        ["cca.check"] => Ok(Command::Check),
        ["cca.change", name] => CongestionControl::parse(name)
            .map(Command::Change)
            .ok_or_else(|| refuse("that is not the name of a congestion control")),
        ["bbr2.param.set", path, value] => {
            let name = path.strip_prefix(PARAMETERS).unwrap_or(path);
            let parameter = Parameter::parse(name)
                .ok_or_else(|| refuse("only parameters of the module tcp_bbr2 can be set"))?;
            let number = value.bytes().all(|b| b.is_ascii_digit()).then(|| value.parse().ok()).flatten();
            let number = number.ok_or_else(|| refuse("the value is not a number from 0 to 4294967295"))?;
            Ok(Command::SetParameter(parameter, number))
        }
        _ => Err(refuse("that is not a command")),
    }
}

impl Command {
    /// The setting it changes, with the new value; `None` when it only asks.
    pub fn change(&self) -> Option<(KernelSetting, String)> {
        match self {
            Self::Check => None,
            Self::Change(name) => Some((KernelSetting::CongestionControl, name.to_string())),
            Self::SetParameter(parameter, value) => {
                Some((KernelSetting::Bbr2(parameter.clone()), value.to_string()))
            }
        }
    }
}

/// The answer that tells a setting's value, as `sysctl` prints it.
pub fn told(setting: &KernelSetting, value: &str) -> String {
    match setting {
        KernelSetting::CongestionControl => format!("{setting} = {value}\n"),
        KernelSetting::Bbr2(_) => format!("BBR2 parameter {setting} set to {value}"),
    }
}

/// The answer to a caller who wants a congestion control that the kernel does not have.
pub fn not_available(name: &CongestionControl, available: &[CongestionControl]) -> String {
    let names: Vec<&str> = available.iter().map(CongestionControl::as_str).collect();
    format!("congestion control {name} is not available here, only: {}\n", names.join(" "))
}

/// What runs have changed, and what it was before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    changes: Vec<Change>,
}

/// A setting that runs have changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The setting.
    pub setting: KernelSetting,
    /// Its value before the first of them.
    pub before: String,
    /// The runs that have changed it and are not known to have ended.
    runs: BTreeSet<RunId>,
}

impl Changes {
    /// Whether a run has changed this setting, so that its first value is known.
    pub fn knows(&self, setting: &KernelSetting) -> bool {
        self.changes.iter().any(|change| change.setting == *setting)
    }

    /// Notes that `run` changes a setting that is `before`; the first value noted stays.
    pub fn note(&mut self, run: &RunId, setting: &KernelSetting, before: &str) {
        match self.changes.iter_mut().find(|change| change.setting == *setting) {
            Some(change) => drop(change.runs.insert(run.clone())),
            None => self.changes.push(Change {
                setting: setting.clone(),
                before: before.to_owned(),
                runs: BTreeSet::from([run.clone()]),
            }),
        }
    }

    /// Forgets the runs that are not under way, and gives what is to be restored: the settings that
    /// none of the others has changed.
    pub fn to_restore(&mut self, under_way: &BTreeSet<RunId>) -> Vec<Change> {
        for change in &mut self.changes {
            change.runs.retain(|run| under_way.contains(run));
        }
        self.changes.iter().filter(|change| change.runs.is_empty()).cloned().collect()
    }

    /// Forgets a setting that is as it was before.
    pub fn restored(&mut self, setting: &KernelSetting) {
        self.changes.retain(|change| change.setting != *setting);
    }

    /// Whether nothing is to be restored, at present or later.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(name: &str) -> CongestionControl {
        CongestionControl::parse(name).expect(name)
    }

    fn run(id: &str) -> RunId {
        RunId::parse(id).expect(id)
    }

    #[test]
    fn commands_are_read_as_existing_experiments_send_them() {
        let parameter = |name| Parameter::parse(name).expect(name);
        for (request, command) in [
            ("cca.check", Command::Check),
            ("cca.check\n", Command::Check),
            ("cca.check\r\n", Command::Check),
            ("cca.change bbr", Command::Change(control("bbr"))),
            (" cca.change   dctcp-reno \n", Command::Change(control("dctcp-reno"))),
            ("bbr2.param.set loss_thresh 40", Command::SetParameter(parameter("loss_thresh"), 40)),
            (
                "bbr2.param.set /sys/module/tcp_bbr2/parameters/loss_thresh 4294967295",
                Command::SetParameter(parameter("loss_thresh"), u32::MAX),
            ),
        ] {
            assert_eq!(parse(request.as_bytes()), Ok(command), "{request:?}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_what_is_allowed() {
        let long = format!("cca.change {}", "a".repeat(MAX_REQUEST));
        let long_name = format!("bbr2.param.set {} 1", "a".repeat(65));
        let requests: [&[u8]; 32] = [
            b"",
            b"\n",
            b"   ",
            b"cca",
            b"cca.check now",
            b"CCA.CHECK",
            b"cca.check\n\n",
            b"cca.check\ncca.change reno",
            b"cca.change",
            b"cca.change reno cubic",
            b"cca.change\treno",
            b"cca.change reno;reboot",
            b"cca.change $(reboot)",
            b"cca.change ../../kernel",
            b"cca.change a-name-too-long-",
            b"cca.change reno\0",
            b"cca.change r\xffeno",
            "cca.change r\u{e9}no".as_bytes(),
            b"\0",
            b"\xff\xfe",
            b"sysctl -w kernel.panic=1",
            b"bbr2.param.set",
            b"bbr2.param.set loss_thresh",
            b"bbr2.param.set loss_thresh -1",
            b"bbr2.param.set loss_thresh +1",
            b"bbr2.param.set loss_thresh 4294967296",
            b"bbr2.param.set loss_thresh 1;reboot",
            b"bbr2.param.set /sys/module/tcp_bbr2/parameters/../../kernel/x 1",
            b"bbr2.param.set /sys/module/tcp_bbr/parameters/x 1",
            b"bbr2.param.set /sys/module/tcp_bbr2/parameters//sys/module/tcp_bbr2/parameters/x 1",
            long.as_bytes(),
            long_name.as_bytes(),
        ];
        for request in requests {
            let answer = parse(request).expect_err(&String::from_utf8_lossy(request));
            assert!(answer.ends_with(&format!("; {ALLOWED}\n")), "{answer}");
        }
    }

    #[test]
    fn answers_are_in_the_form_that_experiments_look_for() {
        let setting = KernelSetting::CongestionControl;
        assert_eq!(told(&setting, "cubic"), "net.ipv4.tcp_congestion_control = cubic\n");
        let (setting, value) =
            parse(b"bbr2.param.set loss_thresh 007").expect("command").change().expect("change");
        let expected = "BBR2 parameter /sys/module/tcp_bbr2/parameters/loss_thresh set to 7";
        assert_eq!(told(&setting, &value), expected);
        let available = [control("reno"), control("cubic")];
        let answer = not_available(&control("bbr"), &available);
        assert_eq!(answer, "congestion control bbr is not available here, only: reno cubic\n");
    }

    #[test]
    fn the_first_value_comes_back_when_the_last_run_has_ended() {
        let (a, b) = (run("a"), run("b"));
        let setting = KernelSetting::CongestionControl;
        let mut changes = Changes::default();
        changes.note(&a, &setting, "cubic");
        changes.note(&b, &setting, "bbr");
        changes.note(&a, &setting, "reno");
        assert_eq!(changes.to_restore(&BTreeSet::from([a.clone(), b.clone()])), []);
        assert_eq!(changes.to_restore(&BTreeSet::from([b])), []);
        let due = changes.to_restore(&BTreeSet::new());
        assert_eq!(due.iter().map(|change| change.before.as_str()).collect::<Vec<_>>(), ["cubic"]);
        assert!(changes.knows(&setting), "until it has been restored");
        changes.restored(&setting);
        assert!(changes.is_empty());
    }
}
