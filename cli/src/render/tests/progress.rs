//! Tests of progress: one line of a terminal, a line for each tenth elsewhere, nothing if it was not wanted.

use std::time::Duration;

use clap::Parser as _;
use protocol::app::control::{Progress, Unit};

use crate::{
    args::Cli,
    fake::Heard,
    render::{Outlet, Screen},
};

/// The messages while 10,000 records are processed, a hundredth at a time, from `begun` on.
fn told(args: &[&str], is_terminal: bool, begun: Duration) -> String {
    let (out, err) = (Heard::default(), Heard::default());
    let (out_place, err_place) = (Box::new(out.clone()), Box::new(err.clone()));
    let outlet =
        if is_terminal { Outlet::at_a_terminal(out_place, err_place) } else { Outlet::of(out_place, err_place) };
    let cli = Cli::try_parse_from([&["habeas", "status"], args].concat()).expect("it can be typed");
    let mut screen = Screen::new(outlet, &cli.global, true);
    for done in (0..=10_000).step_by(100) {
        screen.progress(Progress::new(Unit::Records, done, 10_000), begun + Duration::from_millis(done));
    }
    screen.settle();
    assert_eq!(out.text(), "", "it is no data");
    err.text()
}

#[test]
fn a_terminal_shows_every_step_in_one_line_and_clears_it() {
    let told = told(&[], true, Duration::ZERO);
    assert!(told.contains("\r\u{1b}[2K1200 of 10000 records (12 %)"), "{told:?}");
    assert!(told.ends_with("\r\u{1b}[2K") && !told.contains('\n'), "{told:?}");
}

#[test]
fn elsewhere_a_line_for_each_tenth_is_written_of_work_that_takes_its_time() {
    let told_after = |begun| told(&[], false, begun).lines().map(str::to_owned).collect::<Vec<_>>();
    let all = told_after(Duration::from_secs(10));
    assert_eq!(all.len(), 11, "{all:?}");
    assert_eq!((all[0].as_str(), all[1].as_str()), ("0 of 10000 records (0 %)", "1000 of 10000 records (10 %)"));
    assert_eq!(told_after(Duration::ZERO)[0], "2000 of 10000 records (20 %)", "of the first two seconds nothing");
}

#[test]
fn scripts_get_lines_of_json_and_who_wants_quiet_gets_nothing() {
    let lines = told(&["--json"], false, Duration::from_secs(10));
    assert_eq!(lines.lines().count(), 11);
    for line in lines.lines() {
        let progress: Progress = serde_json::from_str(line).expect("a line of progress");
        assert!(line.starts_with(r#"{"schema":1,"event":"progress","#) && progress.all == 10_000, "{line}");
    }
    for args in [&["--quiet"][..], &["--quiet", "--json"]] {
        assert_eq!(told(args, false, Duration::from_secs(10)), "", "{args:?}");
    }
}
