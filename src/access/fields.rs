//! The access class of every field of the API.
//!
//! This is the only such list, and it is enforced: a field that is not listed is shown to nobody. Which contracts and
//! cases a caller may enter is decided elsewhere, where a query enters them; this list is the second check.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use super::policy::{Action, Denied, Redaction, policy};
use super::relation::Relation;
use super::{Principal, Role, Scope};

/// The access class of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// The action that reading the field requires.
    pub action: Action,
    /// The redaction that hides the field.
    pub hidden_by: Option<Redaction>,
}

/// How a field is shown to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Its value.
    Whole,
    /// Null.
    Redacted,
}

impl Class {
    const fn of(action: Action) -> Self {
        Self { action, hidden_by: None }
    }

    const fn hidden_by(self, redaction: Redaction) -> Self {
        Self { hidden_by: Some(redaction), ..self }
    }

    /// How the field is shown to a caller with this relation to the object.
    pub fn shown(self, principal: &Principal, relation: Relation) -> Result<Shown, Denied> {
        let allow = policy(principal, self.action, relation)?;
        let is_kept_back = self.hidden_by.is_some_and(|redaction| allow.redacts(redaction));
        Ok(if is_kept_back { Shown::Redacted } else { Shown::Whole })
    }
}

/// Fields for every authenticated caller.
const OPEN: Class = Class::of(Action::LookAround);
/// The terms of a contract and its workers.
const TERMS: Class = Class::of(Action::KnowContract);
/// Details of staff, for roles that are responsible for staff.
const STAFF: Class = Class::of(Action::ReadStaff);
/// Counts and tables.
const BOARDS: Class = Class::of(Action::ReadPerformance);
/// Single cases.
const JOURNEYS: Class = Class::of(Action::ReadJourneys);
/// The feed of events.
const FEED: Class = Class::of(Action::ReadEvents);
/// Events, whatever query returned them.
const RECORDS: Class = Class::of(Action::ReadRecords);

/// The search for people by name.
const NAMES: Class = Class::of(Action::OpenIdentity);

/// Batches and the adjustments proposed for them.
const BATCHES: Class = Class::of(Action::ReadBatches);
/// The use of caps.
const CAPS: Class = Class::of(Action::ReadCaps);
/// The preview of a draft rulebook.
const PREVIEW: Class = Class::of(Action::PreviewRules);
/// The administration of views.
const VIEWS: Class = Class::of(Action::TendViews);
/// Webhooks.
const WEBHOOKS: Class = Class::of(Action::ManageSubscriptions);
/// The access log and the reveals.
const ACCESS_LOG: Class = Class::of(Action::ReadAccessLog);
/// Imports into a running server.
const IMPORTS: Class = Class::of(Action::ImportRecords);
/// Granted roles, sessions and keys of machines.
const ACCESS: Class = Class::of(Action::ManageAccess);

/// Who is due to be erased.
const RETENTION: Class = Class::of(Action::ReadRetention);
/// Offered referrals.
const OFFERS: Class = Class::of(Action::ReadOffers);

