//! `GraphiQL`, the page for exploring the API. It is served from the binary, so that it works without a network.
//!
//! The page holds no data and needs no token; the queries sent from it do. It must never load anything from another
//! origin; its Content-Security-Policy enforces this.

use axum::{
    Router,
    extract::Path,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use throughline_gateway::Problem;

/// Only this origin is allowed. The editor sets inline styles, and its fonts are inside the style sheet.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'unsafe-inline'; font-src data:; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("graphiql/page.html");

/// A file of the page.
struct Asset {
    name: &'static str,
    media: &'static str,
    bytes: &'static [u8],
}

/// The files of the page. The README.md beside them says where each comes from.
const ASSETS: [Asset; 6] = [
    Asset { name: "start.js", media: "text/javascript; charset=utf-8", bytes: include_bytes!("graphiql/start.js") },
    Asset { name: "page.css", media: "text/css; charset=utf-8", bytes: include_bytes!("graphiql/page.css") },
    Asset {
        name: "graphiql-3.9.0.min.js",
        media: "text/javascript; charset=utf-8",
        bytes: include_bytes!("graphiql/graphiql-3.9.0.min.js"),
    },
    Asset {
        name: "graphiql-3.9.0.min.css",
        media: "text/css; charset=utf-8",
        bytes: include_bytes!("graphiql/graphiql-3.9.0.min.css"),
    },
    Asset {
        name: "react-18.3.1.min.js",
        media: "text/javascript; charset=utf-8",
        bytes: include_bytes!("graphiql/react-18.3.1.min.js"),
    },
    Asset {
        name: "react-dom-18.3.1.min.js",
        media: "text/javascript; charset=utf-8",
        bytes: include_bytes!("graphiql/react-dom-18.3.1.min.js"),
    },
];

/// `GET /graphiql` and its files, for any state. The page sends queries to `POST graphql` beside it.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/graphiql", get(page)).route("/graphiql/{name}", get(asset))
}

async fn page() -> Response {
    served("text/html; charset=utf-8", "no-cache", PAGE.as_bytes())
}

async fn asset(Path(name): Path<String>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return Problem::new(StatusCode::NOT_FOUND, "the page has no such file: see /graphiql").into_response();
    };
    // A version in the name means that the content never changes.
    let caching = if asset.name.contains(".min.") { "public, max-age=31536000, immutable" } else { "no-cache" };
    served(asset.media, caching, asset.bytes)
}

fn served(media: &'static str, caching: &'static str, bytes: &'static [u8]) -> Response {
    let headers: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_TYPE, media),
        (header::CACHE_CONTROL, caching),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, bytes).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use tower::ServiceExt;

    use super::*;

    async fn got(path: &str) -> (StatusCode, axum::http::HeaderMap, Vec<u8>) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = routes::<()>().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("bytes");
        (parts.status, parts.headers, bytes.to_vec())
    }

    /// The files that the page refers to with `src` and `href`.
    fn references() -> Vec<&'static str> {
        PAGE.split(['"', '\''])
            .collect::<Vec<_>>()
            .windows(2)
            .filter(|pair| pair[0].ends_with("src=") || pair[0].ends_with("href="))
            .map(|pair| pair[1])
            .filter(|reference| !reference.starts_with("data:"))
            .collect()
    }

    #[tokio::test]
    async fn the_page_and_its_files_come_from_the_binary() {
        let (status, headers, _) = got("/graphiql").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        let references = references();
        assert_eq!(references.len(), ASSETS.len());
        for reference in references {
            let (status, headers, bytes) = got(&format!("/{reference}")).await;
            assert_eq!(status, StatusCode::OK, "{reference}");
            assert!(!bytes.is_empty(), "{reference}");
            let media = headers["content-type"].to_str().expect("text");
            let expected = match reference.rsplit_once('.') {
                Some((_, "js")) => "text/javascript",
                _ => "text/css",
            };
            assert!(media.starts_with(expected), "{reference}");
        }
    }

    #[tokio::test]
    async fn the_page_loads_nothing_from_other_origins() {
        for path in ["/graphiql", "/graphiql/start.js"] {
            let (_, headers, bytes) = got(path).await;
            let policy = headers["content-security-policy"].to_str().expect("text");
            assert!(policy.starts_with("default-src 'none'"));
            assert!(!policy.contains("http") && !policy.contains("unsafe-eval"));
            let text = String::from_utf8(bytes).expect("text");
            assert!(!text.contains("://") && !text.contains("<script>"), "{path}");
        }
        let style = include_str!("graphiql/graphiql-3.9.0.min.css");
        assert!(style.split("url(").skip(1).all(|url| url.trim_start_matches(['"', '\'']).starts_with("data:")));
    }

    #[tokio::test]
    async fn an_unknown_file_is_not_found() {
        for path in ["/graphiql/README.md", "/graphiql/..%2Fcode.rs", "/graphiql/x"] {
            assert_eq!(got(path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }
}
