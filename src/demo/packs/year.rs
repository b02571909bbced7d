//! The whole year of a pack: its staff, its contract and its cases, and when claims are submitted, decided and paid.

use chrono::{DateTime, Months, NaiveDate, Utc};

use super::super::claims::{Act, Deal};
use super::super::days::{Moment, after};
use super::super::dice::Dice;
use super::super::documented::journey;
use super::super::story::{Item, Story};
use super::super::telling::Case;
use super::calendar::Days;
use super::case::{CaseFile, Service};
use super::contacts::Channels;
use super::course::Course;
use super::staff::Roster;
use super::{Pack, Population};
use chrono_tz::Tz;
use throughline_domain::contract::Rulebook;
use throughline_domain::contract::rulebook::CodeList;
use throughline_domain::contract::rulebook::packs::pack as shipped;
use throughline_domain::fact::envelope::JourneyId;
use throughline_domain::fact::event::SubjectKind;

/// The months after which claims are submitted, counted from 0.
const SUBMITTED_AFTER: [u32; 4] = [3, 6, 9, 12];

/// A year of a pack, ready to be recorded.
#[derive(Debug)]
pub(crate) struct PackYear {
    /// Every command, in the order of recording.
    pub(crate) story: Story,
    /// When claims are submitted, decided and paid, in order.
    pub(crate) acts: Vec<Act>,
    /// The last day of the story.
    pub(crate) last_day: NaiveDate,
    /// When the clock continues.
    pub(crate) continues_at: DateTime<Utc>,
    /// The time zone of the contract.
    pub(crate) zone: Tz,
    /// The login of the first worker.
    pub(crate) login: String,
    /// A case that the first worker holds at the end of the story.
    pub(crate) case: (String, JourneyId),
}

impl PackYear {
    /// The year of a pack for this seed.
    pub(crate) fn of(pack: &'static Pack, seed: u64) -> Self {
        let text = shipped(pack.code).expect("the demo names packs that ship").text;
        let rulebook = Rulebook::parse(text).expect("a pack that ships can be read");
        let days = Days::of(&rulebook, pack.months);
        let (roster, channels) = (Roster::of(pack, &days), Channels::of(&rulebook));
        let service = Service { pack, rulebook: &rulebook, days: &days, channels: &channels };
        let mut items = vec![service.opening(text)];
        items.extend(roster.items(pack, &days, &Dice::of(seed, 1)));
        items.extend(service.targets());
        items.extend(service.account(&Dice::of(seed, 2)));
        let (cases, case) = service.cases(&roster, seed);
        items.extend(cases);
        items.sort_by_key(|item| item.recorded_at);
        Self {
            story: Story { items },
            acts: acts(&days),
            last_day: days.last,
            continues_at: days.continues_at(),
            zone: days.zone,
            login: roster.first_login().to_owned(),
            case,
        }
    }
}

/// When claims are submitted, decided and paid: a batch after each quarter, as far as the story goes.
fn acts(days: &Days) -> Vec<Act> {
    let mut acts = Vec::new();
    for (batch, months) in (1..).zip(SUBMITTED_AFTER) {
        let from = days.first + Months::new(months);
        for (deal, wait) in [(Deal::Submit, 10), (Deal::Decide, 28), (Deal::Pay, 45)] {
            let on = days.working(after(from, wait));
            if on <= days.last {
                acts.push(Act { at: Moment::at(on, 10).instant_in(days.zone), on, batch, deal });
            }
        }
    }
    acts.sort_by_key(|act| act.at);
    acts
}

/// A case before it has a number.
struct Drawn {
    course: Course,
    area: usize,
}

impl<'a> Service<'a> {
    /// The commands of all cases, and the number and id of one that the first worker holds at the end.
    fn cases(self, roster: &Roster, seed: u64) -> (Vec<Item>, (String, JourneyId)) {
        let areas = self.areas();
        let mut drawn = Vec::new();
        for (part, population) in (10..).zip(self.pack.populations) {
            let dice = Dice::of(seed, part);
            drawn.extend(
                (0..population.cases).map(|number| self.draw(population, (number, areas.len()), roster, &dice)),
            );
        }
        drawn.sort_by_key(|drawn| drawn.course.received_on);
        let numbers = self.numbers(&drawn, &Dice::of(seed, 3));
        let (mut items, mut open) = (Vec::new(), None);
        let dice = Dice::of(seed, 4);
        for (Drawn { course, area }, case) in drawn.iter().zip(numbers) {
            let is_held = course.exit.is_none() && course.keyworker(self.days.last) == Some(0);
            if is_held && open.is_none() {
                open = Some((case.reference.clone(), journey(&case.reference)));
            }
            let file = CaseFile {
                case,
                area: areas[*area],
                cohort: self.cohort(course.received_on),
                course,
                team: roster.team(*area),
            };
            items.extend(self.record(&file, &dice));
        }
        (items, open.expect("the first worker holds cases at the end of every story"))
    }

    /// One case of a population. Sites are spread over the areas; people come from any of them.
    fn draw(
        self,
        population: &'static Population,
        (number, areas): (u32, usize),
        roster: &Roster,
        dice: &Dice,
    ) -> Drawn {
        let number = usize::try_from(number).expect("a number of cases");
        let (first, days) = (self.days.first, self.days);
        let received_on = days.later(first, population.arrives, dice).min(days.last);
        let all: Vec<usize> = (0..areas).collect();
        let area = if population.subject == SubjectKind::Site { number % areas } else { *dice.pick(&all) };
        let mut course = Course::of(self.pack, population, received_on, days, dice);
        course.staff(&roster.team(area), days, dice);
        Drawn { course, area }
    }

    /// The cohort of a day, where the rulebook has cohorts: they follow each other over the story.
    fn cohort(self, on: NaiveDate) -> Option<&'a str> {
        let cohorts = self.rulebook.codes.listed(CodeList::Cohorts)?;
        cohorts.get(self.days.part_of(on, cohorts.len())).map(String::as_str)
    }

    /// The case numbers, counted by year in the order of the referrals. Some people are referred again.
    fn numbers(self, drawn: &[Drawn], dice: &Dice) -> Vec<Case> {
        let (mut year, mut number) = (0, 0);
        let mut cases: Vec<Case> = Vec::new();
        let mut free: Vec<usize> = Vec::new();
        for (at, Drawn { course, .. }) in drawn.iter().enumerate() {
            if Days::year(course.received_on) != year {
                (year, number) = (Days::year(course.received_on), 0);
            }
            number += 1;
            let mut case = Case::new(format!("{}-{year}-{number:04}", self.pack.letters));
            let has_left = |earlier: &usize| {
                let earlier = &drawn[*earlier].course;
                let is_same_kind = earlier.population.subject == course.population.subject;
                is_same_kind && earlier.left_on().is_some_and(|on| after(on, 21) < course.received_on)
            };
            if course.population.subject != SubjectKind::Site && dice.permille(60) {
                let back = free.iter().position(has_left);
                if let Some(earlier) = back.map(|back| free.remove(back)) {
                    case = Case { subject: cases[earlier].subject, registers: false, ..case };
                }
            }
            free.push(at);
            cases.push(case);
        }
        cases
    }
}
