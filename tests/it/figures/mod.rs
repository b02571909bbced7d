//! Figures of measures, end to end on both stores: printed tables, the facts behind every figure, and the edges.

mod attributes;
mod edges;
mod leagues;
mod members;
mod outcomes;
mod printed;
mod quarterly;
mod small_counts;
mod supply;
mod values;
mod workforce;

use futures_util::future::join_all;
use serde_json::{Value, json};
use throughline::access::Principal;
use throughline_domain::command::{Atomic, Command};
use throughline_domain::fact::envelope::{JourneyId, Occurred, StreamId, SubjectId};
use throughline_domain::fact::event::{Event, ReferralReceived, SubjectKind};
use throughline_domain::world;
use uuid::Uuid;

use crate::app::{Answer, TestApp};
use crate::stores::Fresh;

/// The most commands that are sent at once.
const AT_ONCE: usize = 100;

/// The n-th case of a test.
fn journey(n: u32) -> JourneyId {
    JourneyId(Uuid::from_u128(0x1_0000_0000 + u128::from(n)))
}

/// The referral of the n-th case, of a person of its own.
fn referral(n: u32, area: &str) -> ReferralReceived {
    let subject = SubjectId(Uuid::from_u128(0x2_0000_0000 + u128::from(n)));
    ReferralReceived { subject, area: area.to_owned(), ..world::referral() }
}

/// The command that records the n-th case with these facts: all of them, or none.
fn case(
    contract: &str,
    n: u32,
    (received, fact): (Occurred, ReferralReceived),
    facts: impl IntoIterator<Item = (Occurred, Event)>,
) -> Command {
    let stream = StreamId::journey(journey(n));
    let refer = world::refer(journey(n), contract, received, Some(SubjectKind::Person), fact);
    let others = facts.into_iter().map(|(on, fact)| Command::record_fact(stream, on, fact));
    Command::Atomic(Atomic { stream, commands: std::iter::once(refer).chain(others).collect() })
}

/// Records commands about different cases, many at once.
async fn record_all(fresh: &Fresh, commands: Vec<Command>) {
    let mut commands = commands.into_iter();
    loop {
        let some: Vec<_> = commands.by_ref().take(AT_ONCE).map(|command| fresh.record(command)).collect();
        if some.is_empty() {
            return;
        }
        for done in join_all(some).await {
            done.unwrap_or_else(|refusals| panic!("refused: {refusals:#?}"));
        }
    }
}

/// Who asks for the figures of which contract.
struct Asker<'a> {
    app: &'a TestApp,
    who: Principal,
    contract: &'a str,
}

impl Asker<'_> {
    /// The document that asks for figures: the arguments of the question, and the fields of each row.
    fn document(&self, arguments: &str, fields: &str) -> String {
        format!(
            "query($at: ContractAt) {{ contract(code: \"{}\", at: $at) {{ performance({arguments}) {{ \
             figures {{ measure {{ code }} rows {{ {fields} }} }} }} }} }}",
            self.contract
        )
    }

    /// The figures of today.
    async fn figures(&self, arguments: &str, fields: &str) -> Value {
        self.figures_at(&json!({}), arguments, fields).await
    }

    /// The figures at a point in time.
    async fn figures_at(&self, at: &Value, arguments: &str, fields: &str) -> Value {
        let document = self.document(arguments, fields);
        let data = self.app.ask_as_known(&self.who, &document, json!({ "at": at })).await;
        data["contract"]["performance"]["figures"].clone()
    }

    /// The answer, whatever comes of it.
    async fn answer(&self, arguments: &str, fields: &str) -> Answer {
        self.app.answer(&self.who, &self.document(arguments, fields), json!({ "at": {} })).await
    }
}

/// A list of an answer.
fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

/// The rows of a measure.
fn rows<'v>(figures: &'v Value, measure: &str) -> &'v [Value] {
    let of_measure = list(figures).iter().find(|one| one["measure"]["code"] == measure);
    list(&of_measure.unwrap_or_else(|| panic!("no {measure}: {figures}"))["rows"])
}

/// The row of a measure for a member of the first dimension, such as an area.
fn row<'v>(figures: &'v Value, measure: &str, code: &str) -> &'v Value {
    let found = rows(figures, measure).iter().find(|row| row["group"][0]["code"] == code);
    found.unwrap_or_else(|| panic!("no row of {measure} for {code}: {figures}"))
}
