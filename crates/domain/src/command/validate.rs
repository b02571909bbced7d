//! Checks the values of a fact: dates, codes, lengths, and personal data that must not be stored unsealed.
//!
//! Pure. Each value is checked on its own, and all values at once, so that a form can show every problem beside its
//! field. Whether facts can be true together is checked by the rules of each kind of stream.

mod access;
mod batch;
mod contract;
mod facts;
mod imports;
mod offer;
mod people;
mod sealing;

use chrono::{Datelike, NaiveDate};

use crate::contract::Contract;
use crate::contract::rulebook::{CodeList, Rulebook};
use crate::fact::envelope::{Occurred, Source};
use crate::fact::event::{Event, EventType};
use crate::fact::path::Place;
use crate::fact::personal::{self, Personal};
use crate::fact::refusal::{Refusal, RefusalCode};
use crate::fact::text;

/// The rules that apply to a fact.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    /// The contract whose rulebook applies.
    pub(crate) contract: &'a Contract,
    /// The day that chooses the version of the rulebook.
    pub(crate) on: NaiveDate,
}

impl<'a> Rules<'a> {
    fn in_force(self) -> Option<&'a Rulebook> {
        self.contract.rulebook_in_force(self.on).map(|rulebook| &**rulebook)
    }
}

/// The longest code, role, login or name of another system, in characters.
const CODE_MAX: usize = 64;
/// The longest name, reference or destination, in characters.
const NAME_MAX: usize = 200;
/// The longest reason, in characters.
pub(crate) const REASON_MAX: usize = 200;
/// The earliest year of a fact.
const FIRST_YEAR: i32 = 1900;
/// The latest year of any date, including appointments that lie ahead.
const LAST_YEAR: i32 = 9999;

/// Collects the problems with the values of one command.
pub(crate) struct Validator {
    today: NaiveDate,
    refusals: Vec<Refusal>,
}

impl Validator {
    pub(crate) const fn new(today: NaiveDate) -> Self {
        Self { today, refusals: Vec::new() }
    }

