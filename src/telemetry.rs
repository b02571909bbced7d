//! Telemetry: structured logs on standard error. Ids only; never a token, a note or a name.

pub mod repeated;

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What is logged unless `RUST_LOG` says otherwise. That something is there already, or not there, Postgres says often.
const USUALLY: &str = "info,sqlx::postgres::notice=warn";

/// The same of a command that reads or builds all there is: that a statement takes long is no news there.
const USUALLY_OF_A_COMMAND: &str = "info,sqlx::postgres::notice=warn,sqlx::query=error";

/// What is logged about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A service, which answers.
    Service,
    /// A command, which does one thing and ends.
    Command,
}

/// Starts logging: JSON lines, or plain text on a terminal.
pub fn start(work: Work) {
    let usually = match work {
        Work::Service => USUALLY,
        Work::Command => USUALLY_OF_A_COMMAND,
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usually));
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        registry.with(layer.with_target(false)).init();
    } else {
        registry.with(layer.json().flatten_event(true)).init();
    }
}
