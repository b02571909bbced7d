//! Points of view: the day as of which something is read, what was known by then, and by which rules.
//!
//! A view of what was known then may have to be put together first. Nothing here decides what somebody may see: rights
//! are those of now, whatever is asked of the past.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, Error, InputObject, Result, value};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::codes::VIEW_BUILDING;
use super::context::{Asked as _, OrFault as _};
use super::scalars::{Date, Instant, Position};
use crate::record::end_of_day;
use crate::views::ViewError;
use crate::views::generation::Generation;
use crate::views::known::Asked;
use crate::views::rebuild::Progress;
use throughline_domain::contract;
use throughline_domain::fact::Recorded;
use throughline_domain::fact::envelope::{self, StreamId};
use throughline_gateway::Code;

/// How long a question waits for a view that is being put together.
const PATIENCE: Duration = Duration::from_secs(2);
/// When to ask again where nobody knows how long it will take, and at the earliest and latest.
const ASK_AGAIN: [Duration; 3] = [Duration::from_secs(2), Duration::from_millis(500), Duration::from_secs(30)];

/// Until where in the log a reading knows: what was recorded up to this position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known(pub envelope::Position);

impl Known {
    /// Everything that the log holds.
    pub const ALL: Self = Self(envelope::Position(i64::MAX));

    /// Whether an event at this position is known.
    pub(super) fn covers(self, position: envelope::Position) -> bool {
        position <= self.0
    }
}

/// From when a contract is read, what was known by then, and by which rules: at most one of `knownAt`, `knownOn` and
/// `position`.
#[derive(Debug, Clone, Default, InputObject)]
pub struct ContractAt {
    /// The day at whose end the facts are read; today in the contract's zone if left out.
    pub as_of: Option<Date>,
    /// Only what was recorded by this instant.
    pub known_at: Option<Instant>,
    /// Only what was recorded by the end of this day in the contract's zone.
    pub known_on: Option<Date>,
    /// Only what was recorded up to this position of the log.
    pub position: Option<Position>,
    /// By this version of the contract's rules, whenever it was published; by the one published last of those known
    /// then if left out.
    pub rulebook: Option<String>,
}

/// From when a journey is read, and what was known by then: at most one of `knownAt`, `knownOn` and `position`.
#[derive(Debug, Clone, Copy, Default, InputObject)]
pub struct JourneyAt {
    /// The day at whose end the facts are read; today in the contract's zone if left out.
    pub as_of: Option<Date>,
    /// Only what was recorded by this instant.
    pub known_at: Option<Instant>,
    /// Only what was recorded by the end of this day in the contract's zone.
    pub known_on: Option<Date>,
    /// Only what was recorded up to this position of the log.
    pub position: Option<Position>,
}

/// Until when something is to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Now,
    Instant(DateTime<Utc>),
    Position(envelope::Position),
}

impl Until {
    fn of((at, on, position): (Option<Instant>, Option<Date>, Option<Position>), zone: Tz) -> Result<Self> {
        match (at, on, position) {
            (None, None, None) => Ok(Self::Now),
            (Some(instant), None, None) => Ok(Self::Instant(instant.0)),
            (None, Some(day), None) => Ok(Self::Instant(end_of_day(day.0, zone))),
            (None, None, Some(position)) => Ok(Self::Position(position.0)),
            _ => Err(Code::BadUserInput.error("give at most one of knownAt, knownOn and position")),
        }
    }

    /// The last position that is known; none for all that there are.
    async fn position(self, ctx: &Context<'_>) -> Result<Option<envelope::Position>> {
        match self {
            Self::Now => Ok(None),
            Self::Instant(instant) => ctx.parts().log.recorded_by(instant).await.or_fault().map(Some),
            Self::Position(position) => Ok(Some(position)),
        }
    }
}

impl JourneyAt {
    /// Until where in the log the journey is known.
    pub(super) async fn known(&self, ctx: &Context<'_>, zone: Tz) -> Result<Known> {
        let until = Until::of((self.known_at, self.known_on, self.position), zone)?;
        Ok(until.position(ctx).await?.map_or(Known::ALL, Known))
    }
}

/// The view that answers everything beneath a point of view.
pub(super) struct Seen {
    /// The view.
    pub(super) generation: Arc<Generation>,
    /// Until where in the log whatever it leads to is known.
    pub(super) known: Known,
    /// The instant that was asked for.
    pub(super) known_at: Option<DateTime<Utc>>,
}

impl Seen {
    /// The live view.
    pub(super) fn live(ctx: &Context<'_>) -> Self {
        Self { generation: Arc::clone(&ctx.caller().generation), known: Known::ALL, known_at: None }
    }

    /// What is seen of an open contract from there; none where it was not open then.
    pub(super) async fn from(
        ctx: &Context<'_>,
        contract: &contract::Contract,
        at: &ContractAt,
    ) -> Result<Option<Self>> {
        let zone = contract.zone().unwrap_or(crate::record::DEPLOYMENT_ZONE);
        let until = Until::of((at.known_at, at.known_on, at.position), zone)?;
        let known_at = if let Until::Instant(instant) = until { Some(instant) } else { None };
        let position = until.position(ctx).await?;
        if position.is_some_and(|position| !contract.is_open_at(position)) {
            return Ok(None);
        }
        // Whoever asks for what is known now need not know where the log stands.
        let head = match position {
            Some(_) => Some(ctx.parts().log.head().await.or_fault()?.position),
            None => None,
        };
        let upto = position.filter(|position| head.is_some_and(|head| *position < head));
        let rulebooks_upto = match &at.rulebook {
            Some(version) => rules_of(ctx, contract, version, upto).await?,
            None => upto,
        };
        let asked = rulebooks_upto.map(|rulebooks_upto| Asked { upto, rulebooks_upto });
        let generation = match (asked, head) {
            (Some(asked), _) => known_by_caller(ctx, asked).await?,
            (None, Some(head)) => caught_up(ctx, head).await?,
            (None, None) => Arc::clone(&ctx.caller().generation),
        };
        Ok(Some(Self { generation, known: upto.map_or(Known::ALL, Known), known_at }))
    }
}

