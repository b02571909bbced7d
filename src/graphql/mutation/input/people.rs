//! The inputs of subjects, workers and teams.

use serde_json::{Map, Value};

use super::SubjectKind;
use super::convert::{Conversion, IntoDomain, IntoFact};
use super::patch::Patches;
use super::referral::only_true;
use crate::graphql::people::ErasureGround;
use crate::graphql::scalars::{Date, Decimal, Id};
use throughline_domain::fact::event::{self, Event};

impl IntoDomain<event::SubjectKind> for SubjectKind {
    fn into_domain(self, _: &mut Conversion) -> event::SubjectKind {
        self.into()
    }
}

impl IntoDomain<event::ErasureGround> for ErasureGround {
    fn into_domain(self, _: &mut Conversion) -> event::ErasureGround {
        self.into()
    }
}

facts! {
    /// The kind of a subject.
    RegistrationFact | RegistrationPatch => SubjectRegistered {
        /// The kind of subject.
        #[graphql(default_with = "SubjectKind::Person")]
        kind: SubjectKind,
    }
    /// The link to another record of the same subject.
    LinkFact => SubjectsLinked {
        /// The id of the other record.
        with: Id,
        /// The reason: at most 200 characters, without personal data.
        reason: String,
    }
    /// The removal of a link: the other record is not of the same subject.
    UnlinkFact => SubjectsUnlinked {
        /// The id of the other record.
        with: Id,
        /// The reason: at most 200 characters, without personal data.
        reason: String,
    }
    /// The dismissal of a possible duplicate: the other record is not of the same person.
    DuplicateDismissalFact => DuplicateDismissed {
        /// The id of the other record.
        other: Id,
        /// The reason: at most 200 characters, without personal data.
        reason: String,
    }
    /// The consent of a subject to a use of their data.
    ConsentFact | ConsentPatch => ConsentGiven {
        /// The purpose, by code, such as `evaluation`.
        purpose: String,
    }
    /// The withdrawal of a consent.
    ConsentWithdrawalFact | ConsentWithdrawalPatch => ConsentWithdrawn {
        /// The purpose, by code.
        purpose: String,
    }
    /// The lifting of a legal hold.
    HoldLiftFact | HoldLiftPatch => LegalHoldLifted {
        /// The id of the hold.
        hold: Id,
        /// The reason: at most 200 characters, without personal data.
        reason: String,
    }
    /// The ground for erasing a subject's identifying data.
    ErasureFact => ErasureProposed {
        /// The ground.
        ground: ErasureGround,
    }
    /// The approval of an erasure that another person proposed.
    ErasureApprovalFact => ErasureApproved {
        /// The id of the event that proposed it.
        proposal: Id,
    }
    /// A keyworker or other member of staff.
    JoiningFact | JoiningPatch => WorkerJoined {
        /// The worker's label on boards, such as `KW-07`.
        label: String,
        /// The login, if the worker signs in. It matches the login in the access token.
        login: Option<String>,
    }
    /// The whole-time equivalent (WTE) of a worker.
    WteFact | WtePatch => WteSet {
        /// The WTE: 1 is a full-time post.
        wte: Decimal,
    }
    /// An absence of a worker. It lowers capacity, not WTE.
    AbsenceFact | AbsencePatch => AbsenceRecorded {
        /// The kind of absence, by code, such as `annual_leave` or `sickness`.
        kind: String,
        /// The first day back at work. Leave it out if not known yet.
        back_on: Option<Date>,
    }
    /// The capacity: the most open cases per whole-time equivalent.
    CapacityFact | CapacityPatch => CapacitySet {
        /// The number of cases for one whole-time equivalent.
        cases_per_wte: Decimal,
    }
    /// The name and members of a team.
    TeamFact | TeamPatch => TeamSet {
        /// The team's label on boards.
        label: String,
        /// The ids of all members.
        members: Vec<Id>,
    }
    /// The filling of a vacancy.
    VacancyFillFact | VacancyFillPatch => VacancyFilled {
        /// The id of the vacancy.
        vacancy: Id,
        /// The id of the worker who fills it, if known.
        worker: Option<Id>,
    }
    /// The end of a cover.
    CoverEndFact | CoverEndPatch => CoverEnded {
        /// The id of the cover.
        cover: Id,
    }
}

identified_facts! {
    /// A legal hold: a reason to keep a subject's data.
    HoldFact | HoldPatch => LegalHoldPlaced,
    /// The id of the hold. A correction keeps it.
    hold: HoldId {
        /// The reason: at most 200 characters, without personal data.
        reason: String,
    }
    /// A vacant post.
    VacancyFact | VacancyPatch => VacancyOpened,
    /// The id of the vacancy. A correction keeps it.
    vacancy: VacancyId {
        /// The post, by code, such as `keyworker`.
        role: String,
        /// The size of the post in WTE: 1 is full-time.
        wte: Decimal,
    }
    /// A cover: one worker covers for a member of the team who is absent or has left.
    CoverFact | CoverPatch => CoverStarted,
    /// The id of the cover. A correction keeps it.
    cover: CoverId {
        /// The id of the absent worker.
        absent: Id,
        /// The id of the covering worker.
        by: Id,
        /// The first day after the cover, if known beforehand. Default: the cover lasts until it is ended.
        until: Option<Date>,
    }
}

/// The leaving of a worker.
#[derive(Debug, Clone, Copy, async_graphql::InputObject)]
pub struct LeavingFact {
    /// Always true.
    pub left: bool,
}

impl LeavingFact {
    /// The payload of the event.
    pub fn read(self, conversion: &mut Conversion) -> event::WorkerLeft {
        conversion.field("left", |conversion| only_true(self.left, conversion));
        event::WorkerLeft {}
    }
}

