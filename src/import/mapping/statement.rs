//! What a row states: for each of its records the facts, with the values that the source says and no others.
//!
//! Pure. A value that the source says nothing about, because the file lacks its column, is left out of the comparison
//! with what was recorded.

use std::collections::BTreeMap;

use chrono::NaiveTime;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::facts::{FactKind, Field, FieldKind};
use super::value::{date, day_after, flag, number, time};
use super::{
    AttributeKind, Conditions, FactTerms, FieldTerms, Mapping, Origin, Owner, Part, RecordTerms, Source, Spot, Template,
};
use crate::cloud_event::LineError;
use crate::import::read::Cell;
use throughline_domain::command::is_keyworker;
use throughline_domain::fact::envelope::{
    JourneyId, Occurred, OfferId, OfferKey, Precision, StreamId, SubjectId, WorkerId,
};
use throughline_domain::fact::event::{Event, EventType, KEYWORKER, Quantity};

/// The UUID namespace of every id that an import by mapping makes.
const IDS: Uuid = Uuid::from_u128(0x5a2f_0c4e_91d7_5b3a_9e66_41c0_7fd2_8b15);
/// The most characters of an id of a record.
const ID_MAX: usize = 200;

/// What a row of a table holds, and the rows that it joins.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'a> {
    pub(crate) own: &'a [Cell],
    /// The row of each joined table. `None` if there is none with the key.
    pub(crate) joined: &'a [Option<&'a [Cell]>],
}

/// The ids of one source in one contract. Every id of an import is derived from them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ids<'a> {
    pub(crate) system: &'a str,
    /// The system whose case and worker numbers are used.
    pub(crate) numbers: &'a str,
    pub(crate) contract: &'a str,
    /// The key of the login that imports: the partner of offered referrals.
    pub(crate) partner: &'a str,
}

impl Ids<'_> {
    /// An id of something of the source in the contract.
    pub(crate) fn id(&self, of: &str, which: &[&str]) -> Uuid {
        self.within(self.system, of, which)
    }

    fn within(&self, system: &str, of: &str, which: &[&str]) -> Uuid {
        let name = serde_json::to_vec(&(system, self.contract, of, which)).expect("texts are JSON");
        Uuid::new_v5(&IDS, &name)
    }

    /// A spell, task, risk or appointment with this number.
    fn item(&self, number: &str) -> Uuid {
        self.within(self.numbers, "item", &[number])
    }

    /// The case with this number.
    pub(crate) fn journey(&self, case: &str) -> JourneyId {
        JourneyId(self.within(self.numbers, "case", &[case]))
    }

    /// The subject with this number.
    pub(crate) fn subject(&self, number: &str) -> SubjectId {
        SubjectId(self.within(self.numbers, "subject", &[number]))
    }

    /// The offered referral with this number.
    fn offer(&self, number: &str) -> OfferId {
        let Ids { contract, partner, numbers: source, .. } = *self;
        OfferId::of(OfferKey { contract, partner, source, record: number })
    }

    /// A worker belongs to no contract: every contract of the source knows the same one.
    fn worker(&self, number: &str) -> WorkerId {
        let name = serde_json::to_vec(&(self.numbers, "worker", number)).expect("texts are JSON");
        WorkerId(Uuid::new_v5(&IDS, &name))
    }
}

/// A record as a row states it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    /// The id of the record in the source.
    pub(crate) record: String,
    /// The columns of that id.
    pub(crate) identified_by: String,
    /// The stream of its facts.
    pub(crate) stream: StreamId,
    /// The number of the case, if it is a case's.
    pub(crate) case: Option<String>,
    /// Whether several rows hold the record, and the earliest date counts.
    pub(crate) is_earliest: bool,
    pub(crate) facts: Vec<StatedFact>,
    /// The types of facts that the file says nothing about.
    pub(crate) unsaid: Vec<EventType>,
}

/// A fact as a row states it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StatedFact {
    pub(crate) occurred: Occurred,
    pub(crate) event: Event,
    /// The places in the payload that the source says something about, and the columns that say it.
    pub(crate) said: BTreeMap<Vec<String>, String>,
    /// The column of the date.
    pub(crate) dated_by: String,
    /// Whether the source says the time of day.
    pub(crate) is_timed: bool,
}

impl StatedFact {
    pub(crate) const fn event_type(&self) -> EventType {
        self.event.event_type()
    }

