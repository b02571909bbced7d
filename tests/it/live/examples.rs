//! The live examples of docs/integrate.md: each request of the page is sent, on both stores, and ends as the page says.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::StatusCode;
use throughline::jobs::Limits;

use super::{Server, asking, council, counts};
use crate::app::{MST, on_both_stores};

const PAGE: &str = include_str!("../../../docs/integrate.md");

/// The blocks of the page's last part: files, sources, requests and jobs.
#[derive(Default)]
struct Page {
    files: BTreeMap<String, String>,
    sources: Vec<(String, String)>,
    /// A request, and how its job ends.
    requests: Vec<(String, String)>,
}

fn page() -> Page {
    let (_, live) = PAGE.split_once("\n# While the server runs\n").expect("the page has the part");
    let mut page = Page::default();
    for block in live.split("```").skip(1).step_by(2) {
        let (what, content) = block.split_once('\n').expect("a block has lines");
        let content = content.to_owned();
        match what.split_once(' ') {
            Some(("toml", source)) => {
                let name = source.strip_prefix("source ").expect("a source");
                page.sources.push((format!("{MST}/{name}.toml"), content));
            }
            Some(("text", "job")) => content.trim().clone_into(&mut page.requests.last_mut().expect("a request").1),
            Some((_, name)) => {
                page.files.insert(name.to_owned(), content);
            }
            None if content.starts_with("curl ") => page.requests.push((content.trim().to_owned(), String::new())),
            None => assert!(content.starts_with("throughline serve "), "{content}"),
        }
    }
    page
}

/// The words of a command, as a shell splits them.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in command.split('"').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// A request as curl would send it: the path, the headers and the body.
fn request(page: &Page, command: &str) -> (String, Vec<(String, String)>, String) {
    let (mut path, mut headers, mut body, mut parts) = (String::new(), Vec::new(), String::new(), String::new());
    let mut words = words(command).into_iter().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("an option has a value");
        match word.as_str() {
            "-H" => {
                let (name, value) =
                    value().split_once(": ").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a header");
                headers.extend((name != "Authorization").then_some((name, value)));
            }
            "--data-binary" => body.clone_from(&page.files[value().strip_prefix('@').expect("a file")]),
            "-F" => {
                let value = value();
                let name = value.strip_prefix("file=@").expect("a file");
                let part = format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
                parts += &[part.as_str(), page.files[name].as_str(), "\r\n"].concat();
            }
            address => address.strip_prefix("$SERVER").expect("the address").clone_into(&mut path),
        }
    }
    if !parts.is_empty() {
        body = format!("{parts}--b--\r\n");
        headers.push(("Content-Type".to_owned(), "multipart/form-data; boundary=b".to_owned()));
    }
    (path, headers, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_the_page_ends_as_it_says() {
    let page = page();
    assert_eq!((page.sources.len(), page.requests.len()), (3, 5));
    on_both_stores(async |app| {
        let sources: Vec<(&str, &str)> =
            page.sources.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let mut server = Server::idle(app, &sources, Limits::default());
        server.start(app);
        for (command, end) in &page.requests {
            let (path, headers, body) = request(&page, command);
            let mut request = asking(app, &council(), "POST", &path);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let sent = server.send(request.body(Body::from(body)).expect("a request")).await;
            assert_eq!(sent.status, StatusCode::ACCEPTED, "{command}: {}", sent.body);
            let job = server.ended(app, &sent).await;
            let found = counts(&job);
            let (found, _) = found.split_once(" journeys").unwrap_or((&found, ""));
            assert_eq!(found, end, "{command}: {job}");
        }
    })
    .await;
}
