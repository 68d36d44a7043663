import { encode } from '/vendor/qr.js';
import { element } from './dom.js';

export function drawQrCode(id, text) {
  const { data, size } = encode(text, { border: 3 });
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  const squares = data.flatMap((row, y) =>
    row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : '')),
  );
  path.setAttribute('d', squares.join(''));
  element(id).setAttribute('viewBox', `0 0 ${size} ${size}`);
  element(id).replaceChildren(path);
}
