use super::*;
use crate::schedule::Policies;
use crate::time::{SignedDuration, Timestamp, parse_time};

fn at(text: &str) -> Timestamp {
    parse_time(text).expect(text)
}

fn jobs() -> Vec<Job> {
    let full = Job {
        id: "exp-001".parse().expect("id"),
        owner: "researcher-1".parse().expect("id"),
        node: "node-seattle".parse().expect("id"),
        server: Some("node-paris".parse().expect("id")),
        schedule: Schedule::Cron("*/5 * * * *".parse().expect("cron")),
        window: Window::new(at("2026-12-01T00:00:00"), at("2026-12-02T00:00:00")).expect("window"),
        length: RunLength::from_secs(60).expect("length"),
        overhead: true,
        trigger: Some("rain > 1".into()),
        config: "docker: {image: a}".into(),
        params: JobParams {
            mode: "docker".into(),
            deploy: "d".into(),
            execute: "e".into(),
            finish: "-".into(),
        },
        policies: Policies { align: "slot+3".parse().ok(), ..Policies::default() },
        shift: SignedDuration::from_secs(30),
        created: at("2026-11-30T10:00:00.000001"),
        since: at("2026-11-30T11:00:00"),
        deleted: None,
    };
    let bare = Job {
        server: None,
        schedule: Schedule::Once,
        overhead: false,
        trigger: None,
        params: JobParams::default(),
        policies: Policies::default(),
        ..full.clone()
    };
    vec![full, bare]
}

fn spec(job: Job) -> JobSpec {
    let Job {
        id, node, server, schedule, window, length, overhead, trigger, config, params, policies, ..
    } = job;
    JobSpec {
        id: Some(id),
        node,
        server,
        schedule,
        window,
        length,
        overhead,
        trigger,
        config,
        params,
        policies,
    }
}

#[test]
fn jobs_come_back_as_they_went() {
    for job in jobs() {
        assert_eq!(Job::try_from(unary::Job::from(job.clone())).expect("job"), job);
        let one = unary::GetJobResponse::from(Some(job.clone())).into_job().expect("exists");
        assert_eq!(Job::try_from(one).expect("job"), job);
        for spec in [spec(job.clone()), JobSpec { id: None, ..spec(job) }] {
            let request = unary::ScheduleJobRequest::from(spec.clone());
            assert_eq!(JobSpec::try_from(request).expect("spec"), spec);
        }
    }
    assert!(unary::GetJobResponse::from(None).into_job().is_none());
}

#[test]
fn existing_nodes_find_a_text_wherever_they_need_one_and_no_trigger_where_there_is_none() {
    let job = unary::Job::from(jobs().remove(1));
    let params = job.params.expect("params");
    assert_eq!(
        [params.mode, params.deploy, params.execute, params.finish],
        ["docker", "-", "-", "-"].map(str::to_owned)
    );
    assert_eq!((job.trigger, job.server), (None, None));
    assert_eq!(
        (job.start_date.as_str(), job.end_date.as_str()),
        ("2026-12-01T00:00:00", "2026-12-02T00:00:00")
    );
}

#[test]
fn what_existing_clients_leave_out_or_send_empty_is_read_as_absent() {
    let request = unary::ScheduleJobRequest {
        nodeid: "n".into(),
        schedule: "*/5 * * * *".into(),
        start_date: "2026-12-01 00:00:00".into(),
        end_date: "2026-12-02T01:00:00+01:00".into(),
        length_secs: 5,
        server: Some(String::new()),
        trigger: Some(String::new()),
        userid: "somebody else".into(),
        ..Default::default()
    };
    let spec = JobSpec::try_from(request).expect("spec");
    assert_eq!((spec.id, spec.server, spec.trigger), (None, None, None));
    assert_eq!(spec.window.end(), at("2026-12-02T00:00:00"));
    assert!(matches!(spec.schedule, Schedule::Cron(_)));
}

#[test]
fn errors_name_the_field() {
    let good = unary::ScheduleJobRequest::from(spec(jobs().remove(0)));
    let fault = |change: fn(&mut unary::ScheduleJobRequest)| {
        let mut request = good.clone();
        change(&mut request);
        JobSpec::try_from(request).expect_err("fault").to_string()
    };
    assert_eq!(fault(|r| r.id = "a/b".into()), "job id \"a/b\" contains '/'");
    assert_eq!(fault(|r| r.nodeid.clear()), "node id \"\" is empty");
    assert_eq!(fault(|r| r.r#type = 7), "type: 7 is not a type of job");
    assert_eq!(fault(|r| r.start_date = "soon".into()), "start_date: \"soon\" is not a time");
    assert_eq!(fault(|r| r.end_date.clear()), "end_date: \"\" is not a time");
    assert_eq!(fault(|r| r.length_secs = -1), "length of -1 seconds is not possible");
    assert_eq!(fault(|r| r.server = Some("a b".into())), "server: node id \"a b\" contains ' '");
    assert!(fault(|r| r.schedule = "* * * *".into()).contains("has 4 fields"));
    let mut job = unary::Job::from(jobs().remove(0));
    job.userid.clear();
    assert_eq!(
        jobs_from_wire(vec![job]).expect_err("owner").to_string(),
        "job \"exp-001\": user id \"\" is empty"
    );
}

#[test]
fn a_job_of_an_older_orchestrator_has_a_creation_time_that_stays_the_same() {
    let mut wire = unary::Job::from(jobs().remove(0));
    wire.created_us = 0;
    let job = Job::try_from(wire).expect("job");
    assert_eq!(job.created, job.window.start());
}
