//! The examples of docs/integrate.md, each imported on both stores: what the page says of every record is so.

use throughline::import::mapping::Mapping;

use crate::mapped::{Files, MST, head, import, mst, on_both_stores};

const PAGE: &str = include_str!("../../docs/integrate.md");

/// An example: its files, its mapping and what becomes of every record.
struct Example {
    title: String,
    files: Vec<(String, String)>,
    mapping: String,
    result: Vec<String>,
}

fn examples() -> Vec<Example> {
    let (_, examples) = PAGE.split_once("\n# Examples\n").expect("the page has examples");
    let (examples, _) = examples.split_once("\n# ").expect("the page has more after them");
    examples.split("\n## ").skip(1).map(example).collect()
}

fn example(text: &str) -> Example {
    let title = text.lines().next().unwrap_or_default().to_owned();
    let mut of = Example { title, files: Vec::new(), mapping: String::new(), result: Vec::new() };
    for block in text.split("```").skip(1).step_by(2) {
        let (what, content) = block.split_once('\n').expect("a block has lines");
        match what.split_once(' ').expect("a block says what it is") {
            ("toml", "mapping") => content.clone_into(&mut of.mapping),
            ("text", "result") => of.result = content.lines().map(str::to_owned).collect(),
            (_, name) => of.files.push((name.to_owned(), content.to_owned())),
        }
    }
    of
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_page_is_imported_as_it_says_and_the_second_time_adds_nothing() {
    let examples = examples();
    assert_eq!(examples.len(), 4);
    on_both_stores(mst(), MST, async |fresh| {
        for Example { title, files: contents, mapping, result } in &examples {
            let files = Files::new();
            let mapping = Mapping::parse(mapping).unwrap_or_else(|errors| panic!("{title}: {errors:?}"));
            let sources: Vec<_> = contents.iter().map(|(name, content)| files.with(name, content)).collect();
            let (summary, results) = import(fresh, &mapping, &sources).await;
            assert_eq!(&results, result, "{title}");
            let before = head(fresh).await;
            let (again, _) = import(fresh, &mapping, &sources).await;
            assert_eq!((again.recorded, again.there, head(fresh).await), (0, summary.recorded, before), "{title}");
        }
    })
    .await;
}
