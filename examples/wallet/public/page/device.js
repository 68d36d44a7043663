/**
 * Which device this tab is on, and how it signs in. `?device=2` stands for a second device: it has a
 * refresh cookie of its own, since the cookie is bound to its path.
 */
const isSecond = new URLSearchParams(location.search).get('device') === '2';

export const device = {
  isSecond,
  otherDevice: isSecond ? '/' : '/?device=2',
  sameDevice: isSecond ? '/?device=2' : '/',
  /** Of all tabs of this device. */
  name: isSecond ? 'wallet-device-2' : 'wallet',
};

export const tabs = new BroadcastChannel(device.name);

/** 'cdp' or 'custom'. A tab keeps its own over a reload; a new one takes the latest. */
export function authentication() {
  return stored('authentication') ?? 'cdp';
}

export function lastEmail() {
  return stored('email');
}

export function rememberSignIn(kind, email) {
  for (const storage of [sessionStorage, localStorage]) {
    storage.setItem(`${device.name}.authentication`, kind);
    storage.setItem(`${device.name}.email`, email);
  }
}

export function authPath(action, kind = authentication()) {
  return `${isSecond ? '/second-device' : ''}/${kind}/auth/${action}`;
}

function stored(name) {
  const own = `${device.name}.${name}`;
  // Offered on the second device too: it is the same user who opens it.
  const others = `wallet.${name}`;
  return (
    sessionStorage.getItem(own) ??
    localStorage.getItem(own) ??
    localStorage.getItem(others) ??
    undefined
  );
}
