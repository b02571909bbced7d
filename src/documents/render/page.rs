//! A document as a page to print: one file of HTML with its charts inside.
//!
//! It asks for nothing from elsewhere and runs nothing: no script, no font, no picture of another place. Under each
//! chart is a table with its numbers, for those who do not see it. HTML that is also XML, so that any program reads it.

use std::collections::BTreeMap;

use super::chart;
use super::markup::Markup;
use super::wording;
use crate::documents::{Cell, Chart, Definition, Document, Missing, Section, Table};

/// How the page looks. It holds no letter that markup would escape.
pub(super) const STYLE: &str = include_str!("page.css");

/// A document as a page to print.
pub fn page(document: &Document) -> String {
    let mut page = Markup::html();
    page.element("html", &[("lang", "en-GB")], |html| {
        html.element("head", &[], |head| {
            head.empty("meta", &[("charset", "utf-8")]);
            head.empty("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
            head.words("title", &[], &format!("{} – {}", wording::title(document), document.contract_title));
            head.words("style", &[], STYLE);
        });
        html.element("body", &[], |body| {
            opening(body, document);
            contents(body, document);
            body.element("main", &[], |main| {
                let links = Links::of(document);
                for (at, part) in document.sections.iter().enumerate() {
                    section(main, part, &Place { links: &links, number: at + 1 });
                }
                notes(main, document);
                definitions(main, &document.definitions);
            });
        });
    });
    page.into_text()
}

/// The titles and codes of measures, with the numbers of their definitions.
struct Links<'a> {
    definitions: BTreeMap<&'a str, usize>,
}

impl<'a> Links<'a> {
    fn of(document: &'a Document) -> Self {
        let mut definitions = BTreeMap::new();
        for (at, definition) in document.definitions.iter().enumerate() {
            definitions.entry(definition.title.as_str()).or_insert(at + 1);
            definitions.entry(definition.code.as_str()).or_insert(at + 1);
        }
        Self { definitions }
    }

    /// Writes words, as a link to their definition if they name a measure.
    fn write(&self, markup: &mut Markup, words: &str) {
        match self.definitions.get(words) {
            Some(number) => markup.words("a", &[("href", &format!("#definition-{number}"))], words),
            None => markup.text(words),
        }
    }
}

/// Where a section stands, and what its words may link to.
struct Place<'a> {
    links: &'a Links<'a>,
    number: usize,
}

fn opening(body: &mut Markup, document: &Document) {
    body.element("header", &[], |header| {
        header.words("h1", &[], &wording::title(document));
        header.words("p", &[], &wording::contract(document));
        let class: &[_] = if document.is_provisional { &[("class", "provisional")] } else { &[] };
        header.words("p", class, &wording::period(document));
        header.words("p", &[], &wording::point_of_view(document));
    });
}

fn contents(body: &mut Markup, document: &Document) {
    body.element("nav", &[("aria-labelledby", "contents")], |nav| {
        nav.words("h2", &[("id", "contents")], "Contents");
        nav.element("ul", &[], |list| {
            let sections = document.sections.iter().enumerate();
            let sections = sections.map(|(at, section)| (format!("section-{}", at + 1), section.title.as_str()));
            let notes = ("notes".to_owned(), "Notes");
            let definitions = (!document.definitions.is_empty()).then(|| ("definitions".to_owned(), "Definitions"));
            for (id, title) in sections.chain([notes]).chain(definitions) {
                list.element("li", &[], |item| item.words("a", &[("href", &format!("#{id}"))], title));
            }
        });
    });
}

fn section(main: &mut Markup, section: &Section, place: &Place) {
    let id = format!("section-{}", place.number);
    main.element("section", &[("aria-labelledby", &id)], |part| {
        part.words("h2", &[("id", &id)], &section.title);
        if !section.commentary.is_empty() {
            part.words("h3", &[], "Commentary");
            for commentary in &section.commentary {
                part.element("p", &[], |paragraph| {
                    let on = commentary.on.to_string();
                    paragraph.words("time", &[("datetime", &on)], &wording::day(commentary.on));
                    paragraph.text(": ");
                    paragraph.text(&commentary.text);
                });
            }
        }
        for table in &section.tables {
            table_of(part, table, place.links);
        }
        for (at, chart) in section.charts.iter().enumerate() {
            let id = format!("chart-{}-{}", place.number, at + 1);
            part.element("figure", &[], |figure| {
                chart::draw(figure, chart, &id);
                figure.element("figcaption", &[], |caption| {
                    caption.words("strong", &[], &chart.title);
                    caption.text(": ");
                    caption.text(&chart.in_words);
                });
            });
            numbers_of(part, chart, place.links);
        }
    });
}

