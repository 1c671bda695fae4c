import { Fields, isFields, rules } from './rules';

const script = document.currentScript as HTMLScriptElement | null;
const base = (script && script.src) || location.origin + rules.tag;
const at = (path: string): string => new URL(path, base).href;

/** Milliseconds: what happens together travels together, or a new visitor's first events would get a name each. */
const GATHER = 50;

/** Events as they were when they were told, written down: what cannot be written spoils no other. */
let gathered: string[] = [];

/** Send one event, with those that come within a moment. */
export function send(event: Fields): void {
  if (gathered.push(JSON.stringify(event)) < 2) setTimeout(flush, GATHER);
}

/** Send what is gathered: by beacon, else by a request that outlives the page, else each as an image. */
export function flush(): void {
  const events = gathered;
  gathered = [];
  if (!events.length) return;
  const body = `{"events":[${events}]}`;
  const pictures = (): void => events.forEach(picture);
  try {
    // A string travels as text/plain with the site's cookies, and needs no preflight.
    if (navigator.sendBeacon(at(rules.events), body)) return;
  } catch {}
  try {
    fetch(at(rules.events), { method: 'POST', body, credentials: 'include', keepalive: true }).catch(pictures);
  } catch {
    pictures();
  }
}

function picture(event: string): void {
  new Image().src = at(rules.image) + '?' + query(JSON.parse(event)).join('&');
}

/** Spell fields as the image's query does: what is nested with a dot, lists as JSON. */
function query(fields: Fields, before = ''): string[] {
  const pairs: string[] = [];
  for (const name in fields) {
    const value = fields[name];
    if (isFields(value) && !Array.isArray(value)) pairs.push(...query(value, before + name + '.'));
    else if (value != null) {
      const text = isFields(value) ? JSON.stringify(value) : String(value);
      pairs.push(encodeURIComponent(before + name) + '=' + encodeURIComponent(text));
    }
  }
  return pairs;
}

/** Make an event id: 128 random bits, 22 characters that no URL has to escape. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16)) as unknown as number[];
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').slice(0, 22);
}