/// The correction of a worker's leaving. Only its date can be corrected.
#[derive(Debug, Clone, async_graphql::InputObject)]
pub struct LeavingPatch {
    /// True, or left out.
    pub left: Option<bool>,
}

impl Patches for LeavingPatch {
    fn patched(self, conversion: &mut Conversion) -> Value {
        conversion.field("left", |conversion| only_true(self.left.unwrap_or(true), conversion));
        Value::Object(Map::new())
    }
}

impl IntoFact for LeavingFact {
    fn into_fact(self, conversion: &mut Conversion) -> Event {
        self.read(conversion).into()
    }
}

inputs! {
    /// Registers a subject under a pseudonym.
    RegisterSubjectInput {
        /// The id of the subject. Default: a new id.
        subject: Option<Id>,
        /// The kind of subject.
        #[graphql(flatten)]
        fact: RegistrationFact,
    }
    /// Links two records of the same subject. The link is recorded in both.
    LinkSubjectsInput {
        /// The id of the first record.
        subject: Id,
        /// The other record.
        #[graphql(flatten)]
        fact: LinkFact,
    }
    /// Unlinks two records that are not of the same subject. It is recorded in both.
    UnlinkSubjectsInput {
        /// The id of the first record.
        subject: Id,
        /// The other record.
        #[graphql(flatten)]
        fact: UnlinkFact,
    }
    /// Dismisses a possible duplicate: two records that are not of the same person. It is recorded in both.
    DismissDuplicateInput {
        /// The id of the first record.
        subject: Id,
        /// The other record and the reason.
        #[graphql(flatten)]
        fact: DuplicateDismissalFact,
    }
    /// Records the subject's consent to a use of their data.
    GiveConsentInput {
        /// The id of the subject.
        subject: Id,
        /// The purpose.
        #[graphql(flatten)]
        fact: ConsentFact,
    }
    /// Records that the subject withdrew a consent.
    WithdrawConsentInput {
        /// The id of the subject.
        subject: Id,
        /// The purpose.
        #[graphql(flatten)]
        fact: ConsentWithdrawalFact,
    }
    /// Places a legal hold: the subject's data must be kept.
    PlaceHoldInput {
        /// The id of the subject.
        subject: Id,
        /// The id of the hold. Default: a new id.
        hold: Option<Id>,
        /// The reason.
        #[graphql(flatten)]
        fact: HoldFact,
    }
    /// Lifts a legal hold. `occurredOn` is the first day without it.
    LiftHoldInput {
        /// The id of the subject.
        subject: Id,
        /// The hold and the reason.
        #[graphql(flatten)]
        fact: HoldLiftFact,
    }
    /// Proposes to erase the subject's identifying data.
    ProposeErasureInput {
        /// The id of the subject.
        subject: Id,
        /// The ground.
        #[graphql(flatten)]
        fact: ErasureFact,
    }
    /// Approves a proposed erasure. The approver must not be the proposer.
    ApproveErasureInput {
        /// The id of the subject.
        subject: Id,
        /// The proposal.
        #[graphql(flatten)]
        fact: ErasureApprovalFact,
    }
    /// Adds a keyworker or other member of staff.
    AddWorkerInput {
        /// The id of the worker. Default: a new id.
        worker: Option<Id>,
        /// The label and login.
        #[graphql(flatten)]
        fact: JoiningFact,
    }
    /// Records that a worker has left or will leave. `occurredOn` is the first day on which they no longer work here.
    LeaveWorkerInput {
        /// The id of the worker.
        worker: Id,
        /// The last working day, as forms ask for it. Give either this or `occurredOn`, which is the day after.
        last_day: Option<Date>,
    }
    /// Sets the whole-time equivalent (WTE) of a worker from this day.
    SetWteInput {
        /// The id of the worker.
        worker: Id,
        /// The WTE.
        #[graphql(flatten)]
        fact: WteFact,
    }
    /// Records the absence of a worker from this day.
    RecordAbsenceInput {
        /// The id of the worker.
        worker: Id,
        /// The kind of absence and its end.
        #[graphql(flatten)]
        fact: AbsenceFact,
    }
    /// Sets the capacity of a worker, or of each member of a team. Give exactly one of `worker` and `team`.
    SetCapacityInput {
        /// The id of the worker, for the capacity of one worker.
        worker: Option<Id>,
        /// The id of the team, for the capacity of each of its members.
        team: Option<Id>,
        /// The capacity.
        #[graphql(flatten)]
        fact: CapacityFact,
    }
    /// Sets the name and all members of a team from this day. The first call creates the team.
    SetTeamInput {
        /// The id of the team. Default: a new id.
        team: Option<Id>,
        /// The name and the members.
        #[graphql(flatten)]
        fact: TeamFact,
    }
    /// Records a vacant post in a team.
    OpenVacancyInput {
        /// The id of the team.
        team: Id,
        /// The id of the vacancy. Default: a new id.
        vacancy: Option<Id>,
        /// The post.
        #[graphql(flatten)]
        fact: VacancyFact,
    }
    /// Records that a vacant post is filled.
    FillVacancyInput {
        /// The id of the team.
        team: Id,
        /// The vacancy and the worker who fills it.
        #[graphql(flatten)]
        fact: VacancyFillFact,
    }
    /// Starts a cover for a member of the team.
    StartCoverInput {
        /// The id of the team.
        team: Id,
        /// The id of the cover. Default: a new id.
        cover: Option<Id>,
        /// The absent worker and the covering worker.
        #[graphql(flatten)]
        fact: CoverFact,
    }
    /// Ends a cover. `occurredOn` is the first day without it.
    EndCoverInput {
        /// The id of the team.
        team: Id,
        /// The id of the cover.
        #[graphql(flatten)]
        fact: CoverEndFact,
    }
}
