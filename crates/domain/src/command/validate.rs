//! The shape of what is stated: dates, codes, lengths and what must never be written in the clear.
//!
//! Pure. Each value is judged for itself, all of them at once, so that a form can show every remark beside its field.
//! Whether facts can be true together is not asked here: that is the ground's business.

mod batch;
mod contract;
mod facts;
mod people;

use chrono::{Datelike, NaiveDate};

use crate::contract::Contract;
use crate::contract::rulebook::CodeList;
use crate::fact::envelope::{Occurred, Source};
use crate::fact::event::{Event, EventType};
use crate::fact::path::Place;
use crate::fact::personal::{self, Personal};
use crate::fact::refusal::{Refusal, RefusalCode};
use crate::fact::text;

/// The contract whose words are used, and the day whose rulebook lists them.
pub(crate) type Rules<'a> = (&'a Contract, NaiveDate);

/// The longest code, role, login or name of another system, in characters.
const CODE_MAX: usize = 64;
/// The longest name, reference or destination, in characters.
const NAME_MAX: usize = 200;
/// The longest reason, in characters.
pub(crate) const REASON_MAX: usize = 200;
/// The first year in which a fact of ours can have been so.
const FIRST_YEAR: i32 = 1900;
/// The last year of any date, also of an appointment to come.
const LAST_YEAR: i32 = 9999;

/// Collects what is wrong with the values of one command.
pub(crate) struct Shape {
    today: NaiveDate,
    refusals: Vec<Refusal>,
}

impl Shape {
    pub(crate) const fn new(today: NaiveDate) -> Self {
        Self { today, refusals: Vec::new() }
    }

