/**
 * The audit trail of the example wallet: what it holds, its rotation, and that no line of it can be
 * changed unnoticed.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyAuditTrail } from '../../examples/wallet/audit/audit-chain.js';
import { AuditTrail } from '../../examples/wallet/audit/audit-trail.js';
import { createWallet, Device, type Wallet } from './wallet-user.js';

const ORDER = { to: 'Grace Hopper', amount: '250' };

describe('The audit trail of the example wallet', () => {
  let wallet: Wallet;
  let ada: Device;

  beforeEach(async () => {
    wallet = await createWallet();
    ada = await Device.signIn(wallet, 'ada@example.com');
  });

  const file = () => join(wallet.audit.folder, 'audit.1.log');
  const lines = async () => (await readFile(file(), 'utf8')).trimEnd().split('\n');
  const events = async () =>
    (await lines()).map((line) => (JSON.parse(line) as { event: Record<string, unknown> }).event);

  /** Sends 250 USDC, after a wrong code. */
  async function sendOnce(): Promise<string> {
    await ada.enrol();
    const wrong = await ada.tab.ask(ORDER);
    await ada.tab.post(`/approvals/${wrong}/totp`, { code: '000000' });
    const id = await ada.tab.ask(ORDER);
    await ada.tab.post(`/approvals/${id}/totp`, { code: ada.nextCode() });
    expect((await ada.tab.send(ORDER, 'only-order', id)).status).toBe(201);
    return id;
  }

  it('tells how a transfer came about, with the ids of user, approval and transfer', async () => {
    const challengeId = await sendOnce();
    const { userId } = (await ada.tab.get('/me')).body as { userId: string };
    const all = await events();
    expect(all.map(({ type }) => type)).toEqual([
      'keys.fetched',
      'session.admitted',
      'mfa.passed', // no factor yet, which this route allows
      'mfa.passed',
      'wallet.factor_added',
      'mfa.ended',
      'mfa.started',
      'approval.requested',
      'approval.refused',
      'approval.requested',
      'approval.approved',
      'approval.spent',
      'wallet.sent',
    ]);
    const [approved, spent, sent] = all.slice(-3);
    expect(approved).toMatchObject({ userId, challengeId, method: 'totp' });
    expect(spent).toMatchObject({ userId, challengeId, digest: approved?.digest });
    expect(sent).toEqual({
      type: 'wallet.sent',
      at: wallet.clock(),
      issuer: 'cdp-api',
      userId,
      tokenId: approved?.tokenId,
      transferId: expect.any(String) as unknown,
      amount: '250.00',
      to: expect.stringMatching(/^0x/) as unknown,
      authorisation: {
        kind: 'approval',
        challengeId,
        digest: approved?.digest,
        method: 'totp',
        approvedAt: '2026-01-05T12:00:30.000Z',
      },
    });
  });

  it('holds no token, code or secret', async () => {
    await sendOnce();
    const text = await readFile(file(), 'utf8');
    expect(text).not.toMatch(/eyJ|"code"|secret|otpauth|@example/);
  });

  it('is shown to its user alone, and verified on demand', async () => {
    await sendOnce();
    const shown = await ada.tab.get('/demo/audit');
    const { head, lines: own } = shown.body as { head: unknown; lines: { event: object }[] };
    expect(own[0]).toMatchObject({ seq: 13, event: { type: 'wallet.sent' } });
    expect(head).toEqual({ seq: 13, hash: (own[0] as { hash?: string }).hash });
    const grace = await Device.signIn(wallet, 'grace@example.com');
    expect((await grace.tab.get('/demo/audit')).body).toMatchObject({
      lines: [{ event: { type: 'session.admitted' } }],
    });
    expect((await ada.tab.post('/demo/audit/verify')).body).toMatchObject({
      isIntact: true,
      lines: 14,
    });
  });

  it('does not hide a line that was changed in the file', async () => {
    await sendOnce();
    const text = await readFile(file(), 'utf8');
    await writeFile(file(), text.replace('"amount":"250.00"', '"amount":"25.00"'));
    expect((await ada.tab.post('/demo/audit/verify')).body).toEqual({
      isIntact: false,
      line: 13,
      complaint: 'was changed',
    });
  });

  describe('verification', () => {
    let trail: string[];

    beforeEach(async () => {
      await sendOnce();
      trail = await lines();
    });

    it('accepts the trail, and one whose oldest lines were rotated away', () => {
      expect(verifyAuditTrail(trail)).toMatchObject({ isIntact: true, lines: 13 });
      expect(verifyAuditTrail(trail.slice(4))).toMatchObject({ isIntact: true, lines: 9 });
      expect(verifyAuditTrail([])).toEqual({ isIntact: true, lines: 0, head: undefined });
    });

    it('finds each line in which one character was changed', () => {
      for (const [index, line] of trail.entries()) {
        for (const at of [2, 20, Math.floor(line.length / 2), line.length - 5]) {
          const other = line[at] === 'x' ? 'y' : 'x';
          const changed = line.slice(0, at) + other + line.slice(at + 1);
          const found = verifyAuditTrail(trail.with(index, changed));
          expect(found).toMatchObject({ isIntact: false, line: index + 1 });
        }
      }
    });

    it.each([
      ['is left out', (all: string[]) => all.toSpliced(5, 1), 6],
      ['stands twice', (all: string[]) => all.toSpliced(5, 0, all[5] ?? ''), 7],
      ['changed places', (all: string[]) => [...all.slice(0, 5), all[6] ?? '', all[5] ?? ''], 6],
      ['has a space more', (all: string[]) => all.with(5, `${all[5] ?? ''} `), 6],
      ['is empty', (all: string[]) => all.with(5, ''), 6],
      ['is no object', (all: string[]) => all.with(5, 'null'), 6],
    ])('finds a line that %s', (_name, change, line) => {
      expect(verifyAuditTrail(change(trail))).toMatchObject({ isIntact: false, line });
    });
  });

  it('goes on over files that are rotated by size, of which the oldest are removed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'wallet-audit-'));
    const audit = await AuditTrail.open({ folder, size: '1k', keep: 2 });
    try {
      const me = (await ada.tab.get('/me')).body as { session: Parameters<typeof audit.enter>[0] };
      for (let at = 0; at < 40; at += 1) {
        audit.enter(me.session, { type: 'wallet.signed', at });
        await new Promise(setImmediate);
      }
      const files = await readdir(folder);
      expect(files.length).toBeGreaterThan(1);
      expect(files).not.toContain('audit.1.log');
      const verified = await audit.verify();
      expect(verified).toMatchObject({ isIntact: true, head: audit.head?.hash });
    } finally {
      await audit.close();
      await rm(folder, { recursive: true });
    }
  });
});
