// Reads its orders as one line of JSON, says where it listens as another, reads where it may send browsers, says that it
// is ready, and ends with its standard input.
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const lines = createInterface({ input: process.stdin });
lines.on("close", () => process.exit(0));
const read = lines[Symbol.asyncIterator]();
const orders = JSON.parse((await read.next()).value);
const found = createRequire(orders.modules + "/").resolve("oidc-provider");
const { default: Provider } = await import(pathToFileURL(found));

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
console.log(JSON.stringify({ issuer }));
const redirects = JSON.parse((await read.next()).value);
const people = new Map(orders.people.map((one) => [one.email, one]));

const provider = new Provider(issuer, {
  clients: [{
    client_id: orders.client,
    client_secret: orders.secret,
    redirect_uris: redirects,
    token_endpoint_auth_method: orders.method,
    grant_types: ["authorization_code"],
    response_types: ["code"],
  }],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  conformIdTokenClaims: orders.conform,
  clientAuthMethods: ["client_secret_basic", "client_secret_post"],
  pkce: { methods: ["S256"], required: () => true },
  features: { devInteractions: { enabled: false } },
  cookies: { keys: ["only for tests"] },
  interactions: { url: (_, interaction) => `/login/${interaction.uid}` },
  ttl: { Interaction: 600, Session: 600, Grant: 600, AuthorizationCode: 60, AccessToken: 60, IdToken: 60 },
  findAccount: (_, id) => people.has(id) && {
    accountId: id,
    claims: () => ({ sub: id, email: id, email_verified: people.get(id).verified, name: people.get(id).name }),
  },
  loadExistingGrant: async (context) => {
    const grant = new provider.Grant({ clientId: context.oidc.client.clientId, accountId: context.oidc.session.accountId });
    grant.addOIDCScope("openid email profile");
    await grant.save();
    return grant;
  },
});

const answer = provider.callback();
server.on("request", async (request, response) => {
  if (!request.url.startsWith("/login/")) return answer(request, response);
  if (request.method === "GET") {
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    return response.end('<!doctype html><html lang="en"><title>Log in</title><form method="post">'
      + '<label>Email <input name="email"></label><button>Log in</button><button name="no" value="1">Cancel</button></form>');
  }
  let body = "";
  for await (const part of request) body += part;
  const form = new URLSearchParams(body);
  const result = form.get("no")
    ? { error: "access_denied", error_description: "cancelled" }
    : { login: { accountId: form.get("email") } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
});
console.log("ready");
