// Starts GraphiQL against the endpoint beside the page. The token is typed into the headers
// editor and stays in the page: it is kept nowhere, and sent nowhere but to that endpoint.
"use strict";

const greeting = `# There is no anonymous API.
# Put the token that "throughline token" prints
# after "Bearer" in the headers below, then load
# the schema with the round arrows, lower left.
# Subscriptions work too; the token is gone with the page.

query Start {
  __typename
}
`;

const endpoint = new URL("graphql", document.baseURI).href;

// Queries and mutations are answered with JSON, subscriptions with server-sent events.
const accepted = "application/graphql-response+json, application/json;q=0.9, text/event-stream;q=0.8";

async function fetcher(request, options) {
  const stop = new AbortController();
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { ...((options && options.headers) || {}), "Content-Type": "application/json", Accept: accepted },
    body: JSON.stringify(request),
    signal: stop.signal,
  });
  const media = response.headers.get("Content-Type") || "";
  return media.startsWith("text/event-stream") ? items(response, stop) : response.json();
}

// The items of a subscription, until it ends or nobody wants them any more.
async function* items(response, stop) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      waiting += value;
      const events = waiting.split("\n\n");
      waiting = events.pop();
      for (const event of events) {
        const fields = event.split("\n").map((line) => line.match(/^([a-z]+): ?(.*)$/) || []);
        const data = fields.filter((field) => field[1] === "data").map((field) => field[2]).join("\n");
        if (fields.some((field) => field[1] === "event" && field[2] === "complete")) return;
        if (data) yield JSON.parse(data);
      }
    }
  } finally {
    stop.abort();
  }
}

// What the page remembers between visits: never a header, for one of them is the token.
const storage = {
  get length() {
    return localStorage.length;
  },
  getItem: (key) => localStorage.getItem(key),
  removeItem: (key) => localStorage.removeItem(key),
  clear: () => localStorage.clear(),
  setItem(key, value) {
    if (key === "graphiql:headers") return;
    localStorage.setItem(key, withoutHeaders(value));
  },
};

function withoutHeaders(text) {
  try {
    const value = JSON.parse(text, (key, inner) => (key === "headers" ? null : inner));
    return value !== null && typeof value === "object" ? JSON.stringify(value) : text;
  } catch {
    return text;
  }
}

// An earlier version of this page kept them.
function forgetHeaders() {
  localStorage.removeItem("graphiql:headers");
  for (const key of ["graphiql:tabState", "graphiql:queries", "graphiql:favorites"]) {
    const kept = localStorage.getItem(key);
    if (kept !== null) storage.setItem(key, kept);
  }
}

forgetHeaders();
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    storage,
    defaultQuery: greeting,
    defaultHeaders: '{\n  "Authorization": "Bearer "\n}\n',
    defaultEditorToolsVisibility: "headers",
    shouldPersistHeaders: false,
    showPersistHeadersSettings: false,
  }),
);