    /// What was found wrong, if anything was.
    pub(crate) fn done(self) -> Result<(), Vec<Refusal>> {
        if self.refusals.is_empty() { Ok(()) } else { Err(self.refusals) }
    }

    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        self.refusals.push(refusal);
    }

    /// A fact's own date: not in the future, and of our time.
    pub(crate) fn occurred(&mut self, occurred: Occurred) {
        self.past(occurred.earliest(), "occurred_on");
    }

    /// A day that is over, or today.
    fn past(&mut self, day: NaiveDate, path: impl Place) {
        if day > self.today {
            let message = format!("{day} is after today, {}: record it when it is so", self.today);
            let rule = "domain §4: nothing is dated in the future";
            self.refuse(Refusal::new(RefusalCode::DatedInFuture, message).at(path).by(rule));
        } else {
            self.date(day, path);
        }
    }

    /// Any date: of a year that can be meant.
    pub(crate) fn date(&mut self, day: NaiveDate, path: impl Place) {
        if !(FIRST_YEAR..=LAST_YEAR).contains(&day.year()) {
            self.invalid(path, format!("{day} cannot be meant: write a date from {FIRST_YEAR} to {LAST_YEAR}"));
        }
    }

    pub(crate) fn invalid(&mut self, path: impl Place, message: impl Into<String>) {
        self.refuse(Refusal::new(RefusalCode::InvalidValue, message).at(path));
    }

    /// Something that is asked for and not there.
    pub(crate) fn missing(&mut self, path: impl Place, message: &str) {
        self.refuse(Refusal::new(RefusalCode::MissingValue, message).at(path));
    }

    /// A code of one of the rulebook's lists, in the rulebook that was in force on the fact's own date.
    fn code(&mut self, path: impl Place, code: &str, list: CodeList, (contract, on): Rules<'_>) {
        if !self.text(path, code, CODE_MAX) {
            return;
        }
        let Some(rulebook) = contract.rulebook_in_force(on) else { return };
        let checked = rulebook.codes.check(list, code);
        if rulebook.codes.listed(list).is_none() || checked.is_err() {
            // What is listed may look like anything; what is not is neither kept nor repeated if it looks personal.
            if !self.impersonal(path, personal::found_in(code)) {
                return;
            }
        }
        if let Err(listed) = checked {
            let remedy = if listed.is_empty() { "leave it out" } else { "use one of those allowed" };
            let message = format!("the rulebook {} does not list the code \"{code}\": {remedy}", rulebook.version);
            let rule = format!("codes.{}", list.key());
            self.refuse(Refusal::new(RefusalCode::UnknownCode, message).at(path).by(rule).allowing(listed));
        }
    }

    /// Words: there, not too long, of characters that can be shown. Says whether they are.
    pub(crate) fn text(&mut self, path: impl Place, text: &str, max: usize) -> bool {
        let length = text.chars().count();
        if text.trim().is_empty() {
            self.missing(path, "there are no words here: write some");
        } else if length > max {
            self.too_long(path, format!("{length} characters are too many: write at most {max}"));
        } else if let Some(fault) = text::fault(text) {
            self.invalid(path, fault);
        } else if text.trim() != text {
            self.invalid(path, "the text begins or ends with a space: leave it out");
        } else {
            return true;
        }
        false
    }

    /// Words in which nothing personal belongs. Says whether they may stand.
    pub(crate) fn plain(&mut self, path: impl Place, text: &str, max: usize) -> bool {
        self.text(path, text, max) && self.impersonal(path, personal::found_in(text))
    }

    /// The case number of another system: a pseudonym.
    fn reference(&mut self, path: impl Place, text: &str) {
        if self.text(path, text, NAME_MAX) {
            self.impersonal(path, personal::found_in_reference(text));
        }
    }

    fn impersonal(&mut self, path: impl Place, found: Option<Personal>) -> bool {
        if let Some(personal) = found {
            let message = format!("this looks like {}: leave it out, it is never kept in the clear", personal.as_str());
            let rule = "domain §3: nothing personal is written in the clear";
            self.refuse(Refusal::new(RefusalCode::PersonalData, message).at(path).by(rule));
        }
        found.is_none()
    }

    pub(crate) fn too_long(&mut self, path: impl Place, message: String) {
        self.refuse(Refusal::new(RefusalCode::InputTooLong, message).at(path));
    }

    /// A list that is not too long. Says whether it is not.
    pub(crate) fn at_most(&mut self, path: impl Place, count: usize, max: usize) -> bool {
        if count > max {
            self.too_long(path, format!("{count} entries are too many: give at most {max}"));
        }
        count <= max
    }

    /// Why something is corrected or retracted.
    pub(crate) fn reason(&mut self, reason: &str) {
        self.plain("reason", reason, REASON_MAX);
    }

    /// What boards print for a worker, and the login in tokens.
    pub(crate) fn worker(&mut self, label: &str, login: Option<&str>) {
        self.plain("label", label, CODE_MAX);
        if let Some(login) = login {
            self.text("login", login, NAME_MAX);
        }
    }

    /// The code of a contract, which stands in URLs.
    pub(crate) fn contract_code(&mut self, path: impl Place, code: &str) {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.text(path, code, CODE_MAX) && !code.chars().all(is_plain) {
            self.invalid(path, "a contract's code stands in URLs: write lower-case letters, digits and hyphens");
        }
    }

    /// The name of an organisation or contract.
    pub(crate) fn name(&mut self, path: impl Place, name: &str) {
        self.plain(path, name, NAME_MAX);
    }

    /// The digest of a file.
    fn sha256(&mut self, path: impl Place, digest: &str) {
        let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if digest.len() != 64 || !digest.bytes().all(is_hex) {
            self.invalid(path, "write the file's SHA-256 in 64 hexadecimal digits");
        }
    }

    /// Where a fact came from.
    fn source(&mut self, source: &Source) {
        self.plain("source.system", &source.system, CODE_MAX);
        if let Some(record_id) = &source.record_id {
            self.reference("source.record_id", record_id);
        }
        if let Some(digest) = &source.file_digest {
            self.sha256("source.file_digest", digest);
        }
        if source.row == Some(0) {
            self.invalid("source.row", "rows are counted from 1: write the row's own number");
        }
    }
}

/// Refuses a source whose record id is personal or whose parts cannot be.
pub fn check_source(source: &Source) -> Result<(), Vec<Refusal>> {
    let mut shape = Shape::new(NaiveDate::MAX);
    shape.source(source);
    shape.done()
}

/// Refuses a fact with a number that cannot be kept exactly or cannot be meant, also where it is taken as it was recorded
/// elsewhere. A correction is looked at as each of the facts with numbers that it can replace.
pub fn check_numbers(event: &Event) -> Result<(), Vec<Refusal>> {
    let mut shape = Shape::new(NaiveDate::MAX);
    let with_numbers =
        [EventType::SpellStarted, EventType::SpellChanged, EventType::MeasureRecorded, EventType::AssessmentScored];
    match event {
        Event::FactCorrected(correction) => {
            let replacements = with_numbers.into_iter().filter_map(|of| correction.replacement(of).ok());
            replacements.take(1).for_each(|replacement| shape.numbers(&replacement));
        }
        _ => shape.numbers(event),
    }
    shape.done()
}
