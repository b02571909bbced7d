//! Files that are made to exhaust a reader: each is refused with a message that says what to do, and the memory of the
//! program stays flat.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::field::is_full;

/// The length of the field without an end, more than the memory allows, and in the long form: two gigabytes.
const FIELD: u64 = 128 << 20;
const FIELD_FULL: u64 = 2 << 30;
/// The most memory of the program, in mebibytes, whatever the file. A program that did nothing takes about 40.
const MEMORY: u64 = 160;

/// A file with a field that is so long. Its middle takes no room on the disk.
fn endless(folder: &Path, name: &str, (begin, end): (&str, &str)) -> PathBuf {
    let path = folder.join(name);
    let mut file = File::create(&path).expect("a file");
    file.write_all(begin.as_bytes()).expect("written");
    file.seek(SeekFrom::Current(i64::try_from(if is_full() { FIELD_FULL } else { FIELD }).expect("not that long")))
        .expect("a place in the file");
    file.write_all(end.as_bytes()).expect("written");
    path
}

fn mapping(folder: &Path, format: &str) -> PathBuf {
    let repeats = match format {
        "xml" => "record = \"Return/Case\"\n",
        "json" => "record = \"cases\"\n",
        _ => "",
    };
    let text = format!(
        "mapping = 1\n[source]\nsystem = \"hostile\"\n[read]\nformat = \"{format}\"\n{repeats}\
         [[table]]\nname = \"cases\"\n[[record]]\ntable = \"cases\"\nid = \"{{id}}\"\ncase = \"{{id}}\"\n\
         [[record.fact]]\ntype = \"referral_received\"\non = \"on\"\n"
    );
    let path = folder.join(format!("{format}.toml"));
    std::fs::write(&path, text).expect("written");
    path
}

/// Checks a file under a mapping. Returns what was said and the peak memory in mebibytes, where the system says it.
fn checked(mapping: &Path, file: &Path) -> (String, Option<u64>) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline"));
    program.args(["import", "check"]).arg(mapping).arg(file).stdin(Stdio::null());
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let (mut out, mut error) = (child.stdout.take().expect("its output"), child.stderr.take().expect("its errors"));
    let saying = std::thread::spawn(move || {
        let mut said = String::new();
        error.read_to_string(&mut said).expect("text");
        out.read_to_string(&mut said).expect("text");
        said
    });
    let mut highest = None;
    let status = loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let peak =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        highest = peak.map(|kibibytes: u64| kibibytes >> 10).or(highest);
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        // The system keeps the peak; it is only read while the program still runs.
        std::thread::sleep(Duration::from_millis(5));
    };
    let said = saying.join().expect("no panic");
    assert!(matches!(status.code(), Some(1 | 2)), "refused, and no fault: {status}: {said}");
    (said, highest)
}

fn assert_refused(folder: &Path, (format, file): (&str, &Path), words: &str) {
    let (said, memory) = checked(&mapping(folder, format), file);
    assert!(said.contains(words), "{}: {said}", file.display());
    assert!(said.len() < 4_000, "the content is not repeated: {} bytes", said.len());
    if let Some(memory) = memory {
        assert!(memory < MEMORY, "{}: {memory} MiB", file.display());
    }
}

#[test]
fn a_field_of_two_gigabytes_is_refused_at_flat_memory_in_every_text_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let csv = endless(folder, "a.csv", ("id,on\n1,2018-01-05\n2,", "\n3,2018-01-06\n"));
    assert_refused(folder, ("csv", &csv), "line 3: longer than 8 MiB");
    let quoted = endless(folder, "quoted.csv", ("id,on\n1,2018-01-05\n2,\"", "\"\n"));
    assert_refused(folder, ("csv", &quoted), "line 3: longer than 8 MiB");
    let header = endless(folder, "header.csv", ("id,", "\n1\n"));
    assert_refused(folder, ("csv", &header), "longer than 8 MiB");
    let xml = endless(folder, "a.xml", ("<Return><Case><id>", "</id></Case></Return>"));
    assert_refused(folder, ("xml", &xml), "longer than 8 MiB");
    let json = endless(folder, "a.json", ("{\"cases\":[{\"id\":\"", "\"}]}"));
    assert_refused(folder, ("json", &json), "MiB");
}

#[test]
fn bombs_and_deep_nesting_are_refused_at_flat_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let bomb = folder.join("bomb.xlsx");
    let mut archive = ZipWriter::new(File::create(&bomb).expect("a file"));
    archive.start_file("xl/worksheets/sheet1.xml", SimpleFileOptions::default().large_file(true)).expect("a part");
    // Few elements and long runs of one letter, so that it is quick to read and small when packed.
    let rows = format!("<row r='{}'/>", "x".repeat(60_000)).repeat(16);
    for _ in 0..if is_full() { 2_000 } else { 100 } {
        archive.write_all(rows.as_bytes()).expect("written");
    }
    archive.finish().expect("an archive");
    assert_refused(folder, ("xlsx", &bomb), "unpacks to far more");

    let laughs: Vec<String> =
        (1..=9).map(|of| format!("<!ENTITY e{of} \"{}\">", format!("&e{};", of - 1).repeat(10))).collect();
    let laughs = laughs.concat();
    let entities = folder.join("entities.xml");
    let text = format!("<!DOCTYPE r [<!ENTITY e0 \"ha\">{laughs}]><Return><Case><id>&e9;</id></Case></Return>");
    std::fs::write(&entities, text).expect("written");
    assert_refused(folder, ("xml", &entities), "document type");
    let deep = folder.join("deep.xml");
    std::fs::write(&deep, format!("<Return><Case>{}", "<a>".repeat(1_000_000))).expect("written");
    assert_refused(folder, ("xml", &deep), "64");
    let nested = folder.join("deep.json");
    std::fs::write(&nested, format!("{{\"cases\":[{{\"id\":{}", "[".repeat(1_000_000))).expect("written");
    assert_refused(folder, ("json", &nested), "64");

    let wrong = folder.join("wrong.csv");
    std::fs::write(&wrong, b"id,on\n1,2018-01-05\n\x81\xff\xfe,2018-01-06\n").expect("written");
    assert_refused(folder, ("csv", &wrong), "save the file as UTF-8");
}
