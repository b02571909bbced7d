//! The date that a command gives to its fact: a date of its own, or the day on which the command is decided.
//!
//! Pure. Which day it is depends on the time zone of the contract. Only the decision knows both, so nothing else turns
//! today into a date.

use chrono::{NaiveDate, NaiveTime};

use crate::fact::envelope::{Occurred, Precision};

/// The date of a fact, as a command gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The day on which the command is decided, in the time zone of its contract.
    Today {
        /// How exactly the date is known.
        precision: Precision,
        /// The time of that day, if known.
        local_time: Option<NaiveTime>,
    },
    /// This date.
    On(Occurred),
}

impl When {
    /// Today, without a time.
    pub const TODAY: Self = Self::Today { precision: Precision::Day, local_time: None };

    /// The date of the fact, if the command is decided on this day.
    pub fn decided_on(self, today: NaiveDate) -> Occurred {
        match self {
            Self::Today { precision, local_time } => Occurred::within(today, precision).at(local_time),
            Self::On(occurred) => occurred,
        }
    }
}

impl From<Occurred> for When {
    fn from(occurred: Occurred) -> Self {
        Self::On(occurred)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{AssignMany, Atomic, Command};
    use crate::fact::envelope::StreamId;
    use crate::fact::event::{Event, ReferralAccepted, SubjectKind};
    use crate::fact::refusal::RefusalCode as Code;
    use crate::world::{ANN, JOURNEY, World, accepted, closed, day, given, keyworker, on, plan, referral, state, when};

    fn today(fact: impl Into<Event>) -> Command {
        Command::record_fact(StreamId::journey(JOURNEY), When::TODAY, fact)
    }

    /// The dates of the events that a command gives.
    fn dates(story: &World, command: &Command) -> Vec<Occurred> {
        let events = story.decide(command).unwrap_or_else(|refusals| panic!("refused: {refusals:#?}"));
        events.iter().map(|event| event.occurred).collect()
    }

    #[test]
    fn a_fact_without_a_date_is_dated_on_the_day_of_the_decision() {
        let command = today(plan());
        accepted().on_day("2018-02-20").when(&command).then([on("2018-02-20", plan())]);
        accepted().on_day("2018-02-21").when(&command).then([on("2018-02-21", plan())]);
    }

    #[test]
    fn a_date_that_is_given_does_not_depend_on_the_day_of_the_decision() {
        assert_eq!(When::from(when("2018-02")).decided_on(day("2018-03-01")), when("2018-02"));
    }

    #[test]
    fn today_may_have_a_time_or_be_known_only_to_the_month_or_year() {
        let decided_on = |precision, local_time| When::Today { precision, local_time }.decided_on(day("2018-02-20"));
        let half_past_nine = NaiveTime::from_hms_opt(9, 30, 0);
        assert_eq!(When::TODAY.decided_on(day("2018-02-20")), when("2018-02-20"));
        assert_eq!(decided_on(Precision::Day, half_past_nine), when("2018-02-20 09:30"));
        assert_eq!(decided_on(Precision::Month, None), when("2018-02"));
        assert_eq!(decided_on(Precision::Year, None), when("2018"));
        assert_eq!(decided_on(Precision::Month, half_past_nine), when("2018-02"), "a time needs a day");
    }

    #[test]
    fn the_rules_judge_the_date_of_the_decision() {
        let story = || accepted().and(&state("2018-02-20", closed()));
        story().on_day("2018-02-19").when(today(plan())).accepted();
        story().on_day("2018-02-21").when(today(plan())).refused(Code::JourneyClosed);
        let early = given([on("2018-01-10", referral())]).on_day("2018-01-09");
        early.when(today(ReferralAccepted {})).refused(Code::BeforeReferral);
    }

    #[test]
    fn a_referral_without_a_date_registers_its_subject_on_the_same_day() {
        let Command::ReceiveReferral(mut command) = state("2018-01-10", referral()) else { panic!("a referral") };
        command.when = When::TODAY;
        command.register = Some(SubjectKind::Person);
        command.fact.subject.0 = uuid::Uuid::from_u128(0x29);
        let command = Command::ReceiveReferral(command);
        assert_eq!(dates(&given([]).on_day("2018-02-20"), &command), [when("2018-02-20"), when("2018-02-20")]);
    }

    #[test]
    fn commands_recorded_together_have_one_today() {
        let stream = StreamId::journey(JOURNEY);
        let commands = vec![today(ReferralAccepted {}), today(plan())];
        let command = Command::Atomic(Atomic { stream, commands });
        let story = given([on("2018-01-10", referral())]).on_day("2018-02-20");
        assert_eq!(dates(&story, &command), [when("2018-02-20"), when("2018-02-20")]);
    }

    #[test]
    fn each_case_that_is_assigned_without_a_date_is_assigned_today() {
        let assign = AssignMany { journeys: vec![JOURNEY], when: When::TODAY, fact: keyworker(ANN) };
        let command = Command::AssignMany(assign);
        let single = command.of_each_stream().into_iter().next().expect("one case").into_owned();
        assert_eq!(single, today(keyworker(ANN)));
        assert_eq!(dates(&accepted().on_day("2018-02-20"), &single), [when("2018-02-20")]);
    }
}
