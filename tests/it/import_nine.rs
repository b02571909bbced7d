//! Nine related CSV files of an employment service, wide and long, imported by writing a mapping only.
//!
//! All of it is invented. The national numbers are from ranges that are never issued.

use std::collections::BTreeMap;

use serde_json::Value;
use throughline::import::mapping::Mapping;
use throughline_domain::contract::rulebook::packs::pack;
use throughline_domain::fact::envelope::Envelope;

use crate::mapped::{Files, head, on_both_stores, shown, through, whole_log};

const MHEP: &str = "mhep";

const FILES: [(&str, &str); 9] = [
    (
        "clients.csv",
        "client_ref,nino,nhs_number,date_of_birth,sex\n\
        P1,QQ123456C,9990000018,01/02/1990,F\nP2,QQ123457C,9990000026,,M\nP3,QQ123458C,9990000034,03/1985,Prefer not to say\n",
    ),
    (
        "referrals.csv",
        "referral_ref,client_ref,received,source\n\
        F1,P1,05/05/2021,CMHT\nF2,P2,10/05/2021,GP\nF3,P3,11/05/2021,Walk-in\nF4,P9,12/05/2021,GP\n",
    ),
    ("enrolments.csv", "enrolment_ref,referral_ref,enrolled\nE1,F1,12-May-21\nE2,F2,17-May-21\nE3,F3,18-May-21\n"),
    (
        "staff.csv",
        "staff_no,title,started,wte,left\nS1,Employment specialist,2021-04-01,1.0,\n\
        S2,Employment specialist,2021-04-01,0.6,30/09/2021\n",
    ),
    ("allocations.csv", "enrolment_ref,staff_no,from\nE1,S1,12/05/2021\nE2,S2,17/05/2021\n"),
    (
        "contacts.csv",
        "contact_ref,enrolment_ref,at,how,outcome\n\
        C1,E1,13/05/2021 09:30,Phone,Spoke\nC2,E1,20/05/2021 14:00,In person,Attended\n\
        C3,E2,01/04/2021 10:00,Phone,Spoke\nC4,E2,24/05/2021 11:15,In person,DNA\nC5,E8,24/05/2021 11:15,Phone,Spoke\n",
    ),
    ("plans.csv", "enrolment_ref,profile_agreed,review_1,review_2\nE1,19/05/2021,16/06/2021,N/A\nE2,02/06/2021,,\n"),
    (
        "jobs.csv",
        "job_ref,enrolment_ref,start_month,last_month,weekly_hours,hourly_wage\n\
        J1,E1,07/2021,,Don't know,\u{a3}9.50\nJ2,E2,Aug-21,11/2021,16,\u{a3}ten\n\
        J3,E2,08/2021,11/2021,16,\u{a3}9.10\nJ4,E1,03/2020,02/2021,20,\u{a3}8.91\n",
    ),
    ("evidence_of_risk.csv", "enrolment_ref,relapse_from,relapse_to\nE2,2021-06-01,2021-06-20\n"),
];

const MAPPING: &str = r#"mapping = 1
title = "Nine files of an employment service"
[source]
system = "nine"
[read]
format = "csv"
dates = ["DD/MM/YYYY", "DD-Mon-YY", "MM/YYYY", "Mon-YY", "DD/MM/YYYY hh:mm"]
absent = ["Don't know", "N/A"]

[codes.how]
Phone = "phone"
"In person" = "face_to_face"
[codes.outcome]
Spoke = "attended"
Attended = "attended"
DNA = "did_not_attend"

