//! The value of a contract in the API: entitled, submitted, accepted and paid, by financial year, against the caps.

use async_graphql::{Context, Result, SimpleObject};

use super::contract::Contract;
use super::fault::fault;
use super::figures;
use super::money::Money;
use super::period::FigurePeriod;
use super::scalars::Decimal;
use crate::queries::value::{self, ValueTarget, ValueTargets};
use throughline_domain::fact::money;
use throughline_domain::performance::fraction::OutOfRange;
use throughline_domain::performance::period::Period;

/// What a contract is worth so far, by the financial year in which outcomes were achieved.
#[derive(SimpleObject)]
pub struct ContractValue {
    /// The financial years, in order, each against the cap of the year.
    years: Vec<YearValue>,
    /// All years together, against the cap of the contract.
    to_date: ValueAmounts,
    /// The value from the start of the contract to the end of the month of `asOf`, against each profile of targets, such
    /// as the bid, the original and the revised targets. A profile without targets for each of these months is left out.
    /// Empty for those who see only some service areas.
    targets: Vec<ValueAgainstTarget>,
}

/// What a contract is worth for the outcomes achieved in one financial year.
#[derive(SimpleObject)]
pub struct YearValue {
    /// The financial year.
    period: FigurePeriod,
    /// The amounts.
    amounts: ValueAmounts,
    /// The value of the year against each profile of targets. A profile without targets for each month of the year is left
    /// out. Empty for those who see only some service areas.
    targets: Vec<ValueAgainstTarget>,
}

/// The value that a profile of targets aims at.
#[derive(SimpleObject)]
pub struct ValueAgainstTarget {
    /// The profile, such as `bid`.
    profile: String,
    /// The value that it aims at: its target for `value:outcomes`, or else its targets for each outcome that is paid for,
    /// times the price on the last day of the period.
    target: Money,
    /// What is due for submitted claims that are not rejected or withdrawn, as a share of the target in percent, rounded
    /// half up. Null for a target of 0.
    percent: Option<Decimal>,
    /// The same less the target. Negative where the target is not reached.
    difference: Money,
}

/// The amounts of a financial year, or of all years.
#[derive(SimpleObject)]
pub struct ValueAmounts {
    /// What is due under the caps: for claims that are submitted and not rejected, that can be claimed, or that can be
    /// once their waiting period is over.
    entitled: Money,
    /// The full price of achieved outcomes that are on hold or lack evidence.
    waiting: Money,
    /// What is due for submitted claims that are not rejected or withdrawn, with their adjustments.
    submitted: Money,
    /// The part of it that is accepted.
    accepted: Money,
    /// What was paid for claims, less what was paid back.
    paid: Money,
    /// The limit of the cap. Null without a cap for all outcomes.
    cap: Option<Money>,
    /// The value above the cap: what claims and lines lack because of it. Null where `cap` is.
    above_cap: Option<Money>,
}

/// The value of the claims of a contract that the caller may see.
pub(super) async fn value(ctx: &Context<'_>, contract: &Contract) -> Result<ContractValue> {
    let (claims, rulebook) = (contract.contract_claims(ctx).await?, contract.rules()?);
    let found = value::value(claims, rulebook.calendar.financial_year);
    let record = contract.source().contract_state.contract_record(contract.day());
    let targets = ValueTargets::of(contract.scope(ctx)?, &record, rulebook);
    let against = |amounts: &value::Amounts, period: &Period| {
        let found = targets.against(amounts, period).map_err(|error| figures::refused(&error.into()))?;
        let shown = found.iter().map(|target| ValueAgainstTarget::of(target, amounts, claims.currency()));
        shown.collect::<Result<Vec<_>, _>>().map_err(|error: OutOfRange| fault(&error))
    };
    let amounts = |amounts: &value::Amounts| ValueAmounts::of(amounts, claims.currency());
    let year = |year: &value::YearValue| {
        Ok(YearValue {
            period: FigurePeriod::of(&year.period, contract.day()),
            amounts: amounts(&year.amounts),
            targets: against(&year.amounts, &year.period)?,
        })
    };
    let to_date = found.period_to_date.map(|period| against(&found.to_date, &period)).transpose()?;
    Ok(ContractValue {
        years: found.years.iter().map(year).collect::<Result<_>>()?,
        to_date: amounts(&found.to_date),
        targets: to_date.unwrap_or_default(),
    })
}

impl ValueAgainstTarget {
    fn of(found: &ValueTarget, amounts: &value::Amounts, currency: &str) -> Result<Self, OutOfRange> {
        let target = found.target.rounded(money::minor_digits(currency))?.unwrap_or_default();
        let percent = found.share.percent(0)?.map(Decimal);
        let difference = money::Money::exactly(amounts.submitted.amount() - target);
        let target = money::Money::exactly(target);
        Ok(Self {
            profile: found.profile.clone(),
            target: Money::of(target, currency),
            percent,
            difference: Money::of(difference, currency),
        })
    }
}

impl ValueAmounts {
    fn of(amounts: &value::Amounts, currency: &str) -> Self {
        let money = |amount: money::Money| Money::of(amount, currency);
        Self {
            entitled: money(amounts.entitled),
            waiting: money(amounts.waiting),
            submitted: money(amounts.submitted),
            accepted: money(amounts.accepted),
            paid: money(amounts.paid),
            cap: amounts.cap.map(money),
            above_cap: amounts.above_cap.map(money),
        }
    }
}
