/**
 * The browser's part: tells the gateway what happens on a page. It keeps nothing, and sets and reads no cookie.
 * What it cannot do it leaves undone: no error of ours reaches the page.
 */
import { follow } from './layer';
import { Fields, isFields } from './rules';
import { flush, newId, send } from './send';

interface Tagway {
  (...said: unknown[]): void;
  /** The calls made before this script came. */
  q?: ArrayLike<unknown>[];
  /** Says that this script is at work already. */
  on?: 1;
}

const PURPOSES = ['ad_storage', 'ad_user_data', 'ad_personalization', 'analytics_storage'];
/** Milliseconds: a consent banner that asks for longer would cost the visit of who leaves soon. */
const MAX_WAIT = 2000;
/** Milliseconds: a page that changes its address gives itself a title only afterwards. */
const TITLE_WAIT = 50;

const answers: Fields = {};
const always: Fields = {};
const ordered: Fields = {};
/** Events that wait: until all that was said before us is read, and for the stored answer of a consent banner. */
let held: Fields[] | null = [];
let waiting = false;
let route = '';
let search = '';
let href = '';
let before = document.referrer;

/** Keep an error of ours, or of a page that gave us nonsense, from the page. */
const safely = <A extends unknown[]>(act: (...given: A) => void) => (...given: A): void => {
  try {
    act(...given);
  } catch {}
};

const release = safely(() => {
  waiting = false;
  // Before begin() is through, what is held lacks its page view.
  if (!route) return;
  const events = held || [];
  held = null;
  events.forEach((event) => finish(event));
});

/** Learn what the visitor answered. A default may ask for a moment, as the stored answer is on its way. */
function consent(said: Fields, how?: unknown): void {
  for (const purpose of PURPOSES) if (said[purpose] != null) answers[purpose] = said[purpose];
  if (how !== 'default') release();
  else if ((said.wait_for_update as number) > 0) {
    held = held || [];
    waiting = true;
    setTimeout(release, Math.min(said.wait_for_update as number, MAX_WAIT));
  }
}

function track(name: unknown, fields?: unknown): void {
  if (typeof name !== 'string') return;
  const given = isFields(fields) ? fields : {};
  // A page that tells its order to us and to Google means one.
  const order = given.transaction_id ? name + given.transaction_id : '';
  if (order && ordered[order]) return;
  ordered[order] = 1;
  const event = {
    event: name,
    page_location: location.href,
    page_referrer: before || undefined,
    page_title: document.title || undefined,
    ...given,
    event_id: given.event_id || newId(),
  };
  if (held) held.push(event);
  else finish(event);
}

const finish = safely((event: Fields): void => {
  send({ ...always, consent: { ...answers }, ...event });
  // Whoever tells a platform from this page, too, needs the id under which the gateway does.
  document.dispatchEvent(new CustomEvent('tagway', { detail: { event: event.event, event_id: event.event_id } }));
});

function set(fields: Fields): void {
  for (const name in fields) {
    const value = fields[name];
    always[name] = isFields(value) && !Array.isArray(value) ? { ...(always[name] as Fields), ...value } : value;
  }
}

/** Count a page view, once for an address. Of a fragment only a route counts; a query that is replaced does not. */
const view = safely((how?: string): void => {
  const now = location.pathname + (/^#!?\//.test(location.hash) ? location.hash : '');
  const same = now === route && (how === 'replaceState' || search === location.search);
  search = location.search;
  if (same) return;
  if (route) before = href;
  route = now;
  href = location.href;
  track('page_view');
});

const command = safely((...said: unknown[]): void => {
  const [name, first, second] = said;
  if (name === 'track') track(first, second);
  else if (name === 'set' && isFields(first)) set(first);
  else if (name === 'consent') consent((isFields(first) ? first : second) as Fields, first);
});

/** Hear of every new address of a page that changes without being loaded, or that comes back from the cache. */
function watch(): void {
  for (const how of ['pushState', 'replaceState'] as const) {
    const own = history[how];
    history[how] = function (...given) {
      own.apply(history, given);
      setTimeout(view, TITLE_WAIT, how);
    };
  }
  addEventListener('popstate', () => setTimeout(view, TITLE_WAIT));
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    route = '';
    view();
  });
  const leave = (): void => {
    release();
    flush();
  };
  addEventListener('pagehide', leave);
  // On phones a page that is put away is seldom told that it ends.
  addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && leave());
}

const begin = safely((): void => {
  const page = window as unknown as { tagway?: Tagway };
  if (page.tagway && page.tagway.on) return;
  const early = (page.tagway && page.tagway.q) || [];
  const tagway: Tagway = command;
  tagway.on = 1;
  page.tagway = tagway;
  for (const said of early) command(...Array.from(said));
  // A page's dataLayer may begin below us; making one would be a name of ours in the page.
  if (!follow(consent, track)) addEventListener('load', () => follow(consent, track));
  const rest = held || [];
  held = [];
  view();
  held.push(...rest);
  if (!waiting) release();
  watch();
});

// A page that is loaded ahead has not been seen yet.
if ((document as { prerendering?: boolean }).prerendering) document.addEventListener('prerenderingchange', begin, { once: true });
else begin();
