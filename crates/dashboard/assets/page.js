// What every page gets from scripts: copying, ages that pass, and the modules that a page asks for.

document.documentElement.classList.add('scripted');

async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.dataset.copy);
  } catch {
    return;
  }
  element.classList.add('copied');
  setTimeout(() => element.classList.remove('copied'), 1500);
}

for (const element of document.querySelectorAll('.hash')) {
  element.classList.add('copies');
}
document.addEventListener('click', (event) => {
  const element = event.target.closest?.('[data-copy]');
  if (element) copy(element);
});

const UNITS = [['d', 86_400], ['h', 3_600], ['min', 60], ['s', 1]];

/** `2 h 5 min ago`, as the server writes it. */
export function ago(since) {
  const passed = Math.floor(Date.now() / 1000) - since;
  if (passed < 0) return 'in the future';
  if (passed < 1) return 'just now';
  const first = UNITS.findIndex(([, length]) => passed >= length);
  const [unit, length] = UNITS[first];
  const next = UNITS[first + 1];
  const rest = next ? Math.floor((passed % length) / next[1]) : 0;
  return `${Math.floor(passed / length)} ${unit}${rest ? ` ${rest} ${next[0]}` : ''} ago`;
}

setInterval(() => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll('[data-since]')) {
    element.textContent = ago(Number(element.dataset.since));
  }
}, 1000);

if (document.querySelector('[data-live]')) import('./live.js');
if (document.querySelector('[data-evidence]')) import('./prove.js');
