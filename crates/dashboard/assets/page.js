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

function length(seconds) {
  const first = UNITS.findIndex(([, unit]) => seconds >= unit);
  const [name, unit] = UNITS[first];
  const next = UNITS[first + 1];
  const rest = next ? Math.floor((seconds % unit) / next[1]) : 0;
  return `${Math.floor(seconds / unit)} ${name}${rest ? ` ${rest} ${next[0]}` : ''}`;
}

/** `2 h 5 min ago`, as the server writes it. */
export function ago(since) {
  const passed = Math.floor(Date.now() / 1000) - since;
  if (passed < 0) return `in ${length(-passed)}`;
  return passed < 1 ? 'just now' : `${length(passed)} ago`;
}

/** A text in which what cannot be seen is spelt, as the server writes it. */
export const plain = (text) => text.replace(/[\p{Cc}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu, (letter) =>
  [...Array(letter.length).keys()].map((at) => `\\u${letter.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''));

setInterval(() => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll('[data-since]')) {
    element.textContent = ago(Number(element.dataset.since));
  }
}, 1000);

if (document.querySelector('[data-live]')) import('./live.js');
if (document.querySelector('[data-evidence]')) import('./prove.js');

// A page about something that moves is read anew, unless somebody is looking elsewhere or typing.
const moving = document.querySelector('[data-again]');
if (moving) {
  setInterval(() => {
    if (!document.hidden && !document.activeElement?.closest('form, [data-copy]')) location.reload();
  }, Number(moving.dataset.again));
}
