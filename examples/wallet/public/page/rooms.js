/**
 * Dialogs with an address of their own, `/#send`: the browser's Back closes one, a reload keeps it.
 */
import { closeDialogs, openDialog } from './dialogs.js';
import { element } from './dom.js';
import { state } from './state.js';

const rooms = new Map();
/** While the browser goes back to the entry that a room was opened from. */
let isLeaving = false;

/** @param opened prepares the dialog */
export function room(name, opened = () => undefined) {
  const dialog = element(`${name}-dialog`);
  rooms.set(name, { dialog, opened });
  dialog.addEventListener('close', () => {
    if (location.hash !== `#${name}`) return;
    // Back to the entry that the room was opened from, unless it was opened by its address.
    if (history.state?.room === name) {
      isLeaving = true;
      history.back();
    } else history.replaceState(null, '', location.pathname + location.search);
  });
}

export function openRoom(name) {
  const { dialog, opened } = rooms.get(name);
  if (dialog.open) return;
  if (isLeaving) {
    addEventListener('popstate', () => openRoom(name), { once: true });
    return;
  }
  opened();
  if (location.hash !== `#${name}`) history.pushState({ room: name }, '', `#${name}`);
  openDialog(dialog);
}

/** Opens the room that the address names, after a sign-in or a reload. */
export function openAddressedRoom() {
  const name = location.hash.slice(1);
  if (rooms.has(name)) openRoom(name);
}

addEventListener('popstate', () => {
  if (isLeaving) {
    isLeaving = false;
    return;
  }
  closeDialogs();
  if (state.account !== undefined) openAddressedRoom();
});
