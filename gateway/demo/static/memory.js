// What the shop's pages remember between each other: in the browser's own storage, never in a cookie.

export const about = JSON.parse(document.getElementById('about').textContent);

const read = (store, name, fallback) => {
  try {
    return JSON.parse(store.getItem('demo.' + name)) ?? fallback;
  } catch {
    return fallback;
  }
};
const write = (store, name, value) => {
  try {
    store.setItem('demo.' + name, JSON.stringify(value));
  } catch {
    // A browser that stores nothing forgets the cart with the page.
  }
};

export const lasting = { get: (name, fallback) => read(localStorage, name, fallback), set: (name, value) => write(localStorage, name, value) };
export const passing = { get: (name, fallback) => read(sessionStorage, name, fallback), set: (name, value) => write(sessionStorage, name, value) };

export function forget() {
  for (const store of [localStorage, sessionStorage]) {
    for (const key of Object.keys(store)) if (key.startsWith('demo.')) store.removeItem(key);
  }
}

const numbers = new Intl.NumberFormat('en', { style: 'currency', currency: about.currency });
export const money = (amount) => numbers.format(amount);

/** Make an element: its class, and what is in it (texts and elements). */
export function element(tag, name, ...inside) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...inside);
  return made;
}
