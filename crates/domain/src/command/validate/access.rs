//! Checks the values of each fact about access to the deployment.
//!
//! Pure. It never reads another fact.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};

use super::{CODE_MAX, NAME_MAX, Validator};
use crate::fact::envelope::Occurred;
use crate::fact::event::{ApiKeyIssued, EVERY_CONTRACT, Event, RoleGranted};

/// The most contracts or areas of one grant or key.
const CODES_MAX: usize = 200;
/// The most days for which a key for a machine may be issued: two years.
const KEY_DAYS_MAX: u64 = 731;

impl Validator {
    /// Checks the values of a fact about access.
    pub(crate) fn of_access(&mut self, occurred: Occurred, fact: &Event) {
        match fact {
            Event::RoleGranted(granted) => self.grant(occurred, granted),
            Event::RoleRevoked(revoked) => self.reason(&revoked.reason),
            Event::SessionsRevoked(revoked) => {
                self.text("login", &revoked.login, NAME_MAX);
                self.reason(&revoked.reason);
            }
            Event::ApiKeyIssued(issued) => self.api_key(occurred, issued),
            Event::ApiKeyRevoked(revoked) => self.reason(&revoked.reason),
            _ => {}
        }
    }

    fn grant(&mut self, occurred: Occurred, granted: &RoleGranted) {
        self.text("login", &granted.login, NAME_MAX);
        if let Some(issuer) = &granted.issuer
            && self.text("issuer", issuer, NAME_MAX)
            && !(issuer.starts_with("https://") || issuer.starts_with("http://"))
        {
            self.invalid(
                "issuer",
                "this is not the URL of an issuer: write it as in the file of issuers, or leave it out",
            );
        }
        self.scope(&granted.contracts, &granted.areas);
        if !granted.areas.is_empty() && !granted.role.may_be_limited_to_areas() {
            self.invalid("areas", "this role cannot be limited to areas: leave the areas out");
        }
        self.until(occurred, granted.until);
    }

    fn api_key(&mut self, occurred: Occurred, issued: &ApiKeyIssued) {
        self.plain("label", &issued.label, CODE_MAX);
        self.sha256("digest", &issued.digest);
        self.scope(&issued.contracts, &issued.areas);
        self.end_of_key(occurred, issued.expires_on, "expires_on");
        if let Some(until) = issued.replaced_until {
            self.end_of_key(occurred, until, "old_until");
        }
        if issued.replaces.is_some() != issued.replaced_until.is_some() {
            self.invalid("old_until", "a key that replaces another says until when the other is accepted: give both");
        }
    }

    fn end_of_key(&mut self, occurred: Occurred, end: NaiveDate, path: &str) {
        let day = occurred.earliest();
        let latest = day.checked_add_days(Days::new(KEY_DAYS_MAX)).unwrap_or(NaiveDate::MAX);
        if end <= day || end > latest {
            self.invalid(path, format!("{end} is out of range: use a date after {day}, up to {latest}"));
        }
    }

    /// Checks contracts and areas: at least one contract, each once, and areas only of named contracts.
    fn scope(&mut self, contracts: &[String], areas: &[String]) {
        if contracts.is_empty() {
            self.missing("contracts", "no contract is named: name contracts by code, or use * for every contract");
        }
        self.codes("contracts", contracts);
        self.codes("areas", areas);
        let every = contracts.iter().any(|code| code == EVERY_CONTRACT);
        if every && contracts.len() > 1 {
            self.invalid("contracts", "* stands for every contract: leave the others out");
        }
        if every && !areas.is_empty() {
            self.invalid("areas", "areas belong to named contracts: name the contracts, or leave the areas out");
        }
    }

    fn codes(&mut self, field: &str, codes: &[String]) {
        self.at_most(field, codes.len(), CODES_MAX);
        let mut named = BTreeSet::new();
        for (index, code) in codes.iter().take(CODES_MAX).enumerate() {
            let path = format!("{field}.{index}");
            if self.plain(path.as_str(), code, CODE_MAX) && !named.insert(code) {
                self.invalid(path.as_str(), "this code appears twice: name it once");
            }
        }
    }
}
