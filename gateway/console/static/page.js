// What every page does: show what needs scripts, put times into the reader's zone, copy texts.

document.documentElement.classList.add('js');

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });

function localise(time) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) return;
  const isToday = at.toDateString() === new Date().toDateString();
  const said = (isToday ? clock : day).format(at);
  if (time.textContent !== said) time.textContent = said;
  const whole = full.format(at);
  if (time.title !== whole) time.title = whole;
}

// Rows come by the stream and by refreshes: before they are painted they get the reader's time.
new MutationObserver(() => document.querySelectorAll('time').forEach(localise))
  .observe(document.documentElement, { childList: true, subtree: true, characterData: true });
document.querySelectorAll('time').forEach(localise);

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent;
  let said = `Copied: ${button.dataset.what}`;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    said = 'The browser did not allow copying; open the text and select it.';
  }
  const place = document.getElementById('said');
  place.textContent = said;
  setTimeout(() => { if (place.textContent === said) place.textContent = ''; }, 4000);
});

document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || isTyping(event)) return;
  event.preventDefault();
  document.getElementById('find').focus();
});

export function isTyping(event) {
  return event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, select, textarea') !== null;
}
