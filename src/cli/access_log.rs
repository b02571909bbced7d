//! The access log on the command line: who opened whose names, notes or files of evidence, and for how long that is
//! kept.
//!
//! It only reads, also beside servers that run, and opens nothing of a person.

use anyhow::Result;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use clap::Args;

use super::keys::opened;
use super::table::{Table, columns, print};
use super::terminal::{self, message};
use super::{Ending, Format, Misuse, Places, day};
use crate::keys::KeysOf;
use crate::keys::access_log::{AccessEntry, AccessFilter, KEPT_FOR_DAYS, Kind};
use crate::record::DEPLOYMENT_ZONE;
use throughline_domain::fact::envelope::SubjectId;

/// How long entries of the access log are kept.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct KeptFor {
    /// For how many days entries of the access log are kept. Older ones are removed. Give every server of a database the
    /// same number. Default: six years.
    #[arg(
        long = "access-log-days",
        value_name = "DAYS",
        env = "THROUGHLINE_ACCESS_LOG_DAYS",
        default_value_t = KEPT_FOR_DAYS,
        value_parser = clap::value_parser!(u32).range(1..=36_525)
    )]
    access_log_days: u32,
}

impl KeptFor {
    /// The number of days.
    pub(super) const fn days(self) -> u32 {
        self.access_log_days
    }
}

/// Which entries to list.
#[derive(Debug, Args)]
pub(super) struct AccessLogArguments {
    /// Only of this subject, by its id.
    #[arg(long, value_name = "ID")]
    subject: Option<SubjectId>,
    /// Only of this login, in any spelling.
    #[arg(long, value_name = "LOGIN")]
    who: Option<String>,
    /// Only from this day on.
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<NaiveDate>,
    /// Only up to the end of this day.
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<NaiveDate>,
    /// The most entries to list.
    #[arg(long, value_name = "MOST", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    first: u32,
    /// The output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The first instant of a day in the deployment's zone.
fn begins(day: NaiveDate) -> Option<DateTime<Utc>> {
    let midnight = day.and_time(NaiveTime::MIN).and_local_timezone(DEPLOYMENT_ZONE);
    midnight.earliest().map(|midnight| midnight.to_utc())
}

pub(super) async fn run(places: &Places, arguments: &AccessLogArguments) -> Result<Ending> {
    let (store, keys) = opened(places, KeysOf::KnownLog).await?;
    if let Some(away) = keys.why_away() {
        return Err(Misuse(away.to_string()).into());
    }
    let after = arguments.to.and_then(|to| to.checked_add_days(Days::new(1)));
    let filter = AccessFilter::of(arguments.subject, arguments.who.clone())
        .between(arguments.from.and_then(begins), after.and_then(begins));
    let read = keys.access_log(&filter, None, i64::from(arguments.first)).await;
    let counted = keys.access_count(&filter).await;
    keys.close().await;
    store.close().await;
    let (entries, all) = (read?, counted?);
    print(&mut terminal::out(), &[table(&entries)], arguments.format)?;
    if usize::try_from(all).is_ok_and(|all| all > entries.len()) {
        message(format_args!(
            "{} of {all} entries are listed, the newest: use --first or --to for others",
            entries.len()
        ));
    }
    Ok(Ending::Done)
}

fn table(entries: &[AccessEntry]) -> Table {
    let rows = entries.iter().map(|entry| {
        let kinds: Vec<&str> = entry.kinds.iter().copied().map(Kind::as_str).collect();
        vec![
            entry.opened_at.to_string(),
            entry.login.clone(),
            entry.role.clone(),
            entry.subject.to_string(),
            kinds.join(" "),
            entry.reveal.map(|reveal| reveal.to_string()).unwrap_or_default(),
            entry.request.clone(),
        ]
    });
    let names = ["opened at", "login", "role", "subject", "opened", "reveal", "request"];
    Table { title: "access log".to_owned(), columns: columns(&names), rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_of_the_service_in_summer_too() {
        let day = |text: &str| text.parse().expect("a day");
        assert_eq!(begins(day("2018-03-01")).expect("an instant").to_rfc3339(), "2018-03-01T00:00:00+00:00");
        assert_eq!(begins(day("2018-07-01")).expect("an instant").to_rfc3339(), "2018-06-30T23:00:00+00:00");
    }
}
