// The cart, and what the pages tell GA4 about it. The tag hears the dataLayer and passes it on.

import { about, element, lasting, money } from './memory.js';
import { purposes } from './banner.js';

const contents = () => lasting.get('cart', {});
const items = () =>
  Object.entries(contents())
    .filter(([slug]) => about.products[slug])
    .map(([slug, quantity]) => ({ ...about.products[slug], quantity, slug }));
const sum = (bought) => Math.round(bought.reduce((sofar, item) => sofar + item.price * item.quantity, 0) * 100) / 100;
const bare = (bought) => bought.map(({ slug, ...item }) => item);

/** Push an event the way a shop does that speaks GA4 through a tag manager. */
export function push(event, ecommerce, more = {}) {
  dataLayer.push({ ecommerce: null });
  dataLayer.push({ event, ...more, ecommerce });
}
const told = (event, bought) => push(event, { currency: about.currency, value: sum(bought), items: bare(bought) });

export function start() {
  show();
  const bought = items();
  if (about.page === 'product') startProduct(about.shown);
  if (about.page === 'cart' && bought.length) told('view_cart', bought);
  if (about.page === 'checkout' && bought.length) startCheckout(bought);
  if (about.page === 'thanks') change({});
}

function startProduct(slug) {
  const one = { ...about.products[slug], slug };
  told('view_item', [one]);
  const button = document.querySelector('[data-add]');
  button.addEventListener('click', () => {
    const now = contents();
    change({ ...now, [slug]: (now[slug] ?? 0) + 1 });
    told('add_to_cart', [one]);
    button.textContent = 'Put in another';
    document.querySelector('[data-to-cart]').hidden = false;
    document.querySelector('[data-added]').textContent = `In the cart: ${contents()[slug]}.`;
  });
}

function startCheckout(bought) {
  told('begin_checkout', bought);
  document.querySelector('[data-checkout]').addEventListener('submit', (event) => {
    event.target.elements.cart.value = JSON.stringify(contents());
    event.target.elements.consent.value = JSON.stringify(purposes());
  });
}

function change(now) {
  lasting.set('cart', now);
  show();
}

function show() {
  const bought = items();
  const count = document.querySelector('[data-cart-count]');
  if (count) {
    const many = bought.reduce((sofar, item) => sofar + item.quantity, 0);
    count.hidden = !many;
    count.textContent = many;
    count.setAttribute('aria-label', many === 1 ? '1 thing' : `${many} things`);
  }
  const full = document.querySelector('[data-full]');
  if (!full) return;
  full.hidden = !bought.length;
  document.querySelector('[data-empty]').hidden = !!bought.length;
  full.querySelector('[data-lines]').replaceChildren(...bought.map(line));
  full.querySelector('[data-sums]').replaceChildren(
    total('Things', sum(bought)),
    total('The way to you', about.shipping),
    total('Together', sum(bought) + about.shipping, 'total'),
  );
}

function line(item) {
  const picture = element('img');
  Object.assign(picture, { src: `/demo/static/${item.slug}.svg`, alt: '', width: 64, height: 64 });
  const inside = [picture, element('span', 'name', item.item_name), element('span', 'many', `× ${item.quantity}`)];
  if (about.page === 'cart') {
    const less = element('button', 'link', 'Take out');
    less.setAttribute('aria-label', `Take out: ${item.item_name}`);
    less.addEventListener('click', () => {
      const { [item.slug]: _, ...rest } = contents();
      change(rest);
      told('remove_from_cart', [item]);
    });
    inside.push(less);
  }
  return element('li', '', ...inside, element('span', 'price', money(item.price * item.quantity)));
}

const total = (label, amount, name = '') => element('div', name, element('dt', '', label), element('dd', '', money(amount)));
