//! Telemetry: structured logs on standard error. It logs ids only, never tokens, notes or names.

pub mod repeated;

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The log filter unless `RUST_LOG` is set. It hides Postgres's frequent notices that something exists already or does
/// not exist.
const USUALLY: &str = "info,sqlx::postgres::notice=warn";

/// The log filter of a command that reads or builds everything. It also hides slow statements, because they are
/// expected there.
const USUALLY_OF_A_COMMAND: &str = "info,sqlx::postgres::notice=warn,sqlx::query=error";

/// The kind of work that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A service.
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
