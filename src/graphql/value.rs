//! The value of a contract in the API: entitled, submitted, accepted and paid, by financial year, against the caps.

use async_graphql::{Context, Result, SimpleObject};

use super::contract::Contract;
use super::money::Money;
use super::period::FigurePeriod;
use crate::queries::value;
use throughline_domain::fact::money;

/// What a contract is worth so far, by the financial year in which outcomes were achieved.
#[derive(SimpleObject)]
pub struct ContractValue {
    /// The financial years, in order, each against the cap of the year.
    years: Vec<YearValue>,
    /// All years together, against the cap of the contract.
    to_date: ValueAmounts,
}

/// What a contract is worth for the outcomes achieved in one financial year.
#[derive(SimpleObject)]
pub struct YearValue {
    /// The financial year.
    period: FigurePeriod,
    /// The amounts.
    amounts: ValueAmounts,
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
    let amounts = |amounts: &value::Amounts| ValueAmounts::of(amounts, claims.currency());
    let year = |year: &value::YearValue| YearValue {
        period: FigurePeriod::of(&year.period, contract.day()),
        amounts: amounts(&year.amounts),
    };
    Ok(ContractValue { years: found.years.iter().map(year).collect(), to_date: amounts(&found.to_date) })
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
