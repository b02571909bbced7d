//! The page of exports, `docs/exports.md`: how to export, the formats, and every table with its columns.

use std::fmt::Write as _;

use super::tables::{Head, Table};

/// What the page says before the tables.
const OPENING: &str = include_str!("reference.md");

/// The page as Markdown.
pub fn markdown() -> String {
    let mut page = OPENING.to_owned();
    for table in Table::ALL {
        let key: Vec<String> = table.key().iter().map(|column| format!("`{column}`")).collect();
        let heading = format!("\n# {}\n\n{} Key: {}.\n\n", table.as_str(), table.meaning(), key.join(", "));
        page.push_str(&heading);
        page.push_str("| column | type | unit | empty | meaning |\n| --- | --- | --- | --- | --- |\n");
        for head in table.patterns() {
            page.push_str(&line(&head));
        }
    }
    page
}

fn line(head: &Head) -> String {
    let empty = match (head.is_optional, head.hidden_by) {
        (_, Some(_)) => "in pseudonymous exports",
        (true, None) => "may be",
        (false, None) => "never",
    };
    let (unit, meaning) = (head.unit.unwrap_or_default(), head.meaning.replace('|', "\\|"));
    let mut line = String::new();
    write!(line, "| `{}` | {} | {unit} | {empty} | {meaning} |", head.name, head.kind.as_str())
        .expect("a text takes everything");
    line.push('\n');
    line
}
