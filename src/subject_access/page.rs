//! The page to read: what is held about a person, in plain words.
//!
//! One file of HTML that is also XML. It asks for nothing from elsewhere and runs nothing. Its only links lead to the
//! files beside it.

use serde_json::Value;

use super::archive::Given;
use super::contents::{Case, Contents, Held, Standing};
use super::words;
use crate::documents::render::markup::Markup;
use throughline_domain::contract::rulebook::Labels;
use throughline_domain::fact::envelope::{StreamId, StreamKind};

/// How the page looks. It holds no letter that markup would escape.
const STYLE: &str = include_str!("page.css");

/// The page, with the evidence files that the archive has.
pub(super) fn page(contents: &Contents, given: &[Given]) -> String {
    let mut page = Markup::html();
    page.element("html", &[("lang", "en-GB")], |html| {
        html.element("head", &[], |head| {
            head.empty("meta", &[("charset", "utf-8")]);
            head.empty("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
            head.words("title", &[], "Information held about you");
            head.words("style", &[], STYLE);
        });
        html.element("body", &[], |body| {
            body.element("header", &[], |header| opening(header, contents));
            body.element("main", &[], |main| {
                identity(main, contents);
                for case in &contents.cases {
                    of_case(main, contents, case);
                }
                other_records(main, contents);
                evidence(main, contents, given);
                left_out(main);
            });
        });
    });
    page.into_text()
}

fn opening(header: &mut Markup, contents: &Contents) {
    header.words("h1", &[], "Information held about you");
    header.words("p", &[], &format!("This was put together on {}.", words::instant(contents.made_at)));
    let covered: Vec<String> =
        contents.cases.iter().map(|case| format!("{} ({})", case.title, case.reference)).collect();
    let covered = if covered.is_empty() { "no case".to_owned() } else { covered.join(", ") };
    header.words("p", &[], &format!("It covers: {covered}."));
    if let Some(on) = contents.erased_on {
        let text = format!(
            "The erasure of what identifies you was approved on {}. Texts that were erased can no longer be shown. The \
             rest of the record stays, without your name.",
            words::day(on)
        );
        header.words("p", &[], &text);
    }
    if contents.is_without_keys {
        let text = "The keys that open names and notes could not be used, so these are not shown here. Ask for this \
                    information again.";
        header.words("p", &[], text);
    }
    header.words("p", &[], "The file data.json beside this page holds the same information for use by a program.");
}

fn identity(main: &mut Markup, contents: &Contents) {
    section(main, "identity", "Who you are", |part| {
        let mut rows = Vec::new();
        for (_, known) in &contents.identities {
            for (field, text) in known.as_object().into_iter().flatten() {
                rows.push([words::field(field), shown(field, text)]);
            }
        }
        if rows.is_empty() {
            part.words("p", &[], "No name and no contact details are held.");
        } else {
            table(part, "Names and contact details", ["What", "Held"], &rows);
        }
    });
}

/// A text as it was opened, or why it is not shown.
fn shown(field: &str, text: &Value) -> String {
    match (text.get("text"), text.get("because").and_then(Value::as_str)) {
        (Some(text), _) => words::own_words(field, text),
        (None, Some(because)) => format!("not shown: {because}"),
        (None, None) => String::new(),
    }
}

fn of_case(main: &mut Markup, contents: &Contents, case: &Case) {
    let id = format!("case-{}", case.journey);
    let title = format!("Case {}: {}", case.reference, case.title);
    section(main, &id, &title, |part| {
        let stream = StreamId::journey(case.journey);
        let events = contents.events.iter().filter(|event| event.stream == stream);
        let caption = format!("What was recorded in case {}", case.reference);
        events_of(part, &caption, events, &case.labels);
    });
}

fn other_records(main: &mut Markup, contents: &Contents) {
    section(main, "other", "Records about you outside a case", |part| {
        let is_of_person = |event: &&Held| matches!(event.stream.kind, StreamKind::Subject | StreamKind::Offer);
        let events = contents.events.iter().filter(is_of_person);
        events_of(part, "What was recorded about you", events, &Labels::default());
    });
}

fn events_of<'e>(part: &mut Markup, caption: &str, events: impl Iterator<Item = &'e Held>, labels: &Labels) {
    let rows: Vec<[String; 4]> = events.map(|event| row(event, labels)).collect();
    if rows.is_empty() {
        part.words("p", &[], "Nothing is recorded.");
    } else {
        table(part, caption, ["When it was so", "What", "Details", "Recorded"], &rows);
    }
}

