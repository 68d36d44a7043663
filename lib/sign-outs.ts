/**
 * Sign-outs: of a session by itself, of a session or user by name, and by a logout token. Each ends
 * the MFA sessions that belong to it as well.
 */
import type { LogoutFacts } from './authentication/logout-token.js';
import { idsOf, type Identity } from './authentication/token-verifier.js';
import type { Clock } from './clock.js';
import type { ReportedRequest, SessionReports } from './events/session-reports.js';
import type { MfaSessions } from './mfa/mfa-sessions.js';
import type { SessionSignedOut } from './events/session-event.js';
import type { SessionIds } from './refusal-note.js';
import {
  sessionDigestOf,
  userDigestOf,
  type SessionName,
  type UserName,
} from './records/record-keys.js';
import { startSecondOf, type Revocation } from './revocation.js';
import { isNonEmptyString, isRecord } from './type-guards.js';

/**
 * What a sign-out has ended: the digest of a user, session or access token, and the last second in
 * which a session that it ends may have started.
 */
export type SignOut = ReadonlyMap<string, number>;

export class SignOuts {
  readonly #revocation: Revocation;
  readonly #mfaSessions: MfaSessions;
  readonly #clock: Clock;
  readonly #onSignedOut: (signOut: SignOut) => void;
  readonly #reports: SessionReports;

  /** @param onSignedOut is told of each sign-out that succeeded, before its promise resolves */
  constructor(
    revocation: Revocation,
    mfaSessions: MfaSessions,
    clock: Clock,
    onSignedOut: (signOut: SignOut) => void,
    reports: SessionReports,
  ) {
    this.#revocation = revocation;
    this.#mfaSessions = mfaSessions;
    this.#clock = clock;
    this.#onSignedOut = onSignedOut;
    this.#reports = reports;
  }

  /** Signs out one session, or one access token if the session has no id. */
  async ofSession(identity: Identity): Promise<void> {
    await this.#revocation.signOut(identity);
    await this.#mfaSessions.removeOwn(identity);
    this.#report({ everywhere: false, by: 'session' }, idsOf(identity));
    this.#onSignedOut(new Map(ownEntriesOf(identity)));
  }

  /** Signs out all sessions of the user of a session. */
  async everywhere(identity: Identity): Promise<void> {
    const user = userOf(identity);
    // Its own start may be ahead of this clock by the tolerance.
    const lastSecond = Math.max(this.#thisSecond(), startSecondOf(identity));
    await this.#revocation.signOutUser(user, lastSecond);
    // Without `auth_time`, a refresh would bring a token that started later.
    await this.#revocation.signOut(identity);
    await this.#mfaSessions.endEverywhere(user);
    this.#report({ everywhere: true, by: 'session' }, idsOf(identity));
    this.#onSignedOut(new Map([[identity.userDigest, lastSecond], ...ownEntriesOf(identity)]));
  }

  async ofUser(user: UserName): Promise<void> {
    const lastSecond = this.#thisSecond();
    await this.#revocation.signOutUser(user, lastSecond);
    await this.#mfaSessions.endEverywhere(user);
    this.#report({ everywhere: true, by: 'sessions' }, user);
    this.#onSignedOut(new Map([[userDigestOf(user), lastSecond]]));
  }

  async ofSessionNamed(session: SessionName): Promise<void> {
    await this.#revocation.signOutSession(session);
    this.#report({ everywhere: false, by: 'sessions' }, session);
    this.#onSignedOut(new Map([[sessionDigestOf(session), Infinity]]));
  }

  /** Signs out by a logout token: one session, or all that the user started up to its `iat`. */
  async byLogoutToken(logout: LogoutFacts, request?: ReportedRequest): Promise<void> {
    const { userId, sessionId } = logout;
    const { issuer } = logout.issuer;
    if (sessionId === undefined) {
      // MFA that was verified up to then is void by this record too.
      await this.#revocation.signOutUser({ issuer, userId }, logout.lastSecond);
      this.#report({ everywhere: true, by: 'logout_token' }, { issuer, userId }, request);
      this.#onSignedOut(new Map([[userDigestOf({ issuer, userId }), logout.lastSecond]]));
      return;
    }
    await this.#revocation.signOutSession({ issuer, sessionId });
    if (userId !== undefined) {
      await this.#mfaSessions.removeOfSession({ issuer, userId }, sessionId);
    }
    const ids = { issuer, userId, sessionId };
    this.#report({ everywhere: false, by: 'logout_token' }, ids, request);
    this.#onSignedOut(new Map([[sessionDigestOf({ issuer, sessionId }), Infinity]]));
  }

  #report(
    facts: Pick<SessionSignedOut, 'everywhere' | 'by'>,
    ids: SessionIds,
    request?: ReportedRequest,
  ): void {
    this.#reports.event({ type: 'session.signed_out', ...facts }, ids, request);
  }

  #thisSecond(): number {
    return Math.floor(this.#clock() / 1000);
  }
}

/** A session that is signed out itself is so whenever it started. */
function ownEntriesOf({ tokenDigest, sessionDigest }: Identity): [string, number][] {
  const digests = sessionDigest === undefined ? [tokenDigest] : [tokenDigest, sessionDigest];
  return digests.map((digest) => [digest, Infinity]);
}

export function userOf({ issuer, userId }: Identity): UserName {
  return { issuer: issuer.issuer, userId };
}

/**
 * Reads `{ userId, issuer? }`.
 *
 * @throws TypeError that names the method of the app's call
 */
export function readUserName(given: unknown, method: string, issuers: readonly string[]): UserName {
  const { id, issuer } = readName(given, 'userId', method, issuers);
  return { userId: id, issuer };
}

/**
 * Reads `{ sessionId, issuer? }`.
 *
 * @throws TypeError that names the method of the app's call
 */
export function readSessionName(
  given: unknown,
  method: string,
  issuers: readonly string[],
): SessionName {
  const { id, issuer } = readName(given, 'sessionId', method, issuers);
  return { sessionId: id, issuer };
}

function readName(
  given: unknown,
  name: string,
  method: string,
  issuers: readonly string[],
): { id: string; issuer: string } {
  const which = isRecord(given) ? given : {};
  const [id, issuer] = [which[name], which.issuer];
  if (!isNonEmptyString(id)) {
    throw new TypeError(`${method}({ ${name} }): \`${name}\` must be a non-empty string.`);
  }
  const found = issuer ?? (issuers.length === 1 ? issuers[0] : undefined);
  if (typeof found !== 'string' || !issuers.includes(found)) {
    throw new TypeError(
      `${method}({ ${name}, issuer }): \`issuer\` must be that of one of the authentications; it may be left out where there is one.`,
    );
  }
  return { id, issuer: found };
}
