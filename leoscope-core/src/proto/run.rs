//! Runs.

use super::{micros, optional, present, time, unary};
use crate::error::{Error, Result};
use crate::ids::{JobId, NodeId, RunId, UserId};
use crate::model::{Phase, Run, RunFacts, RunFilter, RunStatus, Stage, StartMode};
use crate::time::{Timestamp, Window, parse_time, wire_time};

impl From<Run> for unary::RunInstance {
    fn from(run: Run) -> Self {
        let Run {
            id,
            job,
            node,
            owner,
            planned,
            started,
            ended,
            status,
            foreign_status,
            phase,
            stage,
            reason,
            message,
            exit_code,
            artifact,
            bundle,
            trigger_verdict,
            facts: RunFacts { start, image, clock_offset_us, trigger },
            updated,
        } = run;
        let text = |time: Option<Timestamp>| time.map(wire_time).unwrap_or_default();
        let us = |time: Option<Timestamp>| time.map(Timestamp::as_microsecond);
        let (planned_start, planned_end) = (planned.map(|w| w.start()), planned.map(|w| w.end()));
        Self {
            runid: id.into(),
            jobid: job.into(),
            nodeid: node.into(),
            userid: owner.into(),
            // Existing programs know one pair of times: what happened, else what is planned.
            start_time: text(started.or(planned_start)),
            // An empty text is no time that they could read.
            end_time: text(ended.or(planned_end).or(updated).or(started)),
            last_updated: text(updated.or(ended).or(started).or(planned_start)),
            blob_url: artifact.unwrap_or_default(),
            status: status.name().to_owned(),
            status_message: message,
            stage: stage.map(|stage| stage.name().to_owned()),
            reason_code: reason,
            exit_code,
            trigger_verdict,
            planned_start_us: us(planned_start),
            planned_end_us: us(planned_end),
            started_us: us(started),
            ended_us: us(ended),
            updated_us: us(updated),
            phase: phase.map(|phase| phase.name().to_owned()),
            foreign_status,
            start_mode: start.map(|start| start.name().to_owned()),
            image,
            clock_offset_us,
            bundle: bundle.map(Into::into),
            trigger_decision: trigger.map(Into::into),
        }
    }
}

impl TryFrom<unary::RunInstance> for Run {
    type Error = Error;
    fn try_from(run: unary::RunInstance) -> Result<Self> {
        let unary::RunInstance {
            runid,
            jobid,
            nodeid,
            userid,
            start_time,
            end_time,
            last_updated,
            blob_url,
            status: status_text,
            status_message,
            stage,
            reason_code,
            exit_code,
            trigger_verdict,
            planned_start_us,
            planned_end_us,
            started_us,
            ended_us,
            updated_us,
            phase: phase_text,
            foreign_status,
            start_mode,
            image,
            clock_offset_us,
            bundle,
            trigger_decision,
        } = run;
        let (status, implied_phase) = RunStatus::from_any_name(&status_text)
            .ok_or_else(|| Error::invalid(format!("status: {status_text:?} is not a status of a run")))?;
        let foreign = (status.name() != status_text).then_some(status_text);
        let us = |field: &str, value: Option<i64>| value.map(|us| micros(field, us)).transpose();
        let planned = match (planned_start_us, planned_end_us) {
            (None, None) => None,
            (start, end) => Some(Window::new(
                micros("planned_start_us", present("planned_start_us", start)?)?,
                micros("planned_end_us", present("planned_end_us", end)?)?,
            )?),
        };
        let (mut started, mut ended) = (us("started_us", started_us)?, us("ended_us", ended_us)?);
        if planned.is_none() && started.is_none() && ended.is_none() && updated_us.is_none() {
            // A program of another make: its texts are all there is. The end of a run that goes on
            // is no more than a guess.
            started = optional(Some(&start_time), |text| time("start_time", text))?;
            if status.is_terminal() {
                ended = optional(Some(&end_time), |text| time("end_time", text))?;
            }
        }
        // Told for people to read only, so a text that is no time is no reason to refuse a report.
        let updated = us("updated_us", updated_us)?.or_else(|| parse_time(&last_updated).ok());
        Ok(Self {
            id: runid.try_into()?,
            job: jobid.try_into()?,
            // Whose run it is follows from its job; some programs leave it out.
            owner: if userid.is_empty() { UserId::parse(&nodeid) } else { userid.try_into() }?,
            node: nodeid.try_into()?,
            planned,
            started,
            ended,
            status,
            foreign_status: foreign.or(foreign_status),
            phase: optional(phase_text.as_deref(), parse_phase)?.or(implied_phase),
            stage: optional(stage.as_deref(), parse_stage)?,
            reason: reason_code.filter(|text| !text.is_empty()),
            message: status_message,
            exit_code,
            artifact: Some(blob_url).filter(|text| !text.is_empty()),
            bundle: bundle.map(TryInto::try_into).transpose()?,
            trigger_verdict: trigger_verdict.filter(|text| !text.is_empty()),
            facts: RunFacts {
                start: optional(start_mode.as_deref(), parse_start)?,
                image: image.filter(|text| !text.is_empty()),
                clock_offset_us,
                trigger: trigger_decision.map(TryInto::try_into).transpose()?,
            },
            updated,
        })
    }
}