fn table_of(part: &mut Markup, table: &Table, links: &Links) {
    let row_heads = table.row_heads();
    part.element("table", &[], |markup| {
        markup.element("caption", &[], |caption| links.write(caption, &table.title));
        let heads = table.columns.iter().enumerate();
        heads_of(markup, heads.map(|(at, head)| (head.as_str(), table.has_numbers(at))), links);
        markup.element("tbody", &[], |body| {
            for row in &table.rows {
                body.element("tr", &[], |line| {
                    for (at, cell) in row.iter().enumerate() {
                        let name = if at < row_heads { "th" } else { "td" };
                        cell_of(line, cell, &Column { name, is_of_numbers: table.has_numbers(at), links });
                    }
                });
            }
        });
    });
}

fn heads_of<'a>(markup: &mut Markup, heads: impl Iterator<Item = (&'a str, bool)>, links: &Links) {
    markup.element("thead", &[], |head| {
        head.element("tr", &[], |line| {
            for (title, is_of_numbers) in heads {
                let number = is_of_numbers.then_some(("class", "number"));
                let attributes: Vec<_> = [("scope", "col")].into_iter().chain(number).collect();
                line.element("th", &attributes, |cell| links.write(cell, title));
            }
        });
    });
}

/// What the cells of a column are, and what their words may link to.
struct Column<'a> {
    name: &'static str,
    is_of_numbers: bool,
    links: &'a Links<'a>,
}

fn cell_of(line: &mut Markup, cell: &Cell, column: &Column) {
    let scope = (column.name == "th").then_some(("scope", "row"));
    let number = column.is_of_numbers.then_some(("class", "number"));
    let attributes: Vec<_> = scope.into_iter().chain(number).collect();
    line.element(column.name, &attributes, |markup| match cell {
        Cell::Words(words) if column.name == "th" => column.links.write(markup, words),
        Cell::Words(words) => markup.text(words),
        Cell::Number(number) => markup.text(&wording::number(number)),
        Cell::Missing(reason) => missing(markup, *reason),
    });
}

/// A short mark that says in full what it means.
fn missing(markup: &mut Markup, reason: Missing) {
    let short = match reason {
        Missing::NotApplicable => "n/a",
        Missing::NoData | Missing::Suppressed => wording::in_words(reason),
    };
    markup.words("abbr", &[("title", wording::meaning(reason))], short);
}

/// The numbers of a chart as a table.
fn numbers_of(part: &mut Markup, chart: &Chart, links: &Links) {
    part.element("table", &[], |markup| {
        markup.words("caption", &[], &format!("Numbers of the chart: {}", chart.title));
        let series = chart.series.iter().map(|series| (series.title.as_str(), true));
        heads_of(markup, std::iter::once(("Category", false)).chain(series), links);
        markup.element("tbody", &[], |body| {
            for (at, category) in chart.categories.iter().enumerate() {
                body.element("tr", &[], |line| {
                    line.element("th", &[("scope", "row")], |head| links.write(head, category));
                    for series in &chart.series {
                        let number = series.values.get(at).copied().flatten();
                        let text = number.map_or_else(|| "no value".to_owned(), |number| wording::number(&number));
                        line.words("td", &[("class", "number")], &text);
                    }
                });
            }
        });
    });
}

fn notes(main: &mut Markup, document: &Document) {
    main.element("section", &[("aria-labelledby", "notes")], |part| {
        part.words("h2", &[("id", "notes")], "Notes");
        for note in &document.notes {
            part.words("p", &[], note);
        }
        part.words("h3", &[], "Cells without a number");
        part.element("dl", &[], |list| {
            for reason in wording::REASONS {
                list.element("dt", &[], |term| missing(term, reason));
                list.words("dd", &[], wording::meaning(reason));
            }
        });
    });
}

fn definitions(main: &mut Markup, definitions: &[Definition]) {
    if definitions.is_empty() {
        return;
    }
    main.element("section", &[("aria-labelledby", "definitions")], |part| {
        part.words("h2", &[("id", "definitions")], "Definitions");
        for (at, definition) in definitions.iter().enumerate() {
            part.words("h3", &[("id", &format!("definition-{}", at + 1))], &definition.title);
            part.words("p", &[], &definition.prose);
            part.element("p", &[], |paragraph| {
                paragraph.text("Code: ");
                paragraph.words("code", &[], &definition.code);
                paragraph.text(". Formula: ");
                paragraph.words("code", &[], &definition.formula);
                paragraph.text(". ");
                paragraph.text(&wording::defined_in(definition));
            });
        }
    });
}
