//! The tables of the packs for young people and their families. All numbers are invented.

use super::{Endings, Known, Lasting, Pack, Population, Recorded, Staff, Step, What};
use throughline_domain::fact::event::SubjectKind;

pub(super) static INNOVATION_FUND: Pack = Pack {
    code: "innovation-fund",
    parties: ["The innovation fund", "The youth programme"],
    letters: "TT",
    worker_letters: "FA",
    months: 12,
    staff: Staff { teams: 2, workers: 6, capacity: 30, scores: &[] },
    populations: &[Population {
        subject: SubjectKind::Person,
        cases: 150,
        arrives: (0, 330),
        accepted: 950,
        answered_after: (0, 7),
        facts: &[(
            "age",
            &[(25, Known::Number(13)), (35, Known::Number(14)), (30, Known::Number(15)), (10, Known::Number(17))],
        )],
        steps: &[
            Step::then(930, (4, 20), What::Plan("action_plan")),
            Step::then(950, (3, 14), What::Engages("programme")),
            Step::aside(600, (7, 40), What::Spell(SCHOOL)),
            Step::aside(850, (40, 70), What::Measures("attendance", (52, 100))),
            Step::aside(620, (45, 90), What::Achieves("attitude", None)),
            Step::aside(470, (60, 110), What::Achieves("behaviour", None)),
            Step::then(560, (70, 130), What::Achieves("qualification", Some("entry"))),
            Step::aside(220, (20, 80), What::Achieves("qualification", Some("1"))),
            Step::aside(90, (20, 60), What::Spell(FIRST_JOB)),
        ],
        contacts_every: (5, 9),
        stays: (20, 70),
    }],
    endings: Endings {
        declined: &[(70, "not_eligible"), (30, "other")],
        finished: &[(92, "programme_completed"), (8, "moved_away")],
        ended: &[(80, "dropped_out"), (20, "moved_away")],
        lost: "dropped_out",
    },
    missed: None,
    targets: &[("referral", 12), ("start", 11), ("attendance_67", 8), ("qualified", 6)],
    recorded: &[],
    report: "board",
    remarks: &[
        ("highlights", "Two more schools offer a group."),
        ("lowlights", "A third of the letters of teachers came back unsigned."),
        ("milestones", "The third cohort has started."),
    ],
    actions: &[("Show teachers how to fill in the letter", "provider")],
};

/// The stay at school, with how attendance has changed.
const SCHOOL: Lasting =
    Lasting { domain: "education", hours: &[], ends: 200, lasts: (30, 120), reason: "changed school" };

const FIRST_JOB: Lasting = Lasting {
    domain: "employment",
    hours: &[(70, Some(16)), (30, Some(25))],
    ends: 300,
    lasts: (14, 90),
    reason: "season ended",
};

/// Fourteen months, so that the first financial year of the contract is over and its days in care can be claimed for.
pub(super) static MST_ESSEX: Pack = Pack {
    code: "mst-essex",
    parties: ["Essex County Council", "The therapy service"],
    letters: "MST",
    worker_letters: "TH",
    months: 14,
    staff: Staff {
        teams: 2,
        workers: 8,
        capacity: 5,
        scores: &[("therapist_adherence", (55, 92)), ("supervision", (60, 95))],
    },
    populations: &[Population {
        subject: SubjectKind::Family,
        cases: 110,
        arrives: (0, 400),
        accepted: 800,
        answered_after: (2, 10),
        facts: &[],
        steps: &[
            Step::then(930, (3, 14), What::Engages("consent_given")),
            Step::aside(170, (5, 40), What::Risk("entry_to_care", (20, 60))),
            Step::then(950, (5, 18), What::Plan("treatment_plan")),
            Step::aside(500, (5, 30), What::Plan("safety_plan")),
            Step::aside(850, (25, 40), What::Review("treatment_plan")),
            Step::aside(160, (10, 90), What::Spell(CARE)),
            Step::aside(700, (60, 90), What::Scores("sdq_total", (8, 28))),
            Step::then(800, (80, 120), What::Achieves("therapy_completed", None)),
            Step::aside(820, (0, 10), What::Achieves("living_at_home", None)),
            Step::aside(700, (0, 10), What::Achieves("in_school_or_work", None)),
            Step::aside(760, (0, 10), What::Achieves("no_new_offence", None)),
        ],
        contacts_every: (2, 6),
        stays: (1, 14),
    }],
    endings: Endings {
        declined: &[(60, "not_suitable"), (30, "referred_elsewhere"), (10, "duplicate_referral")],
        finished: &[(100, "therapy_completed")],
        ended: &[(50, "lack_of_engagement"), (25, "family_withdrew"), (15, "entered_care"), (10, "moved_away")],
        lost: "lack_of_engagement",
    },
    missed: None,
    targets: &[
        ("referred", 22),
        ("accepted", 18),
        ("therapy_started", 16),
        ("treatment_plan_agreed", 15),
        ("therapy_completed", 10),
    ],
    recorded: &[],
    report: "monthly",
    remarks: &[
        ("commentary", "Referrals from youth offending teams have doubled."),
        ("commentary", "One post was vacant, and its slots stood empty for some weeks."),
    ],
    actions: &[
        ("Report free slots to the panel each month", "provider"),
        ("Name a therapist in waiting for each team", "provider"),
    ],
};

