// Express 5 alone: what everything else is held against. It lets everybody in.
export function mount() {
  return { userIdOf: () => 'user-0000' };
}