    /// Returns the problems found, if there are any.
    pub(crate) fn done(self) -> Result<(), Vec<Refusal>> {
        if self.refusals.is_empty() { Ok(()) } else { Err(self.refusals) }
    }

    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        self.refusals.push(refusal);
    }

    /// Checks the date of a fact: in range and not in the future.
    pub(crate) fn occurred(&mut self, occurred: Occurred) {
        self.past(occurred.earliest(), "occurred_on");
    }

    /// Checks a day that must be today or earlier.
    fn past(&mut self, day: NaiveDate, path: impl Place) {
        if day > self.today {
            let message = format!("{day} is after today, {}: use a date up to today", self.today);
            let rule = "a fact cannot be dated in the future";
            self.refuse(Refusal::new(RefusalCode::DatedInFuture, message).at(path).by(rule));
        } else {
            self.date(day, path);
        }
    }

    /// Checks that the year of a date is in range.
    pub(crate) fn date(&mut self, day: NaiveDate, path: impl Place) {
        if !(FIRST_YEAR..=LAST_YEAR).contains(&day.year()) {
            self.invalid(path, format!("{day} is out of range: use a date from {FIRST_YEAR} to {LAST_YEAR}"));
        }
    }

    pub(crate) fn invalid(&mut self, path: impl Place, message: impl Into<String>) {
        self.refuse(Refusal::new(RefusalCode::InvalidValue, message).at(path));
    }

    /// Refuses a required value that is missing.
    pub(crate) fn missing(&mut self, path: impl Place, message: &str) {
        self.refuse(Refusal::new(RefusalCode::MissingValue, message).at(path));
    }

    /// Checks a code against one of the rulebook's lists, in the version that was in force on the date of the fact.
    fn code(&mut self, path: impl Place, code: &str, list: CodeList, rules: Rules<'_>) {
        if !self.text(path, code, CODE_MAX) {
            return;
        }
        let Some(rulebook) = rules.in_force() else { return };
        let checked = rulebook.codes.check(list, code);
        if rulebook.codes.listed(list).is_none() || checked.is_err() {
            // A listed code may look like personal data. One that is not listed is neither stored nor repeated if it
            // does.
            if !self.impersonal(path, personal::found_in(code)) {
                return;
            }
        }
        if let Err(listed) = checked {
            let remedy = if listed.is_empty() { "leave it out" } else { "use one of the allowed codes" };
            let message = format!("the rulebook {} does not list the code \"{code}\": {remedy}", rulebook.version);
            let rule = format!("codes.{}", list.key());
            self.refuse(Refusal::new(RefusalCode::UnknownCode, message).at(path).by(rule).allowing(listed));
        }
    }

    /// Checks a text: not empty, not too long, only characters that can be shown. Returns whether it passes.
    pub(crate) fn text(&mut self, path: impl Place, text: &str, max: usize) -> bool {
        let length = text.chars().count();
        if text.trim().is_empty() {
            self.missing(path, "this text is empty: enter some text");
        } else if length > max {
            self.too_long(path, format!("the text has {length} characters: use at most {max}"));
        } else if let Some(fault) = text::fault(text) {
            self.invalid(path, fault);
        } else if text.trim() != text {
            self.invalid(path, "the text starts or ends with a space: remove it");
        } else {
            return true;
        }
        false
    }

    /// Checks a text that must not hold personal data. Returns whether it passes.
    pub(crate) fn plain(&mut self, path: impl Place, text: &str, max: usize) -> bool {
        self.text(path, text, max) && self.impersonal(path, personal::found_in(text))
    }

    /// Checks the case number of another system, which is a pseudonym.
    fn reference(&mut self, path: impl Place, text: &str) {
        if self.text(path, text, NAME_MAX) {
            self.impersonal(path, personal::found_in_reference(text));
        }
    }

    fn impersonal(&mut self, path: impl Place, found: Option<Personal>) -> bool {
        if let Some(personal) = found {
            let message = format!("this looks like {}: remove it, this field is stored unsealed", personal.as_str());
            let rule = "personal data is never stored unsealed";
            self.refuse(Refusal::new(RefusalCode::PersonalData, message).at(path).by(rule));
        }
        found.is_none()
    }

    pub(crate) fn too_long(&mut self, path: impl Place, message: String) {
        self.refuse(Refusal::new(RefusalCode::InputTooLong, message).at(path));
    }

    /// Checks the length of a list. Returns whether it passes.
    pub(crate) fn at_most(&mut self, path: impl Place, count: usize, max: usize) -> bool {
        if count > max {
            self.too_long(path, format!("the list has {count} entries: use at most {max}"));
        }
        count <= max
    }

    /// Checks the reason of a correction or retraction.
    pub(crate) fn reason(&mut self, reason: &str) {
        self.plain("reason", reason, REASON_MAX);
    }

    /// Checks the label that boards print for a worker, and the login in the worker's tokens.
    pub(crate) fn worker(&mut self, label: &str, login: Option<&str>) {
        self.plain("label", label, CODE_MAX);
        if let Some(login) = login {
            self.text("login", login, NAME_MAX);
        }
    }

    /// Checks the code of a contract, which is part of URLs.
    pub(crate) fn contract_code(&mut self, path: impl Place, code: &str) {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.text(path, code, CODE_MAX) && !code.chars().all(is_plain) {
            self.invalid(path, "a contract's code is part of URLs: use only lower-case letters, digits and hyphens");
        }
    }

    /// Checks the name of an organisation or contract.
    pub(crate) fn name(&mut self, path: impl Place, name: &str) {
        self.plain(path, name, NAME_MAX);
    }

    /// Checks the digest of a file.
    fn sha256(&mut self, path: impl Place, digest: &str) {
        let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if digest.len() != 64 || !digest.bytes().all(is_hex) {
            self.invalid(path, "this is not a SHA-256 digest: give the file's SHA-256 as 64 hexadecimal digits");
        }
    }

    /// Checks the source that a fact came from.
    fn source(&mut self, source: &Source) {
        self.plain("source.system", &source.system, CODE_MAX);
        if let Some(record_id) = &source.record_id {
            self.reference("source.record_id", record_id);
        }
        if let Some(digest) = &source.file_digest {
            self.sha256("source.file_digest", digest);
        }
        if source.row == Some(0) {
            self.invalid("source.row", "rows are counted from 1: give the number of the row");
        }
    }
}

/// Refuses a source whose record id looks like personal data, or whose other values are not valid.
pub fn check_source(source: &Source) -> Result<(), Vec<Refusal>> {
    let mut validator = Validator::new(NaiveDate::MAX);
    validator.source(source);
    validator.done()
}

/// Refuses a fact with a number that is out of range or that cannot be stored exactly. Also used for facts imported as
/// they were recorded elsewhere. The payload of a correction is checked as each type of fact with numbers that it could
/// replace.
pub fn check_numbers(event: &Event) -> Result<(), Vec<Refusal>> {
    let mut validator = Validator::new(NaiveDate::MAX);
    let with_numbers =
        [EventType::SpellStarted, EventType::SpellChanged, EventType::MeasureRecorded, EventType::AssessmentScored];
    match event {
        Event::FactCorrected(correction) => {
            let replacements = with_numbers.into_iter().filter_map(|of| correction.replacement(of).ok());
            replacements.take(1).for_each(|replacement| validator.numbers(&replacement));
        }
        _ => validator.numbers(event),
    }
    validator.done()
}
