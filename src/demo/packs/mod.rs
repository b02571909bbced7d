//! A year of each pack that ships: one table for each pack, and one engine that makes cases, contract facts and staff
//! from the table and the pack's rulebook.
//!
//! Pure. The codes of areas, channels, referrers, profiles and evidence come from the rulebook. A table says only what
//! no rulebook can: how many cases there are, which step follows which, how long it takes, and how cases end. The
//! engine names no code of any contract but the usual names of channels. All cases are invented.

mod calendar;
mod case;
mod contacts;
mod contract;
mod course;
mod health;
mod proof;
mod staff;
mod work;
mod year;
mod young;

pub(super) use self::year::PackYear;
use throughline_domain::fact::event::SubjectKind;

/// A number of days, from the least to the most.
pub(super) type Span = (u32, u32);
/// Choices, each with its weight.
type Odds<T> = &'static [(u32, T)];

/// The tables of all packs but the main one, whose year is written by hand.
static PACKS: [&Pack; 9] = [
    &work::MHEP,
    &young::INNOVATION_FUND,
    &young::MST_ESSEX,
    &work::CASE_MANAGEMENT,
    &work::DWP_CEP,
    &health::EALING_BETTER_LIVES,
    &health::KMC,
    &health::SEHATMANDI,
    &young::STOKE_PSYCHOLOGY,
];

/// The table of the pack with this code.
pub(super) fn named(code: &str) -> Option<&'static Pack> {
    PACKS.into_iter().find(|pack| pack.code == code)
}

/// A year of one pack.
#[derive(Debug)]
pub(crate) struct Pack {
    /// Its code, which is also the code of its contract.
    pub(super) code: &'static str,
    /// The commissioner and the provider.
    parties: [&'static str; 2],
    /// The prefix of its case numbers.
    letters: &'static str,
    /// The prefix of its workers' labels.
    worker_letters: &'static str,
    /// The number of months of the story, from the first day of the rulebook on.
    months: u32,
    /// The number of teams, and of the workers in all of them.
    staff: Staff,
    /// The kinds of case that it has.
    populations: &'static [Population],
    /// How cases end.
    endings: Endings,
    /// The task that is set when an appointment is missed.
    missed: Option<&'static str>,
    /// Targets of measures: tenths for each area and month, in the main profile.
    targets: &'static [(&'static str, u32)],
    /// The measures that are recorded for the contract.
    recorded: &'static [Recorded],
    /// The report that the commentary belongs to.
    report: &'static str,
    /// The commentary: the section and the text. One in each quarter, in turn.
    remarks: &'static [(&'static str, &'static str)],
    /// The actions that are agreed: what, and who does it.
    actions: &'static [(&'static str, &'static str)],
}

/// The staff of a pack.
#[derive(Debug)]
struct Staff {
    teams: u32,
    workers: u32,
    /// The most open cases of one full-time worker.
    capacity: u32,
    /// The scores of each worker in each quarter: the instrument, the lowest and the highest.
    scores: &'static [(&'static str, Span)],
}

/// How the cases of a pack end.
#[derive(Debug)]
struct Endings {
    /// The reasons for which a referral is declined.
    declined: Odds<&'static str>,
    /// The reasons for closing a case that took every step.
    finished: Odds<&'static str>,
    /// The reasons for closing a case that did not.
    ended: Odds<&'static str>,
    /// The reason that means that nobody could reach the client any more.
    lost: &'static str,
}

/// Cases that take the same course.
#[derive(Debug)]
struct Population {
    subject: SubjectKind,
    /// The number of referrals.
    cases: u32,
    /// The days of the story on which they arrive.
    arrives: Span,
    /// How many in a thousand are accepted.
    accepted: u64,
    /// The days until a referral is accepted or declined.
    answered_after: Span,
    /// The facts that are fixed when the client is assessed.
    facts: &'static [(&'static str, Odds<Known>)],
    /// The steps after the acceptance, in order.
    steps: &'static [Step],
    /// The days from one contact to the next.
    contacts_every: Span,
    /// The days from the last step to the end of the case.
    stays: Span,
}

/// A fact of a client's assessment.
#[derive(Debug, Clone, Copy)]
enum Known {
    Word(&'static str),
    Number(u32),
}

/// A step of a course.
#[derive(Debug)]
struct Step {
    what: What,
    need: Need,
    /// How many in a thousand take it.
    odds: u64,
    /// The days since the needed step before it.
    after: Span,
}

/// Whether a case continues without a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// The steps after it follow only if it is taken.
    Needed,
    /// The steps after it do not depend on it.
    Aside,
}

impl Step {
    /// A step that all later ones need.
    const fn then(odds: u64, after: Span, what: What) -> Self {
        Self { what, need: Need::Needed, odds, after }
    }

    /// A step that no other step needs.
    const fn aside(odds: u64, after: Span, what: What) -> Self {
        Self { what, need: Need::Aside, odds, after }
    }
}

/// What a step is.
#[derive(Debug)]
enum What {
    /// The engagement starts, on this basis.
    Engages(&'static str),
    /// A plan of this kind is agreed.
    Plan(&'static str),
    /// A plan of this kind is reviewed. It must have been agreed before.
    Review(&'static str),
    /// A task is set on the day of the needed step before, due in so many days, and done on the day of this step. If
    /// the step is not taken, it is left undone.
    Task { kind: &'static str, due: u32 },
    /// A spell starts.
    Spell(Lasting),
    /// An achievement with this code, at this level if it has one.
    Achieves(&'static str, Option<&'static str>),
    /// A measure is recorded, with a value between these.
    Measures(&'static str, Span),
    /// Measures are recorded for each whole month from then on, with values between these.
    MeasuresMonthly(&'static [(&'static str, Span)]),
    /// An assessment is scored, between these.
    Scores(&'static str, Span),
    /// A risk of this kind is raised, and cleared after so many days.
    Risk(&'static str, Span),
}

impl What {
    /// Whether it may be dated after the close of the case.
    const fn may_follow_a_close(&self) -> bool {
        !matches!(self, Self::Engages(_) | Self::Plan(_) | Self::Review(_) | Self::Task { .. })
    }
}

/// A spell: a job, a placement, a stay.
#[derive(Debug)]
struct Lasting {
    domain: &'static str,
    /// The hours a week. Empty where hours mean nothing.
    hours: Odds<Option<u32>>,
    /// How many in a thousand end.
    ends: u64,
    /// The days that those last.
    lasts: Span,
    /// Why they end.
    reason: &'static str,
}

/// A measure that is recorded for a contract.
#[derive(Debug)]
struct Recorded {
    code: &'static str,
    every: Every,
    amount: Amount,
}

impl Recorded {
    const fn monthly(code: &'static str, least: u32, most: u32) -> Self {
        Self { code, every: Every::Month, amount: Amount::Between(least, most) }
    }

    const fn quarterly(code: &'static str, least: u32, most: u32) -> Self {
        Self { code, every: Every::Quarter, amount: Amount::Between(least, most) }
    }
}

/// How often a measure is recorded for a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Every {
    Month,
    Quarter,
}

/// The value of a measure of a contract.
#[derive(Debug, Clone, Copy)]
enum Amount {
    /// From the least to the most.
    Between(u32, u32),
    /// The number of days in the period.
    Days,
}