[[table]]
name = "clients"
file = "clients.csv"
key = "client_ref"
[[table]]
name = "referrals"
file = "referrals.csv"
key = "referral_ref"
join = [{ table = "clients", column = "client_ref" }]
[[table]]
name = "enrolments"
file = "enrolments.csv"
key = "enrolment_ref"
join = [{ table = "referrals", column = "referral_ref" }, { table = "clients", column = "referrals.client_ref" }]
[[table]]
name = "staff"
file = "staff.csv"
[[table]]
name = "allocations"
file = "allocations.csv"
join = [{ table = "enrolments", column = "enrolment_ref" }]
[[table]]
name = "contacts"
file = "contacts.csv"
join = [{ table = "enrolments", column = "enrolment_ref" }]
[[table]]
name = "plans"
file = "plans.csv"
join = [{ table = "enrolments", column = "enrolment_ref" }]
[[table]]
name = "jobs"
file = "jobs.csv"
join = [{ table = "enrolments", column = "enrolment_ref" }]
[[table]]
name = "risks"
file = "evidence_of_risk.csv"
join = [{ table = "enrolments", column = "enrolment_ref" }]

[[record]]
table = "referrals"
id = "{referral_ref}"
case = "{referral_ref}"
[[record.fact]]
type = "referral_received"
on = "received"
subject = "clients.client_ref"
referrer_kind = { column = "source", codes = { CMHT = "cmht", GP = "gp" } }

# The client is found by way of the referral: a join through a join.
[[record]]
table = "enrolments"
id = "{clients.client_ref}/{enrolment_ref}"
case = "{referral_ref}"
[[record.fact]]
type = "referral_accepted"
on = "enrolled"
[[record.fact]]
type = "engagement_started"
on = "enrolled"
basis = { value = "enrolled" }

[[record]]
table = "staff"
id = "{staff_no}"
worker = "{staff_no}"
[[record.fact]]
type = "worker_joined"
on = "started"
label = "staff_no"
[[record.fact]]
type = "wte_set"
on = "started"
wte = "wte"
[[record.fact]]
type = "worker_left"
on = { column = "left", end = "last_day" }

[[record]]
table = "allocations"
id = "{enrolment_ref}/{staff_no}/{from}"
case = "{enrolments.referral_ref}"
[[record.fact]]
type = "worker_assigned"
on = "from"
worker = "staff_no"
role = { value = "keyworker" }

[[record]]
table = "contacts"
id = "{contact_ref}"
case = "{enrolments.referral_ref}"
[[record.fact]]
type = "contact_logged"
on = "at"
channel = { column = "how", codes = "how" }
with = { value = "client" }
attendance = { column = "outcome", codes = "outcome" }

[[record]]
table = "plans"
id = "{enrolment_ref}/profile"
case = "{enrolments.referral_ref}"
[[record.fact]]
type = "plan_agreed"
on = "profile_agreed"
kind = { value = "employment_plan" }
[[record]]
table = "plans"
id = "{enrolment_ref}/review 1"
case = "{enrolments.referral_ref}"
unless = { review_1 = ["", "N/A"] }
[[record.fact]]
type = "plan_reviewed"
on = "review_1"
kind = { value = "employment_plan" }
[[record]]
table = "plans"
id = "{enrolment_ref}/review 2"
case = "{enrolments.referral_ref}"
unless = { review_2 = ["", "N/A"] }
[[record.fact]]
type = "plan_reviewed"
on = "review_2"
kind = { value = "employment_plan" }

[[record]]
table = "jobs"
id = "{job_ref}"
case = "{enrolments.referral_ref}"
[[record.fact]]
type = "spell_started"
on = "start_month"
domain = { value = "employment" }
hours_per_week = "weekly_hours"
[record.fact.attributes]
hourly_wage = { column = "hourly_wage", kind = "number" }
[[record.fact]]
type = "spell_ended"
on = { column = "last_month", end = "last_day" }

[[record]]
table = "risks"
id = "{enrolment_ref}/{relapse_from}"
case = "{enrolments.referral_ref}"
[[record.fact]]
type = "risk_raised"
on = "relapse_from"
kind = { value = "relapse" }
[[record.fact]]
type = "risk_cleared"
on = "relapse_to"
"#;

