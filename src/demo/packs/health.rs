//! The tables of the packs for health and adult social care. All numbers are invented.

use super::{Amount, Endings, Every, Lasting, Pack, Population, Recorded, Staff, Step, What};
use throughline_domain::fact::event::SubjectKind;

/// A hundred years: cases that stay open.
const STAYS_OPEN: (u32, u32) = (36_500, 36_500);

pub(super) static EALING_BETTER_LIVES: Pack = Pack {
    code: "ealing-better-lives",
    parties: ["A London borough", "Adult social care"],
    letters: "BL",
    worker_letters: "SW",
    months: 12,
    staff: Staff { teams: 3, workers: 9, capacity: 20, scores: &[] },
    populations: &[
        AT_THE_FRONT_DOOR,
        adults(40, REABLEMENT, (10, 40)),
        adults(45, SUPPORT, (120, 300)),
        adults(20, CARERS, (60, 150)),
        adults(20, NO_NEED, (1, 6)),
    ],
    endings: Endings {
        declined: &[(50, "information_and_advice"), (30, "community_support"), (20, "no_further_action")],
        finished: &[(85, "support_ended"), (10, "moved_away"), (5, "deceased")],
        ended: &[(60, "no_further_action"), (25, "other"), (15, "moved_away")],
        lost: "other",
    },
    missed: None,
    targets: &[("front_door", 160), ("referral", 104), ("assessment_outcome", 92), ("support_started", 66)],
    recorded: &[
        Recorded::monthly("placement_spend", 180_000, 240_000),
        Recorded { code: "days", every: Every::Month, amount: Amount::Days },
    ],
    report: "team_pack",
    remarks: &[
        ("front_door", "More callers get advice at once than a year ago."),
        ("assessments", "Assessments wait longest where a hospital refers."),
    ],
    actions: &[
        ("Check every assessment that is overdue", "team manager"),
        ("Book the reviews of the next quarter", "team manager"),
        ("Compare placements with their prices", "commissioning"),
    ],
};

/// Contacts that no team takes on.
const AT_THE_FRONT_DOOR: Population = Population {
    subject: SubjectKind::Person,
    cases: 70,
    arrives: (0, 364),
    accepted: 0,
    answered_after: (0, 3),
    facts: &[],
    steps: &[],
    contacts_every: (5, 10),
    stays: (1, 1),
};

const fn adults(cases: u32, steps: &'static [Step], stays: (u32, u32)) -> Population {
    Population {
        subject: SubjectKind::Person,
        cases,
        arrives: (0, 364),
        accepted: 1_000,
        answered_after: (0, 4),
        facts: &[],
        steps,
        contacts_every: (8, 20),
        stays,
    }
}

const ASSESSMENT: What = What::Task { kind: "assessment", due: 28 };

const REABLEMENT: &[Step] = &[
    Step::aside(920, (5, 34), ASSESSMENT),
    Step::then(930, (6, 36), What::Plan("reablement_plan")),
    Step::aside(60, (1, 20), What::Risk("falls", (20, 60))),
    Step::then(930, (1, 7), What::Spell(spell("reablement", 950, (28, 45)))),
    Step::aside(550, (30, 45), What::Achieves("goals_met", None)),
];

const SUPPORT: &[Step] = &[
    Step::aside(900, (5, 34), ASSESSMENT),
    Step::then(940, (6, 38), What::Plan("support_plan")),
    Step::aside(850, (1, 12), What::Task { kind: "support_plan", due: 14 }),
    Step::aside(350, (3, 20), What::Spell(spell("placement", 150, (60, 250)))),
    Step::aside(700, (40, 110), What::Task { kind: "review", due: 90 }),
    Step::aside(650, (40, 110), What::Review("support_plan")),
    Step::then(850, (2, 14), What::Spell(spell("care_at_home", 200, (40, 200)))),
];

const CARERS: &[Step] = &[
    Step::aside(900, (5, 34), ASSESSMENT),
    Step::aside(120, (1, 20), What::Risk("carer_breakdown", (20, 60))),
    Step::then(930, (6, 38), What::Plan("carer_support_plan")),
];

const NO_NEED: &[Step] =
    &[Step::aside(900, (5, 34), ASSESSMENT), Step::then(950, (6, 36), What::Plan("no_eligible_need"))];

const fn spell(domain: &'static str, ends: u64, lasts: (u32, u32)) -> Lasting {
    Lasting { domain, hours: &[], ends, lasts, reason: "no longer needed" }
}

