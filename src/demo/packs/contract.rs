//! What is recorded about the contract of a pack: its opening, targets, measures, commentary, reports and actions.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::super::days::{MORNING, Moment, after};
use super::super::dice::Dice;
use super::super::opening::{EARLY, item};
use super::super::story::{Item, NAMES};
use super::calendar::Days;
use super::case::Service;
use super::{Amount, Every, Recorded};
use throughline_domain::command::Command;
use throughline_domain::command::contracts::OpenContract;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::fact::envelope::{ActionId, Occurred, StreamId};
use throughline_domain::fact::event::{
    ActionAgreed, ActionCompleted, CommentaryRecorded, ContractOpened, Event, MeasureRecorded, Party, Period, Quantity,
    ReportSubmitted, TargetSeries, TargetsPublished,
};

/// The targets of each profile, in percent of those of the first. Further profiles have those of the last.
const PROFILES: [u32; 4] = [100, 110, 90, 75];
/// The profile of a contract whose rulebook names none.
const PROFILE: &str = "contract";

impl<'a> Service<'a> {
    /// The areas in which cases arise: all but the one that stands for sources that name no area.
    pub(super) fn areas(self) -> Vec<&'a str> {
        let stands_in = self.rulebook.default_area.as_deref();
        let listed = self.rulebook.codes.listed(CodeList::Areas).into_iter().flatten().map(String::as_str);
        listed.filter(|area| Some(*area) != stands_in).collect()
    }

    /// The opening of the contract.
    pub(super) fn opening(self, text: &str) -> Item {
        let [commissioner, provider] = self.pack.parties;
        let party = |name: &str, role: &str| Party { name: name.to_owned(), role: Some(role.to_owned()) };
        let fact = ContractOpened {
            code: self.pack.code.to_owned(),
            name: self.rulebook.title.clone(),
            parties: vec![party(commissioner, "commissioner"), party(provider, "provider")],
            starts_on: self.days.first,
            ends_on: None,
        };
        let when = Occurred::on(self.days.first).into();
        let command = Command::OpenContract(OpenContract { when, fact, rulebook: text.to_owned() });
        let at = Moment::at(self.days.first, EARLY).instant_in(self.days.zone);
        item(at, &format!("opening of {}", self.pack.code), command)
    }

    /// The targets of every profile, by month and area.
    pub(super) fn targets(self) -> Vec<Item> {
        let named = self.rulebook.profiles.iter().map(String::as_str);
        let profiles: Vec<&str> = if self.rulebook.profiles.is_empty() { vec![PROFILE] } else { named.collect() };
        let of_profile = |(at, profile): (usize, &str)| {
            let percent = PROFILES[at.min(PROFILES.len() - 1)];
            let published = TargetsPublished { profile: profile.to_owned(), series: self.series(percent) };
            let stream = StreamId::contract(self.pack.code);
            let command = Command::record_fact(stream, Occurred::on(self.days.first), published);
            let at = Moment::at(self.days.first, MORNING).instant_in(self.days.zone);
            item(at, &format!("targets of {} ({profile})", self.pack.code), command)
        };
        profiles.into_iter().enumerate().map(of_profile).collect()
    }

    /// The series of a profile whose targets are so many percent of those of the first.
    fn series(self, percent: u32) -> Vec<TargetSeries> {
        let months = self.days.periods(Every::Month);
        let mut series = Vec::new();
        for area in self.areas() {
            for (measure, tenths) in self.pack.targets {
                let target = Quantity(Decimal::new((tenths * percent).into(), 3));
                series.push(TargetSeries {
                    measure: (*measure).to_owned(),
                    area: Some(area.to_owned()),
                    cohort: None,
                    months: months.iter().map(|month| (month.first, target)).collect(),
                    years: [].into(),
                    ratio: None,
                });
            }
        }
        series
    }

    /// The measures, commentary, reports and actions of the contract.
    pub(super) fn account(self, dice: &Dice) -> Vec<Item> {
        let mut account = Account { service: self, items: Vec::new() };
        for recorded in self.pack.recorded {
            account.measures(recorded, dice);
        }
        account.remarks();
        account.reports(dice);
        account.actions(dice);
        account.items
    }
}

