/** Small helpers for elements, messages and forms. */

export const element = (id) => document.getElementById(id);

/** Skips a text that stands already, so that screen readers say it once. */
export function show(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}

export function say(id, text, kind = '') {
  element(id).dataset.kind = kind;
  show(id, text);
}

/** A copy of a template's content, with the texts of its `data-slot`s. */
export function fromTemplate(id, texts = {}) {
  const copy = element(id).content.cloneNode(true).firstElementChild;
  for (const [slot, text] of Object.entries(texts)) {
    copy.querySelector(`[data-slot="${slot}"]`).textContent = text;
  }
  return copy;
}

/** Rows of a description list. */
export function showRows(list, rows) {
  list.replaceChildren(
    ...rows.flatMap(([term, detail, { code = false } = {}]) => {
      const name = document.createElement('dt');
      name.textContent = term;
      const value = document.createElement('dd');
      value.textContent = detail;
      if (code) value.classList.add('mono');
      return [name, value];
    }),
  );
}

/**
 * Runs the action of a form or button: once at a time, with a message if it fails. The message is over
 * with the next input or try.
 *
 * @param action returns the message of a failure, or undefined
 */
export function whenUsed(id, type, outcomeId, action) {
  const source = element(id);
  const clear = () => outcomeId !== undefined && say(outcomeId, '');
  source.addEventListener('input', clear);
  source.addEventListener(type, async (event) => {
    event.preventDefault();
    if (source.getAttribute('aria-busy') === 'true') return;
    source.setAttribute('aria-busy', 'true');
    clear();
    clearToast();
    try {
      const failure = await action(event);
      if (failure !== undefined && outcomeId !== undefined) say(outcomeId, failure, 'bad');
      else if (failure !== undefined) toast(failure);
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      if (outcomeId !== undefined) say(outcomeId, UNREACHABLE, 'bad');
    } finally {
      source.removeAttribute('aria-busy');
    }
  });
}

export const UNREACHABLE = 'The wallet cannot be reached. Try again; nothing goes out twice.';

/** Whether `wireFetch` rejected because there is no connection. */
export function isUnreachable(error) {
  return error?.name === 'UnreachableError';
}

const TOAST_MILLISECONDS = 6_000;
let toastTimer;

/** A message that goes away by itself. */
export function toast(text) {
  clearTimeout(toastTimer);
  show('toast', text);
  toastTimer = setTimeout(() => show('toast', ''), TOAST_MILLISECONDS);
}

export function clearToast() {
  clearTimeout(toastTimer);
  show('toast', '');
}

export function enableCopying() {
  document.addEventListener('click', async ({ target }) => {
    const button = target.closest?.('[data-copy]');
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    toast('Address copied.');
  });
}
