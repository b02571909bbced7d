//! The values of cases that measures are made of: days between two facts, values that were recorded, and the share of
//! some facts among others.
//!
//! Pure. It says which value a case has and how the values of all cases become one number. The arithmetic is in
//! the module `performance::case_value`.

use std::fmt;

use rust_decimal::Decimal;

use super::{Facts, Unit};

/// The value that a case has in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseValue {
    /// The days from its first fact of some kinds in the period to its first fact of others on that day or later.
    Days {
        /// The facts from which the days are counted. A case without one in the period has no value.
        from: Facts,
        /// The facts to which they are counted, until the as-of date. A case without one has no value.
        to: Facts,
    },
    /// What was recorded for it in the period.
    Recorded {
        /// The facts with the values.
        facts: Facts,
        /// What is taken of several values of one case.
        each: Each,
    },
    /// The number of some of its facts in the period over the number of others, such as sessions attended over
    /// sessions offered.
    Quotient {
        /// The facts above.
        of: Facts,
        /// The facts below. A case without one in the period has no value.
        over: Facts,
    },
}

impl CaseValue {
    /// The facts that give a case its value: those from which days are counted, those with the values, or those below.
    pub const fn deciding(&self) -> &Facts {
        match self {
            Self::Days { from: facts, .. } | Self::Recorded { facts, .. } | Self::Quotient { over: facts, .. } => facts,
        }
    }

    /// The verb of a sentence about it.
    pub(super) const fn verb(&self) -> &'static str {
        match self {
            Self::Days { .. } => "are",
            Self::Recorded { .. } | Self::Quotient { .. } => "is",
        }
    }

    /// What its values are numbers of.
    pub const fn unit(&self) -> Unit {
        match self {
            Self::Days { .. } => Unit::Days,
            Self::Recorded { .. } => Unit::Amount,
            Self::Quotient { .. } => Unit::Percent,
        }
    }
}

/// What is taken of several values of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Each {
    /// The first.
    First,
    /// The last.
    Last,
    /// The lowest.
    Lowest,
    /// The highest.
    Highest,
    /// The mean.
    Mean,
    /// The sum.
    Sum,
}

impl Each {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
            Self::Lowest => "lowest",
            Self::Highest => "highest",
            Self::Mean => "mean",
            Self::Sum => "sum",
        }
    }
}

/// How the values of all cases become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// The mean.
    Mean,
    /// The median, interpolated between two values.
    Median,
    /// A percentile from 1 to 100, interpolated between two values.
    Percentile(u32),
    /// The lowest.
    Lowest,
    /// The highest.
    Highest,
    /// The sum.
    Sum,
}

/// One number of the values of cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfCases {
    /// The value of a case.
    pub value: CaseValue,
    /// How they become one number.
    pub take: Take,
}

/// The share of cases whose value is in a band, among those that have a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The value of a case.
    pub value: CaseValue,
    /// The band.
    pub band: Band,
}

/// A range of values. What is left out is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Band {
    /// The value is at least this.
    pub at_least: Option<Decimal>,
    /// The value is more than this.
    pub above: Option<Decimal>,
    /// The value is at most this.
    pub at_most: Option<Decimal>,
    /// The value is less than this.
    pub below: Option<Decimal>,
}

/// What was recorded for the contract as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractValues {
    /// The code of the values.
    pub code: String,
    /// What is taken of the values of a period.
    pub take: TakeOfContract,
}

/// What is taken of the values that were recorded for the contract in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeOfContract {
    /// The sum.
    Sum,
    /// The mean.
    Mean,
    /// The last.
    Last,
}

impl TakeOfContract {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Last => "last",
        }
    }
}

impl fmt::Display for CaseValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days { from, to } => write!(f, "days from {from} to {to}"),
            Self::Recorded { facts, each } => write!(f, "{} value of {facts}", each.as_str()),
            Self::Quotient { of, over } => write!(f, "{of} ÷ {over}"),
        }
    }
}

impl fmt::Display for Take {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => f.write_str("mean"),
            Self::Median => f.write_str("median"),
            Self::Percentile(percent) => write!(f, "{percent}th percentile"),
            Self::Lowest => f.write_str("lowest"),
            Self::Highest => f.write_str("highest"),
            Self::Sum => f.write_str("sum"),
        }
    }
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = [
            self.at_least.map(|limit| format!("at least {limit}")),
            self.above.map(|limit| format!("above {limit}")),
            self.at_most.map(|limit| format!("at most {limit}")),
            self.below.map(|limit| format!("below {limit}")),
        ];
        f.write_str(&limits.into_iter().flatten().collect::<Vec<_>>().join(" and "))
    }
}
