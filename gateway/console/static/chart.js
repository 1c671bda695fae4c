// Deliveries per hour, stacked: delivered, skipped, dead. The table below each chart says the same without a picture.

const WORDS = ['delivered', 'skipped', 'dead'];
const REFRESH_MS = 60_000;
const HEIGHT = 180;
const places = [...document.querySelectorAll('[data-chart]')];
const charts = new Map();

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return { delivered: of('bar-delivered'), skipped: of('bar-skipped'), dead: of('bar-dead'), ink: of('soft'), line: of('line') };
}

// Bars drawn over each other, the tallest first, look stacked: each holds the sum of those below it.
function stacked(volumes, name) {
  const series = volumes.destinations[name] ?? { delivered: [], skipped: [], dead: [] };
  const sums = volumes.hours.map((_, i) => {
    const sum = [0, 0, 0];
    WORDS.reduce((before, word, n) => (sum[n] = before + (series[word][i] ?? 0)), 0);
    return sum;
  });
  return [volumes.hours, ...[2, 1, 0].map((n) => sums.map((sum) => sum[n]))];
}

function draw(place, data) {
  const { delivered, skipped, dead, ink, line } = colours();
  const bars = uPlot.paths.bars({ size: [0.78, 26], radius: 0.15 });
  const font = '12px system-ui, sans-serif';
  const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  const series = (label, fill) => ({ label, fill, stroke: fill, width: 0, paths: bars, points: { show: false } });
  const options = {
    width: place.clientWidth,
    height: HEIGHT,
    padding: [10, 0, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    // Half an hour of room on both sides, else the first and the last bar are cut.
    scales: { x: { range: (_, first, last) => [first - 1800, last + 1800] }, y: { range: (_, low, high) => [0, Math.max(high * 1.1, 4)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 26, values: (_, ticks) => ticks.map(when(data[0])), space: 70 },
      { ...axis, size: 48, values: (_, ticks) => ticks.map((tick) => tick.toLocaleString()), incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7], space: 36 },
    ],
    series: [{}, series('dead', dead), series('skipped', skipped), series('delivered', delivered)],
  };
  charts.get(place)?.destroy();
  charts.set(place, new uPlot(options, data, place));
}

function when(hours) {
  const isDay = hours.at(-1) - hours[0] < 2 * 86_400;
  const format = new Intl.DateTimeFormat(undefined, isDay ? { hour: '2-digit', minute: '2-digit' } : { day: 'numeric', month: 'short' });
  return (tick) => format.format(new Date(tick * 1000));
}

let volumes = null;
async function load() {
  const answer = await fetch(`/admin/api/volumes?hours=${places[0].dataset.hours}`);
  if (!answer.ok) return;
  volumes = await answer.json();
  redraw();
}

function redraw() {
  if (volumes) for (const place of places) draw(place, stacked(volumes, place.dataset.chart));
}

if (places.length) {
  load();
  setInterval(() => { if (!document.hidden) load(); }, REFRESH_MS);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  new ResizeObserver(() => { for (const [place, chart] of charts) chart.setSize({ width: place.clientWidth, height: HEIGHT }); })
    .observe(places[0]);
}