fn parse_phase(text: &str) -> Result<Phase> {
    Phase::from_name(text).ok_or_else(|| Error::invalid(format!("phase: {text:?} is not a phase of a run")))
}

fn parse_start(text: &str) -> Result<StartMode> {
    StartMode::from_name(text)
        .ok_or_else(|| Error::invalid(format!("start_mode: {text:?} is not a way to start a run")))
}

fn parse_stage(text: &str) -> Result<Stage> {
    Stage::from_name(text).ok_or_else(|| Error::invalid(format!("stage: {text:?} is not a stage of a run")))
}

impl From<&RunFilter> for unary::GetRunsRequest {
    fn from(filter: &RunFilter) -> Self {
        let RunFilter { id, job, node, owner, within, limit } = filter.clone();
        Self {
            runid: id.map(String::from),
            jobid: job.map(String::from),
            nodeid: node.map(String::from),
            userid: owner.map(String::from),
            time_range: within.map(|window| unary::TimeRange {
                start: wire_time(window.start()),
                end: wire_time(window.end()),
            }),
            limit: limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)),
        }
    }
}

impl TryFrom<unary::GetRunsRequest> for RunFilter {
    type Error = Error;
    fn try_from(request: unary::GetRunsRequest) -> Result<Self> {
        let unary::GetRunsRequest { runid, jobid, nodeid, userid, time_range, limit } = request;
        let within = |unary::TimeRange { start, end }| {
            Window::new(time("time_range.start", &start)?, time("time_range.end", &end)?)
        };
        Ok(Self {
            id: optional(runid.as_deref(), RunId::parse)?,
            job: optional(jobid.as_deref(), JobId::parse)?,
            node: optional(nodeid.as_deref(), NodeId::parse)?,
            owner: optional(userid.as_deref(), UserId::parse)?,
            within: time_range.map(within).transpose()?,
            limit: limit.and_then(|limit| u32::try_from(limit).ok()).filter(|limit| *limit > 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TriggerDecision;
    use crate::model::{BundleFacts, BundleRecord};
    use crate::trigger::Verdict;

    fn at(text: &str) -> Timestamp {
        parse_time(text).expect(text)
    }

    fn run() -> Run {
        let planned = Window::new(at("2026-12-01T00:00:00"), at("2026-12-01T00:01:00")).expect("window");
        Run::planned(
            "20261201T000000Z-1".parse().expect("id"),
            "exp".parse().expect("id"),
            "node-seattle".parse().expect("id"),
            "researcher-1".parse().expect("id"),
            planned,
        )
    }

    fn ended() -> Run {
        Run {
            started: Some(at("2026-12-01T00:00:00.001")),
            ended: Some(at("2026-12-01T00:00:59.5")),
            status: RunStatus::Failed,
            stage: Some(Stage::Execute),
            reason: Some("CONTAINER_EXIT_NONZERO".into()),
            message: "the experiment exited with code 3".into(),
            exit_code: Some(3),
            artifact: Some("node-seattle/exp/1.tar.gz".into()),
            bundle: Some(BundleRecord {
                facts: BundleFacts { size: 7, sha256: "0f".repeat(32).parse().expect("checksum") },
                stored: Timestamp::from_second(1_800_000_000).expect("time"),
                removed: None,
            }),
            trigger_verdict: Some("MET".into()),
            facts: RunFacts {
                start: Some(StartMode::Armed),
                image: Some("sha256:00ff".into()),
                clock_offset_us: Some(-1_500),
                trigger: Some(TriggerDecision {
                    verdict: Verdict::Met,
                    at: at("2026-12-01T00:00:00"),
                    why: "rain > 1 holds".into(),
                    readings: Vec::new(),
                }),
            },
            updated: Some(at("2026-12-01T00:01:00.000001")),
            ..run()
        }
    }

    /// As a node of another make reports: texts only.
    fn foreign(status: &str) -> unary::RunInstance {
        unary::RunInstance {
            runid: "abc".into(),
            jobid: "exp".into(),
            nodeid: "n".into(),
            userid: "u".into(),
            start_time: "2026-12-01 00:00:00.500000+00:00".into(),
            end_time: "2026-12-01 00:01:00".into(),
            last_updated: "None".into(),
            status: status.into(),
            ..Default::default()
        }
    }

    #[test]
    fn runs_of_every_status_come_back_as_they_went() {
        let phases = [None, Some(Phase::Deploy), Some(Phase::Execute), Some(Phase::Finish)];
        for status in RunStatus::ALL {
            for phase in phases {
                let foreign_status = phase.map(|_| "EXECUTING".to_owned());
                let updated = Some(at("2026-12-01T00:00:30"));
                for run in [run(), ended()] {
                    let run = Run {
                        status: *status,
                        phase,
                        foreign_status: foreign_status.clone(),
                        updated,
                        ..run
                    };
                    assert_eq!(Run::try_from(unary::RunInstance::from(run.clone())).expect("run"), run);
                }
            }
        }
        let unknown = Run { planned: None, ..run() };
        assert_eq!(Run::try_from(unary::RunInstance::from(unknown.clone())).expect("run"), unknown);
    }

    #[test]
    fn each_foreign_status_is_mapped_and_its_text_kept() {
        for (text, status, phase) in RunStatus::FOREIGN {
            let run = Run::try_from(foreign(text)).expect(text);
            assert_eq!((run.status, run.phase), (status, phase), "{text}");
            assert_eq!(run.foreign_status.as_deref(), Some(text));
            assert_eq!(run.started, Some(at("2026-12-01T00:00:00.5")));
            assert_eq!(run.ended.is_some(), status.is_terminal(), "{text}");
            // What is told to others keeps both.
            assert_eq!(
                Run::try_from(unary::RunInstance::from(run.clone())).expect(text).foreign_status,
                run.foreign_status
            );
        }
        for text in ["ABORTED", "FAILED", "SKIPPED", "MISSED"] {
            assert_eq!(Run::try_from(foreign(text)).expect(text).foreign_status, None);
        }
        let error = Run::try_from(foreign("BROKEN")).expect_err("status");
        assert_eq!(error.message(), "status: \"BROKEN\" is not a status of a run");
    }

    #[test]
    fn existing_programs_read_the_times_they_know() {
        let wire = unary::RunInstance::from(run());
        assert_eq!(
            (wire.start_time.as_str(), wire.end_time.as_str()),
            ("2026-12-01T00:00:00", "2026-12-01T00:01:00")
        );
        let wire = unary::RunInstance::from(ended());
        assert_eq!(wire.start_time, "2026-12-01T00:00:00.001000");
        assert_eq!(wire.status, "FAILED");
    }

    #[test]
    fn half_a_plan_and_unknown_names_are_refused_by_field() {
        let fault = |change: fn(&mut unary::RunInstance)| {
            let mut wire = unary::RunInstance::from(run());
            change(&mut wire);
            Run::try_from(wire).expect_err("fault").to_string()
        };
        assert_eq!(fault(|r| r.planned_end_us = None), "planned_end_us is missing");
        assert_eq!(fault(|r| r.stage = Some("X".into())), "stage: \"X\" is not a stage of a run");
        assert_eq!(fault(|r| r.phase = Some("X".into())), "phase: \"X\" is not a phase of a run");
        assert!(fault(|r| r.started_us = Some(i64::MAX)).starts_with("started_us: "));
        assert_eq!(fault(|r| r.runid = "../x".into()), "run id \"../x\" contains '/'");
    }

    #[test]
    fn a_limit_of_zero_is_none() {
        let limit = |limit| {
            RunFilter::try_from(unary::GetRunsRequest { limit, ..Default::default() }).expect("filter").limit
        };
        assert_eq!(
            (limit(Some(0)), limit(Some(-1)), limit(None), limit(Some(3))),
            (None, None, None, Some(3))
        );
        let window = run().planned;
        let filter = RunFilter { job: Some(run().job), within: window, limit: Some(7), ..Default::default() };
        assert_eq!(RunFilter::try_from(unary::GetRunsRequest::from(&filter)).expect("filter"), filter);
    }
}
