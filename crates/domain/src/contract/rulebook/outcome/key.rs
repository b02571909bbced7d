//! The keys of `[[outcome]]` by which two versions of an outcome are compared.

use super::{AchievedBy, Outcome};

/// A key of an outcome that affects its claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutcomeKey {
    /// The fact that the outcome begins with.
    Trigger,
    /// How long spells must last.
    Sustain,
    /// How many hours a week are needed.
    Hours,
    /// The evidence that a claim needs.
    Evidence,
    /// The kinds of risk that hold it.
    HoldOnRisk,
    /// The condition that a case must meet.
    OnlyIf,
    /// How many times it can be achieved in one case.
    Repeats,
    /// Whether it is about one case or many, and which cases.
    Scope,
    /// The share of days that is counted over many cases.
    Ratio,
    /// The measure that is summed over many cases.
    Volume,
    /// When it may be claimed, and how often.
    Claim,
    /// Whether it is paid once for each case or once for each person.
    OncePer,
    /// The group of which at most one outcome is paid.
    Group,
    /// The lower outcome that it converts from.
    Convert,
    /// Which outcome of its group is paid if the caps leave it nothing.
    WhenCapped,
    /// Its prices.
    Tariff,
}

impl OutcomeKey {
    /// Every key, in the order of comparison.
    pub const ALL: [Self; 16] = [
        Self::Trigger,
        Self::Sustain,
        Self::Hours,
        Self::Evidence,
        Self::HoldOnRisk,
        Self::OnlyIf,
        Self::Repeats,
        Self::Scope,
        Self::Ratio,
        Self::Volume,
        Self::Claim,
        Self::OncePer,
        Self::Group,
        Self::Convert,
        Self::WhenCapped,
        Self::Tariff,
    ];

    /// The spelling of the key in a rulebook.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Sustain => "sustain",
            Self::Hours => "hours",
            Self::Evidence => "evidence",
            Self::HoldOnRisk => "hold_on_risk",
            Self::OnlyIf => "only_if",
            Self::Repeats => "repeats",
            Self::Scope => "scope",
            Self::Ratio => "ratio",
            Self::Volume => "volume",
            Self::Claim => "claim",
            Self::OncePer => "once_per",
            Self::Group => "group",
            Self::Convert => "convert",
            Self::WhenCapped => "when_capped",
            Self::Tariff => "tariff",
        }
    }

    /// Whether the key is judged on one case alone, not beside other claims.
    pub const fn is_judged_alone(self) -> bool {
        !matches!(self, Self::OncePer | Self::Group | Self::Convert | Self::WhenCapped)
    }

    /// An outcome with the value that another has under this key; `None` if the two are equal.
    pub fn taken(self, of: &Outcome, from: &Outcome) -> Option<Outcome> {
        let mut taken = of.clone();
        match self {
            Self::Claim => taken.claim = from.claim,
            Self::OncePer => taken.once_per = from.once_per,
            Self::Group => taken.group.clone_from(&from.group),
            Self::Convert => taken.convert_from.clone_from(&from.convert_from),
            Self::WhenCapped => taken.when_capped = from.when_capped,
            Self::Tariff => taken.tariffs.clone_from(&from.tariffs),
            _ => self.take_terms(&mut taken.achieved_by, &from.achieved_by),
        }
        (taken != *of).then_some(taken)
    }

    fn take_terms(self, to: &mut AchievedBy, from: &AchievedBy) {
        match (self, to, from) {
            (Self::Trigger, AchievedBy::Journey(to), AchievedBy::Journey(from)) => {
                to.trigger.clone_from(&from.trigger);
            }
            (Self::Sustain, AchievedBy::Journey(to), AchievedBy::Journey(from)) => {
                to.sustain.clone_from(&from.sustain);
            }
            (Self::Hours, AchievedBy::Journey(to), AchievedBy::Journey(from)) => to.hours = from.hours,
            (Self::Evidence, AchievedBy::Journey(to), AchievedBy::Journey(from)) => {
                to.evidence.clone_from(&from.evidence);
            }
            (Self::HoldOnRisk, AchievedBy::Journey(to), AchievedBy::Journey(from)) => {
                to.hold_on_risk.clone_from(&from.hold_on_risk);
            }
            (Self::OnlyIf, AchievedBy::Journey(to), AchievedBy::Journey(from)) => {
                to.only_if.clone_from(&from.only_if);
            }
            (Self::Repeats, AchievedBy::Journey(to), AchievedBy::Journey(from)) => to.repeats = from.repeats,
            (Self::Scope, AchievedBy::Many(to), AchievedBy::Many(from)) => to.scope = from.scope,
            (Self::Scope, to, from) if std::mem::discriminant(to) != std::mem::discriminant(from) => {
                *to = from.clone();
            }
            (Self::Ratio, AchievedBy::Many(to), AchievedBy::Many(from)) if from.is_ratio() => {
                (to.period, to.counted) = (from.period, from.counted.clone());
            }
            (Self::Volume, AchievedBy::Many(to), AchievedBy::Many(from)) if !from.is_ratio() => {
                (to.period, to.counted) = (from.period, from.counted.clone());
            }
            _ => {}
        }
    }
}
