//! Further boards of a contract: its indicators, what stops claims, what it is worth, and what is expected.
//!
//! The same questions as those of the API, with the same answers.

use anyhow::Result;
use chrono::NaiveDate;
use clap::Args;

use super::super::Misuse;
use super::super::table::{Table, columns};
use super::{Reading, cells};
use crate::log::Log;
use crate::queries::claims::{self, Claims, ClaimsQuery, Purpose};
use crate::queries::data_quality::{self, Flagged};
use crate::queries::forecast::{self, ForecastQuery, OutcomeForecast};
use crate::queries::kpis::{self, Figures, KpiMonths, KpiQuery};
use crate::queries::measures::{FiguresError, OfContract};
use crate::queries::value::{self, Amounts, ValueTargets};
use throughline_domain::fact::money::{Money, minor_digits};
use throughline_domain::performance::figure::Figure;
use throughline_domain::performance::kpi::Level;
use throughline_domain::performance::period::{Month, Period};

/// The most months of a forecast.
const MONTHS_AHEAD_MAX: i64 = 24;

/// Further boards to print instead of the performance tables.
#[derive(Debug, Args)]
pub(super) struct SectionArguments {
    /// Print the indicators instead: the level of each in each month since the start of the contract.
    #[arg(long, conflicts_with_all = ["asked", "list_measures"])]
    kpis: bool,
    /// Print instead what stops cases from counting and claims from being paid, by rule, with the cases.
    #[arg(long, conflicts_with_all = ["asked", "list_measures"])]
    data_quality: bool,
    /// Print instead what was entitled, submitted, accepted and paid, by financial year.
    #[arg(long, conflicts_with_all = ["asked", "list_measures"])]
    value: bool,
    /// Print instead the outcomes that are expected in this number of months. The month of the as-of date is the first.
    #[arg(
        long,
        value_name = "MONTHS",
        value_parser = clap::value_parser!(u32).range(1..=MONTHS_AHEAD_MAX),
        conflicts_with_all = ["asked", "list_measures"]
    )]
    forecast: Option<u32>,
}

impl SectionArguments {
    /// Whether anything is asked for instead of the performance tables.
    pub(super) const fn is_asked(&self) -> bool {
        self.kpis || self.data_quality || self.value || self.forecast.is_some()
    }
}

/// The boards that were asked for.
pub(super) async fn tables(
    of: Reading<'_>,
    (log, today): (&Log, NaiveDate),
    asked: &SectionArguments,
) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    if asked.kpis {
        tables.extend(indicators(of).await?);
    }
    if asked.data_quality || asked.value {
        let query = ClaimsQuery { as_of: of.as_of, today, purpose: Purpose::Look };
        if let Some(claims) = claims::of_contract(of.view, log, of.scope, query).await? {
            if asked.data_quality {
                tables.extend(quality(of, &claims).await?);
            }
            if asked.value {
                tables.extend(worth(of, &claims)?);
            }
        }
    }
    if let Some(months) = asked.forecast {
        let query = ForecastQuery { as_of: of.as_of, today, months };
        let found = forecast::forecast(of.view, log, (of.scope, of.rulebook), query).await?;
        tables.push(expected(of, &found)?);
    }
    Ok(tables)
}

/// A table for each indicator.
async fn indicators(of: Reading<'_>) -> Result<Vec<Table>> {
    let Some(period) = of.to_date() else { return Ok(Vec::new()) };
    let record = of.contract.contract_record(of.as_of);
    let contract = OfContract { rulebook: of.rulebook, record: &record, starts_on: of.starts_on() };
    let query = KpiQuery { period, figures: Figures::OfEveryPeriod, as_of: of.as_of };
    let found = kpis::levels(of.view, of.scope, contract, query).await.map_err(|error| match error {
        FiguresError::Store(fault) => anyhow::Error::from(fault),
        wrong => Misuse(wrong.to_string()).into(),
    })?;
    found.iter().map(indicator).collect()
}

fn indicator(found: &KpiMonths) -> Result<Table> {
    let KpiMonths { kpi, measure, months, parts: _ } = found;
    let level = |level: Option<Level>| level.map_or("", Level::as_str).to_owned();
    let rows = months.iter().map(|month| {
        let mut row = vec![Month::of(month.period.first()).to_string()];
        for figure in &month.figures {
            row.push(cells::figure(&figure.figure, measure)?);
        }
        let tools = month.level.map(|level| kpi.tools(level)).unwrap_or_default();
        let tools: Vec<String> = tools.iter().map(|tool| tool.as_str().to_lowercase()).collect();
        row.extend([level(month.level), tools.join(", "), amount(month.withheld)]);
        Ok(row)
    });
    Ok(Table {
        title: format!("{}: {}", kpi.code, kpi.title),
        columns: columns(&["Month", "In month", "3 months", "12 months", "Since start", "Level", "Tools", "Withheld"]),
        rows: rows.collect::<Result<_>>()?,
    })
}

