// The thank-you page: the page tells the purchase, the shop's server confirms it, and the steps say what each led to.

import { about, passing } from './memory.js';
import { purposes } from './banner.js';
import { push } from './cart.js';
import { from, note } from './panel.js';

const order = about.shown;
const VERDICTS = {
  merged: 'Merged. The gateway had the page’s copy, took the order’s figures from the server’s, and makes one event of both.',
  accepted: 'Accepted. The page has not told this purchase; the gateway waits a while for its copy, then this one leaves alone.',
  duplicate: 'Duplicate. The gateway has this copy already: nothing is sent twice.',
  late: 'Late. The page’s copy has left alone. This one is shown, and only who corrects figures afterwards is told again (Google).',
};

const key = `order.${order?.number}`;
const state = () => passing.get(key, {});
const learn = (more) => passing.set(key, { ...state(), ...more });
const allowed = () => purposes().ad_storage === 'granted' && purposes().ad_user_data === 'granted';

export function start() {
  if (about.page !== 'thanks') return;
  if (!state().at) {
    const tells = from() !== 'server';
    learn({ at: Date.now(), tells });
    if (tells) push('purchase', order.ecommerce, { event_id: order.event_id });
  }
  document.querySelector('[data-confirm]').addEventListener('click', confirm);
  setInterval(show, 250);
  show();
}

async function confirm(event) {
  const button = event.currentTarget;
  button.disabled = true;
  const answer = await fetch(`/demo/orders/${order.number}/confirm`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' })
    .then((response) => response.json())
    .catch(() => ({ error: 'no answer' }));
  button.disabled = false;
  if (answer.error) return verdict(`The gateway did not take it (${answer.error}). Try again.`, 'error');
  learn({ status: answer.status, confirmed: state().confirmed ?? Date.now(), first: state().first ?? answer.status });
  verdict(answer.reason ? `Refused: ${answer.reason}.` : VERDICTS[answer.status], answer.status);
  note('Purchase, from the server', order.event_id, answer.status);
  show();
}

function verdict(words, name) {
  const box = document.querySelector('[data-verdict]');
  box.hidden = false;
  box.className = `verdict ${name}`;
  const withoutYes = `The gateway says: ${name}. You said no to ads, so it is counted, and no platform is told.`;
  box.textContent = allowed() || name === 'error' || name === 'refused' ? words : withoutYes;
}

function show() {
  const { at, tells, confirmed, first } = state();
  const left = Math.max(0, about.hold_s - (Date.now() - (tells ? at : confirmed ?? Date.now())) / 1000);
  const holds = allowed() && (tells || confirmed) && first !== 'merged' && left > 0;
  step('browser', tells ? `told it as ${order.event_id}.` : 'keeps silent, as you chose; a blocker would do the same.', tells);
  step('hold', held({ tells, confirmed, first, left }), first === 'merged' || ((left === 0 || !allowed()) && (tells || confirmed)));
  step('server', confirmed ? 'has confirmed the order.' : from() === 'browser' ? 'keeps silent, as you chose.' : 'has not spoken yet.', confirmed);
  document.querySelector('[data-confirm]').hidden = from() === 'browser' && !confirmed;
  document.querySelector('[data-confirm]').textContent = confirmed ? 'Confirm it once more' : 'The shop’s server confirms the order';
  const progress = document.querySelector('progress');
  progress.hidden = !holds;
  progress.value = left;
}

function held({ tells, confirmed, first, left }) {
  if (!tells && !confirmed) return 'has heard of it from nobody.';
  if (!allowed()) return 'counted it. You said no, so no platform is told, whoever confirms it.';
  if (first === 'merged') return 'joined both copies into one event, and it is on its way.';
  const other = tells ? 'the server’s' : 'the page’s';
  return left > 0 ? `holds it and waits ${Math.ceil(left)} s more for ${other} copy.` : `waited for ${other} copy, and sent it alone.`;
}

function step(name, words, done) {
  const row = document.querySelector(`[data-step=${name}]`);
  const text = row.querySelector('[data-words]');
  if (text.textContent !== words) text.textContent = words;
  row.classList.toggle('done', !!done);
}