/// Every field of every type and interface, by access class.
static FIELDS: &[(&str, Class, &str)] = &[
    ("Query", OPEN, "viewer log contracts contract measures rulebooks compareViews node nodes teams team"),
    ("Query", JOURNEYS, "journey journeys"),
    ("Query", FEED, "events sources importRuns"),
    ("ImportSourceConnection", FEED, "edges nodes pageInfo totalCount"),
    ("ImportSourceEdge", FEED, "cursor node"),
    ("ImportSource", FEED, "system contract numbers holds leads purgeMost registeredAt"),
    ("ImportRunConnection", FEED, "edges nodes pageInfo totalCount"),
    ("ImportRunEdge", FEED, "cursor node"),
    ("ImportRun", FEED, "position system contract mapping files startedAt finishedAt ended counts"),
    ("ImportCounts", OPEN, "recorded corrected alreadyThere refused unreadable missing retracted"),
    ("Query", NAMES, "people possibleDuplicates"),
    ("SubjectConnection", NAMES, "edges nodes pageInfo recordedThrough"),
    ("SubjectEdge", NAMES, "cursor node"),
    ("PossibleDuplicateConnection", NAMES, "edges nodes pageInfo recordedThrough"),
    ("PossibleDuplicateEdge", NAMES, "cursor node"),
    ("PossibleDuplicate", NAMES, "subject other reason"),
    ("Query", Class::of(Action::ReadInbox), "referralInbox"),
    ("Query", Class::of(Action::OfferReferrals), "sentReferrals"),
    ("Query", OFFERS, "offeredReferral"),
    ("Mutation", Class::of(Action::OfferReferrals), "offerReferral withdrawOffer"),
    ("Mutation", Class::of(Action::DecideOffers), "acceptOffer linkOffer declineOffer"),
    (
        "OfferedReferral",
        OFFERS,
        "id contract state version partner source record referred area cohort referrer service externalReferences \
         timesOffered offeredAt changedSinceDecision decision",
    ),
    ("OfferedReferral", JOURNEYS, "subject journey"),
    ("OfferDecision", OFFERS, "occurred reason remark decidedAt decidedBy"),
    ("OfferedReferralConnection", OFFERS, "edges nodes pageInfo totalCount"),
    ("OfferedReferralEdge", OFFERS, "cursor node"),
    ("OfferPayload", OFFERS, "offer events position replayed problems"),
    ("Query", PREVIEW, "previewRulebook"),
    ("RulebookPreview", PREVIEW, "gained lost changed unchanged moneyDelta byOutcome byRule claims problems"),
    ("ClaimMoveConnection", PREVIEW, "edges nodes pageInfo totalCount"),
    ("ClaimMoveEdge", PREVIEW, "cursor node"),
    ("ClaimMove", PREVIEW, "id moved delta causes"),
    // A caller who publishes rulebooks sees single claims under a pseudonym of the case. Details of the case are for
    // callers who may read it.
    ("ClaimMove", PREVIEW, "case outcome before after"),
    ("PreviewedClaim", PREVIEW, "id case status outcome title repeat scope amount achievedOn earliestOn"),
    ("PreviewedClaim", JOURNEYS, "journeyId untilPayable derivation"),
    ("PreviewTotal", PREVIEW, "code gained lost changed moneyDelta"),
    ("ClaimChangeCause", PREVIEW, "rule before after"),
    ("ClaimChangeCause", BATCHES, "events"),
    ("Mutation", Class::of(Action::ReceiveReferral), "receiveReferral"),
    (
        "Mutation",
        Class::of(Action::RecordFacts),
        "acceptReferral declineReferral withdrawReferral assessEligibility assignWorker assignWorkers releaseWorker \
         bookAppointment moveAppointment cancelAppointment logContact startEngagement agreePlan reviewPlan \
         closePlan setTask completeTask cancelTask scoreAssessment startSpell changeSpell endSpell recordMeasure \
         recordAchievement raiseRisk clearRisk attachEvidence withdrawEvidence verifyEvidence rejectEvidence \
         disengage closeJourney reopenJourney transferJourney",
    ),
    ("Mutation", Class::of(Action::Amend), "correctFact retractFact"),
    ("Mutation", Class::of(Action::RegisterSubject), "registerSubject"),
    ("Mutation", Class::of(Action::SealIdentity), "sealIdentity"),
    ("Mutation", Class::of(Action::LinkSubjects), "linkSubjects unlinkSubjects dismissDuplicate"),
    ("Mutation", Class::of(Action::RecordConsent), "giveConsent withdrawConsent"),
    ("Mutation", Class::of(Action::RetainSubjects), "placeHold liftHold proposeErasure approveErasure"),
    (
        "Mutation",
        Class::of(Action::ManageStaff),
        "addWorker leaveWorker setWte recordAbsence setCapacity setTeam openVacancy fillVacancy startCover endCover",
    ),
    ("Mutation", Class::of(Action::AccountForContract), "recordCommentary closePeriod submitReport"),
    (
        "Mutation",
        Class::of(Action::HoldToContract),
        "assessKpi issueNotice agreeAction completeAction dismissDoubleFunding",
    ),
    (
        "Mutation",
        Class::of(Action::RuleContracts),
        "openContract varyContract endContract publishRulebook publishTargets",
    ),
    ("Mutation", Class::of(Action::ClaimOutcomes), "openBatch submitBatch resubmitClaim withdrawClaim"),
    ("Mutation", Class::of(Action::DecideClaims), "decideClaim"),
    ("Mutation", Class::of(Action::SettleClaims), "recordPayment raiseAdjustment"),
    ("Subscription", FEED, "eventRecorded"),
    ("Subscription", JOURNEYS, "journeyChanged caseloadChanged"),
    ("RecordedEvent", FEED, "position event"),
    ("ChangedJourney", JOURNEYS, "position journey"),
    ("ChangedCase", JOURNEYS, "position journeyId journey onCaseload"),
    ("Query", VIEWS, "views"),
    ("Mutation", VIEWS, "startRebuild cancelRebuild rollbackView retryParked"),
    ("Views", VIEWS, "live building previous parked"),
    ("LiveView", VIEWS, "number position definition rulebooks"),
    ("AppliedRulebook", VIEWS, "contract version hash"),
    ("ParkedStreamConnection", VIEWS, "edges nodes pageInfo totalCount"),
    ("ParkedStreamEdge", VIEWS, "cursor node"),
    ("ParkedStream", VIEWS, "kind id version position error"),
    ("RebuildProgress", VIEWS, "number phase events of rate eta"),
    ("Query", ACCESS, "grants apiKeys"),
    ("Query", ACCESS_LOG, "accessLog reveals"),
    ("AccessEntryConnection", ACCESS_LOG, "edges nodes pageInfo totalCount"),
    ("AccessEntryEdge", ACCESS_LOG, "cursor node"),
    ("AccessEntry", ACCESS_LOG, "openedAt login role subjectId kinds requestId revealId"),
    ("RevealConnection", ACCESS_LOG, "edges nodes pageInfo totalCount"),
    ("RevealEdge", ACCESS_LOG, "cursor node"),
    // Reached by those who read the access log, and in the payload of one's own reveal.
    ("Reveal", OPEN, "reveal subjectId contract reason by role revealedAt until endedAt inForce"),
    ("Reveal", OPEN.hidden_by(Redaction::Logins), "endedBy"),
    ("Mutation", Class::of(Action::RevealIdentity), "revealIdentity"),
    ("Mutation", Class::of(Action::EndReveal), "endReveal"),
    ("RevealPayload", OPEN, "reveal subject events position replayed problems"),
    ("Mutation", ACCESS, "grantRole revokeRole revokeSessions issueApiKey rotateApiKey revokeApiKey"),
    ("RoleGrantConnection", ACCESS, "edges nodes pageInfo totalCount"),
    ("RoleGrantEdge", ACCESS, "cursor node"),
    (
        "RoleGrant",
        ACCESS,
        "grant login issuer role contracts areas until inForce grantedAt grantedBy revokedAt revokedBy",
    ),
    ("ApiKeyConnection", ACCESS, "edges nodes pageInfo totalCount"),
    ("ApiKeyEdge", ACCESS, "cursor node"),
    (
        "ApiKey",
        ACCESS,
        "key label contracts areas expiresOn inForce issuedAt issuedBy revokedAt revokedBy replacedBy lastUsedAt",
    ),
    ("RoleGrantPayload", ACCESS, "grant events position replayed problems"),
    ("ApiKeyPayload", ACCESS, "apiKey secret events position replayed problems"),
    ("SessionsPayload", ACCESS, "login events position replayed problems"),
    ("Subscription", VIEWS, "rebuildProgress"),
    ("ViewsPayload", VIEWS, "views events position replayed problems"),
    ("Query", WEBHOOKS, "subscriptions"),
    ("Mutation", WEBHOOKS, "createSubscription changeSubscription replaySubscription endSubscription"),
    ("SubscriptionPayload", WEBHOOKS, "subscription secrets events position replayed problems"),
    ("WebhookSubscriptionConnection", WEBHOOKS, "edges nodes pageInfo totalCount"),
    ("WebhookSubscriptionEdge", WEBHOOKS, "cursor node"),
    (
        "WebhookSubscription",
        WEBHOOKS,
        "id contract url types identity state reason position lag version attempts failingSince nextAttempt createdBy \
         createdAt keys deliveries deadLetters",
    ),
    ("WebhookKey", WEBHOOKS, "id kind publicKey createdAt"),
    ("DeliveryConnection", WEBHOOKS, "edges nodes pageInfo totalCount"),
    ("DeliveryEdge", WEBHOOKS, "cursor node"),
    (
        "Delivery",
        WEBHOOKS,
        "number event type position attempt sentAt delivered status problem tookMs nextAttempt gaveUp",
    ),
    ("Query", RETENTION, "retentionDue"),
    ("RetentionDueConnection", RETENTION, "edges nodes pageInfo totalCount"),
    ("RetentionDueEdge", RETENTION, "cursor node"),
    ("RetentionDue", RETENTION, "subject endedOn over keptBy holds erasable proposed"),
    ("RetentionPeriodOver", RETENTION, "class overSince months source illustrative"),
    ("KeptByContract", RETENTION, "contract because until"),
    ("StandingHold", RETENTION, "hold placedOn reason"),
    ("ProposedErasure", RETENTION, "event ground proposedOn"),
    ("Query", IMPORTS, "importJobs importJob"),
    ("Mutation", IMPORTS, "cancelImport upsertReferral"),
    ("ImportPayload", IMPORTS, "job events position replayed problems"),
    ("ImportJobConnection", IMPORTS, "edges nodes pageInfo totalCount"),
    ("ImportJobEdge", IMPORTS, "cursor node"),
    (
        "ImportJob",
        IMPORTS,
        "id number source contract state reason sender digest size attempts counts journeys file line notCompared position \
         createdAt startedAt endedAt results quarantine",
    ),
    ("QuarantinedRecordConnection", IMPORTS, "edges nodes pageInfo totalCount"),
    ("QuarantinedRecordEdge", IMPORTS, "cursor node"),
    ("QuarantinedRecord", IMPORTS, "number file line record outcome code place message"),
    ("UpsertPayload", OPEN, "journey result events position replayed problems"),
    ("Viewer", OPEN, "subject role worker"),
    ("LogHead", OPEN, "position recordedAt"),
    (
        "Contract",
        TERMS,
        "id code name parties startsOn endsOn view rulebook rulebooks opened variations ended targets commentary measures \
         periods submissions reportsDue reports kpiAssessments notices actions dismissals",
    ),
    ("Contract", JOURNEYS, "caseload journeys obligations diary tasks claims dataQuality"),
    ("Contract", BATCHES, "batches proposedAdjustments proposedWithdrawals"),
    ("Contract", BATCHES, "outcomes"),
    ("Contract", BOARDS, "league"),
    ("Contract", TERMS, "prices"),
    ("Contract", CAPS, "cap value"),
    (
        "Contract",
        BOARDS,
        "caseloadByKeyworker contactRecency obligationCounts referralToPlan performance report exits workers teams \
         forecast",
    ),
    ("Party", TERMS, "name role"),
    ("PointOfView", TERMS, "position recordedThrough knownAt rulebookVersion asOf forecast"),
    (
        "RulebookVersion",
        TERMS,
        "version title effectiveFrom hash published event supersededBy retroactive currency zone workingDays \
         bankHolidaysThrough bankHolidaysHash areas stages codes attributes caseAttributes outcomes standards leagues grades targetProfiles \
         reportsDue",
    ),
    ("RulebookVersionConnection", TERMS, "edges nodes pageInfo totalCount"),
    ("RulebookVersionEdge", TERMS, "cursor node"),
    (
        "RulebookCodes",
        TERMS,
        "areas cohorts referrerKinds planKinds contactChannels spellDomains evidenceKinds riskKinds achievementCodes \
         measureCodes disengageReasons closeReasons defectCodes",
    ),
    ("CaseAttribute", TERMS, "code title values unknown"),
    ("CodeLabel", TERMS, "code label"),
    ("DomainAttributes", TERMS, "domain attributes"),
    ("AttributeChoice", TERMS, "name label required values"),
    (
        "RulebookOutcome",
        TERMS,
        "code title class group convertsFrom oncePer overMany repeats evidence claimableAfterWorkingDays \
         claimableWithinDays attempts rateOver priced inWords",
    ),
    ("EvidenceAsked", TERMS, "anyOf allOf verified digest datedBeforeDays datedAfterDays"),
    ("RulebookStandard", TERMS, "code label withinDays withinWorkingDays minimumLevel lowerLevel inWords"),
    ("RulebookLeague", TERMS, "code title inWords"),
    ("StageOfFunnel", TERMS, "code label"),
    ("ClosedPeriod", TERMS, "period closed"),
    ("ClosedPeriod", BOARDS, "documents"),
    ("ClosedDocument", BOARDS, "report title digest document content restated"),
    ("RestatedDocument", BOARDS, "document differences"),
    ("RestatedDocument", FEED, "corrections"),
    ("DocumentDifference", BOARDS, "section table row column was is"),
    ("DocumentCorrections", FEED, "events totalCount"),
    ("ReportDue", TERMS, "dueOn state daysLate submittedOn submission"),
    ("ReportDefinition", TERMS, "code title every hideSmallCounts sections"),
    ("ReportSectionDefinition", TERMS, "code title commentaryRequired"),
    (
        "Document",
        BOARDS,
        "contract contractTitle report title first last period provisional asOf position recordedThrough \
         rulebookVersion sections definitions notes content",
    ),
    ("DocumentSection", BOARDS, "code title commentary tables charts"),
    ("DocumentCommentary", BOARDS, "on text"),
    ("DocumentTable", BOARDS, "title columns rows"),
    ("DocumentCell", BOARDS, "words value unit currency missing"),
    ("DocumentChart", BOARDS, "title kind inWords categories series"),
    ("DocumentSeries", BOARDS, "title unit currency values"),
    ("DocumentDefinition", BOARDS, "code title prose formula version"),
    ("Commentary", TERMS, "event occurred report period section text"),
    ("ContractAction", TERMS, "id notice text owner dueOn agreed completed"),
    ("ContractNotice", TERMS, "id kind kpi issued"),
    ("DoubleFundingDismissal", TERMS, "class journey other dismissed"),
    ("KpiAssessment", TERMS, "kpi period value grade assessed"),
    ("MonthTarget", TERMS, "month target"),
    ("ReportSubmission", TERMS, "report period submitted"),
    ("TargetRatio", TERMS, "of factor"),
    ("TargetSeries", TERMS, "measure area cohort months years ratio"),
    ("Targets", TERMS, "profile version published series"),
    ("YearTarget", TERMS, "year target"),
    ("Variation", TERMS, "agreed name parties endsOn"),
    ("Worker", TERMS, "id label joined left wte wteSet capacity capacitySet teams covering"),
    ("Worker", STAFF, "absences assessments caseload"),
    ("WorkerCaseload", STAFF, "open slots"),
    ("Worker", TERMS.hidden_by(Redaction::Logins), "login"),
    ("Absence", STAFF, "event occurred kind backOn"),
    ("DatedValue", TERMS, "event occurred value"),
    ("Team", TERMS, "id label members set capacity capacitySet vacancies covers"),
    ("WorkerConnection", TERMS, "edges nodes pageInfo totalCount"),
    ("WorkerEdge", TERMS, "cursor node"),
    ("TeamConnection", TERMS, "edges nodes pageInfo totalCount"),
    ("TeamEdge", TERMS, "cursor node"),
    ("Vacancy", TERMS, "id role wte opened filled worker"),
    ("Cover", TERMS, "id started ended until absent by"),
    ("StandardObligations", BOARDS, "standard rows"),
    ("ObligationCounts", BOARDS, "group due dueToday overdue met missed cancelled"),
    ("BucketCount", BOARDS, "label upToDays journeys"),
    ("CaseloadRow", BOARDS, "group journeys stages"),
    ("ViewComparison", BOARDS, "a b numbers"),
    ("ViewComparison", JOURNEYS, "journeys claims"),
    ("ClaimDifferenceConnection", JOURNEYS, "edges nodes pageInfo totalCount delta"),
    ("ClaimDifferenceEdge", JOURNEYS, "cursor node"),
    ("ClaimDifference", JOURNEYS, "id moved a b delta events rules"),
    ("NumberDifference", BOARDS, "board group column month a b"),
    ("JourneyDifferenceConnection", JOURNEYS, "edges nodes pageInfo totalCount"),
    ("JourneyDifferenceEdge", JOURNEYS, "cursor node"),
    ("JourneyDifference", JOURNEYS, "id events a b"),
    ("ContactRecency", BOARDS, "group buckets none noneLabel dateImprecise unassigned noData total"),
    ("Exits", BOARDS, "closed disengaged total"),
    ("Group", BOARDS, "label area reason team unassigned keyworker"),
    ("GroupCount", BOARDS, "group journeys"),
    ("MonthCount", BOARDS, "month journeys provisional"),
    ("MonthCounts", BOARDS, "group months total cumulative"),
    ("Performance", BOARDS, "stages declined figures kpis grade"),
    ("Kpi", BOARDS, "code title measure direction minimumLevel lowerLevel decidedBy minorTools majorTools months"),
    ("KpiMonth", BOARDS, "period figure figures level computedLevel assessment tools notices withheld"),
    ("KpiFigure", BOARDS, "over period figure level"),
    ("OutcomeForecast", BOARDS, "outcome title past months"),
    ("ForecastPast", BOARDS, "on maturing achieved"),
    ("ForecastMonth", BOARDS, "month maturing expected low high"),
    ("ContractValue", CAPS, "years toDate targets"),
    ("YearValue", CAPS, "period amounts targets"),
    ("ValueAgainstTarget", CAPS, "profile target percent difference"),
    ("ValueAmounts", CAPS, "entitled waiting submitted accepted paid cap aboveCap"),
    ("DataQuality", JOURNEYS, "rule title cases amountAtRisk members"),
    ("DataQualityMember", JOURNEYS, "on journey claim amount"),
    ("DataQualityMemberConnection", JOURNEYS, "edges nodes pageInfo totalCount"),
    ("DataQualityMemberEdge", JOURNEYS, "cursor node"),
    ("PerformanceGrade", BOARDS, "code failed missing withheld"),
    ("FailedGradeTest", BOARDS, "grade measure test value"),
    ("League", BOARDS, "code title period indicators rows below above"),
    ("LeagueIndicator", BOARDS, "measure title below above"),
    ("LeagueRow", BOARDS, "rank group total outOf below above scores"),
    ("LeagueScore", BOARDS, "indicator figure index points side"),
    ("OutcomeBoard", BATCHES, "period outcomes amounts overpaid"),
    ("OutcomeRows", BATCHES, "code title rows"),
    (
        "OutcomeRow",
        BATCHES,
        "group achieved submitted rejected accepted paid reversed amounts base rate rateWithoutRejected targets \
         targetValues",
    ),
    ("OutcomeAmounts", BATCHES, "achieved evidenced entitled received"),
    ("OutcomeGroup", BATCHES, "label cohort area month"),
    ("OutcomePrice", TERMS, "outcome title area cohort tariff multiplier unitPrice currency from to upTo illustrative"),
    ("OutcomePrice", BATCHES, "units amount"),
    ("MeasureDefinition", TERMS, "code title prose unit currency places formula version"),
    ("MeasureFigures", BOARDS, "measure rows"),
    ("FigureRow", BOARDS, "group period figure targets withoutSupply previous threeMonths yearBefore"),
    ("FigureRow", JOURNEYS, "members"),
    ("FigureGroup", BOARDS, "dimension label code attribute team keyworker"),
    ("FigurePeriod", BOARDS, "first last provisional"),
    ("Figure", BOARDS, "state value numerator denominator"),
    ("Comparison", BOARDS, "base percent difference"),
    ("TargetComparison", BOARDS, "profile base percent difference met trend"),
    ("FigureMemberConnection", JOURNEYS, "edges nodes pageInfo totalCount"),
    ("FigureMemberEdge", JOURNEYS, "cursor node"),
    ("FigureMember", JOURNEYS, "on kind code quantity journey"),
    (
        "ReferralToPlan",
        BOARDS,
        "group buckets noPlanYet noPlanYetLabel closedWithoutPlan dateImprecise planBeforeReferral noData withPlan \
         total medianDays meanDays percentileDays",
    ),
    ("StageCount", BOARDS, "stage journeys"),
    ("StageCounts", BOARDS, "code label rows"),
    ("JourneyConnection", JOURNEYS, "edges nodes pageInfo totalCount"),
    ("JourneyEdge", JOURNEYS, "cursor node"),
    ("PageInfo", OPEN, "startCursor endCursor hasNextPage hasPreviousPage"),
    (
        "Journey",
        JOURNEYS,
        "id contract ofContract asOf position version subject area cohort received accepted declined closed \
         disengagements onCaseload stage stages keyworker assignments daysSinceContact timeSinceContact \
         appointments contacts plan plans spells timeline viewerCan referral acceptance withdrawn eligibility closes \
         engagements tasks assessments measures achievements risks evidence obligations claims",
    ),
    ("Journey", JOURNEYS.hidden_by(Redaction::CaseNumbers), "reference"),
    ("Achievement", JOURNEYS, "event occurred code level"),
    ("Assessment", TERMS, "event occurred instrument items score"),
    ("Assignment", JOURNEYS, "event role from to released worker isKeyworker"),
    (
        "Contact",
        JOURNEYS,
        "event occurred channel with attendance direction faceToFace twoWay group minutes scheduledOn counts \
         worker appointment",
    ),
    ("CaseClosure", JOURNEYS, "event occurred how reason destination reopened"),
    ("Criterion", JOURNEYS, "name value"),
    ("DayPeriod", TERMS, "first last"),
    ("DayCount", JOURNEYS, "exactly atLeast atMost"),
    ("Disengagement", JOURNEYS, "event occurred reason lastSeenOn"),
    ("EligibilityAssessment", JOURNEYS, "event occurred result criteria facts"),
    ("Engagement", JOURNEYS, "event occurred basis"),
    (
        "Evidence",
        JOURNEYS,
        "id event kind attached sha256 datedOn obtainedOn obtainedHow supports state verified rejected defect \
         withdrawn journey claims file",
    ),
    ("EvidenceFile", JOURNEYS, "size type sha256 link thumbnail"),
    ("ExternalReference", JOURNEYS, "system id"),
    ("FactAtAssessment", JOURNEYS, "name value"),
    ("ItemScore", TERMS, "name value"),
    (
        "JourneyPermissions",
        JOURNEYS,
        "acceptReferral declineReferral withdrawReferral assessEligibility assignWorker releaseWorker \
         bookAppointment moveAppointment cancelAppointment logContact startEngagement agreePlan reviewPlan \
         closePlan setTask completeTask cancelTask scoreAssessment startSpell changeSpell endSpell recordMeasure recordAchievement raiseRisk clearRisk \
         attachEvidence withdrawEvidence verifyEvidence rejectEvidence disengage closeJourney reopenJourney \
         transferJourney correctFact retractFact",
    ),
    ("ReferralEnd", JOURNEYS, "event occurred reason"),
    ("Measure", TERMS, "event occurred code value unit period"),
    ("Permission", JOURNEYS, "allowed reason"),
    ("Plan", JOURNEYS, "event kind occurred waited reviews closed"),
    ("Referral", JOURNEYS, "event occurred area cohort referrer"),
    ("Referral", JOURNEYS.hidden_by(Redaction::CaseNumbers), "externalReferences"),
    ("Referrer", JOURNEYS, "organisation kind"),
    ("Risk", JOURNEYS, "id event kind raised cleared"),
    (
        "Spell",
        JOURNEYS,
        "id event domain started ended endEvent endReason employerRef hoursPerWeek hoursPerWeekAtStart \
         attributes attributesAtStart changes",
    ),
    ("SpellAttribute", JOURNEYS, "name value"),
    ("SpellChange", JOURNEYS, "event occurred hoursPerWeek attributes"),
    ("Occurrence", TERMS, "event occurred reason"),
    ("Task", JOURNEYS, "id event kind set dueOn state overdue over owner journey"),
    ("TaskConnection", JOURNEYS, "edges nodes pageInfo totalCount"),
    ("TaskEdge", JOURNEYS, "cursor node"),
    (
        "Appointment",
        JOURNEYS,
        "id event booked scheduledOn time channel state moves cancelled cancelledBy worker contact journey",
    ),
    ("AppointmentConnection", JOURNEYS, "edges nodes pageInfo totalCount"),
    ("AppointmentEdge", JOURNEYS, "cursor node"),
    ("StageReached", JOURNEYS, "code label reached"),
    ("Subject", JOURNEYS, "id pseudonym kind registered person linked consents holds erased erasures"),
    // All who may read a case may ask for names and notes. They are opened only for those who may open them.
    ("Subject", JOURNEYS, "identity"),
    ("SubjectIdentity", JOURNEYS, "sealed names birthDate telephone email address nino nhsNumber upn needs parts"),
    ("PersonNames", JOURNEYS, "given family other"),
    ("PersonAddress", JOURNEYS, "lines postcode uprn"),
    ("KnownPart", JOURNEYS, "part event occurred"),
    ("SealedText", JOURNEYS, "sealed text"),
    ("PlanReview", JOURNEYS, "event occurred actions note"),
    ("Contact", JOURNEYS, "note"),
    ("Plan", JOURNEYS, "actions note"),
    ("Task", JOURNEYS, "note"),
    ("Spell", JOURNEYS, "note endNote"),
    ("SpellChange", JOURNEYS, "note"),
    ("Occurrence", JOURNEYS, "note"),
    ("Consent", JOURNEYS, "purpose given withdrawn"),
    ("LegalHold", JOURNEYS, "id placed lifted"),
    ("Erasure", JOURNEYS, "ground proposed approved"),
    ("Erasure", JOURNEYS.hidden_by(Redaction::Logins), "proposedBy approvedBy"),
    ("ObligationConnection", JOURNEYS, "edges nodes pageInfo totalCount"),
    ("ObligationEdge", JOURNEYS, "cursor node"),
    ("Obligation", JOURNEYS, "standard state from dueOn endedOn startedBy journey keyworker"),
    ("ClaimConnection", JOURNEYS, "edges nodes pageInfo totalCount totalAmount position forecast"),
    ("ClaimEdge", JOURNEYS, "cursor node"),
    (
        "Claim",
        JOURNEYS,
        "id status outcome title repeat journeyId journey scope counted amount achievedOn earliestOn untilPayable \
         claimableFrom claimableUntil evidence derivation viewerCan",
    ),
    ("Claim", BATCHES, "history batch doubleFunding"),
    ("DoubleFunding", BATCHES, "class contract claim journeyId status days"),
    ("ClaimPermissions", JOURNEYS, "submitBatch resubmitClaim withdrawClaim decideClaim recordPayment raiseAdjustment"),
    ("ClaimCount", JOURNEYS, "counted outOf share"),
    ("ClaimScope", JOURNEYS, "of period"),
    (
        "UntilPayable",
        JOURNEYS,
        "reason waitsFor missing evidence earliestOn daysLeft daysCounted daysNeeded countedFrom claimableFrom claimableUntil",
    ),
    ("EvidenceNeeded", JOURNEYS, "anyOf allOf verified digest datedFrom datedUntil"),
    ("EvidenceForClaim", JOURNEYS, "claim evidence counts reasons"),
    (
        "Derivation",
        JOURNEYS,
        "rulebook trigger countedFrom events evidence daysCounted gaps hoursBasis hours bankHolidays",
    ),
    ("RulebookIdentity", JOURNEYS, "version hash"),
    ("ClaimGround", JOURNEYS, "id type occurred"),
    ("UncoveredDays", JOURNEYS, "from to counted"),
    ("Money", OPEN, "amount currency"),
    (
        "Batch",
        BATCHES,
        "id version reference period selection opened submitted preparedAt state lines payments adjustments claimed due adjusted \
         received excess proposal",
    ),
    (
        "BatchLine",
        BATCHES,
        "claim claimNow journey journeyId scope outcome repeat achievedOn amount rulebook derivation submitted position attempt state \
         defect remark paid outstanding",
    ),
    ("BatchConnection", BATCHES, "edges nodes pageInfo totalCount"),
    ("BatchEdge", BATCHES, "cursor node"),
    ("BatchLineConnection", BATCHES, "edges nodes pageInfo totalCount"),
    ("BatchLineEdge", BATCHES, "cursor node"),
    ("BatchPayment", BATCHES, "received reference amounts adjustments excess"),
    ("ClaimSelection", BATCHES, "outcomes achieved area cohort keyworker team"),
    ("ClaimPayment", BATCHES, "claim amount"),
    ("Adjustment", BATCHES, "id kind raised ofBatch claim amount byHand settled"),
    ("ProposedAdjustment", BATCHES, "claim ofBatch kind amount reason"),
    ("ProposedWithdrawal", BATCHES, "claim ofBatch amount reason"),
    ("Proposal", BATCHES, "position claims adjustments withdrawals"),
    ("Cap", BATCHES, "scope outcomes year person outcome crossing refill limit used headroom capped"),
    ("TimelineEntry", JOURNEYS, "event amends amendedBy stands"),
    ("EventConnection", FEED, "edges nodes pageInfo totalCount"),
    ("EventEdge", FEED, "cursor node"),
    (
        "Event",
        RECORDS,
        "id position type schemaVersion stream version contract occurred recordedAt actor source commandId \
         correlationId causationId hash",
    ),
    // Events as they were recorded, which may contain case numbers and logins.
    ("Event", RECORDS.hidden_by(Redaction::CaseNumbers), "payload record"),
    ("Actor", RECORDS, "role"),
    ("Actor", RECORDS.hidden_by(Redaction::Logins), "subject onBehalfOf"),
    ("Source", RECORDS, "system fileDigest row"),
    ("Source", RECORDS.hidden_by(Redaction::CaseNumbers), "recordId"),
    ("Stream", RECORDS, "kind id"),
    ("OccurredOn", RECORDS, "on latest precision localTime"),
    ("AmendmentPayload", OPEN, "journey subject worker team contract events position replayed problems"),
    ("CapacityPayload", OPEN, "worker team events position replayed problems"),
    ("BatchPayload", OPEN, "batch events position replayed problems"),
    ("TeamPayload", OPEN, "team events position replayed problems"),
    ("ContractPayload", OPEN, "contract events position replayed problems"),
    ("AssessmentPayload", OPEN, "journey worker events position replayed problems"),
    ("AssignmentsPayload", OPEN, "journeys events position replayed problems"),
    ("JourneyPayload", OPEN, "journey events position replayed problems"),
    ("MeasurePayload", OPEN, "journey contract events position replayed problems"),
    ("SubjectPayload", OPEN, "subject events position replayed problems"),
    ("WorkerPayload", OPEN, "worker events position replayed problems"),
    ("Node", OPEN, "id"),
    ("Problem", OPEN, "code severity message path rule allowed"),
    ("BlockingFact", OPEN, "event type occurred"),
    ("Notice", OPEN, "code severity message path rule allowed"),
    ("Refusal", OPEN, "code severity message path rule allowed facts"),
    ("VersionConflict", OPEN, "code severity message path rule allowed actualVersion events"),
];

