// The live page: rows arrive as the server renders them, wait while paused, and the whole view stands in the address.

import { isTyping } from './page.js';

const MOST_ROWS = 500;
// A pause of hours keeps the newest; what was left out is said.
const MOST_WAITING = 2000;

const form = document.getElementById('filters');
const pulse = document.getElementById('pulse');
const pause = document.getElementById('pause');
let stream = null;
let isPaused = pause.getAttribute('aria-pressed') === 'true';
let waiting = [];
let leftOut = 0;
let last = document.getElementById('stream').dataset.after;
let asked = 0;

function query() {
  const told = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (name !== 'paused' && value.trim()) told.set(name, value.trim());
  return told;
}

function address() {
  const told = query();
  if (isPaused) told.set('paused', '1');
  const text = told.toString();
  return text ? `/live?${text}` : '/live';
}

function connect() {
  stream?.close();
  const told = query();
  told.set('after', last);
  const opened = new EventSource(`/live/stream?${told}`);
  stream = opened;
  opened.onopen = () => say('live');
  opened.onerror = () => {
    say('lost');
    // A gateway that restarts refuses for a moment; the browser gives up on some answers, we do not.
    if (opened.readyState === EventSource.CLOSED) setTimeout(() => { if (stream === opened) connect(); }, 2000);
  };
  opened.onmessage = (message) => {
    last = message.lastEventId || last;
    take(message.data);
  };
}

function take(html) {
  if (!isPaused) return show([html]);
  waiting.push(html);
  if (waiting.length > MOST_WAITING) {
    waiting.shift();
    leftOut += 1;
  }
  say('live');
}

function show(htmls) {
  const template = document.createElement('template');
  template.innerHTML = htmls.slice(-MOST_ROWS).reverse().join('');
  for (const row of template.content.children) row.classList.add('fresh');
  const rows = document.getElementById('rows');
  rows.prepend(template.content);
  while (rows.children.length > MOST_ROWS) rows.lastElementChild.remove();
  document.getElementById('table').hidden = false;
  document.getElementById('empty').hidden = true;
}

function say(state) {
  const count = waiting.length + leftOut;
  pulse.dataset.state = isPaused ? 'paused' : state;
  const said = isPaused ? `Paused, ${count.toLocaleString()} waiting` : { live: 'Live', lost: 'Connection lost, trying again' }[state];
  if (pulse.textContent !== said) pulse.textContent = said;
}

function turn() {
  isPaused = !isPaused;
  pause.setAttribute('aria-pressed', String(isPaused));
  if (!isPaused) {
    if (waiting.length) show(waiting);
    waiting = [];
    leftOut = 0;
  }
  say(stream?.readyState === EventSource.OPEN ? 'live' : 'lost');
  history.replaceState(null, '', address());
}

async function filter() {
  const mine = ++asked;
  const wanted = address();
  history.replaceState(null, '', wanted);
  stream?.close();
  let page;
  try {
    const answer = await fetch(wanted);
    page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  } catch {
    say('lost');
  }
  if (mine !== asked) return; // a newer choice is on its way
  const fresh = page?.getElementById('stream');
  if (fresh) {
    document.getElementById('stream').replaceWith(document.adoptNode(fresh));
    document.getElementById('clear').hidden = page.getElementById('clear').hidden;
    last = fresh.dataset.after;
    waiting = [];
    leftOut = 0;
  }
  say('live');
  connect();
}

let soon = 0;
form.addEventListener('input', (event) => {
  clearTimeout(soon);
  soon = setTimeout(filter, event.target.tagName === 'SELECT' ? 0 : 250);
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  clearTimeout(soon);
  filter();
});
document.getElementById('clear').addEventListener('click', (event) => {
  event.preventDefault();
  for (const field of form.elements) if (field.name && field.type !== 'hidden') field.value = '';
  filter();
});
pause.addEventListener('click', turn);
document.addEventListener('keydown', (event) => {
  if (isTyping(event)) return;
  if (event.key === 'p') turn();
  if (event.key === 'j' || event.key === 'k') step(event.key === 'j' ? 1 : -1);
});

function step(by) {
  const links = [...document.querySelectorAll('#rows a')];
  const here = links.indexOf(document.activeElement);
  links[Math.min(Math.max(here + by, 0), links.length - 1)]?.focus();
}

// Coming back by the browser's own button finds the page as it was left, with a stream that ended.
window.addEventListener('pageshow', (event) => { if (event.persisted) filter(); });

connect();
