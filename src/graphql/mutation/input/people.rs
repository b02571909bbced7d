//! Subjects, workers and teams as mutations take them.

use serde_json::{Map, Value};

use super::SubjectKind;
use super::patch::Patches;
use super::reading::{Means, Reading, States};
use super::referral::only_true;
use crate::graphql::people::ErasureGround;
use crate::graphql::scalars::{Date, Decimal, Id};
use throughline_domain::fact::event::{self, Event};

impl Means<event::SubjectKind> for SubjectKind {
    fn meant(self, _: &mut Reading) -> event::SubjectKind {
        self.into()
    }
}

impl Means<event::ErasureGround> for ErasureGround {
    fn meant(self, _: &mut Reading) -> event::ErasureGround {
        self.into()
    }
}

facts! {
    /// What kind of subject a record is about.
    RegistrationFact | RegistrationPatch => SubjectRegistered {
        /// What kind of subject it is.
        #[graphql(default_with = "SubjectKind::Person")]
        kind: SubjectKind,
    }
    /// Another record of the same subject.
    LinkFact => SubjectsLinked {
        /// The other record.
        with: Id,
        /// Why: at most 200 characters, nothing personal.
        reason: String,
    }
    /// A record that is not of the same subject after all.
    UnlinkFact => SubjectsUnlinked {
        /// The other record.
        with: Id,
        /// Why: at most 200 characters, nothing personal.
        reason: String,
    }
    /// A use of what is known of a subject, to which they agree.
    ConsentFact | ConsentPatch => ConsentGiven {
        /// For what, by code, such as `evaluation`.
        purpose: String,
    }
    /// A use to which the subject no longer agrees.
    ConsentWithdrawalFact | ConsentWithdrawalPatch => ConsentWithdrawn {
        /// For what, by code.
        purpose: String,
    }
    /// A hold that no longer stands.
    HoldLiftFact | HoldLiftPatch => LegalHoldLifted {
        /// Which hold.
        hold: Id,
        /// Why: at most 200 characters, nothing personal.
        reason: String,
    }
    /// Why what identifies a subject should be erased.
    ErasureFact => ErasureProposed {
        /// On which ground.
        ground: ErasureGround,
    }
    /// A proposal of somebody else, to which one agrees.
    ErasureApprovalFact => ErasureApproved {
        /// The event that proposed it.
        proposal: Id,
    }
    /// A keyworker or other member of staff.
    JoiningFact | JoiningPatch => WorkerJoined {
        /// What boards print, such as `KW-07`.
        label: String,
        /// The login in tokens, if they sign in.
        login: Option<String>,
    }
    /// How much of a full-time post a worker fills.
    WteFact | WtePatch => WteSet {
        /// Whole-time equivalent: 1 is a full-time post.
        wte: Decimal,
    }
    /// A worker is away: it lowers capacity, not WTE.
    AbsenceFact | AbsencePatch => AbsenceRecorded {
        /// Why, by code, such as `annual_leave` or `sickness`.
        kind: String,
        /// The first day back at work; left out while it is not known.
        back_on: Option<Date>,
    }
    /// How many open cases a full-time worker holds at most.
    CapacityFact | CapacityPatch => CapacitySet {
        /// Cases for one whole-time equivalent.
        cases_per_wte: Decimal,
    }
    /// A team: what it is called and who is in it.
    TeamFact | TeamPatch => TeamSet {
        /// What boards print.
        label: String,
        /// Everybody who is in it.
        members: Vec<Id>,
    }
    /// A vacant post that is filled.
    VacancyFillFact | VacancyFillPatch => VacancyFilled {
        /// Which vacancy.
        vacancy: Id,
        /// Who fills it, if it is known.
        worker: Option<Id>,
    }
    /// A cover that is over.
    CoverEndFact | CoverEndPatch => CoverEnded {
        /// Which cover.
        cover: Id,
    }
}

identified_facts! {
    /// A reason to keep what is known of a subject.
    HoldFact | HoldPatch => LegalHoldPlaced,
    /// The hold's own id, which a correction keeps.
    hold: HoldId {
        /// Why: at most 200 characters, nothing personal.
        reason: String,
    }
    /// A vacant post.
    VacancyFact | VacancyPatch => VacancyOpened,
    /// The vacancy's own id, which a correction keeps.
    vacancy: VacancyId {
        /// The post, by code, such as `keyworker`.
        role: String,
        /// How much of a full-time post it is.
        wte: Decimal,
    }
    /// Somebody stands in for a member of the team who is away or has left.
    CoverFact | CoverPatch => CoverStarted,
    /// The cover's own id, which a correction keeps.
    cover: CoverId {
        /// Who is away.
        absent: Id,
        /// Who stands in.
        by: Id,
        /// The first day without it, where that is known beforehand; left out, it lasts until it is ended.
        until: Option<Date>,
    }
}

/// That a worker has left.
#[derive(Debug, Clone, Copy, async_graphql::InputObject)]
pub struct LeavingFact {
    /// Always true.
    pub left: bool,
}

impl LeavingFact {
    /// What it says.
    pub fn read(self, reading: &mut Reading) -> event::WorkerLeft {
        reading.field("left", |reading| only_true(self.left, reading));
        event::WorkerLeft {}
    }
}

