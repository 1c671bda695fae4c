import { Fields, isFields, rules } from './rules';

/** What a page may tell Google and we pass on; every other key of the dataLayer stays where it is. */
const PASSED = 'event_id transaction_id value currency coupon tax shipping items search_term lead_score predicted_ltv'.split(' ');

type Layer = unknown[] & { push(...entries: unknown[]): number };

/** Read a page's dataLayer, what stands in it and whatever is pushed later; say whether there is one. */
export function follow(
  consent: (said: Fields, how: unknown) => void,
  track: (name: string, fields: Fields) => void,
): boolean {
  const layer = (window as unknown as { dataLayer?: Layer }).dataLayer;
  if (!Array.isArray(layer)) return false;
  const read = (entry: unknown): void => {
    try {
      // gtag() pushes its arguments: a list in all but name.
      const [command, name, fields] = isFields(entry) && 'length' in entry ? Array.from(entry as unknown as unknown[]) : [];
      if (command === 'consent' && isFields(fields)) {
        // A default for some regions only is for those who know the region: our server has defaults of its own.
        if (!fields.region) consent(fields, name);
      } else if (command === 'event') pass(name, fields, track);
      else if (isFields(entry)) pass(entry.event, { ...entry, ...(entry.ecommerce as Fields) }, track);
    } catch {}
  };
  layer.forEach(read);
  const own = layer.push;
  layer.push = (...entries: unknown[]) => {
    const length = own.apply(layer, entries);
    entries.forEach(read);
    return length;
  };
  return true;
}

function pass(name: unknown, fields: unknown, track: (name: string, fields: Fields) => void): void {
  if (typeof name !== 'string' || !rules.pushed.includes(name)) return;
  const passed: Fields = {};
  if (isFields(fields)) for (const key of PASSED) if (fields[key] != null) passed[key] = fields[key];
  track(name, passed);
}
