// The consent banner: asks once, remembers the answer, and gives it to Consent Mode, where the tag hears it.

import { lasting } from './memory.js';

const PURPOSES = ['ad_storage', 'ad_user_data', 'ad_personalization', 'analytics_storage'];
const ANSWERS = {
  granted: () => 'granted',
  denied: () => 'denied',
  counted: (purpose) => (purpose === 'analytics_storage' ? 'granted' : 'denied'),
};

/** The answer: `granted`, `denied`, `counted`, or null before there is one. */
export const answer = () => lasting.get('consent', null);

/** The answer as four purposes; who has said nothing has said no. */
export const purposes = () => Object.fromEntries(PURPOSES.map((purpose) => [purpose, ANSWERS[answer() ?? 'denied'](purpose)]));

export function start(changed) {
  const banner = document.querySelector('[data-banner]');
  if (!banner) return;
  if (answer()) gtag('consent', 'update', purposes());
  else banner.hidden = false;
  for (const button of banner.querySelectorAll('[data-consent]')) {
    button.addEventListener('click', () => {
      lasting.set('consent', button.dataset.consent);
      gtag('consent', 'update', purposes());
      banner.hidden = true;
      changed();
    });
  }
  document.querySelector('[data-again]').addEventListener('click', () => {
    banner.hidden = false;
    banner.querySelector('button').focus();
  });
}