/// What should read otherwise of a worker's leaving: only its date can.
#[derive(Debug, Clone, async_graphql::InputObject)]
pub struct LeavingPatch {
    /// True, or left out.
    pub left: Option<bool>,
}

impl Patches for LeavingPatch {
    fn patched(self, reading: &mut Reading) -> Value {
        reading.field("left", |reading| only_true(self.left.unwrap_or(true), reading));
        Value::Object(Map::new())
    }
}

impl States for LeavingFact {
    fn stated(self, reading: &mut Reading) -> Event {
        self.read(reading).into()
    }
}

inputs! {
    /// A subject becomes known by pseudonym.
    RegisterSubjectInput {
        /// The subject's id; left out, one is made.
        subject: Option<Id>,
        /// What kind of subject it is.
        #[graphql(flatten)]
        fact: RegistrationFact,
    }
    /// Two records are of the same subject: it is recorded of both.
    LinkSubjectsInput {
        /// The one record.
        subject: Id,
        /// The other record.
        #[graphql(flatten)]
        fact: LinkFact,
    }
    /// Two records are not of the same subject after all: it is recorded of both.
    UnlinkSubjectsInput {
        /// The one record.
        subject: Id,
        /// The other record.
        #[graphql(flatten)]
        fact: UnlinkFact,
    }
    /// The subject agrees to a use of what is known of them.
    GiveConsentInput {
        /// Which subject.
        subject: Id,
        /// To what they agree.
        #[graphql(flatten)]
        fact: ConsentFact,
    }
    /// The subject no longer agrees.
    WithdrawConsentInput {
        /// Which subject.
        subject: Id,
        /// To what they no longer agree.
        #[graphql(flatten)]
        fact: ConsentWithdrawalFact,
    }
    /// What is known of the subject must be kept.
    PlaceHoldInput {
        /// Which subject.
        subject: Id,
        /// The hold's own id; left out, one is made.
        hold: Option<Id>,
        /// Why.
        #[graphql(flatten)]
        fact: HoldFact,
    }
    /// A hold no longer stands: `occurredOn` is the first day without it.
    LiftHoldInput {
        /// Which subject.
        subject: Id,
        /// Which hold, and why.
        #[graphql(flatten)]
        fact: HoldLiftFact,
    }
    /// Somebody proposes that what identifies the subject be erased.
    ProposeErasureInput {
        /// Which subject.
        subject: Id,
        /// On which ground.
        #[graphql(flatten)]
        fact: ErasureFact,
    }
    /// Somebody else agrees to a proposed erasure.
    ApproveErasureInput {
        /// Which subject.
        subject: Id,
        /// Which proposal.
        #[graphql(flatten)]
        fact: ErasureApprovalFact,
    }
    /// A keyworker or other member of staff joins.
    AddWorkerInput {
        /// The worker's id; left out, one is made.
        worker: Option<Id>,
        /// Who they are on boards.
        #[graphql(flatten)]
        fact: JoiningFact,
    }
    /// A worker has left or is going to: `occurredOn` is the first day on which they no longer work here.
    LeaveWorkerInput {
        /// Which worker.
        worker: Id,
        /// The last day on which they work here, as forms ask for it: give this or `occurredOn`, which is the day after.
        last_day: Option<Date>,
    }
    /// A worker fills this much of a full-time post from this day on.
    SetWteInput {
        /// Which worker.
        worker: Id,
        /// How much.
        #[graphql(flatten)]
        fact: WteFact,
    }
    /// A worker is away from this day on.
    RecordAbsenceInput {
        /// Which worker.
        worker: Id,
        /// Why, and until when.
        #[graphql(flatten)]
        fact: AbsenceFact,
    }
    /// A worker, or each member of a team, holds at most so many open cases: give exactly one of worker and team.
    SetCapacityInput {
        /// Which worker, where it is of one.
        worker: Option<Id>,
        /// Which team, where it is of all who are in it.
        team: Option<Id>,
        /// How many.
        #[graphql(flatten)]
        fact: CapacityFact,
    }
    /// A team stands so from this day on: the whole of it, with everybody who is in it.
    SetTeamInput {
        /// The team's id; left out, one is made.
        team: Option<Id>,
        /// What it is called and who is in it.
        #[graphql(flatten)]
        fact: TeamFact,
    }
    /// A post in the team is vacant.
    OpenVacancyInput {
        /// Which team.
        team: Id,
        /// The vacancy's own id; left out, one is made.
        vacancy: Option<Id>,
        /// The post.
        #[graphql(flatten)]
        fact: VacancyFact,
    }
    /// A vacant post is filled.
    FillVacancyInput {
        /// Which team.
        team: Id,
        /// Which vacancy, and who fills it.
        #[graphql(flatten)]
        fact: VacancyFillFact,
    }
    /// Somebody stands in for a member of the team.
    StartCoverInput {
        /// Which team.
        team: Id,
        /// The cover's own id; left out, one is made.
        cover: Option<Id>,
        /// Who stands in for whom.
        #[graphql(flatten)]
        fact: CoverFact,
    }
    /// A cover is over: `occurredOn` is the first day without it.
    EndCoverInput {
        /// Which team.
        team: Id,
        /// Which cover.
        #[graphql(flatten)]
        fact: CoverEndFact,
    }
}