pub(super) static KMC: Pack = Pack {
    code: "kmc",
    parties: ["The ministry of health", "The newborn care programme"],
    letters: "KMC",
    worker_letters: "NU",
    months: 12,
    staff: Staff { teams: 5, workers: 10, capacity: 30, scores: &[] },
    populations: &[
        Population {
            subject: SubjectKind::Site,
            cases: 15,
            arrives: (0, 60),
            accepted: 1_000,
            answered_after: (0, 5),
            facts: &[],
            steps: &[Step::then(900, (40, 130), What::Achieves("trained_and_equipped", None))],
            contacts_every: (15, 35),
            stays: STAYS_OPEN,
        },
        Population {
            subject: SubjectKind::Person,
            cases: 140,
            arrives: (30, 364),
            accepted: 1_000,
            answered_after: (0, 1),
            facts: &[],
            steps: &[
                Step::aside(900, (0, 2), What::Plan("care_plan")),
                Step::aside(900, (0, 1), What::Spell(STAY)),
                Step::aside(60, (2, 14), What::Risk("weight_loss", (7, 20))),
                Step::then(930, (0, 3), What::Achieves("quality_care", None)),
                Step::aside(700, (10, 30), What::Plan("discharge_plan")),
                Step::then(760, (35, 90), What::Achieves("nutrition_and_weight_40w", None)),
            ],
            contacts_every: (4, 12),
            stays: (1, 10),
        },
    ],
    endings: Endings {
        declined: &[(100, "other")],
        finished: &[(100, "follow_up_completed")],
        ended: &[(70, "lost_to_follow_up"), (20, "moved_away"), (10, "deceased")],
        lost: "lost_to_follow_up",
    },
    missed: None,
    targets: &[("referral", 26), ("hospital_ready", 3), ("baby_in_quality_care", 22), ("baby_thriving", 15)],
    recorded: &[
        Recorded::monthly("budget", 40_000, 40_000),
        Recorded::monthly("budget_reallocated", 500, 6_000),
        Recorded::monthly("spend", 28_000, 42_000),
    ],
    report: "quarterly",
    remarks: &[
        ("metrics", "The training of the last hospitals waits for their equipment."),
        ("metrics", "Follow-up at 40 weeks is hardest where families travel far."),
    ],
    actions: &[("Deliver the equipment to the hospitals that are not ready", "programme")],
};

const STAY: Lasting = Lasting { domain: "hospital_stay", hours: &[], ends: 980, lasts: (7, 40), reason: "discharged" };

pub(super) static SEHATMANDI: Pack = Pack {
    code: "sehatmandi",
    parties: ["The ministry of public health", "The service providers"],
    letters: "HF",
    worker_letters: "PO",
    months: 12,
    staff: Staff { teams: 4, workers: 8, capacity: 15, scores: &[] },
    populations: &[Population {
        subject: SubjectKind::Site,
        cases: 57,
        arrives: (0, 13),
        accepted: 1_000,
        answered_after: (0, 3),
        facts: &[],
        steps: &[
            Step::aside(900, (0, 30), What::Plan("service_plan")),
            Step::aside(120, (60, 200), What::Risk("stock_out", (10, 40))),
            Step::then(970, (0, 10), What::Spell(spell("facility_open", 30, (150, 300)))),
            Step::aside(1_000, (0, 0), What::MeasuresMonthly(SERVICES)),
        ],
        contacts_every: (25, 45),
        stays: STAYS_OPEN,
    }],
    endings: Endings {
        declined: &[(100, "other")],
        finished: &[(100, "handed_over")],
        ended: &[(100, "facility_closed")],
        lost: "facility_closed",
    },
    missed: None,
    targets: &[
        ("facility_open", 3),
        ("anc_visits", 4_500),
        ("pnc_visits", 2_900),
        ("deliveries", 1_700),
        ("family_planning", 3_800),
        ("penta3_doses", 2_900),
        ("tt2_doses", 2_300),
    ],
    recorded: &[],
    report: "quarterly",
    remarks: &[
        ("commentary", "Vaccinations fell in the months in which roads were closed."),
        ("commentary", "Deliveries in facilities rise in every province with a price."),
    ],
    actions: &[("Bring vaccines to the facilities that ran out", "programme")],
};

/// The services of a facility in a month.
const SERVICES: &[(&str, (u32, u32))] = &[
    ("anc_visits", (60, 240)),
    ("pnc_visits", (30, 160)),
    ("deliveries", (20, 95)),
    ("family_planning", (50, 200)),
    ("penta3_doses", (40, 150)),
    ("tt2_doses", (30, 120)),
    ("major_surgeries", (0, 12)),
];
