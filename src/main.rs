//! The command line, thin: everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    throughline::cli::run(std::env::args_os())
}
