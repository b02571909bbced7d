//! Python with packages of its own. The first run installs them from the Python package index into the build folder;
//! later runs use what is there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use throughline_domain::contract::rulebook::canonical::sha256_hex;

/// Tests that run at the same time install one after another.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Runs a program that must succeed. Returns what it prints.
pub(crate) fn ran(program: &mut Command, remedy: &str) -> String {
    let output = program.output().unwrap_or_else(|error| panic!("{program:?} does not start ({error}): {remedy}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program:?} failed: {remedy}\n{said}");
    String::from_utf8(output.stdout).expect("text")
}

/// Python with the packages of `tests/NAME/requirements.txt`.
pub(crate) fn with_packages_of(name: &str) -> PathBuf {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name).join("requirements.txt");
    let text = std::fs::read_to_string(&requirements).expect("the requirements");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", &sha256_hex(&text)[..12]));
    let (python, done) = (folder.join("bin/python"), folder.join("installed"));
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if !done.exists() {
        let remedy = "install python3 (3.11 or later) with its module venv";
        ran(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), remedy);
        let install =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "-r"];
        let remedy = format!("this test needs a Python package index for {}", requirements.display());
        ran(Command::new(&python).args(install).arg(&requirements), &remedy);
        std::fs::write(done, "").expect("written");
    }
    python
}
