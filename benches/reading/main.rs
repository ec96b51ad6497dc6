//! What it costs to read large sources: one core's time beside that of a plain parser or decompressor, and the
//! peak of memory. Prints Markdown.
//!
//! `cargo bench --bench reading -- [--quick] [--ten-gigabytes]`: a tenth of the size, and one more size of input
//! that goes through a pipe. What is read is generated once into `target/bench-data`, about 5 GB.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a benchmark says no")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the table is for people")]

mod generator;
mod measure;

use std::{
    env, fmt,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use flate2::bufread::MultiGzDecoder;
use generator::{Mix, forms::Form, path_of};
use measure::{
    PROGRAM, check, check_command, check_on_all_cores, heading, kilobytes, median, on_one_core, row, run, run_baseline,
};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::Value;
use upgrade_gate_bundle::BUNDLED;
use upgrade_gate_host::{Compiler, Host, Limits};
use upgrade_gate_snapshot::{Builder, Kind, Wanted};

const RUNS: usize = 5;
const SEED: u64 = 20_220_614;
const MB: u64 = 1_000_000;

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [flag, name, path] = args.as_slice()
        && flag == "--baseline"
    {
        return baseline(name, Path::new(path));
    }
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let scale = if has("--quick") { 10 } else { 1 };
    let list = Mix { objects: 200_000 / scale, ..MIX };
    println!(
        "Median time and highest memory of {RUNS} runs, on one core but where it says otherwise. MB are 1,000,000"
    );
    println!(
        "bytes. Processor time is the whole process's. \"To the baseline\" is the time for one byte, beside that of the"
    );
    println!("first row.");
    for mix in [list, Mix { only_unwanted: true, ..list }] {
        json_list(mix);
        yaml_files(mix, 50_000 / scale);
    }
    small_objects(Mix { objects: 10_000 / scale, ..MIX });
    forms(Mix { objects: 10_000 / scale, only_unwanted: true, ..MIX });
    uninteresting(&[10 * MB, 100 * MB, 1000 * MB].map(|bytes| bytes / scale as u64));
    if has("--ten-gigabytes") {
        piped(10_000 * MB / scale as u64);
    }
}

const MIX: Mix = Mix { seed: SEED, objects: 0, node_maintenances: 20, only_unwanted: false };

/// Of what it consists, for file names and for people.
fn names(mix: Mix) -> (String, String) {
    if mix.only_unwanted {
        (
            format!("{}-pods", mix.objects),
            format!("{} objects, none but 20 of a kind that policies look at", mix.objects),
        )
    } else {
        (mix.objects.to_string(), format!("{} objects, {} of them Deployments", mix.objects, mix.objects / 25))
    }
}

/// One list of all objects.
fn json_list(mix: Mix) {
    let of_mix = |mix: Mix| data(&format!("list-{}.json", names(mix).0), |path| write(path, |out| mix.json_list(out)));
    let path = of_mix(mix);
    let bytes = size(&path);
    heading(&format!("{}, as one JSON List of {} MB", names(mix).1, bytes / MB));
    // Values take several times the memory of their text.
    let is_scarce = kilobytes("/proc/meminfo", "MemAvailable:").is_some_and(|available| available < bytes * 12);
    let parsed = if is_scarce { of_mix(Mix { objects: mix.objects / 10, ..mix }) } else { path.clone() };
    let base = median(|| run_baseline("from_slice", &parsed));
    let share = if is_scarce { ", of a tenth of it" } else { "" };
    row(&format!("`serde_json::from_slice::<Value>`{share}"), &base, Some(&base));
    // Most of that may be the kernel, handing out memory.
    row("the same, a `Value` for one object after the other", &median(|| run_baseline("values", &path)), Some(&base));
    row("`Builder` alone", &median(|| run_baseline("builder", &path)), Some(&base));
    row("the program", &median(|| check(&path, bytes)), Some(&base));
    row("the program, on all cores", &median(|| check_on_all_cores(&path, bytes)), Some(&base));
}

