//! Forecasts in the API: the outcomes that are expected in the months ahead.
//!
//! They are computed in [`crate::queries::forecast`]. No single case is shown.

use async_graphql::{Context, Result, SimpleObject};

use super::context::{OrFault as _, RequestContext as _};
use super::contract::Contract;
use super::fault::fault;
use super::scalars::{Date, Decimal};
use super::small_counts;
use crate::queries::forecast::{self, ForecastError, ForecastQuery};
use crate::queries::small_counts::ForecastCounts;
use throughline_domain::performance::figure::Figure;
use throughline_domain::performance::forecast::{Expected, Retention};
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::period::Month;

/// The decimal places of an expected number.
const PLACES: u32 = 1;

/// What is expected of one outcome, for the service areas that you may see.
///
/// The expected number of a month is the number of claims that mature in it, times the share of the past: of the claims
/// that were under way at an earlier day and whose date has come since, those that were achieved. `low` and `high` are
/// the same with the lowest and the highest share of a quarter.
#[derive(SimpleObject)]
pub struct OutcomeForecast {
    /// The code of the outcome.
    outcome: String,
    /// Its title.
    title: String,
    /// The claims of the past that the share is taken of. Null if there are fewer than 10: then nothing is expected of
    /// claims under way, because there is no data.
    past: Option<ForecastPast>,
    /// The months, in order.
    months: Vec<ForecastMonth>,
}

/// The claims of the past that a forecast rests on.
#[derive(SimpleObject)]
pub struct ForecastPast {
    /// The earlier day: 12 months before the as-of date, or 6 or 3 if there were too few.
    on: Date,
    /// The number of claims that were under way then, and whose date has come since.
    maturing: u64,
    /// The number of them that were achieved, on that date or later. Null if it is hidden because few were, or few were
    /// not.
    achieved: Option<u64>,
}

/// One month of a forecast.
#[derive(SimpleObject)]
pub struct ForecastMonth {
    /// The first day of the month.
    month: Date,
    /// The number of claims that are achieved in the month if every spell continues. Null if it is hidden because it is
    /// small, or would give away one that is.
    maturing: Option<u64>,
    /// The expected number, with one decimal place. Null if there is no data, and if it would give away a hidden number.
    expected: Option<Decimal>,
    /// The number at the lowest share of a quarter of the past. Null if fewer than two quarters have 5 claims.
    low: Option<Decimal>,
    /// The number at the highest share. Null where `low` is.
    high: Option<Decimal>,
}

impl OutcomeForecast {
    /// The forecast of each outcome of a contract.
    pub(super) async fn of(ctx: &Context<'_>, contract: &Contract, months: i32) -> Result<Vec<Self>> {
        let months = u32::try_from(months).unwrap_or(1);
        let claims = contract.contract_claims(ctx).await?;
        let asked = ForecastQuery { as_of: contract.day(), today: claims.asked.today, months };
        let (log, scope) = (&ctx.app().log, (contract.scope(ctx)?, &**contract.rules()?));
        let found = match forecast::forecast(contract.generation(), log, scope, asked).await {
            Err(ForecastError::OutOfRange(error)) => return Err(fault(&error)),
            Err(ForecastError::Log(error)) => Err(error).or_fault()?,
            Ok(found) => found,
        };
        let are_hidden = small_counts::are_hidden(ctx, &contract.source().code, contract.rules()?);
        let shown = found.iter().map(|found| {
            let counts = if are_hidden { ForecastCounts::without_small(found) } else { ForecastCounts::of(found) };
            Self::shown(found, &counts)
        });
        let shown = shown.collect::<Result<_, _>>();
        shown.map_err(|error: OutOfRange| fault(&error))
    }

    fn shown(found: &forecast::OutcomeForecast, counts: &ForecastCounts) -> Result<Self, OutOfRange> {
        let past = |(on, retention): &(_, Retention)| ForecastPast {
            on: Date(*on),
            maturing: retention.past,
            achieved: counts.achieved,
        };
        let months =
            found.months.iter().zip(&counts.maturing).map(|(month, maturing)| -> Result<ForecastMonth, OutOfRange> {
                let shows_expected = maturing.is_some() && !counts.hides_expected;
                let month = ForecastMonth::of(month)?;
                let expected = |number: Option<Decimal>| number.filter(|_| shows_expected);
                let (low, high) = (expected(month.low), expected(month.high));
                Ok(ForecastMonth { maturing: *maturing, expected: expected(month.expected), low, high, ..month })
            });
        Ok(Self {
            outcome: found.outcome.clone(),
            title: found.title.clone(),
            past: found.past.as_ref().map(past),
            months: months.collect::<Result<_, _>>()?,
        })
    }
}

impl ForecastMonth {
    fn of((month, expected): &(Month, Expected)) -> Result<Self, OutOfRange> {
        let number =
            |figure: &Figure| -> Result<Option<Decimal>, OutOfRange> { Ok(figure.rounded(PLACES)?.map(Decimal)) };
        Ok(Self {
            month: Date(month.first()),
            maturing: Some(expected.maturing),
            expected: number(&expected.expected)?,
            low: number(&expected.low)?,
            high: number(&expected.high)?,
        })
    }
}
