// Starts GraphiQL against the endpoint beside the page. The token is typed into the headers
// editor and stays in this browser; it is sent nowhere but to that endpoint.
"use strict";

const greeting = `# There is no anonymous API.
# Put the token that "throughline token" prints
# after "Bearer" in the headers below, then load
# the schema with the round arrows, lower left.

query Start {
  __typename
}
`;

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({
      url: new URL("graphql", document.baseURI).href,
    }),
    defaultQuery: greeting,
    defaultHeaders: '{\n  "Authorization": "Bearer "\n}\n',
    defaultEditorToolsVisibility: "headers",
    shouldPersistHeaders: true,
  }),
);