    /// The column that a place of the payload, written with dots, came from.
    pub(crate) fn column(&self, path: &str) -> Option<&str> {
        if path == "occurred_on" || path.is_empty() {
            return Some(&self.dated_by);
        }
        let path = path.strip_prefix("payload.").unwrap_or(path);
        let is = |said: &[String]| said.join(".") == path || said.first().is_some_and(|first| first == path);
        self.said.iter().find(|(said, _)| is(said)).map(|(_, column)| column.as_str())
    }
}

impl Statement {
    /// What identifies the content of the record: its case or worker, and its facts.
    pub(crate) fn content(&self) -> Vec<u8> {
        let fact = |fact: &StatedFact| {
            let occurred = fact.occurred;
            let payload: Value = serde_json::from_str(fact.event.payload().get()).expect("a payload is JSON");
            json!([
                fact.event_type().as_str(),
                occurred.earliest(),
                occurred.precision(),
                occurred.local_time(),
                payload,
                fact.said.keys().collect::<Vec<_>>()
            ])
        };
        let facts: Vec<Value> = self.facts.iter().map(fact).collect();
        serde_json::to_vec(&json!([self.stream.to_string(), facts])).expect("facts are JSON")
    }
}

/// The records of a row that can be read, and why the others cannot, each with the id of the record if that is known.
pub(crate) type Stated = Vec<Result<Statement, (Option<String>, LineError)>>;

impl Mapping {
    /// What a row of this table states.
    pub(crate) fn statements(&self, table: usize, cells: Cells<'_>, ids: Ids<'_>) -> Stated {
        let records = self.records.iter().filter(|record| record.table == table);
        records.filter_map(|record| Reader { mapping: self, cells, ids }.statement(record).transpose()).collect()
    }
}

struct Reader<'a> {
    mapping: &'a Mapping,
    cells: Cells<'a>,
    ids: Ids<'a>,
}

/// A value of a source.
enum Said {
    /// The file lacks its column.
    Nothing,
    /// It is empty, or says that nothing is known.
    Empty,
    Text(String),
}

