//! The command lines that the existing LEOScope CLI documents, as they stand there.

use crate::lab::Lab;

/// Each line, and its exit code. `leoscope` stands for `python3 -m cli`; the credentials are written out as
/// there. `admin: ` begins the administrator's lines, `NODE`, `RUN`, `CONFIG` and `PORT` are filled in.
const LINES: [(&str, i32); 31] = [
    ("admin: leoscope config --action=get --path=config.json", 0),
    ("admin: leoscope config --action=get > config.json", 0),
    ("admin: leoscope config --action=update --path=config.json", 0),
    ("admin: leoscope user --action=register --id=u2 --name=Second --role=USER --team=lab", 0),
    ("admin: leoscope user --action=get --id=u2", 0),
    ("admin: leoscope user --action=modify --id=u2 --name=Other --role=USER_PRIV --team=lab", 0),
    ("admin: leoscope user --action=delete --id=u2", 0),
    (
        "admin: leoscope node --action=register --nodeid=n2 --name=Second --description=d --coords=1.5,2.5 --location=There --provider=starlink --public-ip=192.0.2.7",
        0,
    ),
    ("leoscope node --action=get", 0),
    ("leoscope node --action=get --nodeid=n2 --location=There --provider=starlink", 0),
    ("leoscope node --action=get --active --active-thres=600", 0),
    ("leoscope node --action=get --no-active", 0),
    (
        "admin: leoscope node --action=update --nodeid=n2 --description=e --public-ip=192.0.2.8 --coords=1.5,2.6",
        0,
    ),
    ("admin: leoscope node --action=scavenger-set --nodeid=n2", 0),
    ("admin: leoscope node --action=scavenger-unset --nodeid=n2", 0),
    (
        "leoscope job --action=schedule --nodeid=NODE --jobid=old --type=cron --params_mode=docker --params_deploy=d --params_execute=e --params_finish=f --schedule='*/5 * * * *' --start-date=2099-01-01T00:00:00 --end-date=2099-01-02T00:00:00 --length=60 --overhead --exp-config=CONFIG",
        0,
    ),
    (
        "leoscope job --action=schedule --nodeid=NODE --jobid=once --type=atq --start-date=2099-02-01T00:00:00 --end-date=2099-02-02T00:00:00 --length=60 --no-overhead --server=n2 --trigger='pop_ping_latency_ms < 40' --exp-config=CONFIG",
        0,
    ),
    ("leoscope job --action=get --jobid=old", 0),
    ("leoscope job --action=get --nodeid=NODE", 0),
    ("leoscope job --action=get --userid=researcher-1", 0),
    ("leoscope job --action=modify --jobid=old --schedule='*/10 * * * *'", 0),
    ("leoscope job --action=delete --jobid=once", 0),
    ("leoscope run --action=get --runid=RUN", 0),
    ("leoscope run --action=get --jobid=done --nodeid=NODE --limit=3", 0),
    ("leoscope run --action=get --time-range=2020-01-01T00:00:00,2099-01-01T00:00:00 --limit=3", 0),
    ("leoscope run --action=download --runid=RUN --local-path=got", 0),
    (
        "leoscope run --action=get-scheduled --nodeid=NODE --time-range=2099-01-01T00:00:00,2099-01-01T01:00:00",
        0,
    ),
    ("admin: leoscope services --name=kernel --action=verify --verify-userid=admin", 0),
    ("admin: leoscope services --name=kernel --action=verify --verify-userid=researcher-1", 2),
    ("admin: leoscope job --action=delete --nodeid=NODE", 0),
    ("admin: leoscope node --action=delete --nodeid=n2 --delete-jobs", 0),
];

#[test]
fn the_documented_lines_of_the_existing_command_line_run_as_they_stand() {
    let lab = Lab::start("process");
    let config = lab.write("experiment.yaml", "process: {command: [\"/bin/true\"]}\n");
    lab.schedule("done", "process: {command: [\"/bin/true\"]}\n", 4, 5);
    let run = lab.completed("done");
    for (line, code) in LINES {
        let (admin, line) = match line.strip_prefix("admin: ") {
            Some(line) => (true, line),
            None => (false, line),
        };
        // The variables are those that the shell has of the lab.
        let user = "leoscope --userid=\"$LEOSCOPE_USERID\" --access-token=\"$LEOSCOPE_ACCESS_TOKEN\" --jwt-access-token= --grpc-host=localhost --grpc-port=PORT";
        let script = line
            .replace("leoscope ", &format!("{user} "))
            .replace("NODE", &lab.node_id)
            .replace("RUN", &run)
            .replace("CONFIG", &config)
            .replace("PORT", &lab.port.to_string());
        let shown = lab.show(&script, admin);
        assert_eq!(shown.code, code, "{line}: {shown:?}");
    }
}