/// Every record that is not recorded as a whole has its place and its reason.
const EXPECTED: [&str; 24] = [
    "2 F1 recorded 2",
    "3 F2 recorded 2",
    "4 F3 unreadable source",
    "5 F4 recorded 2",
    "2 P1/E1 recorded 2",
    "3 P2/E2 recorded 2",
    "4 P3/E3 refused JOURNEY_NOT_FOUND at -",
    "2 S1 recorded 2",
    "3 S2 recorded 3",
    "2 E1/S1/12/05/2021 recorded 1",
    "3 E2/S2/17/05/2021 recorded 1",
    "2 C1 recorded 1",
    "3 C2 recorded 1",
    "4 C3 recorded 1",
    "5 C4 recorded 1",
    "6 C5 unreadable enrolments.referral_ref",
    "2 E1/profile recorded 1",
    "2 E1/review 1 recorded 1",
    "3 E2/profile recorded 1",
    "2 J1 recorded 1",
    "3 J2 unreadable hourly_wage",
    "4 J3 recorded 2",
    "5 J4 recorded 2",
    "2 E2/2021-06-01 recorded 2",
];

fn payload(event: &Envelope) -> Value {
    serde_json::from_str(event.payload.get()).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn nine_related_files_are_imported_by_a_mapping_only() {
    let rulebook = pack(MHEP).expect("a pack that ships").text;
    on_both_stores(rulebook, MHEP, async |fresh| {
        let files = Files::new();
        let mapping = Mapping::parse(MAPPING).unwrap_or_else(|errors| panic!("{errors:?}"));
        let sources: Vec<_> = FILES.iter().map(|(name, content)| files.with(name, content)).collect();
        let (summary, results) = through(&fresh.recorder, MHEP, &mapping, &sources).await.expect("an import");
        assert_eq!(shown(&results), EXPECTED);
        let early = results.iter().find(|result| result.record.as_deref() == Some("C3")).expect("a result");
        let note = early.note.as_deref().unwrap_or_default();
        assert!(note.contains("39 days before the referral"), "a contact may be earlier, with a warning: {note:?}");
        assert_eq!(summary.found[0].left_out.len(), 4, "who a client is stays in the file: {:?}", summary.found[0]);

        let log = whole_log(fresh).await;
        let of = |record: &str, name: &str| {
            let is_it = |event: &&Envelope| {
                let source = event.source.as_ref();
                event.event_type == name
                    && source.is_some_and(|source| source.record_id.as_deref() == Some(record) && source.row.is_some())
            };
            log.iter().find(is_it).unwrap_or_else(|| panic!("no {name} of {record}"))
        };
        let job = of("J1", "SpellStarted");
        assert_eq!(job.occurred.precision(), throughline_domain::fact::envelope::Precision::Month);
        assert_eq!(job.occurred.earliest().to_string(), "2021-07-01");
        assert!(payload(job)["hours_per_week"].is_null(), "nobody knows the hours");
        assert_eq!(of("J3", "SpellEnded").occurred.earliest().to_string(), "2021-12-01", "the month after");
        assert_eq!(of("J4", "SpellStarted").occurred.earliest().to_string(), "2020-03-01", "long before the referral");
        let whole = log.iter().map(|event| event.payload.get()).collect::<String>();
        assert!(!["QQ1234", "99900000"].iter().any(|number| whole.contains(number)), "a number of a person");

        let mut types: BTreeMap<&str, usize> = BTreeMap::new();
        for event in log.iter().filter(|event| event.stream.kind.as_str() == "journey") {
            *types.entry(&event.event_type).or_default() += 1;
        }
        let before = head(fresh).await;
        let (again, _) = through(&fresh.recorder, MHEP, &mapping, &sources).await.expect("an import");
        assert_eq!((again.recorded, again.there, head(fresh).await), (0, summary.recorded, before), "{types:?}");
    })
    .await;
}