impl Reader<'_> {
    fn statement(&self, of: &RecordTerms) -> Result<Option<Statement>, (Option<String>, LineError)> {
        let record = self.template(&of.id).map_err(|error| (None, error))?;
        if !self.holds(&of.conditions) {
            return Ok(None);
        }
        let record = match record {
            Said::Text(record) if record.chars().count() <= ID_MAX => record,
            Said::Text(_) => {
                return Err((
                    None,
                    LineError::line(format!("the id of the record is longer than {ID_MAX} characters: shorten it")),
                ));
            }
            Said::Empty | Said::Nothing => return Err((None, empty(&of.id.columns(), "the id of the record"))),
        };
        self.facts(of, record.clone()).map(Some).map_err(|error| (Some(record), error))
    }

    fn facts(&self, of: &RecordTerms, record: String) -> Result<Statement, LineError> {
        let (owner, what) = match &of.owner {
            Owner::Case(number) => (number, "the number of the case"),
            Owner::Worker(number) => (number, "the number of the worker"),
            Owner::Offer(number) => (number, "the number of the offered referral"),
        };
        let Said::Text(number) = self.template(owner)? else { return Err(self.unowned(owner, what)) };
        let (stream, case) = match of.owner {
            Owner::Case(_) => (StreamId::journey(self.ids.journey(&number)), Some(number.as_str())),
            Owner::Worker(_) => (StreamId::worker(self.ids.worker(&number)), None),
            Owner::Offer(_) => (StreamId::offer(self.ids.offer(&number)), None),
        };
        let (mut facts, mut unsaid) = (Vec::new(), Vec::new());
        // A record that was never so states nothing, so that everything it stated before is retracted.
        let is_purged = !of.purged.is_empty() && of.purged.iter().all(|one| self.is_met(one));
        let stated: &[FactTerms] = if is_purged { &[] } else { &of.facts };
        for (at, terms) in stated.iter().enumerate() {
            if !self.holds(&terms.conditions) {
                continue;
            }
            match self.dated(terms)? {
                Dated::On(occurred) => {
                    let number = if matches!(of.owner, Owner::Offer(_)) { &number } else { &record };
                    facts.push(self.fact(terms, occurred, number, case)?);
                }
                Dated::Never if at == 0 => return Err(empty(&terms.on.columns(), "the date")),
                Dated::Never => {}
                Dated::Unsaid => unsaid.push(terms.kind.event),
            }
        }
        let identified_by = of.id.columns();
        Ok(Statement {
            record,
            identified_by,
            stream,
            case: case.map(str::to_owned),
            is_earliest: of.is_earliest,
            facts,
            unsaid,
        })
    }

    fn dated(&self, terms: &FactTerms) -> Result<Dated, LineError> {
        let text = match self.text(&terms.on)? {
            Said::Nothing => return Ok(Dated::Unsaid),
            Said::Empty => return Ok(Dated::Never),
            Said::Text(text) => text,
        };
        let occurred = self.date(&terms.on, &text)?;
        let Some(source) = &terms.time else { return Ok(Dated::On(occurred)) };
        Ok(Dated::On(match self.text(source)? {
            Said::Text(text) => occurred.at(Some(time_of(source, &text)?)),
            Said::Empty | Said::Nothing => occurred,
        }))
    }

    fn fact(
        &self,
        terms: &FactTerms,
        occurred: Occurred,
        record: &str,
        case: Option<&str>,
    ) -> Result<StatedFact, LineError> {
        let mut payload = Payload::default();
        for (field, terms) in &terms.fields {
            match terms {
                FieldTerms::One(source) => {
                    let path: Vec<String> = field.path.split('.').map(str::to_owned).collect();
                    let value = self.field(field.kind, source)?;
                    payload.say(path, source, value);
                }
                FieldTerms::Named(named) => {
                    for (name, source) in named {
                        let value = self.field(of_name(field.kind, source.kind), source)?;
                        payload.say(vec![field.path.to_owned(), name.clone()], source, value);
                    }
                }
            }
        }
        self.complete(terms.kind, &mut payload, record, case);
        let event = payload.event(terms.kind, &terms.on)?;
        let (dated_by, is_timed) = (terms.on.columns(), terms.time.is_some());
        Ok(StatedFact { occurred, event, said: payload.said, dated_by, is_timed })
    }

    /// Adds what follows from the record: the ids of its own items, and of its case.
    fn complete(&self, kind: &'static FactKind, payload: &mut Payload, record: &str, case: Option<&str>) {
        let is_said = |payload: &Payload, field: &Field| payload.object.contains_key(field.path);
        for field in kind.fields.iter().filter(|field| field.follows_the_record(kind.event)) {
            if is_said(payload, field) {
                continue;
            }
            let id = match field.kind {
                FieldKind::Subject => self.ids.subject(case.unwrap_or(record)).0,
                _ => self.ids.item(record),
            };
            payload.object.insert(field.path.to_owned(), json!(id));
        }
        if kind.event == EventType::ReferralOffered {
            let Ids { partner, numbers, .. } = self.ids;
            let subject = self.ids.offer(record).subject();
            let own = json!({ "partner": partner, "source": numbers, "record": record, "subject": subject });
            payload.object.extend(own.as_object().cloned().unwrap_or_default());
            // A row that names no area says nothing about it: the area of the import stays.
            if !payload.object.contains_key("area") {
                payload.object.insert("area".to_owned(), json!(""));
                payload.said.remove(["area".to_owned()].as_slice());
            }
        }
        if kind.event == EventType::ReferralReceived
            && let Some(case) = case
        {
            let references = json!([{ "system": self.ids.numbers, "id": case }]);
            payload.object.insert("external_references".to_owned(), references);
            // A row that names no area says nothing about it: the area of the import stays.
            if !payload.object.contains_key("area") {
                payload.said.remove(["area".to_owned()].as_slice());
            }
        }
    }

    /// The value of a field. `None` if the file says nothing about it.
    fn field(&self, kind: FieldKind, source: &Source) -> Result<Option<Value>, LineError> {
        let text = match self.text(source)? {
            Said::Nothing => return Ok(None),
            Said::Empty => return Ok(Some(Value::Null)),
            Said::Text(text) => text,
        };
        let wrong = |message: &str| LineError::at(source.columns(), message);
        Ok(Some(match kind {
            FieldKind::Text => json!(text),
            FieldKind::Role => json!(if is_keyworker(&text) { KEYWORKER } else { text.as_str() }),
            FieldKind::Word(words) if words.contains(&text.as_str()) => json!(text),
            FieldKind::Word(words) => {
                let message = format!("not one of {}: translate it with `codes` in the mapping", words.join(", "));
                return Err(wrong(&message));
            }
            FieldKind::Number => {
                let number = number(&text)
                    .ok_or_else(|| wrong("not a number: write it in plain digits, or list it under `absent`"))?;
                serde_json::to_value(Quantity(number))
                    .map_err(|_| wrong("a number with too many digits: use at most 15"))?
            }
            FieldKind::Whole => {
                let whole = text
                    .parse::<u32>()
                    .map_err(|_| wrong("not a whole number: write it in plain digits, or list it under `absent`"))?;
                json!(whole)
            }
            FieldKind::Flag => {
                json!(flag(&text).ok_or_else(|| wrong("not yes or no: translate it with `codes` in the mapping"))?)
            }
            FieldKind::Date => {
                let occurred = self.date(source, &text)?;
                if occurred.precision() != Precision::Day {
                    return Err(wrong("only the month or year is given: this date needs a day"));
                }
                json!(occurred.earliest())
            }
            FieldKind::Time => json!(time_of(source, &text)?),
            FieldKind::Worker => json!(self.ids.worker(&text)),
            FieldKind::Subject => json!(self.ids.subject(&text)),
            FieldKind::Item => json!(self.ids.item(&text)),
            FieldKind::Attributes | FieldKind::Numbers | FieldKind::Flags => {
                unreachable!("the check allows only named values here")
            }
        }))
    }

    fn date(&self, source: &Source, text: &str) -> Result<Occurred, LineError> {
        let forms = source.dates.as_deref().unwrap_or(&self.mapping.dates);
        let wrong = |message: &str| LineError::at(source.columns(), message);
        let occurred = date(text, forms).ok_or_else(|| {
            wrong(
                "not a date in a form of the mapping, or no day of the calendar: write a day as 2018-01-31, or add its \
                 form to `dates`",
            )
        })?;
        if source.is_last_day {
            day_after(occurred).ok_or_else(|| wrong("out of range: use a date up to 9999"))
        } else {
            Ok(occurred)
        }
    }

    /// The text of a value, translated.
    fn text(&self, source: &Source) -> Result<Said, LineError> {
        let said = match &source.origin {
            Origin::Constant(text) => return Ok(Said::Text(text.clone())),
            Origin::Column(spot, column) => self.cell(*spot, column)?,
            Origin::Template(template) => self.template(template)?,
        };
        let default = || source.default.clone().map_or(Said::Empty, Said::Text);
        let text = match said {
            Said::Text(text) if !source.absent.contains(&text) => text,
            Said::Nothing => return Ok(Said::Nothing),
            Said::Text(_) | Said::Empty => return Ok(default()),
        };
        let Some(codes) = &source.codes else { return Ok(Said::Text(text)) };
        match (codes.get(&text), &source.default) {
            // A code that becomes nothing says that nothing is known.
            (Some(code), _) if code.is_empty() => Ok(Said::Empty),
            (Some(code), _) => Ok(Said::Text(code.clone())),
            (None, Some(_)) => Ok(default()),
            (None, None) => Err(LineError::at(
                source.columns(),
                "a code that the mapping does not know: add it to `codes`, or give a default",
            )),
        }
    }

    /// The text of a template. It is empty if one of its columns is.
    fn template(&self, of: &Template) -> Result<Said, LineError> {
        let mut text = String::new();
        for part in &of.0 {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Column(spot, column) => match self.cell(*spot, column)? {
                    Said::Text(value) => text.push_str(&value),
                    other => return Ok(other),
                },
            }
        }
        Ok(Said::Text(text))
    }

    /// The error of a record that does not say to whom it belongs.
    fn unowned(&self, owner: &Template, what: &str) -> LineError {
        let has_row = |join: usize| self.cells.joined.get(join).copied().flatten().is_some();
        let is_alone = |part: &Part| matches!(part, Part::Column(Spot::Joined { join, .. }, _) if !has_row(*join));
        if owner.0.iter().any(is_alone) {
            let message = format!(
                "no row of the other table has this key, so {what} is not known: add that row, or correct the key"
            );
            return LineError::at(owner.columns(), message);
        }
        empty(&owner.columns(), what)
    }

    fn cell(&self, spot: Spot, column: &str) -> Result<Said, LineError> {
        let cell = match spot {
            Spot::Own(at) => self.cells.own.get(at),
            Spot::Joined { join, column: at } => match self.cells.joined.get(join).copied().flatten() {
                Some(row) => row.get(at),
                None => return Ok(Said::Empty),
            },
        };
        match cell {
            None | Some(Cell::Absent) => Ok(Said::Nothing),
            Some(Cell::Text(text)) if text.is_empty() || self.mapping.absent.contains(text) => Ok(Said::Empty),
            Some(Cell::Text(text)) => Ok(Said::Text(text.clone())),
            Some(Cell::Repeated(times)) => Err(LineError::at(
                column,
                match spot {
                    Spot::Own(_) => format!("it is there {times} times: make it a table of its own in the mapping"),
                    Spot::Joined { .. } => "several rows of the other table have this key: keep one of them".to_owned(),
                },
            )),
        }
    }

    /// Whether a row fulfils the conditions.
    fn holds(&self, conditions: &Conditions) -> bool {
        conditions.when.iter().all(|one| self.is_met(one)) && !conditions.unless.iter().any(|one| self.is_met(one))
    }

    fn is_met(&self, condition: &super::Condition) -> bool {
        let cell = match condition.spot {
            Spot::Own(at) => self.cells.own.get(at),
            Spot::Joined { join, column } => {
                self.cells.joined.get(join).copied().flatten().and_then(|row| row.get(column))
            }
        };
        let text = match cell {
            Some(Cell::Text(text)) => text.as_str(),
            _ => "",
        };
        condition.texts.iter().any(|wanted| wanted == text)
    }
}