/// The same objects as YAML files, in an archive and in a directory.
fn yaml_files(mix: Mix, files: usize) {
    let name = format!("{}-in-{files}", names(mix).0);
    let archive = data(&format!("yaml-{name}.tar.gz"), |path| write(path, |out| mix.tar_gz_of_yaml(out, files)));
    heading(&format!("The same in {files} YAML files, in a tar.gz of {} MB", size(&archive) / MB));
    let base = median(|| run_baseline("inflate", &archive));
    row("inflating it with flate2 and zlib-rs", &base, Some(&base));
    row("the program", &median(|| check(&archive, base.bytes)), Some(&base));
    row("the program, on all cores", &median(|| check_on_all_cores(&archive, base.bytes)), Some(&base));

    let directory = data(&format!("yaml-{name}"), |path| mix.directory_of_yaml(path, files));
    let bytes = (0..files).map(|file| size(&directory.join(path_of(file)))).sum();
    heading(&format!("The same {files} files in a directory, {} MB", bytes / MB));
    let base = median(|| run_baseline("saphyr", &directory));
    row("`serde_saphyr::from_str::<Value>` of each document, of every tenth file", &base, Some(&base));
    row("the program", &median(|| check(&directory, bytes)), Some(&base));
    row("the program, on all cores", &median(|| check_on_all_cores(&directory, bytes)), Some(&base));
}

fn small_objects(mix: Mix) {
    let objects = mix.objects;
    let list = data(&format!("list-{objects}.json"), |path| write(path, |out| mix.json_list(out)));
    let directory = data(&format!("yaml-{objects}-in-{objects}"), |path| mix.directory_of_yaml(path, objects));
    heading(&format!("{objects} objects, of them 20 NodeMaintenances and {} Deployments", objects / 25));
    row("one JSON List", &median(|| check(&list, size(&list))), None);
    row("one JSON List, on all cores", &median(|| check_on_all_cores(&list, size(&list))), None);
    let bytes = (0..objects).map(|file| size(&directory.join(path_of(file)))).sum();
    row("a directory of YAML files", &median(|| check(&directory, bytes)), None);
    row("a directory of YAML files, on all cores", &median(|| check_on_all_cores(&directory, bytes)), None);
}

/// Objects of other kinds in the forms of other tools: what cannot be told by looking is parsed.
fn forms(mix: Mix) {
    heading(&format!("{} objects, of them 20 NodeMaintenances, in the forms of several tools", mix.objects));
    let mut base = None;
    for form in Form::ALL {
        let (file, title) = form.names();
        let path = data(&format!("form-{}-{file}", mix.objects), |path| write(path, |out| form.write(mix, out)));
        let run = median(|| check(&path, size(&path)));
        row(title, &run, Some(base.as_ref().unwrap_or(&run)));
        base = base.or(Some(run));
    }
}

/// Nothing that a policy looks at, more and more of it.
fn uninteresting(sizes: &[u64]) {
    heading("Only objects of other kinds");
    for bytes in sizes {
        for format in [Format::List, Format::Tar] {
            let name = format!("unwanted-{}-MB.{}", bytes / MB, format.names().1);
            let path = data(&name, |path| write(path, |out| format.write(out, *bytes)));
            let run = median(|| check(&path, size(&path)));
            row(&format!("{}, {} MB", format.names().0, bytes / MB), &run, None);
        }
    }
}

/// As much as fits no disk: the time is the generator's.
fn piped(bytes: u64) {
    for format in [Format::List, Format::Tar] {
        let run = run(check_command(on_one_core(PROGRAM.as_ref()), Path::new("-")), bytes, |input| {
            // The program may have stopped reading; its verdict says so.
            let outcome = format.write(&mut BufWriter::with_capacity(1 << 20, input), bytes);
            outcome.unwrap_or_else(|error| eprintln!("the program reads no more: {error}"));
        });
        row(&format!("{}, {} MB through a pipe", format.names().0, bytes / MB), &run, None);
    }
}

#[derive(Clone, Copy)]
enum Format {
    List,
    Tar,
}

impl Format {
    /// For people, and for files.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::List => ("JSON List", "json"),
            Self::Tar => ("tar of YAML files", "tar"),
        }
    }

    /// About so many bytes of objects that no policy looks at.
    fn write(self, out: &mut impl Write, bytes: u64) -> io::Result<()> {
        let sample = Mix { objects: 10_000, node_maintenances: 0, only_unwanted: true, ..MIX };
        let mut text = Vec::new();
        self.write_mix(&mut text, sample)?;
        let objects = bytes as usize * sample.objects / text.len();
        self.write_mix(out, Mix { objects, ..sample })
    }

    fn write_mix(self, out: &mut impl Write, mix: Mix) -> io::Result<()> {
        match self {
            Self::List => mix.json_list(out),
            Self::Tar => mix.tar_of_yaml(out, mix.objects / 4),
        }
    }
}