/// The live view, once it has come this far.
async fn caught_up(ctx: &Context<'_>, head: envelope::Position) -> Result<Arc<Generation>> {
    let views = &ctx.parts().views;
    if !views.passed(head, PATIENCE).await {
        return Err(not_yet(None));
    }
    let own = &ctx.caller().generation;
    let is_there = *own.position().borrow() >= head;
    Ok(if is_there { Arc::clone(own) } else { views.live() })
}

/// Up to where rulebooks count so that a version of a contract's rules is the newest; none where it is that of the live
/// view, and all that there is is to be known.
async fn rules_of(
    ctx: &Context<'_>,
    live: &contract::Contract,
    version: &str,
    upto: Option<envelope::Position>,
) -> Result<Option<envelope::Position>> {
    let code = live.code().unwrap_or_default();
    let events = ctx.parts().log.stream(StreamId::contract(code)).await.or_fault()?;
    let recorded: Vec<Recorded> = events.iter().map(Recorded::decode).collect::<Result<_, _>>().or_fault()?;
    let told = contract::Contract::of(&recorded).or_fault()?;
    let mut published = told.rulebooks().iter().rev();
    let Some(named) = published.find(|published| published.rulebook.version == version) else {
        let mut known: Vec<&str> = told.rulebooks().iter().map(|known| known.rulebook.version.as_str()).collect();
        known.dedup();
        let message = format!("no rules of version {version:?} were published: write one of {}", known.join(", "));
        return Err(Code::BadUserInput.error(message));
    };
    let is_newest = |published: Option<&contract::Published>| {
        published.is_some_and(|published| published.position == named.position)
    };
    let Some(upto) = upto else {
        return Ok((!is_newest(live.rulebooks().last())).then_some(named.position));
    };
    // The same view serves whoever does not name them.
    let newest = told.rulebooks().iter().rev().find(|published| published.position <= upto);
    Ok(Some(if is_newest(newest) { upto } else { named.position }))
}

/// The view of what was known up to a position.
pub(super) async fn as_known(ctx: &Context<'_>, Known(position): Known) -> Result<Arc<Generation>> {
    let head = ctx.parts().log.head().await.or_fault()?.position;
    if position >= head {
        return caught_up(ctx, head).await;
    }
    let asked = Asked { upto: Some(position), rulebooks_upto: position };
    known_by_caller(ctx, asked).await
}

/// A view that the caller asks for: each has one place in the line.
async fn known_by_caller(ctx: &Context<'_>, asked: Asked) -> Result<Arc<Generation>> {
    let who = &ctx.caller().principal;
    let who = format!("{} {}", who.role, who.subject);
    found(ctx.parts().views.as_known_by(&who, asked, PATIENCE).await)
}

/// A view that was asked for, or that it is not ready yet.
fn found(asked: Result<Arc<Generation>, ViewError>) -> Result<Arc<Generation>> {
    match asked {
        Err(ViewError::NotYet(progress)) => Err(not_yet(progress)),
        other => other.or_fault(),
    }
}

fn not_yet(progress: Option<Progress>) -> Error {
    let mut error = VIEW_BUILDING.error("what was known then is being put together: ask again in a moment");
    let extensions = error.extensions.get_or_insert_default();
    let progress = progress.filter(|progress| !progress.phase.is_over());
    let [usual, least, most] = ASK_AGAIN;
    let wait = progress.and_then(|progress| progress.eta).unwrap_or(usual).clamp(least, most);
    extensions.set("retryAfterMs", u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    if let Some(Progress { events, of, rate, .. }) = progress {
        extensions.set("progress", value!({ "events": events, "of": of, "rate": rate }));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::rebuild::Phase;

    #[test]
    fn whoever_has_to_wait_hears_how_far_it_is_and_when_to_ask_again() {
        let progress = |phase, eta| {
            let (generation, events, of, rate) = (7, 50, 100, 25.0);
            Some(Progress { generation, phase, events, of, rate, eta })
        };
        let told = |progress| {
            let extensions = not_yet(progress).extensions.expect("extensions");
            let told = |name| extensions.get(name).cloned();
            (told("code"), told("retryAfterMs"), told("progress"))
        };
        let code = || Some(value!("VIEW_BUILDING"));
        let how_far = value!({ "events": 50, "of": 100, "rate": 25.0 });
        let eta = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(told(progress(Phase::Folding, eta(2))), (code(), Some(value!(2_000)), Some(how_far.clone())));
        assert_eq!(told(progress(Phase::Folding, eta(900))), (code(), Some(value!(30_000)), Some(how_far)));
        assert_eq!(told(progress(Phase::Done, eta(0))), (code(), Some(value!(2_000)), None));
        assert_eq!(told(None), (code(), Some(value!(2_000)), None));
    }

    #[test]
    fn two_ways_to_say_what_was_known_are_one_too_many() {
        let date = Date("2018-02-23".parse().expect("a day"));
        let position = Position(envelope::Position(1));
        assert!(Until::of((None, Some(date), Some(position)), chrono_tz::Europe::London).is_err());
    }
}
