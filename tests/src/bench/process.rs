//! The resources that a process uses, from Linux.

use std::fs;

/// The seconds of CPU time so far.
pub fn cpu(process: u32) -> f64 {
    let stat = read(process, "stat");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    // The fields are utime and stime, in hundredths of a second.
    fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("a number") / 100.0).sum()
}

/// The resident memory in MiB: now and at most.
pub fn memory(process: u32) -> [f64; 2] {
    let status = read(process, "status");
    ["VmRSS:", "VmHWM:"].map(|field| {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("Linux tells it");
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib / 1024.0
    })
}

fn read(process: u32, what: &str) -> String {
    fs::read_to_string(format!("/proc/{process}/{what}")).expect("it runs, on Linux")
}
