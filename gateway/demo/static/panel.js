// The panel beside every page: says in plain words what the page told the gateway, and what that leads to.

import { about, element, forget, lasting, passing } from './memory.js';
import { answer, purposes } from './banner.js';

const MOST = 6;
const CLICKS = { fbclid: 'Meta', gclid: 'Google', ttclid: 'TikTok' };
const COOKIES = {
  _fbp: 'Meta’s name for this browser',
  _fbc: 'your click on Meta’s ad',
  _ttp: 'TikTok’s name for this browser',
  _gcl_aw: 'your click on Google’s ad',
};
const NAMES = {
  page_view: 'Page seen',
  view_item: 'Product looked at',
  add_to_cart: 'Put into the cart',
  remove_from_cart: 'Taken out of the cart',
  view_cart: 'Cart looked at',
  begin_checkout: 'Checkout begun',
  purchase: 'Purchase, from the page',
};
const ANSWERS = { granted: 'You said yes to all of it.', counted: 'You said: only count.', denied: 'You said no.' };
const FATES = { granted: 'passed on', counted: 'counted only', denied: 'counted only' };
const EXPLAINED = {
  granted: 'They go to each platform that wants them.',
  counted: 'They are counted; no ad platform is told.',
  denied: 'They are counted; no cookie is set, and nobody is told.',
};

/** Whom the purchase is told by: `browser`, `server` or `both`. */
export const from = () => lasting.get('from', 'both');

let fresh = 0;

/** Note something that was told, for this page's panel and the next ones'. */
export function note(name, eventId, words) {
  passing.set('told', [{ name, eventId, words, at: Date.now() }, ...passing.get('told', [])].slice(0, MOST));
  fresh += 1;
  show();
}

function fate(name) {
  return name === 'purchase' && answer() === 'granted' ? 'held' : FATES[answer() ?? 'denied'];
}

export function start(switched) {
  if (!document.querySelector('[data-told]')) return;
  document.addEventListener('tagway', ({ detail }) => note(detail.event, detail.event_id, fate(detail.event)));
  for (const radio of document.querySelectorAll('[name=from]')) {
    radio.checked = radio.value === from();
    radio.addEventListener('change', () => {
      lasting.set('from', radio.value);
      switched();
    });
  }
  document.querySelector('[data-reset]').addEventListener('submit', forget);
  // The gateway answers a beacon with cookies, and no event says that they came.
  setInterval(showCookies, 700);
  show();
}

export function show() {
  const now = document.querySelector('[data-now]');
  if (!now) return;
  now.replaceChildren(...sentences().map((text) => element('p', '', text)));
  document.querySelector('[data-answer]').textContent = ANSWERS[answer()] ?? 'You have not answered yet, which counts as no.';
  const told = passing.get('told', []);
  const rows = told.length ? told.map(row) : [element('li', 'none', 'Nothing yet.')];
  document.querySelector('[data-told]').replaceChildren(...rows);
  showCookies();
}

function sentences() {
  const brought = Object.keys(CLICKS).filter((name) => new URLSearchParams(location.search).has(name));
  const said = [];
  if (brought.length) {
    const whose = new Intl.ListFormat('en').format(brought.map((name) => `${CLICKS[name]} (${name})`));
    said.push(`You came by an ad: the address carries ${brought.length > 1 ? 'the click ids' : 'the click id'} of ${whose}.`);
    if (purposes().ad_storage === 'granted') said.push('The gateway keeps it for 90 days, in a cookie that it sets itself.');
    else if (answer()) said.push('You did not agree to that, so the gateway forgets it at once.');
    else said.push('Nothing is kept of it before you answer the banner. If you say yes, the next page brings it along.');
  } else if (!answer()) said.push('You have not answered the banner: the gateway counts this page, and that is all.');
  if (fresh) said.push(`Events told by this page: ${fresh}. ${EXPLAINED[answer() ?? 'denied']}`);
  return said.length ? said : ['The page is about to tell the gateway that you are here.'];
}

function row(entry, at) {
  const name = element('strong', '', NAMES[entry.name] ?? entry.name);
  const trace = element('a', 'trace', element('code', '', entry.eventId));
  Object.assign(trace, { href: `${about.console}/event/${encodeURIComponent(entry.eventId)}`, target: '_blank', title: 'Its trace in the console' });
  trace.setAttribute('aria-label', `Trace of ${name.textContent}, ${entry.eventId}`);
  const time = element('time', '', new Date(entry.at).toLocaleTimeString('en-GB'));
  return element('li', at < fresh ? 'fresh' : '', name, time, trace, element('span', 'words', entry.words));
}

function showCookies() {
  const list = document.querySelector('[data-cookies]');
  const found = document.cookie.split('; ').map((pair) => pair.split(/=(.*)/s)).filter(([name]) => COOKIES[name]);
  const key = JSON.stringify(found);
  if (list.dataset.shown === key) return;
  list.dataset.shown = key;
  const rows = found.map(([name, value]) => {
    const text = element('code', 'value', value);
    text.title = value;
    return element('div', '', element('dt', '', element('code', '', name), ' ', COOKIES[name]), element('dd', '', text));
  });
  list.replaceChildren(...(rows.length ? rows : [element('div', 'none', element('dt', '', 'None.'), element('dd', '', why()))]));
}

const why = () => (purposes().ad_storage === 'granted' ? 'They come with the answer to the next event.' : 'Without your yes there will be none.');
