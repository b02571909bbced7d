//! The keys of `[[outcome]]` by which two versions of an outcome are compared.
//!
//! It knows what each key holds and nothing of what it does.

use super::{AchievedBy, Outcome};

/// A key of an outcome that decides what it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutcomeKey {
    /// The fact that it begins with.
    Trigger,
    /// For how long it must last.
    Sustain,
    /// How many hours a week it must be.
    Hours,
    /// What must show it.
    Evidence,
    /// Which risks hold it.
    HoldOnRisk,
    /// For whom it counts.
    OnlyIf,
    /// How many times it can be achieved.
    Repeats,
    /// Whether it is about one journey or many, and which.
    Scope,
    /// What is counted over many journeys, as a share of days.
    Ratio,
    /// What is counted over many journeys, unit by unit.
    Volume,
    /// When it may be claimed, and how often tried.
    Claim,
    /// For whom it is paid once.
    OncePer,
    /// The outcomes of which at most one is paid.
    Group,
    /// The lower outcome that it takes up.
    Convert,
    /// Who has the payment of its group if the caps leave it nothing.
    WhenCapped,
    /// Its prices.
    Tariff,
}

impl OutcomeKey {
    /// Every key, in the order in which a rulebook has them.
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

    /// The key as a rulebook spells it.
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

    /// Whether it says what a journey shows by itself, rather than what becomes of it beside other claims.
    pub const fn is_judged_alone(self) -> bool {
        !matches!(self, Self::OncePer | Self::Group | Self::Convert | Self::WhenCapped)
    }

    /// An outcome with what another has under this key; none where that is the same.
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
