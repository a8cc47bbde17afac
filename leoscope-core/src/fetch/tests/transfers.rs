use std::fs;
use std::time::Duration;

use super::super::*;
use super::world::{Fault, World, bundle, facts};
use crate::bundle::Contents;
use crate::error::{Error, ErrorKind};
use crate::model::{BundleFacts, Run};
use Fault::{Break, End, Hang, Refuse};

fn part_of(bundle: &BundleFacts) -> String {
    format!("exp-r1.tar.gz.{}.part", &bundle.sha256.to_string()[..16])
}

/// Bytes that are not alike.
fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from((i * i / 7 + i) % 251).expect("byte")).collect()
}

fn is_fetched(state: &State) -> bool {
    matches!(state, State::Fetched { .. })
}

fn error_of(state: State) -> Error {
    match state {
        State::Failed(error) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_transfer_cut_at_any_byte_goes_on_where_it_broke() {
    let content = noise(30_000);
    let bytes = bundle(&content);
    let size = bytes.len();
    for links in [false, true] {
        for cut in [0, 1, 6999, 7000, 7001, 14_000, size / 2, size - 1, size] {
            for fault in [Break(cut), End(cut.min(size - 1)), Hang(cut)] {
                let world = World::new(links).await;
                let run = world.with_run(1, &bytes, true).await;
                let came = if let End(cut) = fault { cut } else { cut };
                world.fail([fault.clone()]);
                let state = world.get(&run).await;
                assert!(is_fetched(&state), "{fault:?}: {state:?}");
                let asked = world.asked();
                // Where all of it came before the break there is nothing left to ask for.
                let expected = if came == size { vec![0] } else { vec![0, came as u64] };
                assert_eq!(asked, expected, "{fault:?}, links: {links}");
                assert_eq!(world.files(), ["exp/r1/data.bin"], "{fault:?}");
                let file = fs::read(world.dir.path().join("exp/r1/data.bin")).expect("file");
                assert_eq!(file, content, "{fault:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_before_the_end_of_a_call_is_not_fetched_again_by_the_next() {
    let bytes = bundle(&noise(50_000));
    let world = World::new(false).await;
    let run = world.with_run(1, &bytes, true).await;
    world.fail([Break(20_000), Break(0), Break(0), Break(0), Break(0), Break(0)]);
    let begun = tokio::time::Instant::now();
    let error = error_of(world.get(&run).await);
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "the connection broke"));
    assert_eq!(world.asked(), [0, 20_000, 20_000, 20_000, 20_000]);
    assert!(begun.elapsed() >= Duration::from_millis(500 + 1000 + 2000 + 4000), "{:?}", begun.elapsed());
    assert_eq!(world.files(), [part_of(&facts(&bytes))]);
    let plan = Plan::make(vec![run.clone()], world.dir.path());
    let size = bytes.len() as u64;
    assert_eq!(plan.runs[0].decision, Decision::Fetch { size: Some(size), kept: 20_000 });
    assert_eq!(plan.totals(), Totals { fetch: 1, bytes: size - 20_000, unknown: 0 });

    world.shelf.faults.lock().expect("faults").clear();
    assert!(is_fetched(&world.get(&run).await));
    assert_eq!(world.asked(), [20_000]);
    assert_eq!(world.files(), ["exp/r1/data.bin"]);
    assert!(matches!(world.get(&run).await, State::There));
    assert_eq!(world.asked(), [0; 0], "nothing is fetched twice");
}

#[tokio::test]
async fn a_whole_archive_that_was_not_unpacked_is_not_fetched_again() {
    let bytes = bundle(b"x");
    let world = World::new(false).await;
    let run = world.with_run(1, &bytes, true).await;
    fs::write(world.dir.path().join(part_of(&facts(&bytes))), &bytes).expect("part");
    // And one of which the process was killed while it unpacked.
    fs::create_dir_all(world.dir.path().join("exp/.unpacking-r1~abcdef")).expect("directory");
    fs::write(world.dir.path().join("exp/.unpacking-r1~abcdef/half"), "").expect("file");
    fs::create_dir_all(world.dir.path().join("exp/.unpacking-r10~abcdef")).expect("directory");
    assert!(is_fetched(&world.get(&run).await));
    assert_eq!(world.asked(), [0; 0]);
    assert_eq!(world.files(), ["exp/r1/data.bin"]);
    assert!(world.dir.path().join("exp/.unpacking-r10~abcdef").exists(), "of another run");
}

#[tokio::test]
async fn a_kept_archive_is_used_and_stays() {
    let bytes = bundle(b"x");
    let world = World::new(false).await;
    let run = world.with_run(1, &bytes, true).await;
    let keep = Options { keep_archive: true, ..Options::default() };
    assert!(is_fetched(&world.fetch(std::slice::from_ref(&run), keep).await[0].state));
    assert_eq!(world.files(), ["exp-r1.tar.gz", "exp/r1/data.bin"]);
    assert_eq!(fs::read(world.dir.path().join("exp-r1.tar.gz")).expect("archive"), bytes);
    world.asked();
    fs::remove_dir_all(world.dir.path().join("exp/r1")).expect("remove");
    assert!(is_fetched(&world.get(&run).await));
    assert_eq!(world.asked(), [0; 0]);
    assert_eq!(world.files(), ["exp-r1.tar.gz", "exp/r1/data.bin"]);
}

#[tokio::test]
async fn a_wrong_checksum_is_fetched_once_anew_and_then_said() {
    let bytes = bundle(b"right");
    let world = World::new(false).await;
    let run = world.with_run(1, &bytes, true).await;
    // A part that was damaged on this disk.
    let mut damaged = bytes.to_vec();
    damaged[5] ^= 1;
    fs::write(world.dir.path().join(part_of(&facts(&bytes))), &damaged[..40]).expect("part");
    assert!(is_fetched(&world.get(&run).await));
    assert_eq!(world.asked(), [40, 0]);

    // A bundle that was damaged in the store.
    fs::remove_dir_all(world.dir.path().join("exp")).expect("remove");
    for damaged in [damaged.clone(), [&bytes[..], b"more"].concat()] {
        world.shelf.bundles.lock().expect("bundles").insert(run.id.clone(), damaged.into());
        let error = error_of(world.get(&run).await);
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert_eq!(
            error.message(),
            "the results of run r1 came twice with another checksum than the testbed has noted"
        );
        assert_eq!(world.asked(), [0, 0]);
        assert_eq!(world.files(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bundle_replaced_meanwhile_is_fetched_from_its_beginning() {
    let (old, new) = (bundle(&noise(40_000)), bundle(&noise(45_000)));
    let world = World::new(false).await;
    let run = world.with_run(1, &old, true).await;
    world.fail([Break(20_000), Break(0), Break(0), Break(0), Break(0)]);
    error_of(world.get(&run).await);
    world.asked();
    // The record is the one of before, as in a call that has begun already.
    let now = world.with_run(1, &new, true).await;
    assert!(is_fetched(&world.get(&run).await));
    assert_eq!(world.asked(), [20_000, 0]);
    let file = fs::read(world.dir.path().join("exp/r1/data.bin")).expect("file");
    assert_eq!(file, noise(45_000));
    assert_eq!(world.files(), ["exp/r1/data.bin"], "the old part is gone");

    // With a record of after, a part of before is not used and goes.
    fs::remove_dir_all(world.dir.path().join("exp")).expect("remove");
    fs::write(world.dir.path().join(part_of(&facts(&old))), b"part").expect("part");
    assert!(is_fetched(&world.get(&now).await));
    assert_eq!(world.asked(), [0]);
    assert_eq!(world.files(), ["exp/r1/data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_checksum_a_part_of_something_else_is_found_out_when_it_is_unpacked() {
    let bytes = bundle(&noise(30_000));
    let world = World::new(false).await;
    let run = world.with_run(1, &bytes, false).await;
    world.fail([Break(10_000)]);
    assert!(is_fetched(&world.get(&run).await));
    assert_eq!(world.asked(), [0, 10_000]);
    fs::remove_dir_all(world.dir.path().join("exp")).expect("remove");
    fs::write(world.dir.path().join("exp-r1.tar.gz.part"), [7; 100]).expect("part");
    assert!(is_fetched(&world.get(&run).await));
    assert_eq!(world.asked(), [100, 0]);
    assert_eq!(world.files(), ["exp/r1/data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_does_not_keep_the_others_from_coming() {
    let bytes = bundle(b"x");
    let world = World::new(false).await;
    let mut runs = Vec::new();
    for number in 1..=3 {
        runs.push(world.with_run(number, &bytes, true).await);
    }
    world.shelf.bundles.lock().expect("bundles").remove(&runs[1].id);
    let mut stranger = runs[2].clone();
    stranger.id = RunId::parse("unknown").expect("id");
    runs.push(stranger);
    let one = Options { parallel: 1, ..Options::default() };
    let states: Vec<_> = world.fetch(&runs, one).await.into_iter().map(|outcome| outcome.state).collect();
    assert!(is_fetched(&states[0]) && is_fetched(&states[2]), "{states:?}");
    assert!(matches!(states[1], State::Missing(Missing::Gone)), "{states:?}");
    assert!(matches!(states[3], State::Missing(Missing::Gone)), "{states:?}");
    assert_eq!(world.files(), ["exp/r1/data.bin", "exp/r3/data.bin"], "no empty parts");
}

#[tokio::test(start_paused = true)]
async fn a_link_that_has_expired_is_asked_for_anew_and_never_told() {
    let bytes = bundle(&noise(20_000));
    let world = World::new(true).await;
    let run = world.with_run(1, &bytes, true).await;
    let expired = Error::new(ErrorKind::PermissionDenied, "the link has expired");
    world.fail([Break(10_000), Refuse(expired)]);
    assert!(is_fetched(&world.get(&run).await));
    assert_eq!(world.asked(), [0, 10_000, 10_000]);
    // Somebody who cannot read it says so, without the link.
    fs::remove_dir_all(world.dir.path().join("exp")).expect("remove");
    let plan = Plan::make(vec![run], world.dir.path());
    let fetcher = Fetcher::new(&world.admin, None, Options::default(), &());
    let outcome = fetcher.fetch(&plan).await.expect("room").remove(0);
    let text = format!("{:?}", outcome);
    let error = error_of(outcome.state);
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_small_bundles_come_four_at_a_time() {
    let world = World::new(false).await;
    let mut runs: Vec<Run> = Vec::new();
    for number in 0..1000 {
        runs.push(world.with_run(number, &bundle(&noise(2000)), true).await);
    }
    let outcomes = world.fetch(&runs, Options::default()).await;
    assert!(outcomes.iter().all(|outcome| is_fetched(&outcome.state)));
    assert!(outcomes.iter().zip(&runs).all(|(outcome, run)| outcome.run == run.id), "in their order");
    assert_eq!(world.files().len(), 1000);
    assert_eq!(*world.shelf.open.1.lock().expect("most"), 4);
}

#[tokio::test(start_paused = true)]
async fn while_nobody_answers_a_thousand_runs_do_not_wait_for_each_of_them() {
    let world = World::new(false).await;
    let mut runs: Vec<Run> = Vec::new();
    for number in 0..1000 {
        runs.push(world.with_run(number, &bundle(b"x"), true).await);
    }
    world.fail((0..5000).map(|_| Refuse(Error::unavailable("nobody answers"))));
    let begun = tokio::time::Instant::now();
    let outcomes = world.fetch(&runs, Options::default()).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome.state, State::Failed(_))));
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(world.files().is_empty());
}

#[tokio::test]
async fn two_downloads_of_one_run_do_not_write_into_one_file() {
    let bytes = bundle(b"x");
    let world = World::new(false).await;
    let run = world.with_run(1, &bytes, true).await;
    let path = world.dir.path().join(part_of(&facts(&bytes)));
    let other = fs::File::create(&path).expect("part");
    other.try_lock().expect("lock");
    let error = error_of(world.get(&run).await);
    assert_eq!(error.message(), format!("{} is being written by another download", path.display()));
    drop(other);
    assert!(is_fetched(&world.get(&run).await));
}

#[tokio::test]
async fn what_does_not_fit_is_said_before_anything_comes() {
    let bytes = bundle(b"x");
    let world = World::new(false).await;
    let mut run = world.with_run(1, &bytes, true).await;
    run.bundle.as_mut().expect("bundle").facts.size = 1 << 60;
    let dir = world.dir.path().join("not/there/yet");
    let fetcher = Fetcher::new(&world.admin, None, Options::default(), &());
    let error = fetcher.fetch(&Plan::make(vec![run], &dir)).await.expect_err("no room");
    assert!(error.message().contains("bytes free, and the results take 1152921504606846976"), "{error}");
    assert_eq!(world.asked(), [0; 0]);
}

#[tokio::test]
async fn a_bundle_that_unpacks_to_more_than_was_allowed_is_refused() {
    let bytes = bundle(&noise(1000));
    let world = World::new(false).await;
    let run = world.with_run(1, &bytes, true).await;
    let few = Options { max_unpacked: Some(999), ..Options::default() };
    let error = error_of(world.fetch(std::slice::from_ref(&run), few).await.remove(0).state);
    assert_eq!(error.message(), "archive entry \"data.bin\" is too large");
    assert_eq!(world.files(), [""; 0]);
    let enough = Options { max_unpacked: Some(1000), ..Options::default() };
    assert!(is_fetched(&world.fetch(&[run], enough).await[0].state));
}

#[tokio::test]
async fn files_are_compared_with_their_manifest() {
    let packed = tempfile::tempdir().expect("directory");
    let results = packed.path().join("results");
    fs::create_dir(&results).expect("directory");
    fs::write(results.join("a"), "1").expect("file");
    let manifest = crate::model::manifest_for_tests();
    let target = packed.path().join("b.tar.gz");
    crate::bundle::pack(&Contents { results, files: Vec::new(), manifest }, &target).expect("pack");
    let world = World::new(false).await;
    let run = world.with_run(1, &fs::read(target).expect("bundle").into(), true).await;
    let State::Fetched { files, verified, .. } = world.get(&run).await else { panic!("not fetched") };
    assert_eq!((files, verified), (2, true));
}
