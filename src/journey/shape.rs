//! The shape of what is stated: dates, codes, lengths and what must never be written in the clear.
//!
//! Pure. Each value is judged for itself, all of them at once, so that a form can show every remark beside its field.
//! Whether facts can be true together is not asked here: that is the ground's business.

use chrono::{Datelike, NaiveDate};

use crate::contract::Contract;
use crate::contract::rulebook::CodeList;
use crate::journey::event::{
    Attribute, ContactLogged, Disengaged, Event, JourneyClosed, Quantity, ReferralReceived, Referrer, SpellStarted,
    WorkerAssigned,
};
use crate::journey::personal::{self, Personal};
use crate::journey::refusal::{Refusal, RefusalCode};
use crate::log::envelope::{Occurred, Source};

/// The longest code, role, login or name of another system, in characters.
const CODE_MAX: usize = 64;
/// The longest name, reference or destination, in characters.
const NAME_MAX: usize = 200;
/// The longest reason, in characters.
pub(crate) const REASON_MAX: usize = 200;
/// The most case numbers of other systems that a referral carries.
const REFERENCES_MAX: usize = 20;
/// The most attributes that a spell carries.
const ATTRIBUTES_MAX: usize = 32;
/// The most minutes that a contact takes: a day.
const MINUTES_MAX: u32 = 24 * 60;
/// The most hours of a week.
const HOURS_MAX: i64 = 24 * 7;
/// The most digits of a quantity that JSON carries without loss.
const QUANTITY_DIGITS: u32 = 15;
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

    fn past(&mut self, day: NaiveDate, path: &str) {
        if day > self.today {
            let message = format!("{day} is after today, {}: record it when it is so", self.today);
            let rule = "domain §4: nothing is dated in the future";
            self.refuse(Refusal::new(RefusalCode::DatedInFuture, message).at(path).by(rule));
        } else {
            self.date(day, path);
        }
    }

    /// Any date: of a year that can be meant.
    pub(crate) fn date(&mut self, day: NaiveDate, path: &str) {
        if !(FIRST_YEAR..=LAST_YEAR).contains(&day.year()) {
            self.invalid(path, format!("{day} cannot be meant: write a date from {FIRST_YEAR} to {LAST_YEAR}"));
        }
    }

    pub(crate) fn invalid(&mut self, path: &str, message: impl Into<String>) {
        self.refuse(Refusal::new(RefusalCode::InvalidValue, message).at(path));
    }

    /// A code of one of the rulebook's lists, in the rulebook that was in force on the fact's own date.
    fn code(&mut self, path: &str, code: &str, list: CodeList, (contract, on): (&Contract, NaiveDate)) {
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
            let message = format!("the rulebook {} does not list the code {code:?}: {remedy}", rulebook.version);
            let rule = format!("codes.{}", list.key());
            self.refuse(Refusal::new(RefusalCode::UnknownCode, message).at(path).by(rule).allowing(listed));
        }
    }

    /// Words: there, not too long, of characters that can be shown. Says whether they are.
    pub(crate) fn text(&mut self, path: &str, text: &str, max: usize) -> bool {
        let length = text.chars().count();
        if text.trim().is_empty() {
            self.refuse(Refusal::new(RefusalCode::MissingValue, "there are no words here: write some").at(path));
        } else if length > max {
            self.too_long(path, format!("{length} characters are too many: write at most {max}"));
        } else if text.chars().any(is_unshowable) {
            self.invalid(path, "the text holds characters that cannot be shown: leave them out");
        } else if text.trim() != text {
            self.invalid(path, "the text begins or ends with a space: leave it out");
        } else {
            return true;
        }
        false
    }

    /// Words in which nothing personal belongs. Says whether they may stand.
    pub(crate) fn plain(&mut self, path: &str, text: &str, max: usize) -> bool {
        self.text(path, text, max) && self.impersonal(path, personal::found_in(text))
    }

    /// The case number of another system: a pseudonym.
    fn reference(&mut self, path: &str, text: &str) {
        if self.text(path, text, NAME_MAX) {
            self.impersonal(path, personal::found_in_reference(text));
        }
    }

    fn impersonal(&mut self, path: &str, found: Option<Personal>) -> bool {
        if let Some(personal) = found {
            let message = format!("this looks like {}: leave it out, it is never kept in the clear", personal.as_str());
            let rule = "domain §3: nothing personal is written in the clear";
            self.refuse(Refusal::new(RefusalCode::PersonalData, message).at(path).by(rule));
        }
        found.is_none()
    }

    pub(crate) fn too_long(&mut self, path: &str, message: String) {
        self.refuse(Refusal::new(RefusalCode::InputTooLong, message).at(path));
    }

    pub(crate) fn at_most(&mut self, path: &str, count: usize, max: usize) {
        if count > max {
            self.too_long(path, format!("{count} entries are too many: give at most {max}"));
        }
    }

    /// Why something is corrected or retracted.
    pub(crate) fn reason(&mut self, reason: &str) {
        self.plain("reason", reason, REASON_MAX);
    }

    /// A fact of a journey: its date and its whole payload.
    pub(crate) fn fact(&mut self, occurred: Occurred, event: &Event, contract: &Contract) {
        self.occurred(occurred);
        let rules = (contract, occurred.earliest());
        match event {
            Event::ReferralReceived(referral) => self.referral(referral, rules),
            Event::ReferralDeclined(declined) => self.code("reason", &declined.reason, CodeList::CloseReasons, rules),
            Event::WorkerAssigned(WorkerAssigned { role, .. }) => {
                self.plain("role", role, CODE_MAX);
            }
            Event::ContactLogged(logged) => self.contact(logged, rules),
            Event::PlanAgreed(plan) => self.code("kind", &plan.kind, CodeList::PlanKinds, rules),
            Event::SpellStarted(start) => self.spell(start, rules),
            Event::SpellEnded(end) => self.optional("reason", end.reason.as_deref()),
            Event::Disengaged(mark) => self.disengagement(mark, occurred, rules),
            Event::JourneyClosed(close) => self.close(close, rules),
            _ => {}
        }
    }

    fn optional(&mut self, path: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.plain(path, text, NAME_MAX);
        }
    }

    fn referral(&mut self, referral: &ReferralReceived, rules: (&Contract, NaiveDate)) {
        self.code("area", &referral.area, CodeList::Areas, rules);
        if let Some(cohort) = &referral.cohort {
            self.code("cohort", cohort, CodeList::Cohorts, rules);
        }
        if let Some(Referrer { organisation, kind }) = &referral.referrer {
            self.optional("referrer.organisation", organisation.as_deref());
            if let Some(kind) = kind {
                self.code("referrer.kind", kind, CodeList::ReferrerKinds, rules);
            }
        }
        self.at_most("external_references", referral.external_references.len(), REFERENCES_MAX);
        for (index, reference) in referral.external_references.iter().take(REFERENCES_MAX).enumerate() {
            self.plain(&format!("external_references.{index}.system"), &reference.system, CODE_MAX);
            self.reference(&format!("external_references.{index}.id"), &reference.id);
        }
    }

    fn contact(&mut self, contact: &ContactLogged, rules: (&Contract, NaiveDate)) {
        self.code("channel", &contact.channel, CodeList::ContactChannels, rules);
        if contact.minutes.is_some_and(|minutes| minutes > MINUTES_MAX) {
            self.invalid("minutes", format!("a contact takes at most a day: write up to {MINUTES_MAX} minutes"));
        }
        if let Some(day) = contact.scheduled_on {
            self.date(day, "scheduled_on");
        }
    }

    fn spell(&mut self, start: &SpellStarted, rules: (&Contract, NaiveDate)) {
        self.code("domain", &start.domain, CodeList::SpellDomains, rules);
        self.optional("employer_ref", start.employer_ref.as_deref());
        if let Some(hours) = start.hours_per_week {
            if hours.0 < 0.into() || hours.0 > HOURS_MAX.into() {
                self.invalid("hours_per_week", format!("a week has {HOURS_MAX} hours: write 0 to {HOURS_MAX}"));
            } else {
                self.quantity("hours_per_week", hours);
            }
        }
        self.at_most("attributes", start.attributes.len(), ATTRIBUTES_MAX);
        for (name, value) in start.attributes.iter().take(ATTRIBUTES_MAX) {
            if !self.plain("attributes", name, CODE_MAX) {
                continue;
            }
            let path = format!("attributes.{name}");
            match value {
                Attribute::Text(text) => {
                    self.plain(&path, text, NAME_MAX);
                }
                Attribute::Quantity(quantity) => self.quantity(&path, *quantity),
                Attribute::Flag(_) => {}
            }
        }
    }

    fn quantity(&mut self, path: &str, quantity: Quantity) {
        if quantity.0.normalize().mantissa().unsigned_abs() >= 10_u128.pow(QUANTITY_DIGITS) {
            self.too_long(path, format!("the number has too many digits: write at most {QUANTITY_DIGITS}"));
        }
    }

    fn disengagement(&mut self, mark: &Disengaged, occurred: Occurred, rules: (&Contract, NaiveDate)) {
        self.code("reason", &mark.reason, CodeList::DisengageReasons, rules);
        let Some(seen) = mark.last_seen_on else { return };
        self.past(seen, "last_seen_on");
        if seen <= self.today && seen > occurred.latest() {
            let message = "they were seen after they disengaged: date the disengagement on or after that day";
            self.invalid("last_seen_on", message);
        }
    }

    fn close(&mut self, close: &JourneyClosed, rules: (&Contract, NaiveDate)) {
        self.code("reason", &close.reason, CodeList::CloseReasons, rules);
        self.optional("destination", close.destination.as_deref());
    }

    /// What boards print for a worker, and the login in tokens.
    pub(crate) fn worker(&mut self, label: &str, login: Option<&str>) {
        self.plain("label", label, CODE_MAX);
        if let Some(login) = login {
            self.text("login", login, NAME_MAX);
        }
    }

    /// The code of a contract, which stands in URLs.
    pub(crate) fn contract_code(&mut self, path: &str, code: &str) {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.text(path, code, CODE_MAX) && !code.chars().all(is_plain) {
            self.invalid(path, "a contract's code stands in URLs: write lower-case letters, digits and hyphens");
        }
    }

    /// The name of an organisation or contract.
    pub(crate) fn name(&mut self, path: &str, name: &str) {
        self.plain(path, name, NAME_MAX);
    }

    /// Where a fact came from.
    fn source(&mut self, source: &Source) {
        self.plain("source.system", &source.system, CODE_MAX);
        if let Some(record_id) = &source.record_id {
            self.reference("source.record_id", record_id);
        }
        if let Some(digest) = &source.file_digest {
            let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
            if digest.len() != 64 || !digest.bytes().all(is_hex) {
                self.invalid("source.file_digest", "write the file's SHA-256 in 64 lower-case hexadecimal digits");
            }
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

/// Whether a character would hide, reorder or break what is shown: controls, line ends, marks of direction, and what
/// has no width.
fn is_unshowable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
