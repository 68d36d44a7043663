/**
 * Ory Hydra and Ory Network: `app.use(validateSession(oryHydra({ issuer: 'https://my-project.projects.oryapis.com', audience: 'https://api.wallet.example' })))`
 *
 * Access tokens are opaque unless `strategies.access_token` is `jwt`, and `aud` is empty unless the
 * client is allowed an `audience` and asks for it. `issuer` is the text of `urls.self.issuer`, with its
 * slash at the end if there is one.
 *
 * Of the sign-in a token says nothing by itself. Your consent app puts it into the access token, as
 * `session: { access_token: { sid, auth_time, amr } }` when it accepts the consent request (which has
 * `login_session_id`, `amr`, and the time in the `context` that your login app gives), and
 * `oauth2.allowed_top_level_claims: [sid, auth_time, amr]` lifts it out of `ext`. A refresh keeps it.
 * Hydra's back-channel logout names the same `sid`. Without these three there is no session id, no end
 * of the session and no evidence.
 */
import { amrEvidence, customAuthentication, type SessionOptions } from 'express-wallet-session';

export function oryHydra(of: Record<'issuer' | 'audience', string>): SessionOptions {
  return {
    authentication: customAuthentication({ issuer: of.issuer, audience: of.audience }),
    mfa: { evidence: amrEvidence() },
  };
}