/// An episode of care. Most children return home.
const CARE: Lasting = Lasting { domain: "care", hours: &[], ends: 700, lasts: (20, 150), reason: "returned home" };

pub(super) static STOKE_PSYCHOLOGY: Pack = Pack {
    code: "stoke-psychology",
    parties: ["Stoke-on-Trent City Council", "The psychology service"],
    letters: "PS",
    worker_letters: "PS",
    months: 12,
    staff: Staff { teams: 1, workers: 4, capacity: 20, scores: &[] },
    populations: &[Population {
        subject: SubjectKind::Person,
        cases: 120,
        arrives: (0, 364),
        accepted: 930,
        answered_after: (0, 8),
        facts: &[],
        steps: &[
            Step::then(900, (6, 35), What::Plan("assessment")),
            Step::aside(80, (10, 60), What::Risk("placement_breakdown", (20, 60))),
            Step::aside(350, (0, 30), What::Spell(PLACEMENT)),
            Step::then(800, (8, 50), What::Engages("intervention")),
            Step::then(960, (3, 14), What::Plan("intervention_plan")),
            Step::aside(600, (40, 60), What::Scores("questionnaire", (5, 35))),
            Step::then(680, (50, 120), What::Achieves("goals_met", None)),
        ],
        contacts_every: (6, 14),
        stays: (3, 25),
    }],
    endings: Endings {
        declined: &[(70, "referred_elsewhere"), (30, "declined")],
        finished: &[(100, "completed")],
        ended: &[(40, "did_not_engage"), (25, "declined"), (20, "referred_elsewhere"), (15, "moved_away")],
        lost: "did_not_engage",
    },
    missed: None,
    targets: &[("referral", 100), ("assessed", 85), ("intervention", 65)],
    recorded: &[
        Recorded::quarterly("outcomes_planned", 25, 25),
        Recorded::quarterly("outcomes_delivered", 19, 25),
        Recorded::quarterly("milestones_due", 6, 6),
        Recorded::quarterly("milestones_done", 4, 6),
        Recorded::quarterly("returns_due", 3, 3),
        Recorded::quarterly("returns_on_time", 2, 3),
        Recorded::quarterly("complaints", 0, 1),
        Recorded::quarterly("users_consulted", 2, 9),
        Recorded::quarterly("action_plans_due", 2, 2),
        Recorded::quarterly("action_plans_done", 1, 2),
        Recorded::quarterly("forecast", 45_000, 45_000),
        Recorded::quarterly("spend", 37_000, 50_000),
    ],
    report: "quarterly",
    remarks: &[
        ("progress", "Most referrals come from social care. Schools refer more each quarter."),
        ("difficulties", "The wait from assessment to intervention is the longest of the year."),
    ],
    actions: &[
        ("Reduce the wait for an intervention to six weeks", "provider"),
        ("Explain the difference between spend and forecast", "provider"),
    ],
};

const PLACEMENT: Lasting =
    Lasting { domain: "placement", hours: &[], ends: 300, lasts: (40, 200), reason: "moved to another placement" };