/// Whether a fact has a date.
enum Dated {
    On(Occurred),
    Never,
    /// The file lacks the column of the date.
    Unsaid,
}

/// What a named value of a field is.
const fn of_name(kind: FieldKind, attribute: AttributeKind) -> FieldKind {
    match (kind, attribute) {
        (FieldKind::Numbers, _) | (_, AttributeKind::Number) => FieldKind::Number,
        (FieldKind::Flags, _) | (_, AttributeKind::Flag) => FieldKind::Flag,
        _ => FieldKind::Text,
    }
}

fn empty(columns: &str, what: &str) -> LineError {
    LineError::at(columns, format!("empty: {what} is needed"))
}

/// A payload in the making.
#[derive(Default)]
struct Payload {
    object: Map<String, Value>,
    said: BTreeMap<Vec<String>, String>,
}

impl Payload {
    fn say(&mut self, path: Vec<String>, source: &Source, value: Option<Value>) {
        let Some(value) = value else { return };
        if !value.is_null() {
            let mut object = &mut self.object;
            let (last, outer) = path.split_last().expect("a path has a name");
            for name in outer {
                let inner = object.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(inner) = inner else { return };
                object = inner;
            }
            object.insert(last.clone(), value);
        }
        self.said.insert(path, source.columns());
    }

