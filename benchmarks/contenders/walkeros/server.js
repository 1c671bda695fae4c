// What npm has of walkerOS: its collector maps each event into Meta's shape, and its API destination posts it to the
// platform. npm has neither its express source nor its Meta destination. Node's own http server reads the hits instead
// of the first, which costs less; like that source it answers a GET when the push has settled and a POST before it.
// Nothing is stored, no id is remembered, no cookie is set. Usage: node server.js PORT PLATFORM_URL
'use strict';
const http = require('node:http');
const { startFlow } = require('@walkeros/collector');
const { requestToData } = require('@walkeros/core');
const { getHashServer } = require('@walkeros/server-core');
const { destinationAPI } = require('@walkeros/server-destination-api');

const [port, url] = process.argv.slice(2);
const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64');
const PURPOSES = ['ad_storage', 'ad_user_data', 'ad_personalization', 'analytics_storage'];

const hashed = (name) => ({ fn: ({ user }) => user[name] && getHashServer(user[name]) });
const META_EVENT = {
  event_name: 'name',
  event_id: 'id',
  event_time: { fn: (event) => Math.floor(event.timestamp / 1000) },
  action_source: { value: 'website' },
  event_source_url: 'source.url',
  referrer_url: 'source.referrer',
  user_data: {
    map: {
      em: hashed('email'),
      external_id: hashed('id'),
      client_ip_address: 'user.ip',
      client_user_agent: 'user.userAgent',
      fbp: 'user.fbp',
      fbc: 'user.fbc',
    },
  },
  custom_data: {
    map: {
      value: 'data.value',
      currency: 'data.currency',
      search_string: 'data.search_term',
      contents: {
        condition: (event) => event.nested.length > 0,
        loop: ['nested', { map: { id: 'data.item_id', item_price: 'data.price', quantity: 'data.quantity' } }],
      },
    },
  },
};
const META = {
  code: destinationAPI,
  config: {
    settings: { url, headers: { Authorization: 'Bearer t' } },
    consent: { ad_user_data: true },
    mapping: { page: { view: { name: 'PageView', data: { map: { data: { set: [{ map: META_EVENT }] } } } } } },
  },
};

function cookies(header) {
  const found = {};
  for (const pair of (header || '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0) found[pair.slice(0, at).trim()] = pair.slice(at + 1).trim();
  }
  return found;
}

function eventOf(said, headers) {
  const jar = cookies(headers.cookie);
  const click = /[?&]fbclid=([\w.~-]+)/.exec(said.page_location || '');
  const now = Date.now();
  const consent = {};
  for (const purpose of PURPOSES) {
    consent[purpose] = (said.consent ? said.consent[purpose] : said['consent.' + purpose]) === 'granted';
  }
  return {
    name: said.event.replace('_', ' '), // "page view": an entity and its action
    id: said.event_id,
    timestamp: said.timestamp ? Math.round(said.timestamp * 1000) : now,
    data: { title: said.page_title, value: said.value, currency: said.currency, search_term: said.search_term },
    nested: (said.items || []).map((data) => ({ entity: 'product', data })),
    user: {
      id: jar._tw_id, email: said.user && said.user.email, ip: headers['x-forwarded-for'],
      userAgent: headers['user-agent'], fbp: jar._fbp, fbc: click ? `fb.1.${now}.${click[1]}` : jar._fbc,
    },
    consent,
    source: { type: 'http', platform: 'server', url: said.page_location, referrer: said.page_referrer },
  };
}

function answer(response, type, body) {
  response.writeHead(200, {
    'Content-Type': type, 'Content-Length': body.length, 'Cache-Control': 'no-cache, no-store, must-revalidate',
  });
  response.end(body);
}

async function image(elb, request, response) {
  await elb(eventOf(requestToData(request.url), request.headers));
  answer(response, 'image/gif', GIF);
}

async function beacon(elb, request, body, response) {
  const said = JSON.parse(body);
  answer(response, 'application/json', JSON.stringify({ success: true, timestamp: Date.now() }));
  await elb(eventOf(said, request.headers));
}

async function serve() {
  const { elb } = await startFlow({ destinations: { meta: META } });
  const server = http.createServer((request, response) => {
    const failed = (error) => {
      console.error(error);
      if (!response.headersSent) response.writeHead(500).end();
    };
    if (request.method === 'GET') {
      image(elb, request, response).catch(failed);
      return;
    }
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => beacon(elb, request, Buffer.concat(parts), response).catch(failed));
  });
  server.listen(Number(port), '127.0.0.1');
}

serve();
