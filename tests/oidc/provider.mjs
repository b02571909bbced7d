// A real OpenID Connect provider for the tests: oidc-provider on a free port of this machine.
//
// It prints one line of JSON when it is ready, and one for each command that it reads: `rotate` replaces every signing
// key. Machines sign in with client credentials and get signed access tokens, one resource for each algorithm.

import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

function keys(generation) {
  const pair = (type, options, alg) => {
    const jwk = generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });
    return { ...jwk, kid: `${alg}-${generation}`, use: 'sig', alg };
  };
  return [
    pair('rsa', { modulusLength: 2048 }, 'RS256'),
    pair('rsa', { modulusLength: 2048 }, 'PS256'),
    pair('ec', { namedCurve: 'P-256' }, 'ES256'),
    pair('ed25519', {}, 'EdDSA'),
  ];
}

function provider(issuer, generation) {
  const client = (client_id) => ({
    client_id,
    client_secret: `${client_id}-secret`,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_post',
  });
  return new Provider(issuer, {
    clients: [client('tl-manager'), client('tl-stranger')],
    jwks: { keys: keys(generation) },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'] },
    extraTokenClaims: (_, token) => (token.clientId === 'tl-manager' ? { roles: ['Manager'], groups: ['shps'] } : {}),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => {
          const alg = resource.split(':').at(-1);
          return {
            scope: 'use',
            audience: 'throughline',
            accessTokenFormat: 'jwt',
            accessTokenTTL: 300,
            jwt: { sign: { alg } },
          };
        },
      },
    },
  });
}

let generation = 1;
let answer = (_, response) => response.writeHead(503).end();
const server = createServer((request, response) => answer(request, response));
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const begin = () => {
    answer = provider(issuer, generation).callback();
  };
  begin();
  say({ issuer });
  createInterface({ input: process.stdin })
    .on('line', () => {
      generation += 1;
      begin();
      say({ generation });
    })
    // The test has ended.
    .on('close', () => process.exit(0));
});