/// The rules that flag something, and what they flag.
async fn quality(of: Reading<'_>, claims: &Claims) -> Result<[Table; 2]> {
    let found = data_quality::flagged(of.view, of.scope, of.rulebook, claims).await?;
    let rule = |flagged: &Flagged| {
        let (code, title) = (flagged.rule.code(), flagged.rule.title(of.rulebook));
        vec![code, flagged.cases().to_string(), amount(flagged.at_risk()), title]
    };
    let members = found.iter().flat_map(|flagged| {
        let code = flagged.rule.code();
        flagged.members.iter().map(move |member| {
            let case = member.journey.map(|id| id.to_string()).unwrap_or_default();
            let outcome = member.claim.and_then(|claim| claims.get(claim)).map(|claim| claim.outcome.clone());
            vec![code.clone(), case, outcome.unwrap_or_default(), member.day.to_string(), amount(member.amount)]
        })
    });
    let title = format!("Data quality of {}, at the end of {}", of.scope.contract(), of.as_of);
    Ok([
        Table {
            columns: columns(&["Rule", "Cases", "At risk", "What to do"]),
            rows: found.iter().map(rule).collect(),
            title: title.clone(),
        },
        Table {
            columns: columns(&["Rule", "Case", "Outcome", "Day", "Amount"]),
            rows: members.collect(),
            title: format!("{title}: cases"),
        },
    ])
}

fn amount(amount: Option<Money>) -> String {
    amount.map(|amount| amount.to_string()).unwrap_or_default()
}

/// What a contract is worth, by financial year, and against the targets of each profile. The second table is left out
/// without targets.
fn worth(of: Reading<'_>, claims: &Claims) -> Result<Vec<Table>> {
    let found = value::value(claims, of.rulebook.calendar.financial_year);
    let row = |first: String, amounts: &Amounts| {
        let Amounts { entitled, waiting, submitted, accepted, paid, cap, above_cap } = amounts;
        let money = [entitled, waiting, submitted, accepted, paid].map(|one| shown(*one, claims.currency()));
        let under = [cap, above_cap].map(|one| amount(*one));
        std::iter::once(first).chain(money).chain(under).collect::<Vec<String>>()
    };
    let year = |period: &Period| format!("{} to {}", period.first(), period.last());
    let mut rows: Vec<Vec<String>> = found.years.iter().map(|of| row(year(&of.period), &of.amounts)).collect();
    rows.push(row("To date".to_owned(), &found.to_date));
    let record = of.contract_record();
    let targets = ValueTargets::of(of.scope, &record, of.rulebook);
    let years = found.years.iter().map(|of| (year(&of.period), &of.amounts, of.period));
    let to_date = found.period_to_date.map(|period| ("To date".to_owned(), &found.to_date, period));
    let mut against = Vec::new();
    for (first, amounts, period) in years.chain(to_date) {
        for target in targets.against(amounts, &period)? {
            let [aim, share] = [target.target.rounded(minor_digits(claims.currency()))?, target.share.percent(0)?]
                .map(|number| number.map(|number| number.to_string()).unwrap_or_default());
            let submitted = shown(amounts.submitted, claims.currency());
            against.push(vec![first.clone(), target.profile, submitted, aim, share]);
        }
    }
    let title = format!("of {} in {}, at the end of {}", of.scope.contract(), claims.currency(), of.as_of);
    let mut tables = vec![Table {
        title: format!("Value {title}"),
        columns: columns(&["Year", "Entitled", "Waiting", "Submitted", "Accepted", "Paid", "Cap", "Above the cap"]),
        rows,
    }];
    if !against.is_empty() {
        tables.push(Table {
            title: format!("Value against targets {title}"),
            columns: columns(&["Year", "Profile", "Submitted", "Target", "% of target"]),
            rows: against,
        });
    }
    Ok(tables)
}

/// An amount with the digits of its currency.
fn shown(amount: Money, currency: &str) -> String {
    Money::of(amount.amount(), currency).to_string()
}

/// The outcomes that are expected.
fn expected(of: Reading<'_>, found: &[OutcomeForecast]) -> Result<Table> {
    let number = |figure: &Figure| -> Result<String> {
        Ok(figure.rounded(1)?.map_or_else(|| "no data".to_owned(), |number| number.to_string()))
    };
    let rows = found.iter().flat_map(|outcome| outcome.months.iter().map(move |month| (outcome, month)));
    let rows = rows.map(|(outcome, (month, expected))| {
        let numbers = [&expected.expected, &expected.low, &expected.high].map(number);
        let [middle, low, high] = numbers;
        let (month, maturing) = (month.to_string(), expected.maturing.to_string());
        Ok(vec![outcome.outcome.clone(), month, maturing, middle?, low?, high?])
    });
    Ok(Table {
        title: format!("Outcomes expected of {}, at the end of {}", of.scope.contract(), of.as_of),
        columns: columns(&["Outcome", "Month", "Maturing", "Expected", "Low", "High"]),
        rows: rows.collect::<Result<_>>()?,
    })
}