static CLASSES: LazyLock<HashMap<&str, HashMap<&str, Class>>> = LazyLock::new(|| {
    let mut classes: HashMap<&str, HashMap<&str, Class>> = HashMap::new();
    for (of, class, fields) in FIELDS {
        classes.entry(of).or_default().extend(fields.split(' ').map(|field| (field, *class)));
    }
    classes
});

/// The class of a field; none if it is not listed.
pub fn class(of: &str, field: &str) -> Option<Class> {
    CLASSES.get(of)?.get(field).copied()
}

/// Every listed field, with its type.
pub fn classified() -> impl Iterator<Item = (&'static str, &'static str)> {
    FIELDS.iter().flat_map(|(of, _, fields)| fields.split(' ').map(|field| (*of, field)))
}

/// The table of who may see which of these fields, one line each.
pub fn table<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut table = String::from(HEADING);
    let _ = write!(table, "{:48}", "");
    for role in Role::ALL {
        let _ = write!(table, "{:14}", role.as_str());
    }
    let mut lines: Vec<String> = fields.map(|(of, field)| line(of, field)).collect();
    lines.sort();
    table = table.trim_end().to_owned() + "\n";
    for line in lines {
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

const HEADING: &str = "\
# Who may see which field of the API: for each role, one sign for each relation of the caller to the case or contract:
# own, team, unassigned, contract (another case of a contract in scope), outside.
# + visible, ~ null, - refused, . treated as if it did not exist, ? not listed.
";

fn line(of: &str, field: &str) -> String {
    let mut line = format!("{:48}", format!("{of}.{field}"));
    for role in Role::ALL {
        let principal = Principal { subject: String::new(), role, scope: Scope::Deployment };
        let sign = |relation| match class(of, field).map(|class| class.shown(&principal, relation)) {
            Some(Ok(Shown::Whole)) => '+',
            Some(Ok(Shown::Redacted)) => '~',
            Some(Err(Denied::Outside)) => '.',
            Some(Err(Denied::Role { .. } | Denied::Areas { .. } | Denied::Contracts { .. })) => '-',
            None => '?',
        };
        let signs: String = Relation::ALL.into_iter().map(sign).collect();
        let _ = write!(line, "{signs:14}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_classified_twice() {
        let mut fields: Vec<_> = classified().collect();
        let all = fields.len();
        fields.sort_unstable();
        fields.dedup();
        assert_eq!(fields.len(), all);
    }

    #[test]
    fn an_unlisted_field_has_no_class() {
        assert_eq!(class("Journey", "shoeSize"), None);
        assert_eq!(class("Client", "id"), None);
        assert!(line("Client", "id").contains("?????"));
    }
}
