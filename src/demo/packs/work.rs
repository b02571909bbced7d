//! The tables of the packs that help people into work. All numbers are invented.

use super::{Endings, Known, Lasting, Odds, Pack, Population, Recorded, Staff, Step, What};
use throughline_domain::fact::event::SubjectKind;

/// Hours a week of a job. A few are not known.
const HOURS: Odds<Option<u32>> = &[(28, Some(20)), (24, Some(30)), (20, Some(12)), (20, Some(37)), (8, None)];

pub(super) static MHEP: Pack = Pack {
    code: "mhep",
    parties: ["A London borough", "The employment support service"],
    letters: "MH",
    worker_letters: "ES",
    months: 12,
    staff: Staff { teams: 1, workers: 6, capacity: 25, scores: &[] },
    populations: &[Population {
        subject: SubjectKind::Person,
        cases: 150,
        arrives: (0, 364),
        accepted: 880,
        answered_after: (0, 6),
        facts: &[("employment_status", &[(90, Known::Word("unemployed")), (10, Known::Word("employed"))])],
        steps: &[
            Step::then(880, (4, 24), What::Plan("employment_plan")),
            Step::then(960, (0, 3), What::Engages("employment_plan")),
            Step::aside(450, (28, 60), What::Review("employment_plan")),
            Step::aside(70, (20, 90), What::Risk("relapse", (20, 60))),
            Step::aside(40, (40, 120), What::Spell(job("self_employment"))),
            Step::then(560, (15, 95), What::Spell(job("employment"))),
        ],
        contacts_every: (4, 12),
        stays: (60, 150),
    }],
    endings: Endings {
        declined: &[(70, "not_eligible"), (30, "other")],
        finished: &[(80, "outcomes_achieved"), (12, "moved_away"), (8, "disengaged")],
        ended: &[(60, "disengaged"), (20, "moved_away"), (20, "other")],
        lost: "disengaged",
    },
    missed: None,
    targets: &[("referral", 110), ("engagement", 90), ("job_started", 45), ("sustained_13w", 25)],
    recorded: &[],
    report: "quarterly",
    remarks: &[
        ("commentary", "Two more clinics refer since this quarter."),
        ("commentary", "Waits for a first meeting were longer while one post was vacant."),
        ("commentary", "More clients keep their job for 13 weeks than the plan expects."),
    ],
    actions: &[
        ("Visit every clinic that has not referred this quarter", "provider"),
        ("Agree how payslips are sent by clients", "provider"),
    ],
};

pub(super) static DWP_CEP: Pack = Pack {
    code: "dwp-cep",
    parties: ["Department for Work and Pensions", "The support provider"],
    letters: "CEP",
    worker_letters: "AD",
    months: 12,
    staff: Staff { teams: 3, workers: 6, capacity: 35, scores: &[] },
    populations: &[Population {
        subject: SubjectKind::Person,
        cases: 170,
        arrives: (0, 364),
        accepted: 960,
        answered_after: (0, 2),
        facts: &[],
        steps: &[
            Step::aside(930, (2, 17), What::Task { kind: "welcome_session", due: 14 }),
            Step::then(940, (1, 8), What::Plan("plan_begun")),
            Step::then(950, (0, 4), What::Engages("attached")),
            Step::aside(60, (30, 120), What::Achieves("qualification", Some("1"))),
            Step::then(900, (8, 24), What::Plan("action_plan")),
            Step::then(460, (10, 90), What::Spell(job("employment"))),
        ],
        contacts_every: (3, 11),
        stays: (60, 190),
    }],
    endings: Endings {
        declined: &[(60, "benefit_ended"), (40, "other")],
        finished: &[(75, "sustained_in_work"), (15, "completed"), (10, "disengaged")],
        ended: &[(45, "disengaged"), (25, "completed"), (15, "moved_away"), (15, "benefit_ended")],
        lost: "disengaged",
    },
    missed: Some("pass_for_decision"),
    targets: &[
        ("referral", 50),
        ("attachment", 45),
        ("job_started", 18),
        ("job_outcome_reached", 10),
        ("sustainment_reached", 4),
    ],
    recorded: &[Recorded::monthly("employers_engaged", 8, 20), Recorded::monthly("vacancies", 15, 40)],
    report: "monthly",
    remarks: &[
        ("successes", "Three employers offer interviews to every client with a completed plan."),
        ("challenges", "Many first appointments are missed in the weeks after a holiday."),
        ("quality", "Advisers call the day before each first appointment."),
    ],
    actions: &[
        ("Offer first appointments in the evening", "provider"),
        ("Send the list of vacancies each Monday", "provider"),
        ("Check the missed appointments that were not passed for decision", "provider"),
    ],
};

pub(super) static CASE_MANAGEMENT: Pack = Pack {
    code: "case-management",
    parties: ["The commissioning department", "The case management service"],
    letters: "CM",
    worker_letters: "CM",
    months: 12,
    staff: Staff { teams: 2, workers: 6, capacity: 40, scores: &[] },
    populations: &[Population {
        subject: SubjectKind::Person,
        cases: 160,
        arrives: (0, 364),
        accepted: 930,
        answered_after: (0, 5),
        facts: &[],
        steps: &[
            Step::then(900, (2, 14), What::Engages("first_interview")),
            Step::then(920, (4, 20), What::Plan("action_plan")),
            Step::aside(350, (30, 60), What::Review("action_plan")),
            Step::aside(
                220,
                (14, 60),
                What::Spell(Lasting {
                    domain: "training",
                    hours: &[],
                    ends: 850,
                    lasts: (14, 84),
                    reason: "course completed",
                }),
            ),
            Step::aside(100, (60, 120), What::Achieves("qualification", Some("2"))),
            Step::then(540, (15, 100), What::Spell(job("employment"))),
        ],
        contacts_every: (5, 14),
        stays: (40, 150),
    }],
    endings: Endings {
        declined: &[(80, "not_eligible"), (20, "other")],
        finished: &[(85, "in_work"), (15, "time_ended")],
        ended: &[(40, "time_ended"), (40, "disengaged"), (20, "moved_away")],
        lost: "disengaged",
    },
    missed: None,
    targets: &[
        ("referral", 67),
        ("started", 57),
        ("plan_agreed", 50),
        ("job_started", 26),
        ("in_work_13w", 15),
        ("in_work_26w", 7),
    ],
    recorded: &[],
    report: "monthly",
    remarks: &[
        ("month", "The second office places more clients since its job fair."),
        ("month", "Fewer clients start a job in winter."),
    ],
    actions: &[("Compare the caseloads of both offices", "provider")],
};

/// A job. About a third end within half a year.
const fn job(domain: &'static str) -> Lasting {
    Lasting { domain, hours: HOURS, ends: 330, lasts: (14, 170), reason: "contract ended" }
}