/// What is recorded about a contract so far.
struct Account<'a> {
    service: Service<'a>,
    items: Vec<Item>,
}

impl Account<'_> {
    /// Adds a fact, recorded on a day that may be later than its own. Nothing is recorded after the story.
    fn state(&mut self, (occurred_on, recorded_on): (NaiveDate, NaiveDate), fact: impl Into<Event>) {
        let Service { pack, days, .. } = self.service;
        let stream = StreamId::contract(pack.code);
        let command = Command::record_fact(stream, Occurred::on(occurred_on), fact);
        let at = Moment::at(recorded_on.min(days.last), MORNING).instant_in(days.zone);
        let manager = self.service.caller("manager");
        self.items.push(Item::new(at, manager, &format!("fact {} of {}", self.items.len(), pack.code), command));
    }

    fn measures(&mut self, recorded: &Recorded, dice: &Dice) {
        let Service { days, .. } = self.service;
        for period in days.periods(recorded.every) {
            let value = match recorded.amount {
                Amount::Between(least, most) => dice.from(least..=most),
                Amount::Days => Days::count(period),
            };
            let fact = MeasureRecorded {
                code: recorded.code.to_owned(),
                value: Quantity(value.into()),
                unit: None,
                period: Some(period),
            };
            let returned_on = days.working(after(period.last, dice.from(2..=6)));
            self.state((period.last, returned_on), fact);
        }
    }

    /// A remark on each quarter.
    fn remarks(&mut self) {
        let Service { pack, days, .. } = self.service;
        for (period, (section, text)) in days.periods(Every::Quarter).into_iter().zip(pack.remarks.iter().cycle()) {
            let fact = CommentaryRecorded {
                report: pack.report.to_owned(),
                period,
                section: (*section).to_owned(),
                text: (*text).to_owned(),
            };
            let on = days.working(after(period.last, 5)).min(days.last);
            self.state((on, on), fact);
        }
    }

    /// The reports that are due within the story, each on the quarter before. Some are late.
    fn reports(&mut self, dice: &Dice) {
        let Service { pack, rulebook, days, .. } = self.service;
        let quarters = days.periods(Every::Quarter);
        for due_on in rulebook.reports.due.iter().filter(|due_on| **due_on <= days.last) {
            let over = |period: &&Period| period.last < *due_on;
            let Some(period) = quarters.iter().rev().find(over) else { continue };
            let sent_on = if dice.permille(300) { after(*due_on, dice.from(1..=6)) } else { *due_on };
            let sent_on = days.working(sent_on);
            if sent_on <= days.last {
                let fact = ReportSubmitted { report: pack.report.to_owned(), period: *period };
                self.state((sent_on, sent_on), fact);
            }
        }
    }

    /// The actions, one agreed each quarter. The last is not done yet.
    fn actions(&mut self, dice: &Dice) {
        let Service { pack, days, .. } = self.service;
        let quarters = days.periods(Every::Quarter).into_iter();
        for (number, ((text, owner), period)) in pack.actions.iter().zip(quarters).enumerate() {
            let name = format!("action {number} of {}", pack.code);
            let action = ActionId(Uuid::new_v5(&NAMES, name.as_bytes()));
            let agreed_on = days.working(after(period.first, 40));
            let agreed = ActionAgreed {
                action,
                notice: None,
                text: (*text).to_owned(),
                owner: Some((*owner).to_owned()),
                due_on: Some(days.working(after(agreed_on, 28))),
            };
            self.state((agreed_on, agreed_on), agreed);
            let done_on = days.later(agreed_on, (14, 40), dice);
            if number + 1 < pack.actions.len() && done_on <= days.last {
                self.state((done_on, done_on), ActionCompleted { action });
            }
        }
    }
}
