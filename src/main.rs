//! The command line, thin: everything it does is in the library.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    throughline::cli::run(std::env::args_os()).await
}