    fn event(&self, kind: &FactKind, on: &Source) -> Result<Event, LineError> {
        for field in kind.fields.iter().filter(|field| field.is_needed) {
            if !self.object.contains_key(field.path) {
                let column = self.said.get(&vec![field.path.to_owned()]);
                let column = column.cloned().unwrap_or_else(|| on.columns());
                return Err(LineError::at(column, format!("empty: {} of {} is needed", field.name, kind.name)));
            }
        }
        let mut object = self.object.clone();
        if kind.event == EventType::ReferralReceived {
            // The area that the import gives is filled in later.
            object.entry("area").or_insert_with(|| Value::String(String::new()));
        }
        let payload = Value::Object(object).to_string();
        let version = kind.event.schema_version();
        Event::decode(kind.event.as_str(), version, &payload)
            .map_err(|error| LineError::at(on.columns(), format!("the row gives no valid {}: {error}", kind.name)))
    }
}

impl Template {
    /// The columns that it names.
    fn columns(&self) -> String {
        let columns = self.0.iter().filter_map(|part| match part {
            Part::Column(_, column) => Some(column.as_str()),
            Part::Text(_) => None,
        });
        columns.collect::<Vec<_>>().join(", ")
    }
}

impl Source {
    /// The columns that it names, for messages.
    fn columns(&self) -> String {
        match &self.origin {
            Origin::Column(_, column) => column.clone(),
            Origin::Constant(_) => "the mapping".to_owned(),
            Origin::Template(template) => template.columns(),
        }
    }
}

/// The time of day that a text says.
fn time_of(source: &Source, text: &str) -> Result<NaiveTime, LineError> {
    time(text).ok_or_else(|| LineError::at(source.columns(), "not a time of day: write it as 14:30"))
}

#[cfg(test)]
mod tests;