/// What is measured in a process of its own, so that its memory can be told; prints seconds and bytes.
fn baseline(name: &str, path: &Path) {
    let (duration, bytes, note) = match name {
        "from_slice" => {
            let text = fs::read(path).unwrap();
            let begin = Instant::now();
            let value: Value = serde_json::from_slice(&text).unwrap();
            let duration = begin.elapsed();
            let objects = value["items"].as_array().unwrap().len();
            // Dropping it takes as long again, and is not what is compared.
            std::mem::forget(value);
            (duration, text.len() as u64, format!("{objects} objects"))
        }
        "values" => {
            let text = fs::read(path).unwrap();
            let begin = Instant::now();
            let list: List = serde_json::from_slice(&text).unwrap();
            (begin.elapsed(), text.len() as u64, format!("{} objects", list.items.0))
        }
        "builder" => {
            let mut builder = Builder::new(wanted());
            let begin = Instant::now();
            builder.source("list");
            builder.read("list.json", File::open(path).unwrap());
            let snapshot = builder.finish();
            let note = format!("{} objects kept, {} skipped", snapshot.objects().count(), snapshot.skipped().len());
            (begin.elapsed(), size(path), note)
        }
        "inflate" => {
            let begin = Instant::now();
            let file = BufReader::with_capacity(128 << 10, File::open(path).unwrap());
            let (mut decoder, mut buffer, mut bytes) = (MultiGzDecoder::new(file), vec![0; 128 << 10], 0);
            loop {
                match decoder.read(&mut buffer).unwrap() {
                    0 => break,
                    read => bytes += read as u64,
                }
            }
            (begin.elapsed(), bytes, String::new())
        }
        "saphyr" => {
            let begin = Instant::now();
            let (mut bytes, mut objects) = (0, 0);
            let paths = (0..).step_by(10).map(|file| path.join(path_of(file))).take_while(|path| path.exists());
            for path in paths {
                let text = fs::read_to_string(path).unwrap();
                for document in text.split("\n---\n") {
                    let value: Value = serde_saphyr::from_str(document).unwrap();
                    objects += usize::from(value.is_object());
                }
                bytes += text.len() as u64;
            }
            (begin.elapsed(), bytes, format!("{objects} objects"))
        }
        other => unreachable!("{other}"),
    };
    println!("{} {bytes} {note}", duration.as_secs_f64());
}

#[derive(Deserialize)]
struct List {
    items: Dropped,
}

/// How many there were.
struct Dropped(usize);

impl<'de> Deserialize<'de> for Dropped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Self(0))
    }
}

impl<'de> Visitor<'de> for Dropped {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("items")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Value>()?.is_some() {
            self.0 += 1;
        }
        Ok(self)
    }
}

/// What the bundled policies judge or ask for.
fn wanted() -> Wanted {
    let host = Host::new(Limits::default()).unwrap();
    let mut wanted = Wanted::default();
    for bundled in BUNDLED {
        let policy = host.load(bundled.wasm, Compiler::Winch).unwrap();
        let metadata = policy.metadata().unwrap();
        for resource in &metadata.context_aware_resources {
            wanted.add_kind(Kind::new(&resource.api_version, &resource.kind));
        }
        for rule in &metadata.rules {
            wanted.add_rule(&rule.api_groups, &rule.api_versions, &rule.resources);
        }
    }
    wanted
}

fn size(path: &Path) -> u64 {
    path.metadata().unwrap().len()
}

/// Writes what is to be read, unless it is there already.
fn data(name: &str, write: impl FnOnce(&Path) -> io::Result<()>) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench-data");
    let folder = folder.join(format!("v{}", generator::VERSION));
    let path = folder.join(name);
    if !path.exists() {
        let begin = Instant::now();
        // Another name until it is whole.
        let part = folder.join(format!("{name}.part"));
        fs::create_dir_all(&folder).unwrap();
        let _ = fs::remove_dir_all(&part);
        write(&part).unwrap();
        fs::rename(&part, &path).unwrap();
        eprintln!("wrote {} in {:.1} s", path.display(), begin.elapsed().as_secs_f64());
    }
    path
}

fn write(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    write(&mut out)?;
    out.flush()
}
