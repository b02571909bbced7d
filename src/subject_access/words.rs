//! The words of the page to read: plain names for types and fields, codes in the words of the contract, and dates as
//! people write them.
//!
//! Pure. It leaves out what only programs need, such as ids: the data file has them. A person's own words are unchanged.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use uuid::Uuid;

use throughline_domain::contract::rulebook::Labels;
use throughline_domain::fact::envelope::{Occurred, Precision};
use throughline_domain::fact::identity::Part;

use super::DEPLOYMENT_ZONE;

/// The fields that say nothing to a reader.
const FOR_PROGRAMS: [&str; 6] = ["schema_version", "precision", "target", "sha256", "hash", "identity_digest"];
/// The field that holds the facts of a correction.
const CORRECTED_FACTS: &str = "payload";

/// A date, such as `3 February 2018`.
pub(super) fn day(day: NaiveDate) -> String {
    day.format("%-d %B %Y").to_string()
}

/// The date of a fact, with the precision that is known.
pub(super) fn occurred(of: Occurred) -> String {
    let on = of.earliest();
    match (of.precision(), of.local_time()) {
        (Precision::Day, None) => day(on),
        (Precision::Day, Some(time)) => format!("{} at {}", day(on), time.format("%H:%M")),
        (Precision::Month, _) => on.format("%B %Y").to_string(),
        (Precision::Year, _) => on.format("%Y").to_string(),
    }
}

/// An instant in the deployment's time zone, to the minute.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    let local = at.with_timezone(&DEPLOYMENT_ZONE);
    format!("{} at {}", day(local.date_naive()), local.format("%H:%M"))
}

/// The name of a type of event in words, such as `Contact logged`.
pub(super) fn event(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
            words.extend(letter.to_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

/// A code in the words of a contract.
pub(super) fn code(code: &str, labels: &Labels) -> String {
    labels.of(code)
}

/// The name of a field in words, such as `Birth date`.
pub(super) fn field(name: &str) -> String {
    let known = match name {
        "nino" => Some("National Insurance number"),
        "nhs_number" => Some("NHS number"),
        "upn" => Some("Unique pupil number"),
        "email" => Some("E-mail address"),
        "with" => Some("With whom"),
        _ => None,
    };
    known.map_or_else(|| Labels::default().of(name), str::to_owned)
}

/// The values of a payload, each with its name in words.
pub(super) fn details(payload: &Value, labels: &Labels) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(payload, &[], labels, &mut found);
    found
}

fn collect(value: &Value, path: &[&str], labels: &Labels, found: &mut Vec<(String, String)>) {
    let name = || field(&path.join("_"));
    match value {
        Value::Object(fields) if fields.get("sealed") == Some(&Value::Bool(true)) => {
            let because = fields.get("because").and_then(Value::as_str).unwrap_or("it is sealed");
            found.push((name(), format!("not shown: {because}")));
        }
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("text") => {
            found.push((name(), own_words(path.last().copied().unwrap_or_default(), &fields["text"])));
        }
        Value::Object(fields) => {
            for (key, inner) in fields.iter().filter(|(key, _)| !FOR_PROGRAMS.contains(&key.as_str())) {
                let step = (key != CORRECTED_FACTS).then_some(key.as_str());
                let beneath: Vec<&str> = path.iter().copied().chain(step).collect();
                collect(inner, &beneath, labels, found);
            }
        }
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            let words: Vec<String> = items.iter().filter_map(|item| scalar(item, labels)).collect();
            if !words.is_empty() {
                found.push((name(), words.join(", ")));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, path, labels, found)),
        value => found.extend(scalar(value, labels).map(|words| (name(), words))),
    }
}

/// A value without parts. None if it says nothing to a reader.
fn scalar(value: &Value, labels: &Labels) -> Option<String> {
    match value {
        Value::String(text) if text.parse::<Uuid>().is_ok() => None,
        Value::String(text) => Some(in_words(text, labels)),
        Value::Bool(true) => Some("yes".to_owned()),
        Value::Bool(false) => Some("no".to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A text of the record: a date, a code, or words.
fn in_words(text: &str, labels: &Labels) -> String {
    if let Some(date) = text.parse::<NaiveDate>().ok().filter(|_| text.len() == 10) {
        return day(date);
    }
    let is_code = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_code && text.bytes().any(|byte| byte.is_ascii_lowercase()) { code(text, labels) } else { text.to_owned() }
}

/// What was said about the person in a field, unchanged; a value of several parts, part by part.
pub(super) fn own_words(of: &str, text: &Value) -> String {
    match text {
        Value::String(text) if of == Part::BirthDate.field() => text.parse().map_or_else(|_| text.clone(), day),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(|item| own_words(of, item)).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let parts = fields.iter().map(|(key, part)| format!("{}: {}", field(key), own_words(key, part)));
            parts.collect::<Vec<_>>().join("; ")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use throughline_domain::world::day as on;

    fn shown(payload: &Value) -> Vec<String> {
        let details = details(payload, &Labels::default());
        details.into_iter().map(|(name, words)| format!("{name}: {words}")).collect()
    }

    #[test]
    fn dates_are_written_as_people_write_them() {
        assert_eq!(occurred(Occurred::on(on("2018-02-03"))), "3 February 2018");
        assert_eq!(occurred(Occurred::within(on("2018-02-03"), Precision::Month)), "February 2018");
        assert_eq!(occurred(Occurred::within(on("2018-02-03"), Precision::Year)), "2018");
        let at: DateTime<Utc> = "2018-07-01T23:30:00Z".parse().expect("an instant");
        assert_eq!(instant(at), "2 July 2018 at 00:30");
    }

    #[test]
    fn fields_and_codes_are_in_words_and_ids_are_left_out() {
        let payload = json!({
            "channel": "home_visit", "with": "client", "face_to_face": true, "minutes": 30, "worker": Uuid::nil(),
            "scheduled_on": "2018-02-03", "note": { "text": "see_you_there on 2018-02-03" }, "areas": ["brent", "harrow"],
            "none": null, "birth_date": { "text": "1990-02-28" },
        });
        let mut found = shown(&payload);
        found.sort();
        let expected = [
            "Areas: Brent, Harrow",
            "Birth date: 28 February 1990",
            "Channel: Home visit",
            "Face to face: yes",
            "Minutes: 30",
            "Note: see_you_there on 2018-02-03",
            "Scheduled on: 3 February 2018",
            "With whom: Client",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_correction_shows_its_facts_and_a_sealed_text_why_it_is_sealed() {
        let payload = json!({
            "target": Uuid::nil(), "occurred_on": "2018-02-03", "precision": "day", "reason": "wrong day",
            "payload": { "channel": "phone", "note": { "sealed": true, "because": "it was erased" } },
        });
        let mut found = shown(&payload);
        found.sort();
        let expected =
            ["Channel: Phone", "Note: not shown: it was erased", "Occurred on: 3 February 2018", "Reason: wrong day"];
        assert_eq!(found, expected);
    }

    #[test]
    fn types_of_events_are_in_words() {
        assert_eq!(event("ReferralReceived"), "Referral received");
        assert_eq!(event("LegalHoldPlaced"), "Legal hold placed");
    }
}
