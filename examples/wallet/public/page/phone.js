/** The demonstration's phone: shows the code of the authenticator app, and fills it in. */
import { post, send } from './api.js';
import { element, fromTemplate } from './dom.js';
import { noteServerTime, state } from './state.js';

let timer;

export function showPhone(id) {
  hidePhone();
  const phone = fromTemplate('phone-note');
  const place = element(id);
  place.replaceChildren(phone);
  phone.querySelector('button').addEventListener('click', async () => {
    if (phone.dataset.used === 'true') return skipWait(phone);
    const input = element(place.dataset.for);
    input.value = phone.querySelector('[data-slot="code"]').textContent;
    input.focus();
  });
  const refresh = () => showCode(phone);
  refresh();
  timer = setInterval(refresh, 1_000);
}

/** Moves the clock to the next code. */
async function skipWait(phone) {
  const seconds = Number(phone.dataset.nextInSeconds);
  const response = await post('/demo/clock', { seconds }).catch(() => undefined);
  if (!response?.ok) return;
  noteServerTime((await response.json()).now);
  await showCode(phone);
}

export function hidePhone() {
  clearInterval(timer);
  document.querySelector('.phone')?.remove();
}

async function showCode(phone) {
  const response = await send('GET', '/demo/phone').catch(() => undefined);
  if (!response?.ok) return;
  const { code, used, nextInSeconds } = await response.json();
  Object.assign(phone.dataset, { used, nextInSeconds });
  const set = (slot, text) => {
    const place = phone.querySelector(`[data-slot="${slot}"]`);
    if (place.textContent !== text) place.textContent = text;
  };
  set('code', `${code.slice(0, 3)} ${code.slice(3)}`);
  set('use', used ? 'Skip the wait' : 'Fill in');
  const moved =
    state.clockAheadMilliseconds > 15_000 ? ' A real phone does not know that time was moved.' : '';
  set(
    'validity',
    used ? `Used already. Next in ${nextInSeconds} s.` : `For another ${nextInSeconds} s.${moved}`,
  );
}
