//! Runs of a process: its time, its processor time and the peak of its memory, as rows of a table.

use std::{
    env, fs,
    path::Path,
    process::{ChildStdin, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use crate::{MB, RUNS};

pub struct Run {
    pub seconds: f64,
    pub bytes: u64,
    /// Where Linux tells: resident memory, and ticks of processor time, in the program and in the kernel.
    peak: u64,
    ticks: [u64; 2],
    /// What the process had to say.
    said: String,
}

pub fn median(mut measure: impl FnMut() -> Run) -> Run {
    let mut runs: Vec<Run> = (0..RUNS).map(|_| measure()).collect();
    runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let peak = runs.iter().map(|run| run.peak).max().unwrap_or(0);
    Run { peak, ..runs.swap_remove(RUNS / 2) }
}

pub fn check(path: &Path, bytes: u64) -> Run {
    run(check_command(on_one_core(PROGRAM.as_ref()), path), bytes, drop)
}

pub fn check_on_all_cores(path: &Path, bytes: u64) -> Run {
    run(check_command(Command::new(PROGRAM), path), bytes, drop)
}

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_upgrade-gate");

pub fn check_command(mut command: Command, path: &Path) -> Command {
    command.arg("check").arg(path).args(["-q", "--fail-on", "never"]);
    command
}

pub fn run_baseline(name: &str, path: &Path) -> Run {
    let mut command = on_one_core(&env::current_exe().unwrap());
    command.args(["--baseline", name]).arg(path);
    let run = run(command, 0, drop);
    let mut words = run.said.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (seconds, bytes) = (word().parse().unwrap(), word().parse().unwrap());
    Run { seconds, bytes, said: word().into(), ..run }
}

pub fn on_one_core(program: &Path) -> Command {
    let has_taskset = Command::new("taskset").arg("--version").stdout(Stdio::null()).status().is_ok();
    let mut command = if has_taskset {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.env("RAYON_NUM_THREADS", "1");
    command
}

pub fn run(mut command: Command, bytes: u64, feed: impl FnOnce(ChildStdin)) -> Run {
    let begin = Instant::now();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (exited, exit) = mpsc::channel();
    let process = format!("/proc/{}", child.id());
    let watch = thread::spawn(move || {
        let (mut peak, mut used) = (0, [0; 2]);
        loop {
            peak = kilobytes(&format!("{process}/status"), "VmHWM:").map_or(peak, |found| found.max(peak));
            used = ticks(&format!("{process}/stat")).unwrap_or(used);
            if exit.recv_timeout(Duration::from_millis(2)) != Err(RecvTimeoutError::Timeout) {
                return (peak, used);
            }
        }
    });
    feed(child.stdin.take().unwrap());
    let output = child.wait_with_output().unwrap();
    let seconds = begin.elapsed().as_secs_f64();
    exited.send(()).unwrap();
    let said = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
    let (peak, ticks) = watch.join().unwrap();
    Run { seconds, bytes, peak, ticks, said }
}

/// A line of a file of Linux, in bytes.
pub fn kilobytes(path: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Source: proc_pid_stat(5), fields 14 and 15.
fn ticks(path: &str) -> Option<[u64; 2]> {
    let text = fs::read_to_string(path).ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split(' ').skip(11).map_while(|field| field.parse().ok());
    Some([fields.next()?, fields.next()?])
}

pub fn heading(title: &str) {
    println!("\n## {title}\n");
    println!("| what | time | speed | user + system | peak memory | to the baseline | it says |");
    println!("|---|---|---|---|---|---|---|");
}

pub fn row(what: &str, run: &Run, base: Option<&Run>) {
    let per_byte = |run: &Run| run.seconds / run.bytes as f64;
    let ratio = base.map_or(String::new(), |base| format!("{:.2}", per_byte(run) / per_byte(base)));
    let peak = if run.peak == 0 { "?".into() } else { format!("{:.1} MB", run.peak as f64 / MB as f64) };
    let speed = run.bytes as f64 / run.seconds / MB as f64;
    // A hundred in a second, on every machine that this may run on.
    let [user, system] = run.ticks.map(|ticks| ticks as f64 / 100.0);
    let (seconds, said) = (run.seconds, &run.said);
    println!("| {what} | {seconds:.3} s | {speed:.0} MB/s | {user:.2} + {system:.2} s | {peak} | {ratio} | {said} |");
}
