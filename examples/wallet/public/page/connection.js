/** Says that the wallet cannot be reached, for as long as it cannot. */
import { element } from './dom.js';

export function noteReachable(isReachable) {
  element('unreachable').hidden = isReachable && navigator.onLine;
}

addEventListener('offline', () => noteReachable(false));
