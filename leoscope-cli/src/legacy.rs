//! The older way of writing commands: `job --action=schedule …` for `job schedule …`.

use std::ffi::OsString;

use clap::Command;

/// Rewrites the older form into today's; everything else stays as it is.
///
/// `job get --userid X` also becomes `job get --of-user X`, because `--userid` is the global option
/// that says who calls. It stays the caller where an access token came along without another user
/// id: then both together are the caller's credentials, written after the command.
pub(crate) fn rewrite(mut args: Vec<OsString>, command: &Command) -> Vec<OsString> {
    let Some(group) = find_group(&args, command) else { return args };
    if let Some(action) = take_action(&mut args, group + 1) {
        args.insert(group + 1, action);
    }
    if args[group] == "job" && args.get(group + 1).is_some_and(|word| word == "get") {
        let (before, after) = args.split_at_mut(group);
        let is_token = |arg: &OsString| is_option(arg, "access-token") || is_option(arg, "access-token-file");
        let token_given = before.iter().chain(after.iter()).any(is_token);
        if before.iter().any(|arg| is_option(arg, "userid")) || !token_given {
            rename_option(after, "userid", "of-user");
        }
    }
    args
}

/// Where the name of the command group stands, after options with or without a value.
fn find_group(args: &[OsString], command: &Command) -> Option<usize> {
    let takes_value = |option: &str| {
        command.get_arguments().any(|arg| {
            arg.get_long() == Some(option) && arg.get_action().takes_values() && !arg.is_require_equals_set()
        })
    };
    let mut index = 1;
    loop {
        let word = args.get(index)?.to_str()?;
        match word.strip_prefix("--") {
            Some("") => return None,
            Some(option) if takes_value(option) => index += 2,
            Some(_) => index += 1,
            None if word.starts_with('-') => index += 1,
            None => return command.find_subcommand(word).map(|_| index),
        }
    }
}

/// Takes the value of `--action` out of `args`.
fn take_action(args: &mut Vec<OsString>, from: usize) -> Option<OsString> {
    for index in from..args.len() {
        let text = args[index].to_str().unwrap_or_default();
        if text == "--" {
            return None;
        }
        if let Some(action) = text.strip_prefix("--action=") {
            let action = action.into();
            args.remove(index);
            return Some(action);
        }
        if text == "--action" && index + 1 < args.len() {
            args.remove(index);
            return Some(args.remove(index));
        }
    }
    None
}

fn is_option(arg: &OsString, name: &str) -> bool {
    let rest = arg.to_str().and_then(|text| text.strip_prefix("--")?.strip_prefix(name));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

fn rename_option(args: &mut [OsString], from: &str, to: &str) {
    for arg in args {
        if is_option(arg, from)
            && let Some(text) = arg.to_str()
        {
            *arg = text.replacen(from, to, 1).into();
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    fn rewritten(line: &str) -> String {
        let args = line.split(' ').map(OsString::from).collect();
        let args = rewrite(args, &Cli::command());
        args.iter().map(|arg| arg.to_str().expect("text")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_action_becomes_a_word_behind_its_group() {
        let cases = [
            ("leoscope job --action=schedule --nodeid=n", "leoscope job schedule --nodeid=n"),
            ("leoscope job --action schedule --nodeid n", "leoscope job schedule --nodeid n"),
            ("leoscope run --jobid=j --action=get", "leoscope run get --jobid=j"),
            (
                "leoscope --userid=u --access-token t --quiet -q user --action register --id x",
                "leoscope --userid=u --access-token t --quiet -q user register --id x",
            ),
            // A value that looks like a group is a value.
            ("leoscope --userid job node --action=get", "leoscope --userid job node get"),
        ];
        for (old, new) in cases {
            assert_eq!(rewritten(old), new);
        }
    }

    #[test]
    fn todays_form_and_what_is_not_ours_stay() {
        for line in [
            "leoscope",
            "leoscope --help",
            "leoscope job schedule --nodeid=n",
            "leoscope job --action",
            "leoscope thing --action=get",
            "leoscope --action=get job",
            "leoscope -- job --action=get",
            "leoscope job -- --action=get",
        ] {
            assert_eq!(rewritten(line), line);
        }
    }

    #[test]
    fn the_user_id_behind_job_get_is_whose_jobs_unless_it_logs_in() {
        let cases = [
            ("leoscope job get --userid=x", "leoscope job get --of-user=x"),
            ("leoscope job --action=get --userid x", "leoscope job get --of-user x"),
            (
                "leoscope --userid=a --access-token=t job get --userid=x",
                "leoscope --userid=a --access-token=t job get --of-user=x",
            ),
            ("leoscope job get --userid=x --access-token=t", "leoscope job get --userid=x --access-token=t"),
            (
                "leoscope --access-token-file f job get --userid=x",
                "leoscope --access-token-file f job get --userid=x",
            ),
            // Such a token says itself who calls.
            (
                "leoscope --jwt-access-token=t job get --userid=x",
                "leoscope --jwt-access-token=t job get --of-user=x",
            ),
            ("leoscope job delete --userid=x", "leoscope job delete --userid=x"),
        ];
        for (old, new) in cases {
            assert_eq!(rewritten(old), new);
        }
    }
}
