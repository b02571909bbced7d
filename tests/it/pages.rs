//! The page for operating: every command on it works as it is written, and every alarm of the program stands on it.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const OPERATING: &str = include_str!("../../docs/operating.md");
/// Where the page's server listens, and a reader would look for it.
const USUAL: &str = "127.0.0.1:8080";

/// The commands of a page, a fence each.
fn fences(page: &str) -> Vec<String> {
    let mut fences = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line == "```sh" {
            fences.push(lines.by_ref().take_while(|line| *line != "```").fold(String::new(), |mut fence, line| {
                writeln!(fence, "{line}").expect("a String");
                fence
            }));
        }
    }
    fences
}

/// The status that a fence says it ends with.
fn status(fence: &str) -> i32 {
    let said = fence.lines().find_map(|line| line.strip_prefix("# status "));
    said.map_or(0, |status| status.parse().expect("a number"))
}

/// A folder with nothing in it but the way to the program, and what a command there sees.
struct Folder {
    all: tempfile::TempDir,
    address: String,
}

impl Folder {
    fn new() -> Self {
        let all = tempfile::tempdir().expect("a folder");
        for folder in ["bin", "work"] {
            fs::create_dir(all.path().join(folder)).expect("a folder");
        }
        let program = all.path().join("bin/throughline");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_throughline"), program).expect("a link");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        Self { all, address: free.local_addr().expect("an address").to_string() }
    }

    /// Runs a fence as a reader does; gives its status and what it said.
    fn run(&self, fence: &str) -> (Option<i32>, String) {
        let path = format!("{}:{}", self.all.path().join("bin").display(), std::env::var("PATH").expect("a path"));
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", &fence.replace(USUAL, &self.address)]).current_dir(self.all.path().join("work"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("THROUGHLINE_")) {
            shell.env_remove(name);
        }
        shell.env("PATH", path).env("THROUGHLINE_LISTEN", &self.address).env_remove("RUST_LOG").stdin(Stdio::null());
        let ran = shell.output().expect("there is a shell");
        let said = [ran.stdout, ran.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).join("\n");
        (ran.status.code(), said)
    }
}

impl Drop for Folder {
    /// A server that a fence began and none ended would outlive the test.
    fn drop(&mut self) {
        self.run("test ! -f serve.pid || kill \"$(cat serve.pid)\" 2>/dev/null || true");
    }
}

#[test]
fn every_command_for_operating_works_as_written() {
    let (folder, fences) = (Folder::new(), fences(OPERATING));
    assert!(fences.len() >= 16, "{}", fences.len());
    for fence in &fences {
        let (ended, said) = folder.run(fence);
        assert_eq!(ended, Some(status(fence)), "{fence}\n{said}");
    }
    // The same commands somewhere else fail: it is the page's own order that makes them work.
    let elsewhere = Folder::new();
    let verify = fences.iter().find(|fence| fence.contains("log verify --all")).expect("it is on the page");
    assert_ne!(elsewhere.run(verify).0, Some(0));
}

/// Every Rust file under a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// What the calls of a logging macro say: the last text of each, as far as it is the same every time.
fn messages(source: &str, called: &str) -> Vec<String> {
    let said = source.match_indices(called).filter_map(|(at, _)| last_text(&source[at + called.len()..]));
    said.map(|text| text.split('{').next().unwrap_or_default().trim().to_owned()).collect()
}

/// The last text of a call, without the line ends that the source breaks it at.
fn last_text(call: &str) -> Option<String> {
    let (mut depth, mut last, mut text) = (1, None, None::<String>);
    let mut letters = call.chars().peekable();
    while let Some(letter) = letters.next() {
        match (&mut text, letter) {
            (Some(begun), '\\') => match letters.next() {
                Some('\n') => while letters.next_if(|letter| letter.is_whitespace()).is_some() {},
                escaped => begun.extend(escaped),
            },
            (Some(_), '"') => last = text.take(),
            (Some(begun), letter) => begun.push(letter),
            (None, '"') => text = Some(String::new()),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, _) => {}
        }
        if depth == 0 {
            break;
        }
    }
    last
}

/// A page without its line ends, in which a sentence may break.
fn on_one_line(page: &str) -> String {
    page.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_alarm_stands_on_the_page_for_operating() {
    let (mut files, page) = (Vec::new(), on_one_line(OPERATING));
    for folder in ["src", "crates"] {
        sources(&Path::new(ROOT).join(folder), &mut files);
    }
    // Measurements report to the person who runs them, not to an operator.
    files.retain(|file| !file.starts_with(Path::new(ROOT).join("src/bench")));
    let (mut all, mut missing) = (0, Vec::new());
    for file in files {
        let source = fs::read_to_string(&file).expect("a text");
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        for called in
            ["tracing::error!(", "tracing::warn!(", ": Repeated = Repeated::of(", ": Repeated = Repeated::warning("]
        {
            for message in messages(source, called) {
                all += 1;
                if !page.contains(&message) {
                    missing.push(format!("{}: {message:?}", file.display()));
                }
            }
        }
    }
    assert!(all > 30, "{all}");
    assert!(missing.is_empty(), "docs/operating.md does not say what to do about:\n{}", missing.join("\n"));
}

#[test]
fn what_a_macro_says_is_found_over_line_ends_and_up_to_what_varies() {
    let source = "tracing::warn!(error = ?of(\"a\"), \"first \\\n         second {left}\"),\nother(\"no\");";
    assert_eq!(messages(source, "tracing::warn!("), ["first second"]);
    assert_eq!(messages("tracing::warn!(error);\nother(\"no\");", "tracing::warn!("), [""; 0]);
}