fn row(event: &Held, labels: &Labels) -> [String; 4] {
    let later = match event.standing {
        Standing::Holds => "",
        Standing::Corrected => " (corrected later)",
        Standing::Retracted => " (taken back later)",
    };
    let details = words::details(&event.details, labels);
    let mut lines: Vec<String> = details.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
    if let Some(source) = &event.source {
        lines.push(format!("Source: {}", source.system));
    }
    let recorded = format!("{}, by: {}", words::instant(event.recorded_at), event.role);
    [words::occurred(event.occurred), format!("{}{later}", words::event(&event.event_type)), lines.join("\n"), recorded]
}

fn evidence(main: &mut Markup, contents: &Contents, given: &[Given]) {
    section(main, "evidence", "Evidence files", |part| {
        if given.is_empty() {
            part.words("p", &[], "No evidence is recorded.");
            return;
        }
        part.element("table", &[], |table| {
            table.words("caption", &[], "Documents kept as evidence");
            heads(table, &["Kind", "Date on it", "File", "Size"]);
            table.element("tbody", &[], |body| {
                for one in given {
                    let labels =
                        contents.cases.iter().find(|case| case.journey == one.journey).map(|case| &case.labels);
                    let kind = labels.map_or_else(|| one.kind.clone(), |labels| words::code(&one.kind, labels));
                    body.element("tr", &[], |line| evidence_row(line, one, &kind));
                }
            });
        });
    });
}

fn evidence_row(line: &mut Markup, one: &Given, kind: &str) {
    let later = if one.is_retracted { " (taken back later)" } else { "" };
    line.words("th", &[("scope", "row")], &format!("{kind}{later}"));
    line.words("td", &[], &words::day(one.dated_on));
    match (&one.file, one.missing) {
        (Some(file), _) => {
            line.element("td", &[], |cell| cell.words("a", &[("href", &file.path)], &file.name));
            line.words("td", &[], &format!("{} bytes", file.size));
        }
        (None, missing) => {
            line.words("td", &[], missing.unwrap_or("no file was uploaded"));
            line.words("td", &[], "");
        }
    }
}

fn left_out(main: &mut Markup) {
    section(main, "left-out", "What is left out", |part| {
        part.element("ul", &[], |list| {
            for sentence in LEFT_OUT {
                list.words("li", &[], sentence);
            }
        });
    });
}

/// What an export leaves out, in sentences.
pub(super) const LEFT_OUT: [&str; 4] = [
    "The names and logins of staff and partners: only the role of who recorded something is given.",
    "Records of other people, and texts that were recorded for another person.",
    "Records of contracts that the person who made this export may not see.",
    "Figures, claims and payments, which are counted from these records without a name.",
];

fn section(main: &mut Markup, id: &str, title: &str, content: impl FnOnce(&mut Markup)) {
    main.element("section", &[("aria-labelledby", id)], |part| {
        part.words("h2", &[("id", id)], title);
        content(part);
    });
}

fn heads(table: &mut Markup, heads: &[&str]) {
    table.element("thead", &[], |head| {
        head.element("tr", &[], |line| heads.iter().for_each(|name| line.words("th", &[("scope", "col")], name)));
    });
}

/// A table whose first column names its rows.
fn table<const N: usize>(part: &mut Markup, caption: &str, names: [&str; N], rows: &[[String; N]]) {
    part.element("table", &[], |table| {
        table.words("caption", &[], caption);
        heads(table, &names);
        table.element("tbody", &[], |body| {
            for row in rows {
                body.element("tr", &[], |line| {
                    for (at, cell) in row.iter().enumerate() {
                        let (name, attributes): (_, &[_]) =
                            if at == 0 { ("th", &[("scope", "row")]) } else { ("td", &[]) };
                        line.words(name, attributes, cell);
                    }
                });
            }
        });
    });
}
