// A subscriber of webhooks on Node.js. It verifies every request with the npm package standardwebhooks, takes what is
// genuine and refuses the rest. It prints its URL first, and then one line for each request and each secret.
//
// On its input it reads one JSON object a line: { "secret": "whsec_…" } is the secret from then on.
import http from 'node:http';
import readline from 'node:readline';
import { Webhook } from 'standardwebhooks';

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
let webhook;

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const body = Buffer.concat(parts).toString('utf8');
    const seen = { id: request.headers['webhook-id'], sequence: JSON.parse(body).sequence };
    try {
      const event = webhook.verify(body, request.headers);
      let altered = false;
      try {
        webhook.verify(`${body} `, request.headers);
        altered = true;
      } catch {
        // As it must be.
      }
      response.writeHead(204).end();
      say({ ...seen, verified: true, altered, type: event.type });
    } catch (problem) {
      response.writeHead(400).end();
      say({ ...seen, verified: false, problem: String(problem.message) });
    }
  });
});

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  webhook = new Webhook(JSON.parse(line).secret);
  say({ ready: true });
}).on('close', () => process.exit(0));

server.listen(0, '127.0.0.1', () => say({ url: `http://127.0.0.1:${server.address().port}/` }));
