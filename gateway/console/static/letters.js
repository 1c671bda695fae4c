// Dead letters: choose some, confirm, and ask the admin API to replay or drop them.

const place = document.getElementById('letters');
const boxes = [...place.querySelectorAll('tbody input[type=checkbox]')];
const every = document.getElementById('every');
const said = document.getElementById('said');
const buttons = [...place.querySelectorAll('[data-deed]')];

const letters = (count) => `${count} ${count === 1 ? 'dead letter' : 'dead letters'}`;
const chosen = () => boxes.filter((box) => box.checked).map((box) => box.value);

function tell() {
  const count = chosen().length;
  said.textContent = count ? `${letters(count)} chosen` : 'None chosen';
  for (const button of buttons) button.disabled = count === 0;
  every.checked = count === boxes.length;
  every.indeterminate = count > 0 && count < boxes.length;
}

async function act(deed) {
  const ids = chosen();
  const question = deed === 'replay'
    ? `Replay ${letters(ids.length)}? They go back into the queue and out to ${place.dataset.destination}.`
    : `Drop ${letters(ids.length)}? They will not reach ${place.dataset.destination} any more. This cannot be undone.`;
  if (!confirm(question)) return;
  for (const button of buttons) button.disabled = true;
  try {
    const answer = await fetch(`/admin/api/dead/${deed}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ destination: place.dataset.destination, ids }),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    location.reload();
  } catch (error) {
    tell();
    said.textContent = `That did not work (${error.message}). Nothing is lost; try again.`;
  }
}

if (every) {
  every.addEventListener('change', () => {
    for (const box of boxes) box.checked = every.checked;
    tell();
  });
  for (const box of boxes) box.addEventListener('change', tell);
  for (const button of buttons) button.addEventListener('click', () => act(button.dataset.deed));
  tell();
}
