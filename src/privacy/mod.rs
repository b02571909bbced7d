//! The privacy page, `docs/privacy.md`: what is held where, who sees it, how long it stays, and what erasure destroys.
//!
//! The page is written from the classes of the fields and from the access policy. It never reads a database.

pub mod inputs;
pub mod stores;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use throughline_domain::fact::privacy::{EVENTS, Holder, PrivacyClass, RECORD, SEALED};
use throughline_projections::privacy as views;

use crate::access::policy::{Action, Redaction, policy};
use crate::access::relation::Relation;
use crate::access::{Principal, Role, Scope};

/// What the page says before the tables.
const OPENING: &str = include_str!("page.md");

/// What the service holds: a heading, where it is, and the holders of fields.
const HELD: [(&str, &str, &[Holder]); 8] = [
    ("Every record", "The fields of an event around its payload.", RECORD),
    ("Sealed texts", "What stands in a payload where a field is of the class identity or special.", SEALED),
    ("Events", "The payload of each type of event, in the log for ever.", EVENTS),
    ("Inputs", "Fields of the API's inputs, by name. They become events, or nothing.", inputs::EVERY_INPUT),
    ("Inputs with a meaning of their own", "Fields that mean something else in these inputs.", inputs::INPUTS),
    ("Tables of the log", "The database of the log, and what is kept beside it.", stores::LOG),
    ("Tables of views", "They can be dropped and built again at any time.", views::TABLES),
    ("Tables of the key store", "A database of its own.", stores::KEYS),
];

/// The page as Markdown.
pub fn markdown() -> String {
    let mut page = OPENING.to_owned();
    page.push_str("\n# The classes\n\n| class | what it holds |\n| --- | --- |\n");
    for class in PrivacyClass::ALL {
        line(&mut page, format_args!("| {} | {} |", class.as_str(), class.meaning()));
    }
    page.push_str("\n# Who may see what\n\n");
    page.push_str(
        "A cell says of which cases or contracts: own (the case of a keyworker), team (of a colleague in the same \
         team), unassigned (held by nobody yet), all in scope, or the whole deployment. An empty cell: none. A token \
         for some service areas sees less. A keyworker who never was in a team has the whole contract as team.\n\n",
    );
    let roles: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    line(&mut page, format_args!("| class | {} |", roles.join(" | ")));
    line(&mut page, format_args!("| --- |{}", " --- |".repeat(roles.len())));
    for (what, action, hidden_by) in RIGHTS {
        let cells: Vec<String> = Role::ALL.into_iter().map(|role| seen(role, action, hidden_by)).collect();
        line(&mut page, format_args!("| {what} | {} |", cells.join(" | ")));
    }
    for (heading, meaning, holders) in HELD {
        line(&mut page, format_args!("\n# {heading}\n\n{meaning}\n\n| holder | class | fields |\n| --- | --- | --- |"));
        for holder in holders {
            rows(&mut page, holder);
        }
    }
    page
}

/// What is shown with which right, and what hides it.
const RIGHTS: [(&str, Action, Option<Redaction>); 17] = [
    ("open: terms, rules, targets", Action::KnowContract, None),
    ("open: counts and tables", Action::ReadPerformance, None),
    ("case, pseudonym: single cases", Action::ReadJourneys, None),
    ("pseudonym: case numbers of other systems", Action::ReadJourneys, Some(Redaction::CaseNumbers)),
    ("pseudonym: a person's id that is the same in every contract", Action::ReadJourneys, Some(Redaction::SubjectIds)),
    ("case, pseudonym: the referral inbox", Action::ReadInbox, None),
    ("case, pseudonym: referrals that the caller's own login offered", Action::OfferReferrals, None),
    ("case, pseudonym: who is due to be erased", Action::ReadRetention, None),
    ("pseudonym, remark: imports, and what was not recorded", Action::ImportRecords, None),
    ("staff: workers and who holds a case", Action::KnowContract, None),
    ("staff: logins of those who record", Action::ReadRecords, Some(Redaction::Logins)),
    ("staff: absences and scores", Action::ReadStaff, None),
    ("staff: the access log and reveals", Action::ReadAccessLog, None),
    ("identity, special: names and notes, and the search for people", Action::OpenIdentity, None),
    ("identity: who a person is, for a limited time and with a reason", Action::RevealIdentity, None),
    ("identity, special: everything about a person, as an archive for them", Action::ExportSubject, None),
    ("special: files of evidence", Action::OpenEvidence, None),
];

/// Of which cases or contracts a role sees something.
fn seen(role: Role, action: Action, hidden_by: Option<Redaction>) -> String {
    let principal = Principal { subject: String::new(), role, scope: Scope::Deployment };
    let sees = |relation: &Relation| {
        let allow = policy(&principal, action, *relation);
        allow.is_ok_and(|allow| hidden_by.is_none_or(|redaction| !allow.redacts(redaction)))
    };
    let relations: Vec<&str> = Relation::ALL.iter().filter(|one| sees(one)).map(|one| one.as_str()).collect();
    match Relation::ALL.len() - relations.len() {
        // What needs no case and no contract has no relation to one.
        0 => "the whole deployment".to_owned(),
        1 => "all in scope".to_owned(),
        _ => relations.join(", "),
    }
}

/// The rows of a holder: one for each class.
fn rows(page: &mut String, holder: &Holder) {
    let mut by_class: BTreeMap<PrivacyClass, Vec<String>> = BTreeMap::new();
    for (class, field) in holder.fields {
        by_class.entry(*class).or_default().push(format!("`{field}`"));
    }
    if by_class.is_empty() {
        line(page, format_args!("| {} | | no fields |", holder.name));
    }
    for (class, fields) in by_class {
        line(page, format_args!("| {} | {} | {} |", holder.name, class.as_str(), fields.join(" ")));
    }
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(page, "{text}").expect("a text takes everything");
}
