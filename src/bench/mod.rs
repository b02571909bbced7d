//! What measurements need that are no tests: logs of any size. Nothing that serves uses it.

pub mod generate;
