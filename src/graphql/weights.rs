//! The cost of expensive parts of the schema, in fields. The cost of a document is its number of fields plus the weight
//! of each board, claim, preview or other point in time that it requests.
//!
//! The weights are orders of magnitude, measured on logs of some hundred thousand events. If an entry names a place
//! that the schema no longer has, the service does not start, so no outdated entry can remain.

use throughline_gateway::guard::Weight;

/// Each expensive place and its cost.
pub(super) const WEIGHTS: [Weight; 46] = [
    ("Query.previewRulebook", 50_000),
    ("Query.compareViews", 10_000),
    ("ContractAt.knownAt", 5_000),
    ("ContractAt.knownOn", 5_000),
    ("ContractAt.position", 5_000),
    ("ContractAt.rulebook", 5_000),
    ("JourneyAt.knownAt", 20),
    ("JourneyAt.knownOn", 20),
    ("JourneyAt.position", 20),
    ("ClosedDocument.restated", 1_000),
    ("RestatedDocument.corrections", 500),
    ("Contract.claims", 500),
    ("Contract.batches", 500),
    ("Contract.cap", 500),
    ("Contract.proposedAdjustments", 500),
    ("Contract.performance", 500),
    ("Contract.league", 500),
    ("Contract.outcomes", 500),
    ("Contract.prices", 500),
    ("Contract.report", 2_000),
    ("Contract.exits", 200),
    ("Contract.dataQuality", 700),
    ("Contract.value", 500),
    ("Contract.forecast", 1_000),
    ("Performance.kpis", 500),
    ("DataQuality.members", 20),
    ("Contract.contactRecency", 200),
    ("Contract.referralToPlan", 200),
    ("Contract.caseloadByKeyworker", 200),
    ("Contract.obligationCounts", 200),
    ("Contract.obligations", 100),
    ("Contract.diary", 100),
    ("Contract.tasks", 100),
    ("Contract.workers", 20),
    ("Contract.teams", 20),
    ("Worker.caseload", 20),
    ("ObligationConnection.totalCount", 20),
    ("AppointmentConnection.totalCount", 20),
    ("TaskConnection.totalCount", 20),
    ("JourneyConnection.totalCount", 20),
    ("FigureRow.members", 20),
    ("FigureMemberConnection.totalCount", 20),
    ("Journey.claims", 50),
    ("Batch.proposal", 500),
    ("Query.events", 100),
    ("EventConnection.totalCount", 5_000),
];
