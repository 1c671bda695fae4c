// The durable claim and nothing else: parse, build an event, claim its id and queue it in one script, answer with a
// cookie after Redis said yes. No settings, no consent rules, no bot verdict, no routing, no counters.
// Usage: node server.js PORT REDIS_SOCKET
'use strict';
const fastify = require('fastify');
const Redis = require('ioredis');

const [port, socket] = process.argv.slice(2);
const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64');
const PURPOSES = ['ad_storage', 'ad_user_data', 'ad_personalization', 'analytics_storage'];
const WINDOW_S = 172800;

const redis = new Redis({ path: socket, enableAutoPipelining: true });
redis.defineCommand('claim', {
  numberOfKeys: 2,
  lua: `if redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then
          redis.call('XADD', KEYS[2], '*', 'e', ARGV[2]) return 1 end return 0`,
});

function cookies(header) {
  const found = {};
  for (const pair of (header || '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0) found[pair.slice(0, at).trim()] = pair.slice(at + 1).trim();
  }
  return found;
}

function eventOf(said, request) {
  const jar = cookies(request.headers.cookie);
  const click = /[?&]fbclid=([\w.~-]+)/.exec(said.page_location || '');
  const now = Date.now();
  const consent = {};
  for (const purpose of PURPOSES) consent[purpose] = said.consent ? said.consent[purpose] : said['consent.' + purpose];
  return {
    id: said.event_id, event: said.event, at: now, said, consent,
    ip: request.headers['x-forwarded-for'], agent: request.headers['user-agent'],
    language: request.headers['accept-language'], visitor: jar._tw_id, fbp: jar._fbp,
    fbc: click ? `fb.1.${now}.${click[1]}` : jar._fbc,
  };
}

async function keep(said, request, reply) {
  const event = eventOf(said, request);
  const fresh = await redis.claim(`claim:${event.id}`, 'outbox', WINDOW_S, JSON.stringify(event));
  reply.header('Cache-Control', 'no-store');
  reply.header('X-Said', fresh ? 'accepted' : 'duplicate');
  if (event.fbc) {
    reply.header('Set-Cookie', `_fbc=${event.fbc}; Max-Age=7776000; Path=/; SameSite=Lax; Domain=shop.example; Secure`);
  }
}

const app = fastify({ logger: false });
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => {
  try { done(null, JSON.parse(body)); } catch (error) { done(error); }
});
app.get('/i', async (request, reply) => {
  await keep(request.query, request, reply);
  return reply.type('image/gif').send(GIF);
});
app.post('/e', async (request, reply) => {
  await keep(request.body, request, reply);
  return reply.code(204).send();
});
app.listen({ port: Number(port), host: '127.0.0.1' });
